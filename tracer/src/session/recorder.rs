//! One target being recorded: what is done with each thing that can happen.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use leakspy_ebpf::wire::counter::{Class, Counter};

use super::books::{self, Books};
use super::error::SessionError;
use super::names::CodeNames;
use super::progress::Status;
use super::search::{PointerSearch, Scanned, Step, Wanted};
use super::stacks::Stacks;
use super::target::Target;
use crate::model::{Address, Capture, Domain};
use crate::os::{self, Life};
use crate::probe::{self, Captured, Queue, Record, Ring, Tables};
use crate::reach::{Block, SiteLoss};
use crate::store::{Resident, SiteRow, Tick, Writer};
use crate::symbolize::{End, Resolver};

/// Records handled before the loop looks at its other events.
const RECORDS_AT_ONCE: usize = 256;

/// The recorder of one target.
pub struct Recorder {
    target: Target,
    tables: Tables,
    names: CodeNames,
    stacks: Stacks,
    writer: Writer,
    capture: Capture,
    started: Instant,
    /// Seconds at which accounting was turned off.
    ended: Option<f64>,
    /// Sites whose stack is in the recording.
    written: HashSet<u64>,
    /// Unknown code addresses that made us look for new modules, so that each does so once.
    looked_for: HashSet<u64>,
    /// Records that could not be decoded.
    undecoded: u64,
    queue: Queue,
}

impl Recorder {
    /// Takes everything over; accounting is still off.
    pub fn new(mut target: Target, tables: Tables, writer: Writer, capture: Capture) -> Self {
        let names = CodeNames::new(target.python().cloned());
        let stacks = target.stacks();
        Self {
            target,
            tables,
            names,
            stacks,
            writer,
            capture,
            started: Instant::now(),
            ended: None,
            written: HashSet::new(),
            looked_for: HashSet::new(),
            undecoded: 0,
            queue: Queue::default(),
        }
    }

    /// Turns accounting on; the clock starts.
    pub fn start(&mut self) -> Result<(), SessionError> {
        let document = self.target.document();
        self.writer.begin(&document, &self.capture)?;
        self.tables.set_recording(true)?;
        self.started = Instant::now();
        Ok(())
    }

    /// Turns accounting off: the numbers stay as they are now.
    pub fn stop(&mut self) -> Result<(), SessionError> {
        self.tables.set_recording(false)?;
        self.ended = Some(self.started.elapsed().as_secs_f64());
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.ended.unwrap_or_else(|| self.started.elapsed().as_secs_f64())
    }

    /// The process.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Adds a sentence to the report.
    pub fn note(&mut self, sentence: String) {
        if !self.capture.notes.contains(&sentence) {
            self.capture.notes.push(sentence);
        }
    }

    /// Handles what is in the ring, a bounded number; whether there may be more.
    pub fn drain(&mut self, ring: &mut Ring) -> bool {
        for _ in 0..RECORDS_AT_ONCE {
            // Each time, so that the ring does not fill up meanwhile.
            ring.fetch(&mut self.queue);
            let Some(record) = self.queue.take() else { return false };
            match probe::decode(&record) {
                Some(Record::Site(captured)) => self.site(&captured),
                Some(Record::Audit(captured)) => self.stacks.audit(&captured),
                Some(Record::CodeGone(gone)) => self.names.gone(&gone),
                None => self.undecoded += 1,
            }
        }
        true
    }

    fn site(&mut self, captured: &Captured) {
        if !self.stacks.wants(captured.site) {
            return;
        }
        // First, while the code objects are alive.
        self.names.learn(self.target.memory(), &mut self.tables, &captured.words);
        let mut native = self.stacks.unwind(captured);
        if let End::UnknownCode { address } = native.end
            && self.looked_for.insert(address)
            && self.target.refresh_modules(&mut self.stacks)
        {
            native = self.stacks.unwind(captured);
        }
        self.stacks.insert(captured, &native);
    }

    /// Saves the state now: counters, memory, and what the sites did, which becomes part of their history when
    /// asked for. What has not changed costs nothing. Gives the state for people who wait.
    pub fn save(&mut self, keep_history: bool) -> Result<Status, SessionError> {
        self.write_stacks()?;
        let (sites, unsent) = books::sites(&self.tables)?;
        let mut books = Books::open(&self.tables)?;
        books.set(Counter::CodeUnread, self.names.missed());
        books.set(Counter::RecordsUndecoded, self.undecoded);
        books.set(Counter::SitesUnsent, unsent);
        let audit = self.stacks.audited();
        books.set(Counter::StacksAudited, audit.compared);
        books.set(Counter::StacksMerged, audit.different);
        let resident = os::usage::resident(self.target.pid()).ok();
        self.writer.tick(&Tick {
            t: self.seconds(),
            resident: resident.map(|resident| Resident {
                rss_bytes: resident.total,
                rss_anon_bytes: resident.anonymous,
            }),
            live_bytes: books.live_bytes(),
            counters: &books.losses(),
            sites: &sites,
            keep_history,
        })?;
        Ok(Status {
            seconds: self.seconds(),
            live_bytes: books.live_bytes(),
            sites: self.stacks.len(),
            lost: books.sum(Class::Loss),
        })
    }

    /// Begins a search for pointers to old blocks, unless there are none.
    pub fn search(&mut self, search: &mut PointerSearch) -> Result<(), SessionError> {
        let since_start = self.started.elapsed();
        let age = u64::try_from(search.age(since_start).as_nanos()).unwrap_or(u64::MAX);
        let born_before = os::clock::monotonic_ns().saturating_sub(age);
        let (sites, _) = self.stacks.known();
        let mut blocks = Vec::new();
        self.tables.live(|address, live| {
            let of_malloc =
                sites.get(&live.site).is_some_and(|site| site.domain() == Domain::Malloc);
            if live.time_ns < born_before && of_malloc && blocks.len() < search.room() {
                let (start, born_ns) = (Address(address), live.time_ns);
                blocks.push(Block { start, size: live.size, site: live.site, born_ns });
            }
        })?;
        // A target that ends right now is noticed elsewhere.
        if let Ok((memory, threads)) = self.target.pages()
            && let Some(wanted) = Wanted::choose(blocks, threads)
        {
            search.begin(wanted, memory);
        }
        Ok(())
    }

    /// Goes on with a search after a pass, and takes down what came of it.
    pub fn scanned(
        &mut self,
        search: &mut PointerSearch,
        scanned: Scanned,
    ) -> Result<(), SessionError> {
        let mut live = HashMap::new();
        self.tables.live(|address, block| {
            live.insert(address, block.time_ns);
        })?;
        match search.go_on(scanned, |_| live) {
            Step::Goes => {}
            Step::Unfinished(reason) => {
                reason.sentence().into_iter().for_each(|why| self.note(why))
            }
            Step::Found(sites) if self.target.life() == Life::Running => self.lost(&sites)?,
            Step::Found(_) => {}
        }
        Ok(())
    }

    fn lost(&mut self, sites: &[SiteLoss]) -> Result<(), SessionError> {
        for SiteLoss { site, found, .. } in sites {
            // One line of the recording: what came of the last search.
            log::info!("site {site:016x}: {} of {} old blocks lost", found.lost, found.looked_for);
        }
        Ok(())
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Writes the stacks of sites that are not in the recording yet. Native code has no names so far:
    /// those come at the end, and a recording that is cut off before still tells module and offset.
    fn write_stacks(&mut self) -> Result<(), SessionError> {
        let (sites, native) = self.stacks.known();
        let resolver =
            Resolver { python: &self.names, native, interpreter: self.target.interpreter() };
        for (&key, site) in sites {
            if self.written.insert(key) {
                write_site(&mut self.writer, &resolver, key, site)?;
            }
        }
        Ok(())
    }

    /// Saves the last state with all names, and closes the recording.
    pub fn finish(mut self) -> Result<(), SessionError> {
        self.stacks.look_up_names();
        self.written.clear();
        self.save(true)?;
        self.capture.seconds = self.seconds();
        self.writer.finish(&self.capture)?;
        Ok(())
    }
}

fn write_site(
    writer: &mut Writer,
    resolver: &Resolver<'_, CodeNames>,
    key: u64,
    site: &super::stacks::SiteStack,
) -> Result<(), SessionError> {
    let mut resolved = resolver.resolve(&site.mixed);
    resolved.notes.extend(site.note.map(str::to_owned));
    writer.site(&SiteRow {
        key,
        domain: site.domain(),
        size_class: site.size_class(),
        allocator: site.function.symbol(),
        stack: &resolved.frames,
        notes: &resolved.notes,
    })?;
    Ok(())
}
