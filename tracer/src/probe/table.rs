//! The tables of all targets, and the part of one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aya::Pod;
use leakspy_ebpf::hash::task_cell;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{
    CounterRow, Generations, LiveValue, Pending, SITE_UNATTRIBUTED, SiteValue, of_target_key,
    target_key, unattributed,
};
use leakspy_ebpf::wire::limit::{GENERATION_BUCKETS, TASK_CELLS, TASKS};
use leakspy_ebpf::wire::name;
use leakspy_ebpf::wire::target::{
    ProgramTarget, STATE_FINALIZING, STATE_OFF, STATE_RECORDING, STATE_REPLACED, TargetRow, Task,
};

use super::bpf;
use super::error::ProbeError;
use super::kernel::{EndedBy, ProgramTimes, Tables};
use super::load::{Capacity, Loaded};
use super::map::{PerCpu, Table};
use super::sweep::Sweep;
use super::timing::TimedPrograms;

/// Every map that user space reads or writes, but the ring.
pub struct Maps {
    live: OfAll<LiveValue>,
    sites: OfAll<SiteValue>,
    pending: OfAll<Pending>,
    counters: PerCpu<CounterRow>,
    targets: Table<u32, TargetRow>,
    periods: Table<u32, u32>,
    tasks: Table<u32, Task>,
    generations: Table<u32, Generations>,
    seen_code: Table<u64, u32>,
    read_code: Table<u64, u32>,
    code_values: Table<u64, u64>,
    mapping_ends: Table<u64, u64>,
    slots: Mutex<Slots>,
}

/// A table with the rows of all targets.
struct OfAll<V> {
    table: Table<u64, V>,
    sweep: Sweep<(u64, V)>,
}

impl<V: Pod> OfAll<V> {
    fn new(table: Table<u64, V>) -> Self {
        Self { table, sweep: Sweep::default() }
    }

    /// Reads the rows of a target. `owner` says whose a row is.
    fn read(
        &self,
        slot: u32,
        owner: impl Fn(u64, &V) -> u32,
        each: &mut dyn FnMut((u64, V)),
    ) -> Result<(), ProbeError> {
        let read = |each: &mut dyn FnMut(u32, (u64, V))| {
            self.table.read(|key, value| each(owner(key, &value), (key, value)))
        };
        self.sweep.read(slot, each, read)
    }
}

/// The slot of tasks that are no targets; nothing is recorded there.
const NOBODY: u32 = 0;

/// Which slots are taken.
#[derive(Default)]
struct Slots {
    used: BTreeSet<u32>,
    /// Of those, the ones whose target was recorded and is not any more.
    stopped: BTreeSet<u32>,
    /// Slots with entries of a target that is gone.
    dirty: BTreeSet<u32>,
    /// The last one; the first is 1.
    last: u32,
}

impl Maps {
    /// The maps of a loaded object, for at most `targets` targets at once.
    pub fn new(loaded: &Loaded, targets: u32) -> Result<Self, ProbeError> {
        Ok(Self {
            live: OfAll::new(loaded.table(name::LIVE)?),
            sites: OfAll::new(loaded.table(name::SITES)?),
            pending: OfAll::new(loaded.table(name::PENDING)?),
            counters: loaded.per_cpu(name::COUNTERS)?,
            targets: loaded.table(name::TARGETS)?,
            periods: loaded.table(name::PERIODS)?,
            tasks: loaded.table(name::TASKS)?,
            generations: loaded.table(name::GENERATIONS)?,
            seen_code: loaded.table(name::SEEN_CODE)?,
            read_code: loaded.table(name::READ_CODE)?,
            code_values: loaded.table(name::CODE_VALUES)?,
            mapping_ends: loaded.table(name::MAPPING_ENDS)?,
            slots: Mutex::new(Slots { last: targets, ..Slots::default() }),
        })
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets targets of which no program runs any more.
    fn clean(&self, slots: &BTreeSet<u32>) -> Result<(), ProbeError> {
        let of_slots = |key: &u64| slots.contains(&of_target_key(*key).0);
        for slot in slots {
            self.targets.set(slot, &TargetRow::NONE)?;
        }
        self.live.table.remove_all(|key, _| of_slots(key))?;
        self.mapping_ends.remove_all(|key, _| of_slots(key))?;
        self.seen_code.remove_all(|key, _| of_slots(key))?;
        self.read_code.remove_all(|key, _| of_slots(key))?;
        self.code_values.remove_all(|key, _| of_slots(key))?;
        self.sites.table.remove_all(|_, totals| slots.contains(&totals.slot))?;
        self.pending.table.remove_all(|_, pending| slots.contains(&pending.slot))?;
        for slot in slots {
            self.generations.set(slot, &Generations { bucket: [0; GENERATION_BUCKETS] })?;
            self.counters.set(*slot, CounterRow { cells: [0; Counter::ALL.len()] })?;
        }
        Ok(())
    }

    /// Forgets all targets that are gone.
    fn clean_up(&self) -> Result<(), ProbeError> {
        let dirty = std::mem::take(&mut self.slots().dirty);
        let cleaned = if dirty.is_empty() { Ok(()) } else { self.clean(&dirty) };
        if cleaned.is_err() {
            self.slots().dirty.extend(dirty);
        }
        cleaned
    }

    /// The counters of a target, of all CPUs together.
    fn counts(&self, slot: u32) -> Result<Vec<u64>, ProbeError> {
        let cpus = self.counters.get(slot)?;
        let sum = |cell: usize| cpus.iter().map(|counters| counters.cells[cell]).sum();
        Ok((0..Counter::ALL.len()).map(sum).collect())
    }

    /// Hits so far, at trace events, of tasks that are no targets.
    pub fn foreign_hits(&self) -> u64 {
        let counts = self.counts(NOBODY).unwrap_or_default();
        counts.get(Counter::Gated as usize).copied().unwrap_or(0)
    }

    /// Where the slot of a process is to be found, or could be.
    fn cell(&self, tgid: u32, wanted: impl Fn(Task) -> bool) -> Result<Option<u32>, ProbeError> {
        for step in 0..TASK_CELLS {
            let cell = task_cell(tgid).wrapping_add(step) & (TASKS - 1);
            if self.tasks.get(&cell)?.is_some_and(&wanted) {
                return Ok(Some(cell));
            }
        }
        Ok(None)
    }
}

/// A slot, until it is dropped.
pub struct Lease {
    /// Its number.
    pub slot: u32,
    maps: Arc<Maps>,
    tgid: u32,
}

impl Lease {
    /// Takes a slot for a target and makes it ready: recording is off, and blocks without a site
    /// have somewhere to go.
    ///
    /// # Errors
    /// All slots are taken.
    pub fn new(
        maps: &Arc<Maps>,
        tgid: u32,
        target: &ProgramTarget,
        quota: Capacity,
    ) -> Result<Self, ProbeError> {
        maps.clean_up()?;
        let slot = {
            let mut slots = maps.slots();
            let taken = |slot: &u32| slots.used.contains(slot) || slots.dirty.contains(slot);
            let free = (1..=slots.last).find(|slot| !taken(slot));
            let slot = free.ok_or(ProbeError::TooManyTargets { most: slots.last })?;
            slots.used.insert(slot);
            slot
        };
        let lease = Self { slot, maps: Arc::clone(maps), tgid };
        let totals = SiteValue { published: 1, slot, ..SiteValue::NONE };
        maps.sites.table.set(&unattributed(slot), &totals)?;
        let row = TargetRow {
            live_quota: quota.live_blocks.into(),
            site_quota: quota.sites,
            ..target.row()
        };
        maps.targets.set(&slot, &row)?;
        maps.periods.set(&slot, &0)?;
        lease.name_task()?;
        Ok(lease)
    }

    /// Hits of probes so far, about: calls that return have one more. None when they cannot be read.
    pub fn hits(&self) -> u64 {
        let counts = self.maps.counts(self.slot).unwrap_or_default();
        let count = |counter: Counter| counts.get(counter as usize).copied().unwrap_or(0);
        let calls = count(Counter::AllocCalls).saturating_mul(2);
        calls.saturating_add(count(Counter::FreeCalls))
    }

    /// No program runs for the target any more: its numbers are the last ones.
    pub fn settle(&self) {
        self.maps.live.sweep.settle(self.slot);
        self.maps.sites.sweep.settle(self.slot);
        self.maps.pending.sweep.settle(self.slot);
    }

    /// Lets the programs find the slot by the process.
    fn name_task(&self) -> Result<(), ProbeError> {
        let (slot, tgid) = (self.slot, self.tgid);
        if tgid == 0 {
            return Ok(());
        }
        let cell = self.maps.cell(tgid, |task| task.tgid == tgid || task.tgid == 0)?;
        let cell = cell.ok_or(ProbeError::TooManyTargets { most: TASK_CELLS })?;
        self.maps.tasks.set(&cell, &Task { tgid, slot, mapped_by: 0 })
    }

    /// Has the programs of this number see its mappings.
    pub fn see_mappings(&self, mapped_by: u32) -> Result<(), ProbeError> {
        let (slot, tgid) = (self.slot, self.tgid);
        // Without a process nothing tells its calls from those of others.
        let cell = self.maps.cell(tgid, |task| tgid != 0 && task.tgid == tgid)?;
        let unknown = std::io::ErrorKind::NotFound.into();
        let cell = cell.ok_or(ProbeError::Kernel { what: "name a task", source: unknown })?;
        self.maps.tasks.set(&cell, &Task { tgid, slot, mapped_by })
    }

    fn forget_task(&self) -> Result<(), ProbeError> {
        let mine = |task: Task| task.tgid == self.tgid && task.slot == self.slot;
        if let Some(cell) = self.maps.cell(self.tgid, mine)? {
            self.maps.tasks.set(&cell, &Task::GONE)?;
        }
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // What cannot be written now could not be read either.
        let _ = self.forget_task();
        self.maps.live.sweep.forget(self.slot);
        self.maps.sites.sweep.forget(self.slot);
        self.maps.pending.sweep.forget(self.slot);
        let goes_on = {
            let mut slots = self.maps.slots();
            slots.stopped.insert(self.slot);
            slots.dirty.insert(self.slot);
            slots.used.difference(&slots.stopped).next().is_some()
        };
        // Mostly everything ends with the last one that is recorded; else the next one tidies up.
        if goes_on && let Err(error) = self.maps.clean_up() {
            tracing::debug!("what a target left stays: {error}");
        }
        let mut slots = self.maps.slots();
        slots.stopped.remove(&self.slot);
        slots.used.remove(&self.slot);
    }
}

/// The numbers of one target.
pub struct Part {
    lease: Arc<Lease>,
    programs: TimedPrograms,
}

impl Part {
    /// They can be read for as long as this or another owner of the lease is there.
    pub fn new(lease: Arc<Lease>, programs: TimedPrograms) -> Self {
        Self { lease, programs }
    }

    fn maps(&self) -> &Maps {
        &self.lease.maps
    }

    fn row(&self) -> Result<TargetRow, ProbeError> {
        let missing = ProbeError::Object { what: name::TARGETS };
        self.maps().targets.get(&self.lease.slot)?.ok_or(missing)
    }

    fn site(&self, key: u64) -> u64 {
        if key == unattributed(self.lease.slot) { SITE_UNATTRIBUTED } else { key }
    }

    fn key(&self, address: u64) -> Option<u64> {
        target_key(self.lease.slot, address)
    }
}

impl Tables for Part {
    fn set_recording(&self, on: bool) -> Result<(), ProbeError> {
        let row = self.row()?;
        let state = match row.state {
            _ if on => STATE_RECORDING,
            // It is off, and why is still to be told.
            ended @ (STATE_FINALIZING | STATE_REPLACED) => ended,
            _ => STATE_OFF,
        };
        let row = TargetRow { state, ..row };
        self.maps().targets.set(&self.lease.slot, &row)?;
        if !on {
            // Programs that began before may still count.
            bpf::await_programs();
        }
        let mut slots = self.maps().slots();
        let _ = match on {
            true => slots.stopped.remove(&self.lease.slot),
            false => slots.stopped.insert(self.lease.slot),
        };
        Ok(())
    }

    fn set_period(&self, bytes: u32) -> Result<(), ProbeError> {
        self.maps().periods.set(&self.lease.slot, &bytes)
    }

    fn time_programs(&self, on: bool) -> Result<(), ProbeError> {
        self.programs.time(on)
    }

    fn program_times(&self) -> Result<ProgramTimes, ProbeError> {
        self.programs.times()
    }

    fn ended(&self) -> Result<Option<EndedBy>, ProbeError> {
        Ok(match self.row()?.state {
            STATE_FINALIZING => Some(EndedBy::Finalizing),
            STATE_REPLACED => Some(EndedBy::Replaced),
            _ => None,
        })
    }

    fn counters(&self) -> Result<Vec<u64>, ProbeError> {
        self.maps().counts(self.lease.slot)
    }

    fn sites(&self) -> Result<Vec<(u64, SiteValue)>, ProbeError> {
        let mut sites = Vec::new();
        let owner = |_, totals: &SiteValue| totals.slot;
        self.maps().sites.read(self.lease.slot, owner, &mut |(key, totals)| {
            sites.push((self.site(key), totals));
        })?;
        Ok(sites)
    }

    fn live(&self, each: &mut dyn FnMut(u64, LiveValue)) -> Result<(), ProbeError> {
        let owner = |key, _: &LiveValue| of_target_key(key).0;
        self.maps().live.read(self.lease.slot, owner, &mut |(key, block)| {
            each(of_target_key(key).1, block.at(self.site(block.site)));
        })
    }

    fn block(&self, address: u64) -> Result<Option<LiveValue>, ProbeError> {
        let Some(key) = self.key(address) else { return Ok(None) };
        let block = self.maps().live.table.get(&key)?;
        Ok(block.map(|block| block.at(self.site(block.site))))
    }

    fn pending(&self) -> Vec<Pending> {
        let mut calls = Vec::new();
        // Entries of other threads may go while this runs; they are not what is asked for.
        let owner = |_, pending: &Pending| pending.slot;
        let read = self.maps().pending.read(self.lease.slot, owner, &mut |(_, pending)| {
            if pending.sp != 0 {
                calls.push(pending);
            }
        });
        if let Err(error) = read {
            tracing::debug!("calls in flight are not known: {error}");
        }
        calls
    }

    fn code_seen(&self, code: u64) -> Option<u32> {
        self.maps().seen_code.get(&self.key(code)?).ok().flatten()
    }

    fn code_read(&self, code: u64, first_seen: u32) {
        if let Some(key) = self.key(code) {
            // Without room for it the parts are saved for nothing, no more.
            let _ = self.maps().read_code.set(&key, &first_seen);
        }
    }
}
