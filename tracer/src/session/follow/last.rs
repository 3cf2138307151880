//! The last scans of the memory of a target before its recording ends.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, watch as channel};
use tokio::time::{Instant, sleep_until};

use super::super::error::SessionError;
use super::super::objects::ScanResult;
use super::super::search::Scanned;
use super::super::shared::{Shared, Turn};
use super::super::worker::Work;
use super::asked;
use super::attach::RecordedTarget;
use super::pause::LastPause;
use crate::model::{NoObjects, NoSearch, Note};

/// The final passes may delay the end of a recording by this much. They are a few seconds of one processor, which
/// others may want: without them there is no path to what leaks.
const LONGEST: Duration = Duration::from_secs(60);
/// Where many targets end at once, each waits so long for its turn; their probes stay until then,
/// since a block that is freed unseen would look unreachable.
const LONGEST_FOR_TURN: Duration = Duration::from_secs(60);

/// Scans that are still to begin.
#[derive(Clone, Copy, Debug)]
struct Due {
    search: bool,
    /// One that only counts may be at work: then the last one waits for its end.
    objects: bool,
}

enum Wake {
    Turn(Turn),
    Records,
    Scanned(Scanned),
    HeapScanned(Box<ScanResult>),
    Stop,
    TooSlow,
}

/// One last leak scan and one last snapshot of Python objects, while frees are still seen, in a pause if one is wanted; a
/// request or a timeout ends them.
pub async fn scan(
    shared: &Shared,
    stopped: &mut channel::Receiver<u32>,
    attached: &mut RecordedTarget,
    pause: &mut LastPause,
) -> Result<(), SessionError> {
    let before = *stopped.borrow();
    pause.prepare(attached.worker.work()?);
    let mut due = Due::of(attached.worker.work()?);
    let mut limit = Instant::now() + LONGEST_FOR_TURN;
    let mut turns = Turns::new(shared);
    while let Some(may_begin) = due.goes_on(attached.worker.work()?) {
        turns.want(may_begin);
        let Work { search, objects, .. } = attached.worker.work()?;
        let wake = tokio::select! {
            biased;
            () = asked(stopped, before) => Wake::Stop,
            () = sleep_until(limit) => Wake::TooSlow,
            turn = turns.next() => Wake::Turn(turn),
            scanned = search.scanned() => Wake::Scanned(scanned),
            heap_scanned = objects.heap_scanned() => Wake::HeapScanned(Box::new(heap_scanned)),
            () = attached.queue.filled() => Wake::Records,
        };
        let worker = &mut attached.worker;
        match wake {
            Wake::Turn(turn) => {
                limit = limit.min(Instant::now() + LONGEST);
                pause.begin(worker).await?;
                due = worker.run(move |work| due.begin(work, turn)).await?;
            }
            Wake::Records => worker.run(|work| work.recorder.drain()).await?,
            Wake::Scanned(scanned) => worker.run(|work| work.scanned(scanned)).await?,
            Wake::HeapScanned(heap_scanned) => {
                worker.run(|work| work.heap_scanned(*heap_scanned)).await?
            }
            Wake::Stop => break,
            Wake::TooSlow => {
                worker.work().map(|work| due.too_slow(work))?;
                break;
            }
        }
    }
    Ok(())
}

impl Due {
    /// A scan that is running is the last one, and need not spare the processor any more.
    fn of(work: &Work) -> Self {
        work.search.hurry();
        Self {
            search: work.search.is_wanted() && !work.search.runs(),
            objects: work.objects.is_wanted() || work.objects.runs(),
        }
    }

    /// Whether one may begin now; nothing when all are over.
    fn goes_on(self, work: &Work) -> Option<bool> {
        let may_begin = self.search || (self.objects && !work.objects.runs());
        let any = may_begin || work.search.runs() || work.objects.runs();
        any.then_some(may_begin)
    }

    fn begin(mut self, work: &mut Work, turn: Turn) -> Result<Self, SessionError> {
        if self.search {
            self.search = false;
            work.recorder.search(&mut work.search, turn)?;
            work.search.hurry();
        } else if self.objects && !work.objects.runs() {
            self.objects = false;
            work.recorder.join_objects(&mut work.objects, turn)?;
        }
        Ok(self)
    }

    /// Notes what there was no time for.
    fn too_slow(self, work: &mut Work) {
        if self.search || work.search.runs() {
            work.recorder.note(Note::SearchUnfinished { reason: NoSearch::TooSlow });
        }
        if self.objects || work.objects.runs() {
            work.recorder.note(Note::ObjectsUnfinished { reason: NoObjects::TooSlow });
        }
    }
}

type Acquired = Result<OwnedSemaphorePermit, AcquireError>;

/// A place in the queue of targets that wait for their turn to scan.
struct Turns<'a> {
    shared: &'a Shared,
    waiting: Option<Pin<Box<dyn Future<Output = Acquired> + Send + 'a>>>,
}

impl<'a> Turns<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self { shared, waiting: None }
    }

    /// Queues up when there is something to begin.
    fn want(&mut self, wanted: bool) {
        match (wanted, &self.waiting) {
            (false, _) => self.waiting = None,
            (true, Some(_)) => {}
            (true, None) => {
                self.waiting = Some(Box::pin(Arc::clone(&self.shared.scans).acquire_owned()));
            }
        }
    }

    /// Waits for the turn; for ever when there is nothing to begin.
    async fn next(&mut self) -> Turn {
        if let Some(waiting) = &mut self.waiting
            && let Ok(permit) = waiting.await
        {
            self.waiting = None;
            return Arc::new(permit);
        }
        std::future::pending().await
    }
}
