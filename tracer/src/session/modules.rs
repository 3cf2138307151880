//! The modules of a target as the unwinder wants them.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::stacks::Stacks;
use crate::os::{Mapping, Module, ModuleFile, Modules, Process};
use crate::symbolize::{CodeFile, ImageBytes, ModuleId, ModuleImage};

/// The mapped modules that the unwinder knows.
#[derive(Default)]
pub struct KnownModules {
    modules: Vec<(Key, ModuleId)>,
    /// The files of these modules: names of native code are looked up at the end, by descriptor.
    files: Vec<ModuleFile>,
    vdso: bool,
}

/// Identifies a module when the maps are read again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    device: (u32, u32),
    inode: u64,
    bias: u64,
}

impl Key {
    fn from_module(module: &Module) -> Self {
        Self { device: module.device, inode: module.inode, bias: module.bias }
    }
}

impl KnownModules {
    /// Tells the unwinder about the modules that are new since the last time; whether there were
    /// any.
    pub fn tell(&mut self, modules: &Modules, stacks: &mut Stacks) -> bool {
        let mut any = false;
        for module in modules.list() {
            let key = Key::from_module(module);
            if self.modules.iter().any(|(known, _)| *known == key) {
                continue;
            }
            if let Some(image) = image(module) {
                self.files.push(module.file.clone());
                self.modules.push((key, stacks.add_module(image)));
                any = true;
            }
        }
        any
    }

    /// Tells the unwinder about the code that the kernel maps into every process.
    pub fn tell_vdso(&mut self, process: &Process, stacks: &mut Stacks) {
        if self.vdso {
            return;
        }
        self.vdso = true;
        let mappings = process.mappings().unwrap_or_default();
        if let Some(image) = mappings.iter().find_map(|mapping| vdso(process, mapping)) {
            stacks.add_module(image);
        }
    }

    /// The unwinder's name of a module.
    pub fn id(&self, module: &Module) -> Option<ModuleId> {
        let key = Key::from_module(module);
        self.modules.iter().find(|(known, _)| *known == key).map(|(_, id)| *id)
    }
}

/// A module's file and where it executes.
fn image(module: &Module) -> Option<ModuleImage> {
    let executable: Vec<Range<u64>> =
        module.mappings.iter().filter(|mapping| mapping.executable).map(Mapping::range).collect();
    if executable.is_empty() {
        return None;
    }
    let bytes: ImageBytes = module.file.map().ok()?;
    Some(ModuleImage {
        path: module.path.to_string_lossy().into_owned(),
        open: module.file.path(),
        bias: module.bias,
        executable,
        code: CodeFile::shared(module.file.id(), &bytes),
    })
}

fn vdso(process: &Process, mapping: &Mapping) -> Option<ModuleImage> {
    use crate::model::Memory;
    if mapping.path != "[vdso]" {
        return None;
    }
    let range = mapping.range();
    let length = usize::try_from(range.end - range.start).ok()?;
    let bytes: ImageBytes =
        Arc::new(process.memory().bytes(crate::model::Address(range.start), length)?);
    Some(ModuleImage {
        path: "[vdso]".to_owned(),
        open: PathBuf::new(),
        bias: range.start,
        executable: vec![range],
        code: CodeFile::new(&bytes),
    })
}
