//! One target, from attach to the finished recording; and what `doctor` finds out.

mod error;
mod options;
mod progress;

pub use error::{Failure, SessionError};
pub use options::RecordOptions;
pub use progress::{Progress, Status};

/// Recording.
pub mod record {
    use super::{Progress, RecordOptions, SessionError};

    /// How a recording ended.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Ending {
        /// By its duration or by request.
        Asked,
        /// The target is gone; the sentence says how.
        TargetGone(String),
    }

    /// Records a target until the duration ends, a signal comes, or the target goes.
    ///
    /// # Errors
    /// Always, for now.
    pub fn run(_: &RecordOptions, _: &mut dyn Progress) -> Result<Ending, SessionError> {
        Err(SessionError::NotYet { what: "recording" })
    }
}

/// What this machine and a target allow.
pub mod doctor {
    use super::SessionError;
    use crate::model::DoctorReport;

    /// Looks at this machine, and at a target (a pid, or the name of a unique process) if given.
    ///
    /// # Errors
    /// Always, for now.
    pub fn run(_target: Option<&str>) -> Result<DoctorReport, SessionError> {
        Err(SessionError::NotYet { what: "the doctor" })
    }
}
