//! Who holds objects: paths of references from a root. Made by `heap`, printed by `report`.

use serde::Serialize;

use super::{Address, Reference};

/// What is at the begin of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootKind {
    /// A module that `sys.modules` has, or another part of an interpreter.
    Module,
    /// A local variable of a running frame.
    Frame,
    /// A type that is no object of the heap.
    StaticType,
    /// More references than were found: something in C holds it.
    Native,
    /// Nothing: it is in an unreachable cycle, garbage that waits for the collector.
    Garbage,
}

/// Objects that paths of the same shape keep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RetainerGroup {
    /// Objects.
    pub count: u64,
    /// Their bytes, shallow.
    pub bytes: u64,
    /// Where the path begins.
    pub root: RootKind,
    /// The root in words: `module holoviews.streams`, `thread 12, frame run (server.py:88)`; of
    /// `native` and `garbage` the type and address of the first object.
    pub root_name: String,
    /// Of `native`, what is known of that first object.
    pub outside: Option<OutsideReferences>,
    /// The references from the root to one of the objects, shown as an example.
    #[serde(rename = "chain")]
    pub path: Vec<Reference>,
}

/// What is known of references to an object that no Python object has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutsideReferences {
    /// The object.
    #[serde(skip)]
    pub address: Address,
    /// References that it counts.
    pub counted: u64,
    /// References that were found in Python objects and running frames.
    pub found: u64,
    /// Where its address is written, those found among them; `None` where that was not looked for.
    pub pointers: Option<Vec<PointersIn>>,
}

/// Words with an address in one kind of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PointersIn {
    /// The file that is mapped there, or a name such as `[heap]`, or empty: data from outside.
    pub mapping: String,
    /// So many.
    pub words: u64,
}

/// What a path in words begins with whose root is of that kind: then the type of the first object comes.
pub const NATIVE_ROOT: &str = "C code, or what was not found: ";
/// The same of objects that only refer to each other.
pub const GARBAGE_ROOT: &str = "garbage that waits for the collector: ";

impl RootKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Module, Self::Frame, Self::StaticType, Self::Native, Self::Garbage];

    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Frame => "frame",
            Self::StaticType => "static-type",
            Self::Native => "native",
            Self::Garbage => "garbage",
        }
    }

    /// Whether it is an object that lives by itself: not garbage, and not something that was not
    /// found.
    pub const fn is_root(self) -> bool {
        matches!(self, Self::Module | Self::Frame | Self::StaticType)
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl RetainerGroup {
    /// The path in words, root first: `module app`, `.cache: dict (12 items)`. Data from outside.
    pub fn words(&self) -> Vec<String> {
        self.steps().into_iter().map(|(words, _)| words).collect()
    }

    /// The same, with the type that each reference leads to.
    pub fn steps(&self) -> Vec<(String, Option<String>)> {
        let root = match self.root {
            RootKind::Module | RootKind::Frame | RootKind::StaticType => self.root_name.clone(),
            RootKind::Native => format!("{NATIVE_ROOT}{}", self.root_name),
            RootKind::Garbage => format!("{GARBAGE_ROOT}{}", self.root_name),
        };
        let root = std::iter::once((root, None));
        let steps = self.path.iter().map(|step| (step.words(), Some(step.class.clone())));
        root.chain(steps).collect()
    }
}

impl Reference {
    /// `.cache: dict (12 items)`; `perhaps` in front of what may be no reference.
    pub fn words(&self) -> String {
        let perhaps = if self.certain { "" } else { "perhaps " };
        let detail = self.detail.iter().map(|detail| format!(" ({})", detail.notation()));
        format!("{perhaps}{}: {}{}", self.notation(), self.class, detail.collect::<String>())
    }
}
