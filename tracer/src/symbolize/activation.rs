//! Which native frame hosts which run of Python frames.
//!
//! An *activation* is one running call of CPython's evaluation loop, a C function. From 3.11 on one
//! activation runs a whole *segment* of Python frames that call one another; before, it runs one.
//! Where CPython leaves an address of a local variable of the activation's C frame, the frame that
//! contains it is the host, whatever the compiler did to the code. Before 3.10 there is no such
//! address, and the host is known by its code.
//!
//! | CPython | segment ends at | address in the host's frame |
//! |---|---|---|
//! | 3.6 to 3.9 | every frame | none (by code) |
//! | 3.10 | every frame | its `CFrame`, a chain from the thread state (`Include/cpython/pystate.h`) |
//! | 3.11 | `is_entry` | its `_PyCFrame`, the same |
//! | 3.12 on | an entry frame | the entry frame itself (`Python/ceval.c`, `entry_frame`) |

use std::ops::Range;

use leakspy_ebpf::walk::Word;

use super::stack::{NativeStack, StackCopy, WalkEnd};

/// How activations of a target's interpreter are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activations {
    /// 3.6 to 3.9: one Python frame each, hosts known by their code.
    ByCode,
    /// 3.10 and 3.11: through the chain of `_PyCFrame`s.
    ByCframe {
        /// Offset of `previous` in `_PyCFrame`, bytes.
        previous: u64,
        /// Whether the outermost frame of a segment is flagged (3.11), or each frame is one (3.10).
        flagged: bool,
    },
    /// 3.12 on: entry frames among the words.
    ByEntry,
}

/// Where the evaluation loop's code lies in the target: its ranges, the hot one and split-off ones.
/// Empty when it was not found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeRanges(Vec<Range<u64>>);

impl CodeRanges {
    /// From addresses of the target.
    pub fn new(ranges: Vec<Range<u64>>) -> Self {
        Self(ranges)
    }

    /// Whether `address` is in one of them.
    pub fn contains(&self, address: u64) -> bool {
        self.0.iter().any(|range| range.contains(&address))
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Python frames that one activation runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActivationSegment {
    /// Python frames, as indices of the words; innermost first, perhaps none.
    pub frames: Range<usize>,
    /// Address of a local variable of the host.
    pub local: Option<u64>,
}

/// Where a segment's host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// This native frame.
    Frame(usize),
    /// Further out than the native frames that are known.
    Beyond,
    /// Not known: the evidence is missing or disagrees.
    Unknown,
}

/// Cuts words into segments, innermost first. The last may be incomplete.
pub(super) fn segments(words: &[Word], by: Activations, cframes: &[u64]) -> Vec<ActivationSegment> {
    let mut segments = Vec::new();
    let mut start = 0;
    for (index, word) in words.iter().enumerate() {
        let (frames, local) = match by {
            _ if !word.is_python() => (start..index, Some(word.entry_address())),
            Activations::ByEntry => continue,
            Activations::ByCframe { flagged: true, .. } if !word.is_outermost() => continue,
            Activations::ByCframe { .. } => {
                (start..index + 1, cframes.get(segments.len()).copied())
            }
            Activations::ByCode => (start..index + 1, None),
        };
        segments.push(ActivationSegment { frames, local });
        start = index + 1;
    }
    if start < words.len() {
        // The words were cut inside a segment. Its cframe is known nonetheless.
        let local = match by {
            Activations::ByCframe { .. } => cframes.get(segments.len()).copied(),
            _ => None,
        };
        segments.push(ActivationSegment { frames: start..words.len(), local });
    }
    segments
}

/// The chain of `_PyCFrame`s from the innermost one, as far as it lies in the copied stack, and the
/// first address beyond (which may be the outermost one, inside the thread state).
pub(super) fn cframe_chain(innermost: u64, previous: u64, stack: &StackCopy<'_>) -> Vec<u64> {
    let mut chain = Vec::new();
    let mut next = innermost;
    while next != 0 {
        // Outer frames lie higher; anything else has left the stack.
        if chain.last().is_some_and(|last| next <= *last) {
            break;
        }
        chain.push(next);
        let Some(outer) = next.checked_add(previous).and_then(|at| stack.word(at)) else { break };
        next = outer;
    }
    chain
}

/// Finds the host of every segment. Hosts come out in order: each lies further out than the one
/// before, or the evidence is refused.
pub(super) fn hosts(
    segments: &[ActivationSegment],
    native: &NativeStack,
    code: &CodeRanges,
) -> Vec<Host> {
    if segments.iter().all(|segment| segment.local.is_none()) {
        return hosts_by_code(segments.len(), native, code);
    }
    // The first frame is the allocator.
    let mut next = 1;
    let mut beyond = false;
    segments
        .iter()
        .map(|segment| {
            let host = match segment.local {
                _ if beyond => Host::Beyond,
                Some(local) => host_of_local(local, next, native, code),
                None => host_by_code(next, native, code),
            };
            match host {
                Host::Frame(index) => next = index + 1,
                Host::Beyond => beyond = true,
                Host::Unknown => {}
            }
            host
        })
        .collect()
}

fn host_of_local(local: u64, next: usize, native: &NativeStack, code: &CodeRanges) -> Host {
    let frames = native.frames.get(next..).unwrap_or(&[]);
    if let Some(index) = frames.iter().position(|frame| frame.contains(local)) {
        return Host::Frame(next + index);
    }
    // Frames lie next to one another, so what is in none of them is below them all (nonsense), or
    // above: then the walk ended before its frame, or in it.
    match frames.last() {
        Some(last) if native.end != WalkEnd::Root => match last.cfa {
            Some(cfa) if local >= cfa => Host::Beyond,
            None if local >= last.sp && code.contains(last.address) => {
                Host::Frame(native.frames.len() - 1)
            }
            None if local >= last.sp && !code.is_empty() => Host::Beyond,
            _ => Host::Unknown,
        },
        None if native.end != WalkEnd::Root => Host::Beyond,
        _ => Host::Unknown,
    }
}

/// The host of a segment that leaves no address: the next activation, whichever it is.
fn host_by_code(next: usize, native: &NativeStack, code: &CodeRanges) -> Host {
    let frames = native.frames.get(next..).unwrap_or(&[]);
    match frames.iter().position(|frame| code.contains(frame.address)) {
        Some(index) => Host::Frame(next + index),
        None if native.end != WalkEnd::Root && !code.is_empty() => Host::Beyond,
        None => Host::Unknown,
    }
}

/// Hosts by their code: the innermost activation runs the innermost segment, and so on.
fn hosts_by_code(count: usize, native: &NativeStack, code: &CodeRanges) -> Vec<Host> {
    if code.is_empty() {
        return vec![Host::Unknown; count];
    }
    let mut hosts: Vec<Host> = native
        .frames
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, frame)| code.contains(frame.address))
        .map(|(index, _)| Host::Frame(index))
        .take(count)
        .collect();
    if hosts.len() < count {
        if native.end == WalkEnd::Root {
            // The whole stack is here and has fewer activations than Python frames: counting from
            // the inside cannot be trusted.
            return vec![Host::Unknown; count];
        }
        hosts.resize(count, Host::Beyond);
    }
    hosts
}
