//! Whether a target is still seen, and what its recording says when it is not.

use super::super::ending::Ending;
use super::super::error::SessionError;
use super::super::recorder::Recorder;
use crate::model::Note;
use crate::os::Life;
use crate::probe::EndedBy;

/// Whether the target is no longer what was attached to; weaker changes become notes.
///
/// # Errors
/// The tables cannot be read.
pub fn lost(recorder: &mut Recorder) -> Result<Option<Ending>, SessionError> {
    // The kernel's word first: of the very moment, and also of a process that has gone on to exit.
    Ok(match recorder.ended_by()? {
        Some(EndedBy::Finalizing) => Some(Ending::TargetGone(Note::InterpreterEnded)),
        Some(EndedBy::Replaced) => Some(Ending::TargetGone(Note::TargetReplaced)),
        None => gone(recorder),
    })
}

fn gone(recorder: &mut Recorder) -> Option<Ending> {
    match recorder.target().life() {
        Life::Running => None,
        Life::Replaced => Some(Ending::TargetGone(Note::TargetReplaced)),
        Life::Exited => Some(Ending::TargetGone(Note::TargetExited)),
        Life::LeaderExited if recorder.target().probes_end_with_leader() => {
            Some(Ending::ProbesLost(Note::ProbesEndedWithLeader))
        }
        Life::LeaderExited => {
            recorder.note(Note::LeaderExited);
            None
        }
    }
}

/// What the ending is when everything since the last tick is known, too; the recording says it.
///
/// # Errors
/// As [`lost`].
pub fn settle(recorder: &mut Recorder, ending: Ending) -> Result<Ending, SessionError> {
    let ending = match (ending, lost(recorder)?) {
        (Ending::Asked | Ending::TargetGone(_), Some(gone)) => gone,
        (ending, _) => ending,
    };
    if let Some(note) = ending.note() {
        recorder.note(note);
    }
    Ok(ending)
}
