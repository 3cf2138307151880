//! A kernel side for tests: does what its script says, and remembers what it was asked to do.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{LiveValue, Pending, SiteValue};

use super::error::ProbeError;
use super::kernel::{AttachRequest, EndedBy, Kernel, Placed, ProgramTimes, Records, Slot, Tables};
use crate::model::AttachMethod;

/// What the kernel side was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelCall {
    /// To attach a process.
    Attach(u32, AttachMethod),
    /// To count for a target, or to stop that.
    Recording(Slot, bool),
    /// To count mappings that it makes by system calls of its own.
    Mappings(Slot),
    /// To take its probes out.
    Detach(Slot),
    /// To take out the probes on the allocator of one of its libraries.
    ReleaseLibrary(Slot, u32),
    /// Nobody reads its tables any more.
    Dropped(Slot),
}

/// What the next attach does before it answers.
pub type AttachAnswer = Box<dyn FnOnce(&AttachRequest<'_>) -> Result<(), ProbeError> + Send>;

/// The test's end.
#[derive(Clone)]
pub struct Script(Arc<State>);

struct State {
    answers: Mutex<VecDeque<AttachAnswer>>,
    calls: Mutex<Vec<KernelCall>>,
    called: tokio::sync::Notify,
    records: Mutex<VecDeque<(Slot, Vec<u8>)>>,
    /// Records were taken.
    fetched: tokio::sync::Notify,
    /// A byte for each record.
    bell: UnixStream,
    /// Dropped when the guard ends.
    guard: Mutex<Option<UnixStream>>,
    tables: Mutex<BTreeMap<Slot, Arc<Numbers>>>,
    /// Whether probes that are to be taken out stay.
    stuck: AtomicBool,
    /// Whether mappings cannot be seen in the kernel.
    no_mappings: AtomicBool,
}

/// The kernel side.
pub struct FakeKernel {
    script: Script,
    bell: Option<UnixStream>,
    /// What it is awaited by; none where the system has no descriptors left.
    pub guard: Option<UnixStream>,
    next: u32,
}

/// What the tables of a target say.
#[derive(Default)]
pub struct Numbers {
    /// Totals of sites.
    pub sites: Mutex<Vec<(u64, SiteValue)>>,
    /// Bytes that were allocated and not freed.
    pub live_bytes: AtomicU64,
    /// What has ended the accounting.
    pub ended: Mutex<Option<EndedBy>>,
    /// Whether reading them fails.
    pub broken: AtomicBool,
    /// Whether reading them panics.
    pub panics: AtomicBool,
    /// The next reading waits until the other end is dropped.
    pub gate: Mutex<Option<mpsc::Receiver<()>>>,
}

impl FakeKernel {
    /// Attaches everything, unless the script says otherwise.
    pub fn new() -> (Self, Script) {
        let (bell, rings) = UnixStream::pair().unwrap();
        let (guard, ends) = UnixStream::pair().unwrap();
        rings.set_nonblocking(true).unwrap();
        let script = Script(Arc::new(State {
            answers: Mutex::default(),
            calls: Mutex::default(),
            called: tokio::sync::Notify::new(),
            records: Mutex::default(),
            fetched: tokio::sync::Notify::new(),
            bell,
            guard: Mutex::new(Some(ends)),
            tables: Mutex::default(),
            stuck: AtomicBool::new(false),
            no_mappings: AtomicBool::new(false),
        }));
        (Self { script: script.clone(), bell: Some(rings), guard: Some(guard), next: 0 }, script)
    }
}

impl Script {
    /// What the next attach that was not spoken of before does.
    pub fn answer(
        &self,
        answer: impl FnOnce(&AttachRequest<'_>) -> Result<(), ProbeError> + Send + 'static,
    ) {
        self.0.answers.lock().unwrap().push_back(Box::new(answer));
    }

    /// The next attach fails as the kernel does with this error number.
    pub fn refuse(&self, errno: i32) {
        let source = move || io::Error::from_raw_os_error(errno);
        self.answer(move |_| Err(ProbeError::Attach { path: "libc.so".into(), source: source() }));
    }

    /// From now on no probe can be taken out.
    pub fn refuse_detach(&self) {
        self.0.stuck.store(true, Ordering::Relaxed);
    }

    /// The kernel has no way to see mappings.
    pub fn refuse_mappings(&self) {
        self.0.no_mappings.store(true, Ordering::Relaxed);
    }

    /// A record comes.
    pub fn send(&self, slot: Slot, record: &[u8]) {
        self.0.records.lock().unwrap().push_back((slot, record.to_vec()));
        (&self.0.bell).write_all(b"!").unwrap();
    }

    /// Waits until no more than so many records are in the ring.
    pub async fn emptied_to(&self, most: usize) {
        loop {
            let fetched = self.0.fetched.notified();
            if self.0.records.lock().unwrap().len() <= most {
                return;
            }
            fetched.await;
        }
    }

    /// The guard ends.
    pub fn end_guard(&self) {
        self.0.guard.lock().unwrap().take();
    }

    /// The tables of a target.
    pub fn numbers(&self, slot: Slot) -> Arc<Numbers> {
        Arc::clone(self.0.tables.lock().unwrap().entry(slot).or_default())
    }

    /// Everything that was asked for so far.
    pub fn calls(&self) -> Vec<KernelCall> {
        self.0.calls.lock().unwrap().clone()
    }

    /// Waits until something was asked for.
    pub async fn called(&self, call: KernelCall) {
        loop {
            let notified = self.0.called.notified();
            if self.calls().contains(&call) {
                return;
            }
            notified.await;
        }
    }

    fn note(&self, call: KernelCall) {
        self.0.calls.lock().unwrap().push(call);
        self.0.called.notify_waiters();
    }
}

impl Kernel for FakeKernel {
    fn attach(&mut self, request: &AttachRequest<'_>) -> Result<Placed, ProbeError> {
        self.script.note(KernelCall::Attach(request.pid, request.method));
        let answer = self.script.0.answers.lock().unwrap().pop_front();
        if let Some(answer) = answer {
            answer(request)?;
        }
        let slot = Slot(self.next);
        self.next += 1;
        let (script, numbers) = (self.script.clone(), self.script.numbers(slot));
        let tables = Arc::new(FakeTables { slot, script, numbers });
        Ok(Placed { slot, tables, trap_ns: None })
    }

    fn see_mappings(&mut self, slot: Slot) -> Result<(), ProbeError> {
        self.script.note(KernelCall::Mappings(slot));
        match self.script.0.no_mappings.load(Ordering::Relaxed) {
            true => Err(ProbeError::Object { what: "tracepoint" }),
            false => Ok(()),
        }
    }

    fn detach(&mut self, slot: Slot) -> Result<(), ProbeError> {
        if !self.script.calls().contains(&KernelCall::Detach(slot)) {
            self.script.note(KernelCall::Detach(slot));
        }
        match self.script.0.stuck.load(Ordering::Relaxed) {
            true => Err(ProbeError::Object { what: "guard" }),
            false => Ok(()),
        }
    }

    fn release_library(&mut self, slot: Slot, library: u32) -> Result<(), ProbeError> {
        self.script.note(KernelCall::ReleaseLibrary(slot, library));
        Ok(())
    }

    fn records(&mut self) -> Result<Box<dyn Records>, ProbeError> {
        let bell = self.bell.take().ok_or(ProbeError::Object { what: "records" })?;
        Ok(Box::new(FakeRecords { script: self.script.clone(), bell }))
    }

    fn guard(&self) -> io::Result<OwnedFd> {
        let guard = self.guard.as_ref().ok_or(io::Error::from_raw_os_error(libc::EMFILE))?;
        guard.as_fd().try_clone_to_owned()
    }
}

struct FakeRecords {
    script: Script,
    bell: UnixStream,
}

impl AsFd for FakeRecords {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Records for FakeRecords {
    fn fetch(&mut self, most: usize, each: &mut dyn FnMut(Slot, &[u8])) -> bool {
        // As many bytes as there are, and more than one record rings for.
        while matches!((&self.bell).read(&mut [0; 64]), Ok(1..)) {}
        let mut bytes = 0;
        while bytes < most {
            let Some((slot, record)) = self.script.0.records.lock().unwrap().pop_front() else {
                return false;
            };
            bytes += record.len();
            each(slot, &record);
            self.script.0.fetched.notify_waiters();
        }
        true
    }
}

struct FakeTables {
    slot: Slot,
    script: Script,
    numbers: Arc<Numbers>,
}

impl Drop for FakeTables {
    fn drop(&mut self) {
        self.script.note(KernelCall::Dropped(self.slot));
    }
}

impl FakeTables {
    fn read(&self) -> Result<(), ProbeError> {
        let gate = self.numbers.gate.lock().unwrap().take();
        // An error is what it waits for.
        let _ = gate.map(|gate| gate.recv());
        assert!(!self.numbers.panics.load(Ordering::Relaxed), "as the test wants it");
        match self.numbers.broken.load(Ordering::Relaxed) {
            true => Err(ProbeError::Map { map: "SITES", source: io::ErrorKind::Other.into() }),
            false => Ok(()),
        }
    }
}

impl Tables for FakeTables {
    fn set_recording(&self, on: bool) -> Result<(), ProbeError> {
        self.script.note(KernelCall::Recording(self.slot, on));
        Ok(())
    }

    fn ended(&self) -> Result<Option<EndedBy>, ProbeError> {
        Ok(*self.numbers.ended.lock().unwrap())
    }

    fn counters(&self) -> Result<Vec<u64>, ProbeError> {
        self.read()?;
        let mut counters = vec![0; Counter::ALL.len()];
        counters[Counter::AllocBytes as usize] = self.numbers.live_bytes.load(Ordering::Relaxed);
        Ok(counters)
    }

    fn sites(&self) -> Result<Vec<(u64, SiteValue)>, ProbeError> {
        self.read()?;
        Ok(self.numbers.sites.lock().unwrap().clone())
    }

    fn set_period(&self, _bytes: u32) -> Result<(), ProbeError> {
        Ok(())
    }

    fn time_programs(&self, _on: bool) -> Result<(), ProbeError> {
        Ok(())
    }

    fn program_times(&self) -> Result<ProgramTimes, ProbeError> {
        Ok(ProgramTimes::default())
    }

    fn live(&self, _each: &mut dyn FnMut(u64, LiveValue)) -> Result<(), ProbeError> {
        self.read()
    }

    fn block(&self, _address: u64) -> Result<Option<LiveValue>, ProbeError> {
        self.read().map(|()| None)
    }

    fn pending(&self) -> Vec<Pending> {
        Vec::new()
    }

    fn code_seen(&self, _code: u64) -> Option<u32> {
        None
    }

    fn code_read(&self, _code: u64, _first_seen: u32) {}
}
