//! The pause of a target for its last scans, where somebody wants one.

use super::super::error::{SessionError, joined};
use super::super::shared::blocking;
use super::super::worker::{Work, Worker};
use crate::model::Note;
use crate::os::pause::Pause;

/// A pause that is to come, that is, or that was. The target goes on when this is dropped, and however leakspy ends.
#[derive(Debug)]
pub struct LastPause {
    wanted: bool,
    pause: Option<Pause>,
}

impl LastPause {
    /// Nothing is paused yet.
    pub const fn new(wanted: bool) -> Self {
        Self { wanted, pause: None }
    }

    /// A search that is at work saw the target run: with a pause there is another one.
    pub fn prepare(&self, work: &mut Work) {
        if self.wanted {
            work.search.stop();
        }
    }

    /// Pauses the target, if that is wanted and was not done. One that cannot be paused runs on, with a note.
    ///
    /// # Errors
    /// A job panicked.
    pub async fn begin(&mut self, worker: &mut Worker) -> Result<(), SessionError> {
        if std::mem::take(&mut self.wanted) {
            self.pause = worker.run(|work| Ok(begin(work))).await?;
        }
        Ok(())
    }

    /// Lets it go, and notes how long it stood still.
    ///
    /// # Errors
    /// A job panicked.
    pub async fn end(self, worker: &mut Worker) -> Result<(), SessionError> {
        let Some(pause) = self.pause else { return Ok(()) };
        let seconds = blocking(move || pause.end()).await?.as_secs_f64();
        worker.work()?.recorder.note(Note::Paused { seconds });
        Ok(())
    }
}

fn begin(work: &mut Work) -> Option<Pause> {
    work.search.before_standstill();
    work.objects.before_standstill();
    let paused = work.recorder.target().pause();
    match &paused {
        Ok(_) => {
            work.search.stands_still();
            work.objects.stands_still();
        }
        Err(error) => {
            let error = joined(error, ToString::to_string);
            work.recorder.note(Note::NotPaused { error });
        }
    }
    paused.ok()
}
