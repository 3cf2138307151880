//! From a selector to a target that is being recorded.

use std::sync::Arc;

use tokio::sync::watch as channel;

use super::super::error::SessionError;
use super::super::event::Attachment;
use super::super::objects::ObjectScans;
use super::super::options::RecordOptions;
use super::super::queue::Queue;
use super::super::recorder::{Cost, Recorder, Sinks};
use super::super::search::PointerSearch;
use super::super::shared::{Shared, blocking};
use super::super::target::TracedTarget;
use super::super::watch::{self, Readable};
use super::super::worker::{Work, Worker};
use crate::governor::{Governor, Prices};
use crate::history::Tee;
use crate::model::AttachMethod;
use crate::model::Capture;
use crate::os;
use crate::probe::{AttachRequest, Capacity, Kernel, Placed, ProbeError, Slot};
use crate::store::{FileOwner, Overwrite, Writer};

/// A target that is being recorded.
pub struct RecordedTarget {
    /// Its probes.
    pub slot: Slot,
    /// What is shown of it to people.
    pub about: Attachment,
    /// What works for it.
    pub worker: Worker,
    /// Its records.
    pub queue: Arc<Queue>,
    /// Becomes readable when it exits.
    pub exited: Readable,
}

/// Opens a target, places its probes, and begins its recording.
///
/// # Errors
/// It cannot be traced, or its recording cannot be written; no probe is left in it, and no
/// recording that was not there before.
pub async fn attach(
    shared: &Shared,
    options: &Arc<RecordOptions>,
    stopped: &channel::Receiver<u32>,
) -> Result<RecordedTarget, SessionError> {
    let opened = {
        let _turn = shared.files.acquire().await;
        if *stopped.borrow() > 0 || stopped.has_changed().is_err() {
            return Err(SessionError::NotBegun { target: options.target.clone() });
        }
        let options = Arc::clone(options);
        blocking(move || Opened::open(&options)).await??
    };
    let mut kernel = Arc::clone(&shared.kernel).lock_owned().await;
    let with = Arc::clone(options);
    let (mut opened, placed, method) =
        blocking(move || opened.place(&mut **kernel, &with)).await??;
    let Placed { slot, tables, trap_ns } = placed;
    let queue = shared.router.open(slot);
    let (records, with) = (Arc::clone(&queue), Arc::clone(options));
    let begun = move || -> Result<(Attachment, Work), SessionError> {
        let about = opened.target.attached(method);
        let recorder = opened.begin(&with, |target, sinks| {
            let cost = Cost::new(Governor::new(with.budget, prices(trap_ns, method)));
            Recorder::new(target, tables, records, sinks, capture(&with), cost, with.tick)
        })?;
        Ok((about, work(recorder, &with)))
    };
    let attached = blocking(begun).await.and_then(|begun| begun).and_then(|(about, work)| {
        let exited = watch::readable(work.recorder.target().handle())?;
        Ok(RecordedTarget { slot, about, worker: Worker::new(work), queue, exited })
    });
    if attached.is_err() {
        shared.detach(slot).await;
        shared.router.close(slot);
    }
    attached
}

fn work(recorder: Recorder, options: &RecordOptions) -> Work {
    let python = recorder.target().python().map(|_| recorder.target().pid());
    let search = PointerSearch::new(options.search.clone());
    let search = search.with_python(python).with_malloc(recorder.malloc());
    Work { recorder, search, objects: ObjectScans::new(options.census, python) }
}

/// What hits cost, as far as that is known at the attach.
fn prices(trap_ns: Option<f64>, method: AttachMethod) -> Prices {
    Prices::new(trap_ns, method != AttachMethod::Session)
}

fn capture(options: &RecordOptions) -> Capture {
    Capture {
        started: os::clock::epoch_ns() / 1_000_000_000,
        seconds: 0.0,
        mode: "exact".to_owned(),
        budget: options.budget,
        cost_ratio: None,
        notes: Vec::new(),
    }
}

/// A target that has no probes yet.
struct Opened {
    target: TracedTarget,
    /// What could keep a recording from being written is best found before any work. But one that
    /// is to be replaced stays until it is known that there will be another.
    early: Option<Writer>,
}

impl Opened {
    fn open(options: &RecordOptions) -> Result<Self, SessionError> {
        let target = TracedTarget::open(&options.target)?;
        let early = if options.force { None } else { create(options)? };
        Ok(Self { target, early })
    }

    /// Places probes by the best method that works.
    fn place(
        self,
        kernel: &mut dyn Kernel,
        options: &RecordOptions,
    ) -> Result<(Self, Placed, AttachMethod), SessionError> {
        match place(&self.target, kernel, options) {
            Ok((placed, method)) => Ok((self, placed, method)),
            Err(error) => {
                if let Some(writer) = self.early {
                    writer.discard();
                }
                Err(error)
            }
        }
    }

    /// Turns accounting on.
    fn begin(
        self,
        options: &RecordOptions,
        recorder: impl FnOnce(TracedTarget, Sinks) -> Recorder,
    ) -> Result<Recorder, SessionError> {
        let writer = match self.early {
            Some(writer) => Some(writer),
            None => create(options)?,
        };
        let mut recorder = recorder(self.target, Tee(writer, options.history.clone()));
        for note in recorder.target().notes().to_vec() {
            recorder.note(note);
        }
        recorder.start()?;
        Ok(recorder)
    }
}

/// The file, where one is wanted.
fn create(options: &RecordOptions) -> Result<Option<Writer>, SessionError> {
    let Some(output) = &options.output else { return Ok(None) };
    let overwrite = if options.force { Overwrite::Always } else { Overwrite::Never };
    let owner = os::privilege::invoking_owner();
    let owner = owner.map(|owner| FileOwner { user: owner.user, group: owner.group });
    Ok(Some(Writer::create(output, overwrite, owner)?))
}

fn place(
    target: &TracedTarget,
    kernel: &mut dyn Kernel,
    options: &RecordOptions,
) -> Result<(Placed, AttachMethod), SessionError> {
    target.warm_pages();
    let programs = target.for_programs(options.audit_one_in)?;
    let mut refused = None;
    let asked = options.method.as_slice();
    let methods = if asked.is_empty() { kernel.methods() } else { asked };
    for &method in methods {
        let placed = kernel.attach(&AttachRequest {
            pid: target.pid(),
            files: target.files(),
            target: programs,
            method,
            capacity: Capacity {
                live_blocks: options.max_live,
                sites: options.max_sites,
                ..Capacity::default()
            },
            in_place: &|| target.check_in_place(),
        });
        match placed {
            Ok(placed) => return Ok((placed, method)),
            Err(error) if error.is_unsupported() => refused = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.unwrap_or(ProbeError::Object { what: "attach method" }).into())
}
