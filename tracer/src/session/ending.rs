//! How recordings end.

use crate::model::Note;

/// How a recording ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// By its duration or by request.
    Asked,
    /// The target is gone; the note says how.
    TargetGone(Note),
    /// The probes are gone although the target is not; the note says why.
    ProbesLost(Note),
}

impl Ending {
    /// What a report says of it; nothing where somebody wanted it so.
    pub fn note(&self) -> Option<Note> {
        match self {
            Self::Asked => None,
            Self::TargetGone(note) | Self::ProbesLost(note) => Some(note.clone()),
        }
    }
}
