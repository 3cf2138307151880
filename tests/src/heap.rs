//! The Python objects of a target, by leakspy's own library.

use anyhow::{Context, Result};
use leakspy::heap::{self, Budget, Classes, Edge, EdgeLabel, Mapped, ObjectLayout, Refcount, View};
use leakspy::model::Address;
use leakspy::os::{self, Modules, Process};
use leakspy::python::{self, Python};

/// A process whose objects can be read one by one.
pub struct Objects {
    process: Process,
    python: Python,
    layout: &'static ObjectLayout,
}

/// One object, read.
#[derive(Clone, Debug)]
pub struct Object {
    /// Name of its type.
    pub class: String,
    /// Its shallow size.
    pub bytes: Option<u64>,
    /// What it refers to.
    pub edges: Vec<Edge>,
    /// References that could not be read.
    pub left_out: u64,
}

impl Objects {
    /// Those of a process.
    pub fn of(pid: u32) -> Result<Self> {
        let (process, python) = interpreter(pid)?;
        let layout = heap::objects(python.version).context("objects of this version")?;
        Ok(Self { process, python, layout })
    }

    /// Reads the object at an address, which is an instance of the type at another.
    pub fn read(&self, object: u64, class: u64) -> Result<Object> {
        let mappings = self.process.mappings()?;
        let mapped = Mapped::new(mappings.iter().map(|mapping| (mapping.start.0, mapping.end.0)));
        let budget = Budget::for_heap_bytes(1 << 30);
        let view = View {
            memory: self.process.memory(),
            layout: &self.python.layout,
            objects: self.layout,
            refcount: Refcount::for_minor(self.python.version.minor),
            mapped: &mapped,
            budget: &budget,
        };
        let mut classes = Classes::default();
        let class = classes.at(&view, Address(class)).context("a type")?;
        let class = classes.get(class);
        let mut edges = Vec::new();
        let left_out = heap::edges(&view, Address(object), class, &mut |edge| edges.push(edge));
        edges.retain(|edge| edge.label != EdgeLabel::Weak);
        let bytes = heap::shallow(&view, Address(object), class);
        Ok(Object { class: class.name.clone(), bytes, edges, left_out })
    }
}

/// A process and the interpreter in it that has been started.
pub fn interpreter(pid: u32) -> Result<(Process, Python)> {
    let process = Process::select(&pid.to_string())?;
    let modules = Modules::of_process(&process)?;
    let found = os::interpreter::find(&modules, process.memory());
    let python = found
        .iter()
        .find_map(|candidate| python::attach(process.memory(), &candidate.symbols).ok())
        .with_context(|| format!("no interpreter in {pid}"))?;
    Ok((process, python))
}
