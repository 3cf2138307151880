//! The nouns: what the rooms hand to one another. No I/O.

mod address;
mod doctor;
mod document;
mod frame;
mod memory;
mod site;

pub use address::Address;
pub use doctor::{CheckStatus, DoctorCheck, DoctorReport, DoctorSection};
pub use document::{
    Capture, Document, Finding, Limit, Loss, LossClass, MemoryPoint, PythonTarget, SCHEMA, Target,
    Tool,
};
pub use frame::{Frame, FrameIdentity, FrameKind};
pub use memory::Memory;
pub use site::{Domain, Site};
