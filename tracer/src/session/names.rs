//! Names of Python frames: code objects are read as soon as a stack shows them, because they can
//! die.

use std::collections::HashMap;

use leakspy_ebpf::walk::Word;

use crate::model::{Address, Frame, Memory, StackNote};
use crate::probe::{Gone, Tables};
use crate::python::{CodeInfo, Python, SavedCode};
use crate::symbolize::PythonNames;

/// A code object, told from later ones at its address by its generation.
type Identity = (u64, u32);

/// What is known of the code objects seen in stacks.
pub struct CodeNames {
    python: Option<Python>,
    known: HashMap<Identity, Result<CodeInfo, StackNote>>,
    /// Objects that were freed before they were read; the kernel may have saved their parts.
    missed: Vec<Identity>,
}

impl CodeNames {
    /// Knows nothing yet.
    pub fn new(python: Option<Python>) -> Self {
        Self { python, known: HashMap::new(), missed: Vec::new() }
    }

    /// Reads the code objects of a stack that are not known yet.
    pub fn learn(&mut self, memory: &dyn Memory, seen: &dyn Tables, words: &[(Word, u32)]) {
        let Some(python) = &self.python else { return };
        for &(word, generation) in words.iter().filter(|(word, _)| word.is_python()) {
            let identity = (word.code(), generation);
            if self.known.contains_key(&identity) {
                continue;
            }
            let (layout, class) = (&python.layout, python.code_type);
            let info = CodeInfo::read(memory, layout, class, Address(word.code()));
            // After the read: what is there now is what was in the stack exactly when the probes
            // have seen no free of it since.
            let same = seen.code_seen(word.code()).filter(|&first| first <= generation);
            let known = match same {
                Some(first) => {
                    seen.code_read(word.code(), first);
                    info.map_err(|reason| StackNote::CodeUnreadable { reason })
                }
                None => {
                    self.missed.push(identity);
                    Err(StackNote::CodeFreed)
                }
            };
            self.known.insert(identity, known);
        }
    }

    /// Takes what the kernel saved of a code object that ended.
    pub fn gone(&mut self, gone: &Gone) {
        let Some(python) = &self.python else { return };
        let (layout, class) = (&python.layout, python.code_type);
        let saved = SavedCode::new(&gone.parts);
        for identity in self.missed.extract_if(.., |identity| gone.is_of(identity.0, identity.1)) {
            if let Ok(info) = CodeInfo::read(&saved, layout, class, Address(gone.code)) {
                self.known.insert(identity, Ok(info));
            }
        }
    }

    /// Code objects that were freed before anybody read them.
    pub fn missed(&self) -> u64 {
        u64::try_from(self.missed.len()).unwrap_or(u64::MAX)
    }
}

impl PythonNames for CodeNames {
    fn name(&self, word: Word, generation: u32) -> Result<Option<Frame>, StackNote> {
        match self.known.get(&(word.code(), generation)) {
            Some(Ok(code)) if code.is_shim() => Ok(None),
            Some(Ok(code)) => {
                let line = code.lines.line(word.index());
                Ok(Some(Frame::python(code.function.as_str(), code.file.as_str(), line)))
            }
            Some(Err(reason)) => Err(reason.clone()),
            None => Err(StackNote::CodeFreed),
        }
    }
}
