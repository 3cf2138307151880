//! The roots of a heap: what `sys.modules` has, and the variables of running frames.

use std::collections::HashSet;

use super::dict;
use super::edge::{self, Edge, EdgeLabel};
use super::module;
use super::objects::Heap;
use super::view::View;
use crate::model::{Address, ObjectDetail, RootKind, source_file};
use crate::python::layout::FrameAnchor;
use crate::python::runtime::ThreadState;
use crate::python::{self, CodeInfo, Python, text};

/// Most frames of a thread that are followed.
const FRAMES: usize = 4096;
/// Most references of frames that are kept.
const REFERENCES: usize = 1 << 22;
/// Most modules that are kept.
const MODULES: usize = 1 << 17;

/// One root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is.
    pub kind: RootKind,
    /// In words, without data of the target beyond names.
    pub name: String,
    /// Of a frame, whether it runs the application's own code.
    pub is_application: bool,
    /// Of a frame, its thread (`PyThreadState.thread_id`).
    pub thread: Option<u64>,
    /// What it refers to, and how.
    pub edges: Vec<Edge>,
}

/// Fields of a frame that are left out: a module's own dict is a better retainer of its names than
/// the frames that run in it.
const COMMON: [&str; 4] = ["f_globals", "f_builtins", "f_back", "frame_obj"];

/// The frames that threads are running, with what they refer to.
pub fn frames(view: &View<'_>, python: &Python) -> Vec<Named> {
    let mut roots = Vec::new();
    let mut left = REFERENCES;
    for thread in &python.threads {
        let mut frame = innermost(view, thread);
        for _ in 0..FRAMES {
            let Some(at) = frame.filter(|at| !at.is_null()) else { break };
            let mut edges = Vec::new();
            edge::frame_locals(view, at, &mut |edge| match edge.label {
                EdgeLabel::Field(name) if COMMON.contains(&name) => {}
                _ => edges.push(edge),
            });
            edges.truncate(left);
            left -= edges.len();
            if let Some((function, is_application)) = function(view, python, at)
                && !edges.is_empty()
            {
                let name = format!("{}, frame {function}", words(thread));
                let thread = Some(thread.thread_id);
                roots.push(Named { kind: RootKind::Frame, name, is_application, thread, edges });
            }
            frame = view.layout.frame.back.read(view.memory, at);
        }
    }
    roots
}

fn innermost(view: &View<'_>, thread: &ThreadState) -> Option<Address> {
    let memory = view.memory;
    match view.layout.thread.anchor {
        FrameAnchor::Frame(frame) | FrameAnchor::FrameAndCFrame { frame, .. } => {
            frame.read(memory, thread.address)
        }
        FrameAnchor::ThroughCFrame { cframe, frame, .. } => {
            frame.read(memory, cframe.read(memory, thread.address)?)
        }
    }
}

fn words(thread: &ThreadState) -> String {
    match thread.native_thread_id {
        Some(id) => format!("thread {id}"),
        None => format!("thread {:#x}", thread.thread_id),
    }
}

/// What a frame runs: `f (file.py:12)`, with the line that it is at, and whether that is the application's own
/// code.
fn function(view: &View<'_>, python: &Python, frame: Address) -> Option<(String, bool)> {
    let (info, line) = frame_code(view, python.code_type, frame)?;
    let is_application = source_file::is_application(&info.file);
    Some((detail(info, line).notation(), is_application))
}

/// What a frame runs, with the line that it is at.
pub fn running(view: &View<'_>, code_type: Address, frame: Address) -> Option<ObjectDetail> {
    frame_code(view, code_type, frame).map(|(info, line)| detail(info, line))
}

fn frame_code(
    view: &View<'_>,
    code_type: Address,
    frame: Address,
) -> Option<(CodeInfo, Option<u32>)> {
    let code = edge::code_of_frame(view, frame)?;
    let info = CodeInfo::read(view.memory, view.layout, code_type, code).ok()?;
    let line = python::running_line(view.memory, view.layout, frame, code, &info);
    let line = line.or(info.first_line);
    Some((info, line))
}

/// What a code object is.
pub fn code_of(view: &View<'_>, code_type: Address, code: Address) -> Option<ObjectDetail> {
    let code = CodeInfo::read(view.memory, view.layout, code_type, code).ok()?;
    let line = code.first_line;
    Some(detail(code, line))
}

fn detail(code: CodeInfo, line: Option<u32>) -> ObjectDetail {
    let file = code.file.rsplit('/').next().unwrap_or_default().to_owned();
    ObjectDetail::Code { function: code.function, file, line }
}

/// Removes the dicts of modules from what frames refer to: a module that is running has its dict as
/// local variables.
pub fn without_names(heap: &Heap, view: &View<'_>, frames: &mut [Named]) {
    let names: HashSet<Address> = module::all(heap)
        .filter_map(|(_, module)| edge::module_dict(view, module.address))
        .collect();
    for frame in frames {
        frame
            .edges
            .retain(|edge| edge.label != EdgeLabel::Field("f_locals") || !names.contains(&edge.to));
    }
}

/// The modules in `sys.modules` of each interpreter, which is found in the module `sys`.
pub fn modules(view: &View<'_>, heap: &Heap) -> Vec<Named> {
    let mut roots = Vec::new();
    let mut tables = Vec::new();
    for names in module::called(view, heap, "sys") {
        if let Some(table) = dict::lookup(view, names, "modules")
            && !tables.contains(&table)
        {
            tables.push(table);
        }
    }
    for table in tables {
        dict::entries(view, table, &mut |key, value| {
            if roots.len() < MODULES
                && let Ok(name) = text::unicode(view.memory, view.layout, key)
            {
                let edges = vec![Edge { to: value, label: EdgeLabel::Value { key } }];
                let name = format!("module {name}");
                let (kind, is_application) = (RootKind::Module, false);
                roots.push(Named { kind, name, is_application, thread: None, edges });
            }
        });
    }
    roots
}
