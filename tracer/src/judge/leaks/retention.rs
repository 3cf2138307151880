//! What the C library's malloc retains of freed memory, as an entry beside the leaks.
//!
//! What is free and resident was read from malloc itself, together with the size of the process, so its growth
//! explains the growth of the process as far as it goes. It is no leak, whatever makes the program free it.

use crate::growth::trend_slope;
use crate::model::{
    Advice, Amount, Confidence, Document, Interval, Leak, LeakEvidence, LeakKind, LeakRate,
    MallocPoint, Reason, Verdict,
};

const NAME: &str = "malloc (freed memory)";
const HOUR: f64 = 3600.0;
/// Retention that explains less of the growth is not told.
const WORTH: f64 = 0.1;
/// One that explains more says what the process does.
const MOST: f64 = 0.5;
/// Growth of the process is measured in two ways, which differ by no more than this.
const ROUGHLY: f64 = 1.25;
/// A reading of which one byte in so many could not be read counts: what it misses is little.
const UNREAD: u64 = 20;
/// Fewer readings have no trend.
const READINGS: usize = 6;

/// The entry; `None` where malloc was not read, or what it retains does not grow.
pub fn leak(document: &Document) -> Option<Leak> {
    let growth = document.growth.as_ref().filter(|growth| growth.significant)?;
    let whole: Vec<&MallocPoint> = document.malloc.iter().filter(is_whole).collect();
    let last = whole.last()?;
    let warm = whole.partition_point(|point| point.t < growth.warm_up_seconds);
    // Early on, too few are later; what malloc retains is retained, whether the program was warm or not.
    let from = if whole.len() - warm < READINGS { 0 } else { warm };
    let slope_of = |bytes: fn(&MallocPoint) -> u64| {
        let points = whole[from..].iter().map(|point| (point.t, float(bytes(point))));
        trend_slope(&points.collect::<Vec<_>>())
    };
    let slope = slope_of(|point| point.malloc.retained_bytes())?;
    // Of the same moments: what comes and goes between readings changes both.
    let explains = slope.est / slope_of(|point| point.rss_anon_bytes)?.est;
    let of_growth = slope.est * HOUR / growth.slope_bytes_per_hour.est;
    let explains = explains.min(ROUGHLY * of_growth);
    let slope = Interval { lo: slope.lo * HOUR, est: slope.est * HOUR, hi: slope.hi * HOUR };
    (slope.lo > 0.0 && explains.is_finite() && explains >= WORTH).then(|| Leak {
        id: Leak::identify(LeakKind::Allocator, NAME, []),
        rank: 0,
        verdict: Verdict::AllocatorRetention,
        confidence: Confidence::Suspect,
        kind: LeakKind::Allocator,
        name: NAME.to_owned(),
        now: Amount { bytes: last.malloc.retained_bytes(), count: last.malloc.retaining_arenas },
        rate: LeakRate { bytes_per_hour: slope, count_per_hour: 0.0 },
        explains: Some(explains),
        retained_by: None,
        grown_by: Vec::new(),
        created_at: Vec::new(),
        distinguishing: Vec::new(),
        bound: None,
        known_kind: None,
        grounds: vec![Reason::MallocRetains { malloc: last.malloc }],
        advice: Advice::TrimAllocator,
        evidence: LeakEvidence::default(),
    })
}

/// Whether malloc was read often enough to say that it does not retain most of the growth.
pub fn is_excluded(document: &Document) -> bool {
    let readings = document.malloc.iter().filter(is_whole).count();
    readings >= READINGS && !document.leaks.iter().any(is_most)
}

/// Whether it is what malloc retains, and explains most of the growth.
pub fn is_most(leak: &Leak) -> bool {
    leak.kind == LeakKind::Allocator && leak.explains.is_some_and(|share| share >= MOST)
}

fn is_whole(point: &&MallocPoint) -> bool {
    point.malloc.unread_bytes <= point.malloc.system_bytes / UNREAD
}

#[expect(clippy::cast_precision_loss, reason = "an address space ends at 2⁴⁷")]
fn float(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::leaks::{leaks, settle};
    use crate::model::{Finding, FreeMemory, MallocUse};
    use crate::report::leaks::samples;

    const MIB: u64 = 1 << 20;

    /// What malloc retained at readings ten seconds apart, of a process that grows by 49.5 KiB a minute.
    fn readings(retained: impl Fn(u64) -> u64, unread: u64) -> Vec<MallocPoint> {
        let point = |index: u64| MallocPoint {
            t: (samples::growth(Verdict::Leak, Confidence::Suspect).warm_up_seconds)
                + 10.0 * index as f64,
            rss_anon_bytes: 100 * MIB + 8448 * index,
            malloc: MallocUse {
                arenas: 3,
                retaining_arenas: 2,
                system_bytes: 90 * MIB,
                top: FreeMemory {
                    bytes: retained(index),
                    resident_bytes: retained(index),
                    page_bytes: 0,
                },
                unread_bytes: unread,
                ..MallocUse::default()
            },
        };
        (0..12).map(point).collect()
    }

    fn judged(verdict: Verdict, malloc: Vec<MallocPoint>, findings: Vec<Finding>) -> Document {
        let growth = samples::growth(verdict, Confidence::Suspect);
        let mut document = samples::document(growth, findings);
        document.malloc = malloc;
        document.leaks = leaks(&document);
        settle(&mut document);
        document
    }

    /// A stack that grows by so many KiB a minute.
    fn stack(confidence: Confidence, kib: f64) -> Finding {
        let mut found = samples::finding(Verdict::Leak, confidence, samples::app("keep", 12));
        let pace = kib * 1024.0 * 60.0;
        found.slope_bytes_per_hour = Interval { lo: 0.9 * pace, est: pace, hi: 1.1 * pace };
        found
    }

    /// 49.5 KiB a minute are 8,448 bytes in ten seconds.
    fn all(index: u64) -> u64 {
        10 * MIB + 8448 * index
    }

    fn word(document: &Document) -> (Verdict, Confidence) {
        let growth = document.growth.as_ref().expect("a verdict");
        (growth.verdict, growth.confidence)
    }

    fn kinds(document: &Document) -> Vec<(LeakKind, u32)> {
        document.leaks.iter().map(|leak| (leak.kind, leak.rank)).collect()
    }

    #[test]
    fn retention_that_explains_the_growth_is_what_the_process_does() {
        let document = judged(Verdict::Undetermined, readings(all, 0), Vec::new());
        assert_eq!(word(&document).0, Verdict::AllocatorRetention);
        assert_eq!(kinds(&document), [(LeakKind::Allocator, 1)]);
        let leak = &document.leaks[0];
        assert!(!leak.is_leak() && leak.confidence == Confidence::Suspect);
        assert!((leak.explains.expect("a share") - 1.0).abs() < 0.01, "{:?}", leak.explains);
        assert_eq!(document.growth.as_ref().and_then(|growth| growth.explained), leak.explains);
        assert_eq!((leak.now.bytes, leak.now.count), (all(11), 2));
    }

    #[test]
    fn what_does_not_grow_or_was_not_read_explains_nothing() {
        for malloc in [
            Vec::new(),
            readings(all, 0)[..5].to_vec(),
            readings(all, 10 * MIB),
            readings(|_| 50 * MIB, 0),
            readings(|index| 50 * MIB - all(index), 0),
            readings(|index| 10 * MIB + (index % 2) * MIB, 0),
            // A twentieth of the growth.
            readings(|index| 10 * MIB + 422 * index, 0),
        ] {
            let document = judged(Verdict::Undetermined, malloc, Vec::new());
            assert_eq!((word(&document).0, kinds(&document)), (Verdict::Undetermined, Vec::new()));
        }
    }

    /// At first words the program is hardly warm.
    #[test]
    fn early_readings_count_where_there_are_few_later_ones() {
        let mut malloc = readings(all, 0);
        malloc.iter_mut().for_each(|point| point.t -= 80.0);
        let document = judged(Verdict::Undetermined, malloc, Vec::new());
        assert_eq!(word(&document).0, Verdict::AllocatorRetention);
    }

    /// Calls that explain nothing make it the allocator only as long as nobody has asked that.
    #[test]
    fn a_guess_is_taken_back_where_malloc_was_read() {
        let still = readings(|_| 10 * MIB, 0);
        let guess = Verdict::AllocatorRetention;
        assert_eq!(word(&judged(guess, Vec::new(), Vec::new())).0, guess);
        assert_eq!(word(&judged(guess, still, Vec::new())).0, Verdict::Undetermined);
    }

    #[test]
    fn suspects_have_no_room_beside_what_was_measured() {
        // A tenth is too little, a half has no room.
        for kib in [0.1, 4.0, 25.0] {
            let suspect = vec![stack(Confidence::Suspect, kib)];
            let document = judged(Verdict::Leak, readings(all, 0), suspect);
            assert_eq!(word(&document).0, Verdict::AllocatorRetention, "{kib}");
            assert_eq!(kinds(&document), [(LeakKind::Allocator, 1)]);
        }
        let half = readings(|index| 10 * MIB + 4500 * index, 0);
        let document = judged(Verdict::Leak, half, vec![stack(Confidence::Suspect, 24.0)]);
        assert_eq!(word(&document), (Verdict::Leak, Confidence::Suspect));
        assert_eq!(kinds(&document), [(LeakKind::Blocks, 1), (LeakKind::Allocator, 2)]);
    }

    /// A leak that is sure is told, however much else the allocator retains.
    #[test]
    fn holes_between_leaked_blocks_are_no_entry() {
        for (kib, kinds_told) in [(100.0, 2), (250.0, 1)] {
            let sure = vec![stack(Confidence::Likely, kib)];
            let document = judged(Verdict::Leak, readings(all, 0), sure);
            assert_eq!(kinds(&document).len(), kinds_told, "{kib}: {:?}", document.leaks);
        }
    }

    #[test]
    fn a_leak_beside_retention_is_a_leak() {
        for kib in [0.1, 5.0, 25.0] {
            let sure = vec![stack(Confidence::Likely, kib)];
            let document = judged(Verdict::Undetermined, readings(all, 0), sure);
            assert_eq!(word(&document), (Verdict::Leak, Confidence::Likely), "{kib}");
            assert_eq!(kinds(&document), [(LeakKind::Blocks, 1), (LeakKind::Allocator, 2)]);
        }
    }

    /// The first line and what stands below it never say the opposite.
    #[test]
    fn no_suspect_stands_under_a_line_that_says_there_is_no_leak() {
        let tiny = |confidence| vec![stack(confidence, 0.1)];
        let guess = Verdict::AllocatorRetention;
        let document = judged(guess, Vec::new(), tiny(Confidence::Suspect));
        assert_eq!((word(&document).0, document.leaks.len()), (guess, 0));
        let document = judged(guess, Vec::new(), tiny(Confidence::Likely));
        assert_eq!((word(&document).0, document.leaks.len()), (Verdict::Undetermined, 1));
    }
}
