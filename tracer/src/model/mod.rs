//! The nouns: what the modules hand to one another. No I/O.

mod address;
mod amount;
mod attachment;
mod census;
mod coded;
mod doctor;
mod document;
mod finding;
mod frame;
mod history;
mod kernel_release;
mod memory;
mod note;
mod reason;
mod retainer;
mod runtime_symbols;
mod site;
mod stack;

pub mod library_allocator;
pub mod visible;

pub use address::Address;
pub use amount::{Amount, Totals};
pub use attachment::Attachment;
pub use census::{
    CENSUS_SCHEMA, Census, CensusTarget, HeapSnapshot, NearlyEmpty, PoolRetainer, PoolUse,
    SessionCount, TypeCount, TypeGrowth, TypePoint, TypeRetainer, TypeSeries,
};
pub use doctor::{CheckStatus, DoctorCheck, DoctorReport, DoctorSection};
pub use document::{
    Capture, Counted, Document, Loss, MemoryPoint, PythonTarget, SCHEMA, Target, Tool,
};
pub use finding::{
    Confidence, Evidence, Finding, Interval, Model, Owners, ProcessGrowth, UnreachableBlocks,
    Verdict,
};
pub use frame::{Frame, FrameIdentity, FrameKind};
pub use history::{
    Cohort, Collection, History, Lifetime, Mark, Owned, Owner, ProcessPoint, RetainedPoint,
    SiteHistory, SitePoint,
};
pub use kernel_release::KernelRelease;
/// What a counter says about a call that was seen.
pub use leakspy_ebpf::wire::counter::Class as CounterClass;
pub use memory::Memory;
pub use note::{DifferenceNote, HeapNote, LeftOut, NoObjects, NoSearch, NotSeen, Note, StackNote};
pub use reason::Reason;
pub use retainer::{Reference, RetainerGroup, RetainerReport, RootKind};
pub use runtime_symbols::RuntimeSymbols;
pub use site::{Domain, Site};
pub use stack::{CallStack, Interner};
