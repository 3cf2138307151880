//! The nouns: what the modules hand to one another. No I/O.

mod address;
mod amount;
mod arena_use;
mod attachment;
mod census;
mod coded;
mod container;
mod contrast;
mod doctor;
mod document;
mod finding;
mod fnv;
mod frame;
mod heap_subject;
mod history;
mod hop;
mod kernel_release;
mod known_kind;
mod leak;
mod lost;
mod malloc;
mod memory;
mod module_name;
mod note;
mod package;
mod privilege;
mod reason;
mod reference;
mod refusal;
mod retained_size;
mod retainer;
mod retainer_report;
mod runtime_symbols;
mod site;
mod stack;
mod target;
mod terminal_state;

pub mod library_allocator;
pub mod source_file;
pub mod visible;

pub use address::Address;
pub use amount::{Amount, Totals};
pub use arena_use::{ArenaPoint, ArenaUse};
pub use attachment::{AttachMethod, Attachment};
pub use census::{
    CENSUS_SCHEMA, Census, CensusTarget, HeapSnapshot, NearlyEmpty, PoolRetainer, PoolUse,
    ReferenceSurplus, SessionCount, SkippedPart, TypeCount, TypeGrowth, TypePoint, TypeRetainer,
    TypeSeries,
};
pub use container::{ContainersBelow, DeclaredBound, GrownContainer, GrowthSite, turns};
pub use contrast::FieldContrast;
pub use doctor::{
    CheckStatus, DoctorFact, DoctorReport, DoctorSection, DoctorTopic, KernelTable, ProbeCost,
};
pub use document::{Capture, Counted, Document, Loss, MemoryPoint, SCHEMA};
pub use finding::{
    Confidence, Evidence, Finding, Interval, Model, Owners, ProcessGrowth, UnreachableBlocks,
    Verdict,
};
pub use frame::{Frame, FrameIdentity, FrameKind};
pub use heap_subject::{HeapSubject, Namesake};
pub use history::{
    Cohort, Collection, History, Lifetime, Mark, Owned, Owner, ProcessPoint, RetainedPoint,
    SiteHistory, SitePoint,
};
pub use hop::Hop;
pub use kernel_release::KernelRelease;
pub use known_kind::KnownKind;
pub use leak::{
    Advice, Basis, CreatedAt, Distinguishing, GrownBy, Leak, LeakContainer, LeakEvidence, LeakKind,
    LeakRate, LeakRetainer, SnapshotsGrown,
};
/// What a counter says about a call that was seen.
pub use leakspy_ebpf::wire::counter::CounterClass;
pub use lost::{LostMemory, LostObjects};
pub use malloc::{FreeMemory, MallocPoint, MallocUse};
pub use memory::Memory;
pub use module_name::without_ids;
pub use note::{DifferenceNote, HeapNote, LeftOut, NoSearch, NotSeen, Note, StackNote};
pub use package::InstalledPackage;
pub use privilege::{Lockdown, Need};
pub use reason::Reason;
pub use reference::{ObjectDetail, Reference, Via};
pub use refusal::{NoCode, NoObjects, NoPython, NoText};
pub use retained_size::{RetainedPlace, RetainedSize};
pub use retainer::{
    GARBAGE_ROOT, NATIVE_ROOT, OutsideReferences, PointersIn, RetainerGroup, RootKind,
};
pub use retainer_report::RetainerReport;
pub use runtime_symbols::RuntimeSymbols;
pub use site::{Domain, Site};
pub use stack::{CallStack, Interner};
pub use target::{PythonTarget, Target, Tool};
pub use terminal_state::TerminalState;
