//! Whether a target is still seen, and what its recording says when it is not.

use super::super::ending::Ending;
use super::super::recorder::Recorder;
use crate::model::Note;
use crate::os::Life;

/// Whether the target is no longer what was attached to; weaker changes become notes.
pub fn lost(recorder: &mut Recorder) -> Option<Ending> {
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
pub fn settle(recorder: &mut Recorder, ending: Ending) -> Ending {
    let ending = match (ending, lost(recorder)) {
        (Ending::Asked, Some(gone)) => gone,
        (ending, _) => ending,
    };
    if let Some(note) = ending.note() {
        recorder.note(note);
    }
    ending
}
