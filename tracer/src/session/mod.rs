//! The running program: any number of targets, each from attach to finished recording.

pub mod census;
mod counters;
pub mod doctor;
mod ending;
pub mod error;
mod event;
mod follow;
mod handle;
mod heap;
mod interpreter;
mod malloc;
mod modules;
mod names;
mod objects;
pub mod options;
mod outside;
mod plan;
pub mod progress;
mod queue;
mod recorder;
mod router;
pub mod search;
mod shared;
mod snapshots;
mod stacks;
mod stalls;
mod surroundings;
mod target;
mod unexplained;
mod watch;
pub mod who;
mod worker;

#[cfg(test)]
mod tests;

pub use ending::Ending;
pub use error::{Failure, SessionError};
pub use event::{Attachment, Event, EventKind, TargetId};
pub use handle::Session;
pub use interpreter::python_version;
pub use objects::CensusRules;
pub use options::RecordOptions;
pub use progress::Status;
pub use search::SearchRules;
