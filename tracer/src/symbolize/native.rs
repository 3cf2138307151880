//! Names of native code: blazesym's one door.
//!
//! Files are opened by a path that this process can open (`/proc/self/fd/N`), so that deleted files and
//! other mount namespaces work; what is shown is the target's path. Each module is read once, for all
//! of its addresses, and closed again: its debug information can be larger than everything else in this
//! program, and only one should be in memory at a time. So look everything up in one batch, at the end.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blazesym::symbolize::source::{Elf, Source};
use blazesym::symbolize::{CodeInfo, Input, Sym, Symbolized, Symbolizer};

use super::image::{ModuleId, ModuleImage};
use super::stack::Place;
use crate::model::{Frame, FrameKind};

/// Debug information is not read from files larger than this, bytes; their functions are named all the
/// same. Reading it takes about as much memory as the file is long (measured: 28 to 46 MiB for a
/// libpython of 31 MB, depending on how much of it is asked for).
const LARGEST_DEBUG_FILE: u64 = 64 * 1024 * 1024;

/// How much is wanted of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Functions, inlined functions, source lines, where debug information exists.
    Lines,
    /// Functions out of symbol tables; needs little memory whatever the file holds.
    Symbols,
}

/// The file behind a module.
#[derive(Clone, Debug)]
struct File {
    shown: Arc<str>,
    open: PathBuf,
}

/// Names of places, looked up in batches and kept.
#[derive(Debug)]
pub struct NativeNames {
    detail: Detail,
    files: HashMap<ModuleId, File>,
    names: HashMap<Place, Vec<Frame>>,
}

impl NativeNames {
    /// No names yet.
    pub fn new(detail: Detail) -> Self {
        Self { detail, files: HashMap::new(), names: HashMap::new() }
    }

    /// Tells where a module's symbols are.
    pub fn add(&mut self, id: ModuleId, image: &ModuleImage) {
        self.files.insert(id, File { shown: image.path.as_str().into(), open: image.open.clone() });
    }

    /// The target's path of a module.
    pub fn path(&self, id: ModuleId) -> Option<&str> {
        self.files.get(&id).map(|file| &*file.shown)
    }

    /// Looks up the places that are not known yet, module by module.
    pub fn look_up(&mut self, places: impl IntoIterator<Item = Place>) {
        let mut wanted: BTreeMap<ModuleId, Vec<u64>> = BTreeMap::new();
        for place in places {
            if !self.names.contains_key(&place) {
                wanted.entry(place.module).or_default().push(place.svma);
            }
        }
        for (module, mut addresses) in wanted {
            addresses.sort_unstable();
            addresses.dedup();
            self.look_up_in(module, &addresses);
        }
    }

    /// The frames at a place, **outermost first**: the function, then what was inlined there. Never
    /// empty: without a symbol it is one frame with module and offset only.
    pub fn frames(&self, place: Place) -> Vec<Frame> {
        match self.names.get(&place) {
            Some(frames) => frames.clone(),
            None => {
                let module = self.files.get(&place.module).map(|file| &file.shown);
                vec![nameless(module, place.svma)]
            }
        }
    }

    fn look_up_in(&mut self, module: ModuleId, addresses: &[u64]) {
        let Some(file) = self.files.get(&module).cloned() else { return };
        let mut unnamed = addresses.to_vec();
        if self.detail == Detail::Lines && is_readable_debug_file(&file.open) {
            unnamed = self.read(module, &file, &unnamed, true);
        }
        // Debug information can be unreadable or incomplete where the symbol table is not.
        if !unnamed.is_empty() {
            unnamed = self.read(module, &file, &unnamed, false);
        }
        for svma in unnamed {
            let frames = vec![nameless(Some(&file.shown), svma)];
            self.names.insert(Place { module, svma }, frames);
        }
    }

    /// Reads names out of one file; returns the addresses that have none there.
    fn read(
        &mut self,
        module: ModuleId,
        file: &File,
        addresses: &[u64],
        debug_info: bool,
    ) -> Vec<u64> {
        let symbolizer = Symbolizer::builder()
            .enable_auto_reload(false)
            .enable_code_info(debug_info)
            .enable_inlined_fns(debug_info)
            .build();
        let mut elf = Elf::new(&file.open);
        elf.debug_syms = debug_info;
        let found = symbolizer.symbolize(&Source::Elf(elf), Input::VirtOffset(addresses));
        // A file that cannot be read has no names; the frames say so by showing offsets.
        let Ok(found) = found else { return addresses.to_vec() };
        let mut unnamed = Vec::new();
        for (svma, symbolized) in addresses.iter().zip(&found) {
            match symbolized {
                Symbolized::Sym(symbol) => {
                    let frames = frames_of(symbol, &file.shown, *svma);
                    self.names.insert(Place { module, svma: *svma }, frames);
                }
                Symbolized::Unknown(_) => unnamed.push(*svma),
            }
        }
        unnamed
    }
}

fn is_readable_debug_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() <= LARGEST_DEBUG_FILE)
}

/// The function and what was inlined into it, outermost first.
fn frames_of(symbol: &Sym<'_>, module: &Arc<str>, svma: u64) -> Vec<Frame> {
    let outermost = frame(&symbol.name, symbol.code_info.as_deref(), module, svma);
    let inlined = symbol.inlined.iter().map(|inlined| Frame {
        inlined: true,
        ..frame(&inlined.name, inlined.code_info.as_ref(), module, svma)
    });
    std::iter::once(outermost).chain(inlined).collect()
}

fn frame(name: &str, code: Option<&CodeInfo<'_>>, module: &Arc<str>, svma: u64) -> Frame {
    Frame {
        function: Some(name).filter(|name| !name.is_empty()).map(Arc::from),
        file: code.map(|code| code.to_path().to_string_lossy().into()),
        line: code.and_then(|code| code.line).filter(|line| *line != 0),
        ..nameless(Some(module), svma)
    }
}

fn nameless(module: Option<&Arc<str>>, svma: u64) -> Frame {
    Frame {
        kind: FrameKind::Native,
        function: None,
        file: None,
        line: None,
        module: module.cloned(),
        offset: Some(svma),
        inlined: false,
        machinery: false,
    }
}

#[cfg(test)]
mod tests;
