//! Names of native code; the only module that names blazesym.
//!
//! Files are opened by a path that this process can open (`/proc/self/fd/N`), so that deleted files
//! and other mount namespaces work; what is shown is the target's path. Each module is read once,
//! for all of its addresses, and closed again: its debug information can be larger than everything
//! else in this program, and only one should be in memory at a time. So look everything up in one
//! batch, at the end.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blazesym::symbolize::source::{Elf, Source};
use blazesym::symbolize::{CodeInfo, Input, Sym, Symbolized, Symbolizer};

use super::code::{CodeFile, Detail};
use super::image::{ModuleId, ModuleImage};
use super::stack::Place;
use crate::model::{Frame, FrameKind};

/// Debug information is not read from files larger than this, bytes; their functions are named all
/// the same. Reading it takes about as much memory as the file is long (measured: 28 to 46 MiB for
/// a libpython of 31 MB, depending on how much of it is asked for). The program of the unit tests,
/// which looks itself up, is larger.
const LARGEST_DEBUG_FILE: u64 = (if cfg!(test) { 256 } else { 64 }) * 1024 * 1024;

/// The file behind a module.
#[derive(Clone)]
struct File {
    shown: Arc<str>,
    open: PathBuf,
    code: Arc<CodeFile>,
}

/// Names of places, looked up in batches and kept with their files, for other targets too.
pub struct NativeNames {
    detail: Detail,
    files: HashMap<ModuleId, File>,
}

impl NativeNames {
    /// No names yet.
    pub fn new(detail: Detail) -> Self {
        Self { detail, files: HashMap::new() }
    }

    /// Tells where a module's symbols are.
    pub fn add(&mut self, id: ModuleId, image: &ModuleImage) {
        let (shown, open) = (image.path.as_str().into(), image.open.clone());
        self.files.insert(id, File { shown, open, code: Arc::clone(&image.code) });
    }

    /// The target's path of a module.
    pub fn path(&self, id: ModuleId) -> Option<&str> {
        self.files.get(&id).map(|file| &*file.shown)
    }

    /// Looks up the places that are not known yet, module by module.
    pub fn look_up(&mut self, places: impl IntoIterator<Item = Place>) {
        let mut wanted: BTreeMap<ModuleId, Vec<u64>> = BTreeMap::new();
        for place in places {
            wanted.entry(place.module).or_default().push(place.svma);
        }
        for (module, mut addresses) in wanted {
            addresses.sort_unstable();
            addresses.dedup();
            if let Some(file) = self.files.get(&module) {
                file.look_up(self.detail, &addresses);
            }
        }
    }

    /// The frames at a place, **outermost first**: the function, then what was inlined there. Never
    /// empty: without a symbol it is one frame with module and offset only.
    pub fn frames(&self, place: Place) -> Vec<Frame> {
        let Some(file) = self.files.get(&place.module) else {
            return vec![nameless(place.svma)];
        };
        let known = file.code.names().get(&(self.detail, place.svma)).map(Arc::clone);
        let mut frames = known.map_or_else(|| vec![nameless(place.svma)], |known| known.to_vec());
        for frame in &mut frames {
            frame.module = Some(Arc::clone(&file.shown));
        }
        frames
    }
}

impl File {
    /// Looks up the addresses that nobody has looked up yet.
    fn look_up(&self, detail: Detail, addresses: &[u64]) {
        let mut names = self.code.names();
        let new = |svma: &&u64| !names.contains_key(&(detail, **svma));
        let mut unnamed: Vec<u64> = addresses.iter().filter(new).copied().collect();
        if !unnamed.is_empty() && detail == Detail::Lines && is_readable_debug_file(&self.open) {
            unnamed = self.read(unnamed, true, |svma, frames| {
                names.insert((detail, svma), frames);
            });
        }
        // Debug information can be unreadable or incomplete where the symbol table is not.
        if !unnamed.is_empty() {
            unnamed = self.read(unnamed, false, |svma, frames| {
                names.insert((detail, svma), frames);
            });
        }
        names.extend(unnamed.into_iter().map(|svma| ((detail, svma), [nameless(svma)].into())));
    }

    /// Reads names out of the file; returns the addresses that have none there.
    fn read(
        &self,
        addresses: Vec<u64>,
        debug_info: bool,
        mut found: impl FnMut(u64, Arc<[Frame]>),
    ) -> Vec<u64> {
        let symbolizer = Symbolizer::builder()
            .enable_auto_reload(false)
            .enable_code_info(debug_info)
            .enable_inlined_fns(debug_info)
            .build();
        let mut elf = Elf::new(&self.open);
        elf.debug_syms = debug_info;
        let symbols = symbolizer.symbolize(&Source::Elf(elf), Input::VirtOffset(&addresses));
        // A file that cannot be read has no names; the frames say so by showing offsets.
        let Ok(symbols) = symbols else { return addresses };
        let mut unnamed = Vec::new();
        for (svma, symbolized) in addresses.iter().zip(&symbols) {
            match symbolized {
                Symbolized::Sym(symbol) => found(*svma, frames_of(symbol, *svma)),
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
fn frames_of(symbol: &Sym<'_>, svma: u64) -> Arc<[Frame]> {
    let outermost = frame(&symbol.name, symbol.code_info.as_deref(), svma);
    let inlined = symbol.inlined.iter().map(|inlined| Frame {
        inlined: true,
        ..frame(&inlined.name, inlined.code_info.as_ref(), svma)
    });
    std::iter::once(outermost).chain(inlined).collect()
}

fn frame(name: &str, code: Option<&CodeInfo<'_>>, svma: u64) -> Frame {
    Frame {
        function: Some(name).filter(|name| !name.is_empty()).map(Arc::from),
        file: code.map(|code| code.to_path().to_string_lossy().into()),
        line: code.and_then(|code| code.line).filter(|line| *line != 0),
        ..nameless(svma)
    }
}

fn nameless(svma: u64) -> Frame {
    Frame {
        kind: FrameKind::Native,
        function: None,
        file: None,
        line: None,
        module: None,
        offset: Some(svma),
        inlined: false,
        is_runtime: false,
    }
}

#[cfg(test)]
mod tests;
