//! What allocators retain of freed memory, as one entry beside the leaks. It is no leak, whatever makes the program
//! free it.
//!
//! | of | is known from | where |
//! |---|---|---|
//! | the C library's malloc | readings of malloc itself, together with the size of the process | `malloc` |
//! | an allocator that is not read | blocks that were freed, while the process did not shrink: a lower bound | `unread` |
//! | Python's small-object allocator | pools in its arenas, read at searches for lost objects | `arenas` |

mod arenas;
mod malloc;
#[cfg(test)]
mod tests;
mod unread;

use crate::model::{
    Advice, Amount, Confidence, Document, Interval, Leak, LeakEvidence, LeakKind, LeakRate, Reason,
    Verdict,
};

const HOUR: f64 = 3600.0;
/// Retention that explains less of the growth is not told.
const WORTH: f64 = 0.1;
/// One that explains more says what the process does.
const MOST: f64 = 0.5;

/// What one allocator retains.
struct Retained {
    /// What it is called, the same in every run.
    name: String,
    now: Amount,
    /// How fast that grows, bytes per hour; nothing where it does not.
    rate: Interval,
    /// Share of the growth of the process.
    explains: Option<f64>,
    ground: Reason,
    advice: Advice,
}

/// The entry; `None` where no allocator was read, or where what they retain is little.
pub fn leak(document: &Document) -> Option<Leak> {
    let malloc = malloc::retained(document).or_else(|| unread::retained(document));
    let parts: Vec<Retained> = [malloc, arenas::retained(document)].into_iter().flatten().collect();
    let first = parts.first()?;
    let shares = parts.iter().filter_map(|part| part.explains).reduce(|sum, share| sum + share);
    let rate = parts.iter().map(|part| part.rate).fold(Interval::default(), Interval::plus);
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    Some(Leak {
        id: Leak::identify(LeakKind::Allocator, &of_freed(&first.name), []),
        rank: 0,
        verdict: Verdict::AllocatorRetention,
        confidence: Confidence::Suspect,
        kind: LeakKind::Allocator,
        name: of_freed(&names.join(" and ")),
        now: Amount {
            bytes: parts.iter().map(|part| part.now.bytes).fold(0, u64::saturating_add),
            count: first.now.count,
        },
        rate: LeakRate { bytes_per_hour: rate, count_per_hour: 0.0 },
        explains: shares,
        retained_by: None,
        grown_by: Vec::new(),
        created_at: Vec::new(),
        distinguishing: Vec::new(),
        bound: None,
        known_kind: None,
        advice: first.advice,
        grounds: parts.into_iter().map(|part| part.ground).collect(),
        evidence: LeakEvidence::default(),
    })
}

/// Whether malloc was read often enough to say that it does not retain most of the growth.
pub fn is_excluded(document: &Document) -> bool {
    malloc::was_read(document) && !document.leaks.iter().any(is_most)
}

/// Whether it is what allocators retain, and explains most of the growth.
pub fn is_most(leak: &Leak) -> bool {
    leak.kind == LeakKind::Allocator && leak.explains.is_some_and(|share| share >= MOST)
}

fn of_freed(name: &str) -> String {
    format!("{name} (freed memory)")
}

#[expect(clippy::cast_precision_loss, reason = "an address space ends at 2⁴⁷")]
fn float(bytes: u64) -> f64 {
    bytes as f64
}
