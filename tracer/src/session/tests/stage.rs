//! What the tests of a session have in common: a folder, a fake kernel, and processes to look at.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::super::{
    Attachment, CensusRules, Ending, Event, EventKind, RecordOptions, SearchRules, Session,
    SessionError, TargetId,
};
use crate::model::{Document, Note};
use crate::probe::fake::{FakeKernel, Script};
use crate::store::Reader;

/// A process that waits; it ends when this is dropped.
pub struct WaitingProcess(Option<Child>);

impl WaitingProcess {
    pub fn new() -> Self {
        Self::begin(&mut Command::new("cat"))
    }

    /// One that takes 16 MiB more for each line that it is told.
    pub fn growing() -> Self {
        let script = "s=x; i=0; while [ $i -lt 24 ]; do s=$s$s; i=$((i+1)); done
            while read line; do a=$a$s; echo $line; done";
        Self::begin(Command::new("sh").args(["-c", script]))
    }

    fn begin(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = Self(Some(child.expect("a process")));
        // Its libraries are loaded when it answers.
        process.answer();
        process
    }

    /// Tells it a line, and waits for its answer.
    pub fn answer(&mut self) {
        let child = self.0.as_mut().expect("a process");
        child.stdin.as_mut().unwrap().write_all(b"ready\n").unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
    }

    pub fn pid(&self) -> u32 {
        self.0.as_ref().expect("a process").id()
    }

    pub fn end(&mut self) {
        drop(self.hand_over());
    }

    /// The process, for somebody else to end.
    pub fn hand_over(&mut self) -> Self {
        Self(self.0.take())
    }
}

impl Drop for WaitingProcess {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

pub struct Stage {
    pub session: Session,
    pub script: Script,
    folder: TempDir,
    /// Events that nobody has asked for so far.
    early: Vec<Event>,
}

impl Stage {
    pub fn new() -> Self {
        let (kernel, script) = FakeKernel::new();
        let session = Session::new(Box::new(kernel)).unwrap();
        Self { session, script, folder: tempfile::tempdir().unwrap(), early: Vec::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Until somebody says stop, with many ticks.
    pub fn options(&self, subject: &WaitingProcess, name: &str) -> RecordOptions {
        RecordOptions {
            history: None,
            target: subject.pid().to_string(),
            duration: None,
            output: Some(self.path(name)),
            force: false,
            tick: Duration::from_millis(5),
            max_live: 1024,
            max_sites: 1024,
            budget: None,
            audit_one_in: 0,
            search: SearchRules::default(),
            census: CensusRules::default(),
            pause: false,
            method: None,
        }
    }

    pub fn attach(&mut self, subject: &WaitingProcess, name: &str) -> TargetId {
        let options = self.options(subject, name);
        self.session.attach(options)
    }

    /// The first event of a target that is wanted; events of others wait.
    async fn event<T>(
        &mut self,
        of: TargetId,
        wanted: impl Fn(EventKind) -> Result<T, EventKind>,
    ) -> T {
        let (mut others, mut found) = (Vec::new(), None);
        for Event { target, what } in self.early.drain(..) {
            let sorted = if found.is_none() && target == of { wanted(what) } else { Err(what) };
            match sorted {
                Ok(value) => found = Some(value),
                Err(what) => others.push(Event { target, what }),
            }
        }
        self.early = others;
        if let Some(found) = found {
            return found;
        }
        loop {
            let Event { target, what } = self.session.next_event().await.expect("an event");
            match if target == of { wanted(what) } else { Err(what) } {
                Ok(value) => return value,
                Err(what) => self.early.push(Event { target, what }),
            }
        }
    }

    pub async fn attached(&mut self, target: TargetId) -> Attachment {
        self.event(target, |what| match what {
            EventKind::Attached(about) => Ok(about),
            EventKind::Failed(error) => panic!("{error}"),
            other => Err(other),
        })
        .await
    }

    /// Two targets, `a` and `b`, one attached after the other: in slots 0 and 1.
    pub async fn two(&mut self, subjects: &[WaitingProcess; 2]) -> [TargetId; 2] {
        let first = self.attach(&subjects[0], "a");
        self.attached(first).await;
        let second = self.attach(&subjects[1], "b");
        self.attached(second).await;
        [first, second]
    }

    /// A target goes on until it is asked to end.
    pub async fn ends_well(&mut self, target: TargetId) {
        self.session.detach(target);
        assert_eq!(self.outcome(target).await.unwrap(), Ending::Asked);
    }

    /// A status from now on.
    pub async fn status(&mut self, of: TargetId) {
        self.early.retain(|Event { target, what }| {
            *target != of || !matches!(what, EventKind::Status(_))
        });
        self.event(of, |what| match what {
            EventKind::Status(_) => Ok(()),
            EventKind::Failed(error) => panic!("{error}"),
            other => Err(other),
        })
        .await;
    }

    /// What is noticed while it is followed.
    pub async fn noticed(&mut self, of: TargetId) -> Note {
        self.event(of, |what| match what {
            EventKind::Noticed(note) => Ok(note),
            EventKind::Failed(error) => panic!("{error}"),
            other => Err(other),
        })
        .await
    }

    pub async fn outcome(&mut self, target: TargetId) -> Result<Ending, SessionError> {
        self.event(target, |what| match what {
            EventKind::Finished(ending) => Ok(Ok(ending)),
            EventKind::Failed(error) => Ok(Err(error)),
            other => Err(other),
        })
        .await
    }

    pub fn document(&self, name: &str) -> Document {
        Reader::open(&self.path(name)).unwrap().document().unwrap()
    }

    pub fn loss(&self, recording: &str, name: &str) -> u64 {
        let losses = self.document(recording).losses;
        losses.iter().find(|loss| loss.counter.name() == name).map_or(0, |loss| loss.count)
    }
}

/// A record that says it is a stack, and is none.
pub fn site_record(bytes: usize) -> Vec<u8> {
    let mut record = leakspy_ebpf::wire::record::KIND_SITE.to_le_bytes().to_vec();
    record.resize(bytes, 0xff);
    record
}
