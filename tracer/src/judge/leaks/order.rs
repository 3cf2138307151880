//! Which leaks are worth a place, and in which order.

use super::build::UNKNOWN;
use super::piece::SMALL_OBJECTS;
use super::retention;
use crate::model::{Confidence, Document, Leak, LeakKind, Verdict};

/// A suspect that grows by less than this share of the first is no answer to why the process grows.
const WORTH: f64 = 0.1;
/// Blocks that leak leave holes between them. What malloc retains beside leaks is told where it grows by more than this
/// share of them.
const HOLES: f64 = 0.25;
/// What may leak is named where nothing does, so many of them.
const OPEN: usize = 3;

/// Those that are worth a place, ranked: leaks, then what may be one where nothing is, then what explains
/// growth and is none.
pub fn ranked(document: &Document, mut leaks: Vec<Leak>) -> Vec<Leak> {
    leaks.sort_by(|a, b| {
        // However much it is, what has no stack is no answer where there is another.
        let by_name = is_unknown(a).cmp(&is_unknown(b));
        let by_weight = by_name.then_with(|| weight(b).total_cmp(&weight(a)));
        by_weight.then_with(|| a.name.cmp(&b.name)).then_with(|| a.id.cmp(&b.id))
    });
    let (open, harmless): (Vec<Leak>, Vec<Leak>) =
        leaks.into_iter().partition(|leak| leak.verdict.is_open());
    let (leaking, undecided): (Vec<Leak>, Vec<Leak>) = open.into_iter().partition(Leak::is_leak);
    let mut told = worth(leaking, &Beside::of(document, &harmless));
    if told.is_empty() {
        let mut undecided: Vec<Leak> =
            undecided.into_iter().filter(|leak| matters(document, leak)).take(OPEN).collect();
        let is_named = undecided.iter().any(|leak| !is_unknown(leak));
        undecided.retain(|leak| !is_named || !is_unknown(leak));
        told.extend(undecided);
    }
    let leaking = told.iter().filter(|leak| leak.is_leak());
    let leaking: f64 = leaking.map(|leak| leak.rate.bytes_per_hour.est).sum();
    let is_consequence = |leak: &Leak| {
        leak.kind == LeakKind::Allocator && leak.rate.bytes_per_hour.est < HOLES * leaking
    };
    told.extend(
        harmless
            .into_iter()
            .filter(|leak| explains_without(document, leak) && !is_consequence(leak)),
    );
    for (rank, leak) in (1..).zip(&mut told) {
        leak.rank = rank;
    }
    told
}

/// What the allocator retains, where that is most of why the process grows.
struct Beside {
    /// How fast that grows, bytes per hour.
    retained: f64,
    /// How fast everything else may grow at most.
    rest: f64,
}

impl Beside {
    fn of(document: &Document, harmless: &[Leak]) -> Self {
        let slope = document.growth.as_ref().map_or(0.0, |growth| growth.slope_bytes_per_hour.est);
        let retained = harmless.iter().find(|leak| retention::is_most(leak));
        let retained = retained.map(|leak| leak.rate.bytes_per_hour.est);
        Self {
            retained: retained.unwrap_or(0.0),
            rest: retained.map_or(f64::INFINITY, |retained| (1.0 + WORTH) * slope - retained),
        }
    }
}

/// Leaks without those that are too small beside the fastest, and without suspects for which the growth has no
/// room beside what was measured.
fn worth(leaks: Vec<Leak>, beside: &Beside) -> Vec<Leak> {
    let rate = |leak: &Leak| leak.rate.bytes_per_hour.est;
    let named = leaks.iter().find(|leak| !is_unknown(leak));
    let fastest = named.or(leaks.first()).map_or(0.0, rate).max(beside.retained);
    let is_named = named.is_some();
    let is_worth = |leak: &Leak| {
        let is_sure = leak.confidence > Confidence::Suspect;
        // What found no room in a table names no place in the program.
        let names = !is_unknown(leak) || !is_named;
        is_sure || names && (WORTH * fastest..=beside.rest).contains(&rate(leak))
    };
    leaks.into_iter().filter(is_worth).collect()
}

/// Whether it is a sum of blocks whose stacks were not seen, and nothing else.
fn is_unknown(leak: &Leak) -> bool {
    leak.name == UNKNOWN
}

/// Whether what may leak could be why the process grows.
fn matters(document: &Document, leak: &Leak) -> bool {
    let least = document.growth.as_ref().map_or(0.0, |growth| {
        let slope = growth.slope_bytes_per_hour;
        WORTH * if growth.significant { slope.est } else { slope.hi }
    });
    leak.rate.bytes_per_hour.est > least.max(0.0)
}

/// Whether it is told although it is no leak: a limit that it declares, what the allocator retains, or garbage that the
/// process grows by until the collector comes.
fn explains_without(document: &Document, leak: &Leak) -> bool {
    let is_garbage = leak.verdict == Verdict::GarbagePending && matters(document, leak);
    leak.bound.is_some() || leak.kind == LeakKind::Allocator || is_garbage
}

/// How much it matters: how fast it grows at least, times how probable it is that it is a leak.
fn weight(leak: &Leak) -> f64 {
    let probable = match (leak.verdict, leak.confidence) {
        (Verdict::Leak, Confidence::Confirmed) => 1.0,
        (Verdict::Leak, Confidence::Likely) => 0.8,
        (Verdict::Leak, Confidence::Suspect) => 0.4,
        _ => 0.1,
    };
    // Arenas that nothing is known to fill say less than objects or blocks.
    let unnamed = if leak.name == SMALL_OBJECTS { 0.5 } else { 1.0 };
    let rate = &leak.rate.bytes_per_hour;
    probable * unnamed * rate.lo.max(rate.est / 4.0).max(0.0)
}
