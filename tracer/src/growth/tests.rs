//! Verdicts on small recordings.

use super::{Analysis, Settings, analyse, samples};
use leakspy_ebpf::wire::counter::Counter;

use crate::model::{
    Amount, CallStack, Cohort, Confidence, Document, Lifetime, Loss, Reason, RetainedPoint,
    UnreachableBlocks, Verdict,
};

fn judge(document: &Document) -> Analysis {
    analyse(document, &Settings::default())
}

/// Two minutes: a leak of 50 KB/s beside a cache that churns, sessions and garbage.
fn two_minutes() -> Document {
    let mut document = samples::document(120.0);
    samples::grow(&mut document, "leak", 2000, 250, |_| 250);
    samples::grow(&mut document, "cache", 1500, 1000, |age| if age < 70.0 { 700 } else { 150 });
    document.history.sites[1].lifetimes = vec![
        Lifetime { up_to: 32.0, freed: Amount { bytes: 1500 * 3000, count: 3000 } },
        Lifetime { up_to: 64.0, freed: Amount { bytes: 1500 * 2000, count: 2000 } },
        Lifetime { up_to: 128.0, freed: Amount { bytes: 1500 * 500, count: 500 } },
    ];
    samples::grow(&mut document, "sessions", 250_000, 30, |age| if age < 20.0 { 30 } else { 0 });
    document.history.sites[2].lifetimes =
        vec![Lifetime { up_to: 32.0, freed: Amount { bytes: 250_000 * 280, count: 280 } }];
    document
}

#[test]
fn after_two_minutes_the_leak_comes_first() {
    let analysis = judge(&two_minutes());
    let first = &analysis.findings[0];
    assert_eq!(first.site.stack[0].function.as_deref(), Some("leak"));
    assert_eq!((first.verdict, first.confidence), (Verdict::Leak, Confidence::Suspect));
    assert!(first.evidence.needs_hours.is_some());
    assert!(first.evidence.reasons.contains(&Reason::CacheMayBeFilling));
    assert!(first.evidence.reasons.contains(&Reason::NoneFreed { allocated: 3000 }));
    let slope = first.slope_bytes_per_hour;
    assert!((slope.est - 180e6).abs() < 1e6 && slope.lo > 150e6, "{slope:?}");
    assert!(analysis.findings[1..].iter().all(|finding| finding.verdict != Verdict::Leak));
    assert_eq!(analysis.growth.looked_at, 3);
}

#[test]
fn blocks_that_nothing_points_to_are_proof_after_minutes() {
    let mut document = two_minutes();
    document.history.sites[0].unreferenced =
        Some(UnreachableBlocks { looked_for: 16, unreachable: 16 });
    let first = &judge(&document).findings[0];
    assert_eq!((first.verdict, first.confidence), (Verdict::Leak, Confidence::Confirmed));
    assert_eq!(first.evidence.reasons[0], Reason::Unreachable { searched: 16, unreachable: 16 });
    // Numbers that look like addresses hide some.
    document.history.sites[0].unreferenced =
        Some(UnreachableBlocks { looked_for: 2400, unreachable: 1745 });
    assert_eq!(judge(&document).findings[0].confidence, Confidence::Confirmed);
    document.history.sites[0].unreferenced =
        Some(UnreachableBlocks { looked_for: 16, unreachable: 5 });
    assert_eq!(judge(&document).findings[0].confidence, Confidence::Suspect);
}

#[test]
fn what_was_lost_once_is_no_leak_that_grows() {
    let mut document = two_minutes();
    for cohort in &mut document.history.sites[0].cohorts {
        if !(30.0..40.0).contains(&cohort.from) {
            (cohort.live.bytes, cohort.live.count) = (0, 0);
        }
    }
    document.history.sites[0].unreferenced =
        Some(UnreachableBlocks { looked_for: 16, unreachable: 16 });
    let findings = judge(&document).findings;
    let once = findings.iter().find(|finding| finding.evidence.unreferenced.is_some());
    assert!(once.is_none_or(|once| once.confidence == Confidence::Suspect), "{once:?}");
}

#[test]
fn what_has_no_stack_comes_last() {
    let mut document = two_minutes();
    samples::grow(&mut document, "overflow", 20_000, 250, |_| 250);
    document.sites[3].stack = CallStack::default();
    let findings = judge(&document).findings;
    assert_eq!(findings[0].site.stack[0].function.as_deref(), Some("leak"));
    let last = findings.last().expect("findings");
    assert!(last.site.stack.is_empty());
    assert_eq!(
        (last.verdict, last.rank),
        (Verdict::Leak, u32::try_from(findings.len()).expect("few"))
    );
}

/// The table of sites was full, and what still had a place and comes first explains nothing of the
/// growth.
#[test]
fn what_explains_nothing_does_not_lead_before_what_has_no_stack() {
    const WEIGHTS: [f64; 3] = [3.0, 2.0, 1.0];
    let mut document = samples::document(120.0);
    for function in ["bystander", "cause", "overflow"] {
        samples::grow(&mut document, function, 20_000, 250, |_| 250);
    }
    document.sites[2].stack = CallStack::default();
    let findings = judge(&document).findings;
    let order = |shares: [Option<f64>; 3]| {
        let mut found = [0, 1, 2].map(|at: usize| (WEIGHTS[at], findings[at].clone()));
        for ((_, finding), share) in found.iter_mut().zip(shares) {
            finding.evidence.share_of_growth = share;
        }
        super::in_order(&mut found);
        found.map(|(weight, _)| WEIGHTS.iter().position(|known| *known == weight))
    };
    assert_eq!(order([Some(0.001), Some(0.05), Some(0.9)]), [2, 0, 1].map(Some));
    assert_eq!(order([Some(0.05), Some(0.001), Some(0.9)]), [0, 2, 1].map(Some));
    assert_eq!(order([Some(0.05), Some(0.05), Some(0.9)]), [0, 1, 2].map(Some));
    assert_eq!(order([Some(0.001), Some(0.05), Some(0.002)]), [0, 1, 2].map(Some));
    assert_eq!(order([None; 3]), [0, 1, 2].map(Some), "nobody knows by how much the process grows");
}

#[test]
fn hours_of_steady_growth_are_likely_but_never_confirmed() {
    let mut document = samples::document(6.0 * 3600.0);
    samples::grow(&mut document, "leak", 1000, 5, |_| 5);
    let first = &judge(&document).findings[0];
    assert_eq!((first.verdict, first.confidence), (Verdict::Leak, Confidence::Likely));
    assert_eq!(first.evidence.needs_hours, None);
}

#[test]
fn a_cache_that_evicts_is_no_leak() {
    let mut document = samples::document(6.0 * 3600.0);
    samples::grow(&mut document, "page", 1000, 5, |age| if age < 14_400.0 { 5 } else { 0 });
    document.history.sites[0].lifetimes =
        vec![Lifetime { up_to: 16_384.0, freed: Amount { bytes: 3_600_000, count: 3600 } }];
    let analysis = judge(&document);
    assert!(analysis.findings.iter().all(|finding| finding.verdict != Verdict::Leak));
}

#[test]
fn small_leaks_do_not_hide_behind_large_buffers() {
    let mut document = samples::document(4.0 * 3600.0);
    samples::grow(&mut document, "serve", 20_000_000, 1, |age| u64::from(age < 900.0));
    samples::grow(&mut document, "serve", 64, 10, |_| 10);
    // Some sessions are still open although they are old.
    for index in [30, 600, 620, 900] {
        let cohort: &mut Cohort = &mut document.history.sites[0].cohorts[index];
        (cohort.live.bytes, cohort.live.count) = (cohort.allocated.bytes, cohort.allocated.count);
    }
    let first = &judge(&document).findings[0];
    assert_eq!((first.verdict, first.confidence), (Verdict::Leak, Confidence::Likely));
    assert_eq!(first.evidence.sites, ["00000001"]);
}

#[test]
fn lost_releases_are_no_leak() {
    let mut document = samples::document(6.0 * 3600.0);
    samples::grow(&mut document, "request", 1000, 500, |age| if age < 30.0 { 500 } else { 5 });
    document.history.sites[0].lifetimes =
        vec![Lifetime { up_to: 32.0, freed: Amount { bytes: 1_000_000_000, count: 1_000_000 } }];
    let leak = judge(&document);
    assert_eq!(leak.findings[0].verdict, Verdict::Leak);
    document.losses =
        vec![Loss::new(Counter::AllocCalls, 1_000_000), Loss::new(Counter::LiveFull, 10_000)];
    let lost = judge(&document);
    assert_eq!(lost.findings[0].verdict, Verdict::Undetermined);
    assert_eq!(lost.findings[0].evidence.reasons[0], Reason::LossesExplainIt { share: 0.01 });
}

#[test]
fn old_recordings_with_sums_alone_are_judged_carefully() {
    let mut document = samples::document(6.0 * 3600.0);
    samples::grow(&mut document, "leak", 1000, 50, |_| 50);
    document.history.sites[0].cohorts.clear();
    let first = &judge(&document).findings[0];
    assert_eq!((first.verdict, first.confidence), (Verdict::Leak, Confidence::Suspect));
}

#[test]
fn empty_and_nonsensical_recordings_are_judged_without_panic() {
    assert!(judge(&samples::document(0.0)).findings.is_empty());
    assert!(judge(&samples::document(f64::NAN)).findings.is_empty());
    let mut document = samples::document(100.0);
    samples::grow(&mut document, "f", u64::MAX / 64, 1, |_| 1);
    let history = &mut document.history.sites[0];
    history.cohorts.push(Cohort { from: f64::NAN, to: 1e300, ..Cohort::default() });
    history.cohorts.push(Cohort {
        from: -1e300,
        to: f64::INFINITY,
        live: Amount { bytes: 0, count: 9 },
        ..Cohort::default()
    });
    history.lifetimes.push(Lifetime { up_to: f64::NAN, freed: Amount { bytes: 1, count: 1 } });
    history.retained.push(RetainedPoint::default());
    judge(&document);
    document.history.sites.clear();
    judge(&document);
}
