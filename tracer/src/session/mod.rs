//! The running program: one target from attach to finished recording.

mod books;
pub mod census;
pub mod doctor;
pub mod error;
mod heap;
mod interpreter;
mod looks;
mod modules;
mod names;
mod objects;
pub mod options;
mod plan;
pub mod progress;
mod queue;
pub mod record;
mod recorder;
pub mod search;
mod stacks;
mod surroundings;
mod target;
pub mod who;

pub use error::{Failure, SessionError};
pub use objects::CensusRules;
pub use options::RecordOptions;
pub use progress::{Progress, Status};
pub use record::Ending;
pub use search::SearchRules;
