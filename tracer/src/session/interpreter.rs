//! The interpreter of a target: which of the candidates is alive, and what is known of its code.

use super::stacks::Merging;
use crate::os::{self, Modules, Process};
use crate::python::layout::{Entry, FrameAnchor};
use crate::python::{self, Python, PythonRefusal};
use crate::symbolize::{Activations, CodeFile, CodeRanges, ImageBytes, fragment};

/// What was found of Python in a process.
pub struct FoundInterpreter {
    /// The interpreter, if it is understood.
    pub python: Option<Python>,
    /// Index of its module.
    pub module: Option<usize>,
    /// The evaluation loop's code in the target.
    code: CodeRanges,
    /// Why Python frames cannot be had although there is an interpreter.
    pub refusal: Option<PythonRefusal>,
}

/// Finds the interpreter that has been started.
pub fn find(process: &Process, modules: &Modules) -> FoundInterpreter {
    let mut refusal = None;
    for candidate in os::interpreter::find(modules, process.memory()) {
        match python::attach(process.memory(), &candidate.symbols) {
            Ok(python) => {
                let code = evaluation(modules, &candidate);
                let module = Some(candidate.module);
                return FoundInterpreter { python: Some(python), module, code, refusal: None };
            }
            // The first one is the likeliest.
            Err(reason) => refusal = refusal.or(Some(reason)),
        }
    }
    FoundInterpreter { python: None, module: None, code: CodeRanges::default(), refusal }
}

/// The version of the CPython that a process runs; nothing when it runs none that is understood, or
/// may not be looked at.
pub fn python_version(pid: u32) -> Option<String> {
    let process = Process::open(pid).ok()?;
    let modules = Modules::of_process(&process).ok()?;
    find(&process, &modules).python.map(|python| python.version.to_string())
}

/// Every part of the evaluation loop, as addresses of the target.
fn evaluation(modules: &Modules, candidate: &os::interpreter::Interpreter) -> CodeRanges {
    let parts = || {
        let module = modules.get(candidate.module)?;
        let function = candidate.evaluation?;
        let start = module.vaddr(function.address)?;
        let bytes: ImageBytes = module.file.map().ok()?;
        let file = CodeFile::shared(module.file.id(), &bytes);
        let ranges = fragment::ranges_of_function(&file, start..start.checked_add(function.size)?);
        let moved = ranges.into_iter().map(|range| {
            range.start.wrapping_add(module.bias)..range.end.wrapping_add(module.bias)
        });
        Some(moved.collect())
    };
    CodeRanges::new(parts().unwrap_or_default())
}

impl FoundInterpreter {
    /// How its frames and native frames are merged.
    pub fn merging(&self) -> Option<Merging> {
        let python = self.python.as_ref()?;
        let by = match (python.layout.frame.entry, python.layout.thread.anchor) {
            (Entry::Owner(_), _) => Activations::ByEntry,
            (_, FrameAnchor::FrameAndCFrame { previous, .. }) => {
                Activations::ByCframe { previous: previous.offset().into(), flagged: false }
            }
            (_, FrameAnchor::ThroughCFrame { previous, .. }) => {
                Activations::ByCframe { previous: previous.offset().into(), flagged: true }
            }
            (_, FrameAnchor::Frame(_)) => Activations::ByCode,
        };
        Some(Merging { by, code: self.code.clone() })
    }
}
