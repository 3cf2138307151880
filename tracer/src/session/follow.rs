//! The life of one target: attached, followed, ended.

mod attach;
mod coverage;
mod last;
mod pause;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as channel;
use tokio::time::{Instant, sleep_until};

use self::attach::RecordedTarget;
use self::pause::LastPause;
use super::ending::Ending;
use super::error::SessionError;
use super::event::{EventKind, TargetId};
use super::objects::ScanResult;
use super::options::RecordOptions;
use super::search::Scanned;
use super::shared::{Shared, blocking};
use super::watch;
use super::worker::{Work, Worker};
use crate::model::Note;
use crate::probe::Slot;

/// Later than any recording ends: stands for "never".
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// One target of a session.
pub struct Following {
    shared: Arc<Shared>,
    target: TargetId,
    options: Arc<RecordOptions>,
    /// How often it was asked to end.
    stopped: channel::Receiver<u32>,
    /// Whether the probes are lost.
    lost: channel::Receiver<bool>,
}

/// How often the cost of the probes is looked at.
const GOVERN: Duration = Duration::from_secs(1);

/// What happens again and again.
struct Ticks {
    save: tokio::time::Interval,
    govern: tokio::time::Interval,
}

/// Everything that can wake the loop, but its end.
enum Wake {
    Records,
    Tick,
    Govern,
    Scanned(Scanned),
    HeapScanned(Box<ScanResult>),
    End(Ending),
}

impl Following {
    /// Nothing happens before [`Self::run`].
    pub fn new(
        shared: Arc<Shared>,
        target: TargetId,
        options: RecordOptions,
        stopped: channel::Receiver<u32>,
    ) -> Self {
        let lost = shared.lost.clone();
        Self { shared, target, options: Arc::new(options), stopped, lost }
    }

    /// From attach to finish.
    pub async fn run(mut self) {
        let what = match self.record().await {
            Ok(ending) => EventKind::Finished(ending),
            Err(error) => EventKind::Failed(error),
        };
        self.tell(what).await;
    }

    async fn tell(&self, what: EventKind) {
        self.shared.tell(self.target, what).await;
    }

    async fn record(&mut self) -> Result<Ending, SessionError> {
        let attached = attach::attach(&self.shared, &self.options, &self.stopped).await?;
        let slot = attached.slot;
        let ending = self.recorded(attached).await;
        // In any case; after a good end the probes are out already.
        self.shared.detach(slot).await;
        self.shared.router.close(slot);
        ending
    }

    async fn recorded(&mut self, mut attached: RecordedTarget) -> Result<Ending, SessionError> {
        self.tell(EventKind::Attached(attached.about.clone())).await;
        let ending = self.follow(&mut attached).await?;
        self.tell(EventKind::Ending(ending.clone())).await;
        if ending == Ending::Asked {
            let mut pause = LastPause::new(self.options.pause);
            let scanned =
                last::scan(&self.shared, &mut self.stopped, &mut attached, &mut pause).await;
            pause.end(&mut attached.worker).await?;
            scanned?;
        }
        self.close(attached.slot, attached.worker).await?;
        Ok(ending)
    }

    async fn follow(&mut self, attached: &mut RecordedTarget) -> Result<Ending, SessionError> {
        let deadline = Instant::now() + self.options.duration.unwrap_or(NEVER);
        let mut ticks =
            Ticks { save: watch::every(self.options.tick), govern: watch::every(GOVERN) };
        let ending = loop {
            match self.wake(attached, deadline, &mut ticks).await? {
                Wake::Records => attached.worker.run(|work| work.recorder.drain()).await?,
                Wake::Tick => {
                    if let Some(gone) = self.tick(attached).await? {
                        break gone;
                    }
                }
                Wake::Govern => attached.worker.run(|work| work.recorder.govern()).await?,
                Wake::Scanned(scanned) => {
                    attached.worker.run(|work| work.scanned(scanned)).await?;
                }
                Wake::HeapScanned(heap_scanned) => {
                    attached.worker.run(|work| work.heap_scanned(*heap_scanned)).await?
                }
                Wake::End(ending) => break ending,
            }
        };
        attached.worker.run(|work| coverage::settle(&mut work.recorder, ending)).await
    }

    async fn wake(
        &mut self,
        attached: &mut RecordedTarget,
        deadline: Instant,
        ticks: &mut Ticks,
    ) -> Result<Wake, SessionError> {
        let Work { search, objects, .. } = attached.worker.work()?;
        Ok(tokio::select! {
            biased;
            () = asked(&mut self.stopped, 0) => Wake::End(Ending::Asked),
            () = sleep_until(deadline) => Wake::End(Ending::Asked),
            _ = attached.exited.readable() => {
                Wake::End(Ending::TargetGone(Note::TargetExited))
            }
            () = lost(&mut self.lost) => Wake::End(Ending::ProbesLost(Note::ProbesLost)),
            _ = ticks.save.tick() => Wake::Tick,
            _ = ticks.govern.tick() => Wake::Govern,
            scanned = search.scanned() => Wake::Scanned(scanned),
            heap_scanned = objects.heap_scanned() => Wake::HeapScanned(Box::new(heap_scanned)),
            () = attached.queue.filled() => Wake::Records,
        })
    }

    /// Saves, begins what is due, and sees whether the target is still what was attached to.
    async fn tick(&self, attached: &mut RecordedTarget) -> Result<Option<Ending>, SessionError> {
        let worker = &mut attached.worker;
        let status = worker.run(|work| work.recorder.save()).await?;
        for library in worker.work()?.recorder.not_believed() {
            self.shared.release_library(attached.slot, library).await;
        }
        self.tell(EventKind::Status(status)).await;
        if let Some(unexplained) = worker.work()?.recorder.needs_system_calls() {
            let seen = self.shared.see_mappings(attached.slot).await?;
            let note = move |work: &mut Work| work.recorder.sees_system_calls(seen, unexplained);
            self.tell(EventKind::Noticed(worker.run(note).await?)).await;
        }
        let scans = Arc::clone(&self.shared.scans);
        worker
            .run(move |work| {
                work.begin_what_is_due(&scans)?;
                coverage::lost(&mut work.recorder)
            })
            .await
    }

    /// Counting off, probes out, the rest of the records read, names looked up, recording closed.
    /// The target pays for the probes until they are out, and names can take a while.
    async fn close(&self, slot: Slot, mut worker: Worker) -> Result<(), SessionError> {
        worker.run(Work::stop).await?;
        self.shared.detach(slot).await;
        self.shared.router.flush().await;
        let _turn = self.shared.files.acquire().await;
        let work = worker.finish()?;
        blocking(move || work.recorder.finish()).await?
    }
}

/// Waits until a target was asked to end more often than `times`, or nobody is left who could ask.
async fn asked(stopped: &mut channel::Receiver<u32>, times: u32) {
    let _ = stopped.wait_for(|asked| *asked > times).await;
}

/// Waits until the probes are lost.
async fn lost(lost: &mut channel::Receiver<bool>) {
    if lost.wait_for(|lost| *lost).await.is_err() {
        // Nobody watches over the probes any more.
        std::future::pending::<()>().await;
    }
}
