//! Where a thread keeps the pointer to its own `PyThreadState`, found by content.
//!
//! Up to 3.14 CPython stores it under a pthread key, from 3.15 on in a thread-local variable; in
//! both also while the thread has released the GIL. How far that is from the thread's control block
//! is the business of the C library and the linker, but it is the same distance in every thread,
//! and each thread state says whose it is: so the slot is the distance at which every listed thread
//! has its own state. No table of C libraries, and the answer is proven as it is found.

use std::collections::HashMap;

use super::layout::StateLocation;
use super::machine;
use super::runtime::ThreadState;
use crate::model::{Address, Memory};

/// Bytes of the control block that are searched: `struct pthread` of glibc 2.36 has 2304, and what
/// is mapped behind it is the kernel's choice.
const CONTROL_BLOCK: i32 = 2304;
/// Bytes of thread-local storage that are searched. glibc reserves as many for libraries that come
/// later, so that stacks, which are full of pointers to thread states, begin no nearer
/// (`sysdeps/generic/dl-tls.c`, 2.32 on).
const THREAD_LOCALS: i32 = 1664;
/// Step in which memory is read that ends early.
const STEP: usize = 128;
/// Threads that are searched; one matching thread is proof enough, these are for exclusion.
const MAX_SEARCHED: usize = 256;

/// Where glibc (2.21 to 2.42, x86-64) keeps the values of the first 32 keys, 16 bytes each: a
/// sequence number that is odd while the key is in use, then the value (`nptl/descr.h`,
/// `struct pthread_key_data`).
const GLIBC_FIRST: i64 = 784;
const GLIBC_ENTRY: i64 = 16;
const GLIBC_KEYS: i64 = 32;

/// `PTHREAD_KEYS_MAX` of glibc.
const PTHREAD_KEYS: u32 = 1024;
/// What of `_PyRuntime` comes before the objects in it, which begin with no key.
const RUNTIME: u64 = 16 * 1024;

/// What is known before the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotSearch {
    /// What kind of place it is.
    pub state_location: StateLocation,
    /// Number of the pthread key, where known.
    pub key: Option<u32>,
    /// Distance from fsbase that CPython's own accessor uses, where its code says so.
    pub accessor: Option<i64>,
}

/// A slot, and why it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSlot {
    /// Bytes from fsbase.
    pub offset: i64,
    /// Threads that have their own state there.
    pub threads: usize,
    /// How it was told from others.
    pub evidence: SlotEvidence,
    /// Whether glibc would keep `autoTSSkey`'s value there; `None` when the key is not known.
    pub agrees_with_key: Option<bool>,
}

/// How a slot was told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotEvidence {
    /// No other offset was common to all threads.
    OnlyOne,
    /// Others were, but only this one is laid out like glibc's entry of a key in use.
    KeyLayout,
    /// More than one was, as when an extension keeps the state under a key of its own (pybind11);
    /// this one is that of the interpreter's key.
    Key,
    /// CPython's own accessor reads there.
    Accessor,
}

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSlot {
    /// Not one thread has a pointer to its own state near its control block.
    #[error(
        "none of its {threads} threads keeps its state where glibc has room for it (is it musl?)"
    )]
    NotFound {
        /// Threads searched.
        threads: usize,
    },
    /// Threads have it in different places.
    #[error("its {threads} threads keep their states at different offsets")]
    NotCommon {
        /// Threads searched.
        threads: usize,
    },
    /// More than one place, and nothing to tell them apart.
    #[error("{candidates} places in its threads could hold the state; try again while it is idle")]
    Ambiguous {
        /// Places common to all threads.
        candidates: usize,
    },
}

/// The number of the pthread key under which threads keep their state: `_PyRuntime.autoTSSkey`, a
/// `Py_tss_t` that `PyGILState_GetThisThreadState`, at `function`, asks for it.
pub fn key(memory: &dyn Memory, function: Address, runtime: Address) -> Option<u32> {
    machine::mentioned_within(memory, function, runtime, RUNTIME).into_iter().find_map(|place| {
        let created = memory.u32(place)? == 1;
        memory.u32(place.offset(4)?).filter(|key| created && *key < PTHREAD_KEYS)
    })
}

/// Finds the slot that is common to `threads`.
///
/// A thread state whose thread is gone, or has not begun, has nothing to say; a thread may have
/// several thread states (one per interpreter that it runs), each of which may be the one in the
/// slot.
pub fn find(
    memory: &dyn Memory,
    threads: &[ThreadState],
    search: SlotSearch,
) -> Result<StateSlot, NoSlot> {
    let owners = Owner::of(threads);
    if let Some(slot) = by_accessor(memory, &owners, search) {
        return Ok(slot);
    }
    let found: Vec<Vec<Candidate>> = owners
        .iter()
        .map(|owner| owner.candidates(memory, search.state_location))
        .filter(|candidates| !candidates.is_empty())
        .collect();
    let (first, others) = found.split_first().ok_or(NoSlot::NotFound { threads: owners.len() })?;
    let common: Vec<Candidate> =
        first.iter().filter_map(|candidate| candidate.common_to(others)).collect();
    let (candidate, evidence) = choose(&common, found.len(), search.key)?;
    Ok(search.slot(candidate.offset, found.len(), evidence))
}

/// The place that the accessor reads, if threads have their states there and nothing else.
fn by_accessor(memory: &dyn Memory, owners: &[Owner], search: SlotSearch) -> Option<StateSlot> {
    let offset = search.accessor?;
    let mut matching = 0;
    for owner in owners {
        let at = owner.fsbase.checked_add_signed(offset).map(Address);
        match at.and_then(|at| memory.u64(at)) {
            Some(state) if owner.states.contains(&state) => matching += 1,
            Some(0) | None => {}
            Some(_) => return None,
        }
    }
    (matching > 0).then(|| search.slot(offset, matching, SlotEvidence::Accessor))
}

impl SlotSearch {
    fn slot(self, offset: i64, threads: usize, evidence: SlotEvidence) -> StateSlot {
        let agrees_with_key = self.key.map(|key| glibc_key(offset) == Some(key.into()));
        StateSlot { offset, threads, evidence, agrees_with_key }
    }
}

/// One thread and the thread states that name it.
struct Owner {
    fsbase: u64,
    states: Vec<u64>,
}

impl Owner {
    fn of(threads: &[ThreadState]) -> Vec<Self> {
        let mut places: HashMap<u64, usize> = HashMap::new();
        let mut owners: Vec<Self> = Vec::new();
        for thread in threads.iter().filter(|thread| thread.thread_id != 0) {
            let place = *places.entry(thread.thread_id).or_insert(owners.len());
            if place == owners.len() {
                owners.push(Self { fsbase: thread.thread_id, states: Vec::new() });
            }
            owners[place].states.push(thread.address.0);
        }
        owners.truncate(MAX_SEARCHED);
        owners
    }

    /// Every place near the control block that holds one of the states.
    fn candidates(&self, memory: &dyn Memory, state_location: StateLocation) -> Vec<Candidate> {
        let words = match state_location {
            StateLocation::PthreadKey => words_above(memory, self.fsbase),
            StateLocation::ThreadLocal => words_below(memory, self.fsbase),
        };
        let holds = |&(_, word): &(i64, u64)| self.states.contains(&word);
        words
            .iter()
            .enumerate()
            .filter(|(_, word)| holds(word))
            .map(|(index, &(offset, _))| {
                let in_use = index.checked_sub(1).is_some_and(|before| words[before].1 % 2 == 1);
                Candidate { offset, is_key_entry: in_use && glibc_key(offset).is_some() }
            })
            .collect()
    }
}

/// A place in one thread, then in all of them.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Candidate {
    offset: i64,
    is_key_entry: bool,
}

impl Candidate {
    fn common_to(mut self, others: &[Vec<Self>]) -> Option<Self> {
        for other in others {
            let same = other.iter().find(|candidate| candidate.offset == self.offset)?;
            self.is_key_entry &= same.is_key_entry;
        }
        Some(self)
    }
}

/// The words of the control block, with their offsets, as far as it is mapped.
fn words_above(memory: &dyn Memory, fsbase: u64) -> Vec<(i64, u64)> {
    (0..CONTROL_BLOCK)
        .step_by(STEP)
        .map_while(|start| words_at(memory, fsbase, start))
        .flatten()
        .collect()
}

/// The words of the thread-local storage, which ends at fsbase, as far as it is mapped, upwards in
/// each step.
fn words_below(memory: &dyn Memory, fsbase: u64) -> Vec<(i64, u64)> {
    (-THREAD_LOCALS..0)
        .step_by(STEP)
        .rev()
        .map_while(|start| words_at(memory, fsbase, start))
        .flatten()
        .collect()
}

fn words_at(memory: &dyn Memory, fsbase: u64, start: i32) -> Option<Vec<(i64, u64)>> {
    let start = i64::from(start);
    let at = fsbase.checked_add_signed(start)?;
    let bytes = memory.bytes(Address(at), STEP)?;
    let words = bytes.as_chunks::<8>().0.iter().map(|&word| u64::from_le_bytes(word));
    Some((start..).step_by(8).zip(words).collect())
}

/// The key whose value glibc keeps at `offset`.
fn glibc_key(offset: i64) -> Option<i64> {
    let from_first = offset - (GLIBC_FIRST + 8);
    let key = from_first / GLIBC_ENTRY;
    (from_first >= 0 && from_first % GLIBC_ENTRY == 0 && key < GLIBC_KEYS).then_some(key)
}

fn choose(
    common: &[Candidate],
    threads: usize,
    key: Option<u32>,
) -> Result<(Candidate, SlotEvidence), NoSlot> {
    let of_key = |candidate: &&Candidate| {
        candidate.is_key_entry
            && key.is_some_and(|key| glibc_key(candidate.offset) == Some(key.into()))
    };
    match *common {
        [] => Err(NoSlot::NotCommon { threads }),
        [only] => Ok((only, SlotEvidence::OnlyOne)),
        _ => {
            let mut entries = common.iter().filter(|candidate| candidate.is_key_entry);
            match (entries.next(), entries.next()) {
                (Some(&entry), None) => Ok((entry, SlotEvidence::KeyLayout)),
                _ => match common.iter().find(of_key) {
                    Some(&own) => Ok((own, SlotEvidence::Key)),
                    None => Err(NoSlot::Ambiguous { candidates: common.len() }),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests;
