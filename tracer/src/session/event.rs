//! The events of a session.

use super::ending::Ending;
use super::error::SessionError;
use super::progress::Status;
pub use crate::model::Attachment;
use crate::model::Note;

/// A target of a session, by a number that is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub u32);

/// Something happened to a target.
#[derive(Debug)]
pub struct Event {
    /// To which one.
    pub target: TargetId,
    /// What it was.
    pub what: EventKind,
}

/// What can happen to a target. After [`EventKind::Finished`] and [`EventKind::Failed`] nothing
/// more comes of it.
#[derive(Debug)]
pub enum EventKind {
    /// Its probes are in and counting has begun.
    Attached(Attachment),
    /// A while has passed. Left out when events are not read as fast as they come.
    Status(Status),
    /// Something that limits the report from now on, and is in it.
    Noticed(Note),
    /// The recording ends; the last scans of its memory and the names of its code come now.
    Ending(Ending),
    /// The recording is whole.
    Finished(Ending),
    /// It could not be attached, or its recording could not be written any longer; what was
    /// committed is kept.
    Failed(SessionError),
}
