//! What only waits for the collector: blocks of objects that refer to each other and that nothing else refers to. A full
//! collection frees them, so that they are no leak, unless one came and they are still there, or none is to come.

use super::decision::{Decision, grows};
use super::gauge::Gauge;
use super::watch::Coverage;
use crate::model::{Document, Finding, History, Note, Reason, SiteHistory, Verdict};

/// Of the blocks that live, no larger share is older than the last full collection: those that it found in use may be
/// garbage by now.
const OLDER: f64 = 0.5;

/// Whether the program does not collect by itself: it freezes what there is again and again, or has switched collection
/// off, and none came all the same. Garbage stays there as what is referred to does.
pub fn is_uncollected(document: &Document) -> bool {
    let History { collections, .. } = &document.history;
    let is_off = |note: &Note| matches!(note, Note::CollectionOff { .. });
    let collected = collections.iter().any(|collection| collection.count > 0);
    let notes = &document.capture.notes;
    notes.contains(&Note::CollectionFrozen) || notes.iter().any(is_off) && !collected
}

/// The decision on a stack whose blocks belong to garbage, in a program that collects that by itself: what grows waits
/// for it.
pub fn decision(
    decision: Decision,
    gauge: &Gauge,
    histories: &[&SiteHistory],
    watch: &Coverage,
) -> Decision {
    let is_lost = matches!(decision.basis, Reason::Unreachable { .. });
    let is_growing = grows(decision.verdict) && gauge.retained.count > 0;
    match is_growing && !is_lost && !outlived(histories, watch) {
        true => Decision::suspect(Verdict::GarbagePending, Reason::Garbage),
        false => decision,
    }
}

/// Whether most of the blocks that live were there before the last full collection.
fn outlived(histories: &[&SiteHistory], watch: &Coverage) -> bool {
    let collected = watch.collections.iter().filter(|collection| collection.count > 0);
    let Some(last) = collected.map(|collection| collection.t).reduce(f64::max) else {
        return false;
    };
    let cohorts = || histories.iter().flat_map(|site| &site.cohorts);
    let all: u64 = cohorts().map(|cohort| cohort.live.count).sum();
    let before = cohorts().filter(|cohort| cohort.to <= last).map(|cohort| cohort.live.count);
    before.sum::<u64>() as f64 > OLDER * all as f64
}

/// Whether a finding is of what grows and waits.
pub fn is_pending(finding: &Finding) -> bool {
    finding.verdict == Verdict::GarbagePending
        && finding.evidence.reasons.first() == Some(&Reason::Garbage)
        && finding.slope_bytes_per_hour.lo > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::lower_envelope::whole;
    use crate::growth::{Settings, analyse, samples};
    use crate::model::{Amount, Collection, Owned, Owner, RootKind, UnreachableBlocks};

    /// Ten minutes of blocks of which none is freed, nearly all of them owned by objects that `root` leads to.
    fn growing(root: RootKind) -> Document {
        let mut document = samples::document(600.0);
        samples::process(&mut document, |t| 100_000_000 + whole(1000.0 * t));
        for point in &mut document.history.process {
            point.live_bytes = whole(1000.0 * point.t);
        }
        samples::grow(&mut document, "handle", 1000, 10, |_| 10);
        let blocks = Amount { bytes: 590_000, count: 590 };
        let retainer = vec!["garbage that waits for the collector: app.Visit at 0x7f00".to_owned()];
        let owner = Owner { name: "bytearray".into(), blocks, root: Some(root), retainer };
        document.history.sites[0].owned =
            Some(Owned { looked_for: 600, owned: 590, types: vec![owner] });
        document
    }

    fn collected(mut document: Document, t: f64) -> Document {
        document.history.collections.push(Collection { t, count: 1 });
        document
    }

    fn noted(mut document: Document, note: Note) -> Document {
        document.capture.notes.push(note);
        document
    }

    fn first(document: &Document) -> Finding {
        analyse(document, &Settings::default()).findings.remove(0)
    }

    #[test]
    fn garbage_waits_unless_a_collection_left_it() {
        let waits = first(&growing(RootKind::Garbage));
        assert!(is_pending(&waits), "{:?}", waits.verdict);
        let reasons = waits.evidence.reasons.iter().filter(|reason| **reason == Reason::Garbage);
        assert_eq!(reasons.count(), 1);
        for root in [RootKind::Module, RootKind::Native, RootKind::Frame] {
            assert_eq!(first(&growing(root)).verdict, Verdict::Leak, "{root:?}");
        }
        // Those that were in use when it came are garbage by now.
        assert!(is_pending(&first(&collected(growing(RootKind::Garbage), 200.0))));
        let left = first(&collected(growing(RootKind::Garbage), 400.0));
        assert_eq!(left.verdict, Verdict::Leak);
    }

    #[test]
    fn nothing_waits_for_a_collector_that_is_off() {
        for note in [Note::CollectionOff { threshold: None }, Note::CollectionFrozen] {
            let found = first(&noted(growing(RootKind::Garbage), note));
            assert_eq!(found.verdict, Verdict::Leak);
        }
        // It came all the same: somebody calls it.
        let off = noted(growing(RootKind::Garbage), Note::CollectionOff { threshold: None });
        assert!(is_pending(&first(&collected(off, 200.0))));
    }

    #[test]
    fn what_nothing_points_to_is_lost_and_no_garbage() {
        let mut document = growing(RootKind::Garbage);
        document.history.sites[0].unreferenced =
            Some(UnreachableBlocks { looked_for: 16, unreachable: 16 });
        assert_eq!(first(&document).verdict, Verdict::Leak);
    }

    /// The process grows by it, whatever becomes of it.
    #[test]
    fn garbage_is_a_part_of_the_growth() {
        let growth = analyse(&growing(RootKind::Garbage), &Settings::default()).growth;
        assert!(growth.significant);
        assert!(growth.explained.is_some_and(|share| (0.8..1.2).contains(&share)), "{growth:?}");
    }
}
