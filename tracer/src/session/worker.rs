//! What is done for one target: job after job, on threads that may block, so that the event loop
//! does not.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::error::SessionError;
use super::objects::{ObjectScans, ScanResult};
use super::recorder::Recorder;
use super::search::{PointerSearch, Scanned};

/// What jobs work on.
pub struct Work {
    /// Tables, stacks, recording.
    pub recorder: Recorder,
    /// Searches for pointers to old blocks.
    pub search: PointerSearch,
    /// Python objects.
    pub objects: ObjectScans,
}

impl Work {
    /// Begins the scans that are due and for which there is a turn; the others stay due.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub fn begin_what_is_due(&mut self, turns: &Arc<Semaphore>) -> Result<(), SessionError> {
        let turn = || Arc::clone(turns).try_acquire_owned().ok().map(Arc::new);
        let elapsed = self.recorder.elapsed();
        if self.search.may_take_down(elapsed)
            && let Some(turn) = turn()
        {
            self.search.take_down(elapsed, turn);
        }
        if self.search.is_due(elapsed)
            && let Some(turn) = turn()
        {
            self.search.count(elapsed);
            if !self.search.runs() {
                self.recorder.search(&mut self.search, turn)?;
            }
        }
        if self.objects.is_due(elapsed)
            && let Some(turn) = turn()
        {
            self.recorder.count_objects(&mut self.objects, turn);
        }
        Ok(())
    }

    /// Takes down what came of a pass over the memory.
    ///
    /// # Errors
    /// The tables cannot be read, or the recording cannot be written.
    pub fn scanned(&mut self, scanned: Scanned) -> Result<(), SessionError> {
        self.recorder.scanned(&mut self.search, scanned)
    }

    /// Takes down what came of a scan of Python objects.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub fn heap_scanned(&mut self, heap_scanned: ScanResult) -> Result<(), SessionError> {
        self.recorder.scanned_objects(&mut self.objects, heap_scanned)
    }

    /// Ends searching and counting.
    ///
    /// # Errors
    /// The control table cannot be written.
    pub fn stop(&mut self) -> Result<(), SessionError> {
        self.search.stop();
        self.recorder.stop()
    }
}

/// Does one job after the other.
pub struct Worker {
    /// Not here while a job has it, nor after one that panicked.
    work: Option<Box<Work>>,
}

impl Worker {
    /// Has nothing to do yet.
    pub fn new(work: Work) -> Self {
        Self { work: Some(Box::new(work)) }
    }

    /// Runs a job to its end. Not to be dropped before: the work would be lost with it.
    ///
    /// # Errors
    /// That of the job; or this job or one before it panicked.
    pub async fn run<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut Work) -> Result<T, SessionError> + Send + 'static,
    ) -> Result<T, SessionError> {
        let mut work = self.work.take().ok_or(SessionError::Broken)?;
        let run = move || {
            let result = job(&mut work);
            (work, result)
        };
        let (work, result) = spawn_blocking(run).await.map_err(|_| SessionError::Broken)?;
        self.work = Some(work);
        result
    }

    /// What jobs work on, between two of them.
    ///
    /// # Errors
    /// A job panicked.
    pub fn work(&mut self) -> Result<&mut Work, SessionError> {
        self.work.as_deref_mut().ok_or(SessionError::Broken)
    }

    /// Takes the work back for the last job.
    ///
    /// # Errors
    /// A job panicked.
    pub fn finish(self) -> Result<Box<Work>, SessionError> {
        self.work.ok_or(SessionError::Broken)
    }
}
