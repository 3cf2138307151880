//! The leak detector: from the series of a recording to verdicts with evidence (what leaks, how
//! fast, until when). Pure: no clock, no files, the same answer every time.

mod arena;
mod contrast;
mod decision;
mod gauge;
mod harmless;
mod judged;
mod lower_envelope;
mod owners;
mod pending;
mod persistence;
mod process;
mod reasons;
#[cfg(test)]
mod samples;
mod shape;
mod slope;
mod standstill;
mod statistics;
mod subject;
mod survival;
#[cfg(test)]
mod tests;
mod trend;
mod types;
mod verdict;
mod watch;

use crate::model::{
    Amount, Document, Finding, Interval, ProcessGrowth, Reason, TypeGrowth, Verdict,
};
pub use contrast::is_significant;
use decision::{Decision, LIKELY_P};
use judged::Tested;
pub use pending::is_pending;
use process::StackCounts;
use standstill::Standstills;
pub use trend::slope as trend_slope;
pub use types::{TypeOrigin, judge_types};
use watch::Coverage;

/// Findings that are given at most; the rest is only counted. Many, so that those who look for one
/// of their own find it.
const FINDINGS: usize = 5_000;

/// What counts as growth worth a word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Growth below this is not reported, bytes per day.
    pub min_bytes_per_day: f64,
    /// Share of false alarms among the sites that are reported as growing (Benjamini and Hochberg).
    pub false_discovery_rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { min_bytes_per_day: 256.0 * 1024.0, false_discovery_rate: LIKELY_P }
    }
}

/// Verdicts on a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// On the process.
    pub growth: ProcessGrowth,
    /// On every stack that grew enough to be tested, most important first; also those that turned
    /// out to be harmless.
    pub findings: Vec<Finding>,
    /// On types of Python objects, as [`judge_types`]; `None` where they were not counted.
    pub types: Option<Vec<TypeGrowth>>,
}

/// Judges a recording. `document.history.sites` must be empty or as long as `document.sites`.
pub fn analyse(document: &Document, settings: &Settings) -> Analysis {
    let still = Standstills::of(document);
    if still.is_empty() {
        return analyse_active(document, settings);
    }
    still.restore(analyse_active(&still.left_out(document), settings))
}

/// Judges a recording of a target that never stood still.
fn analyse_active(document: &Document, settings: &Settings) -> Analysis {
    let watch = Coverage::from_document(document, settings.min_bytes_per_day);
    let (tested, mut counts) = tested(document, &watch);
    let decisions = decisions(document, &watch, &tested, settings.false_discovery_rate);
    let retained: Vec<Interval> = tested
        .iter()
        .zip(&decisions)
        .filter(|(_, (decision, _))| {
            decision::grows(decision.verdict) || decision.basis == Reason::Garbage
        })
        .map(|(tested, _)| tested.gauge.bytes.per_hour)
        .filter(|slope| slope.lo > 0.0)
        .collect();
    let slope = process::growth(document, &watch, &retained);
    let share = slope.1.then_some(slope.0.est);
    let mut findings: Vec<(f64, Finding)> = tested
        .iter()
        .zip(decisions)
        .map(|(tested, (decision, p))| {
            let weight = tested.weight(&decision, &watch);
            (weight, tested.finding(document, &watch, &decision, p, share))
        })
        .collect();
    in_order(&mut findings);
    for (_, finding) in findings.iter().skip(FINDINGS) {
        count(&mut counts.dismissed, finding.verdict);
    }
    findings.truncate(FINDINGS);
    let ranked = (1..).zip(findings).map(|(rank, (_, finding))| Finding { rank, ..finding });
    let mut findings: Vec<Finding> = ranked.collect();
    let types = owners::attach(document, &mut findings);
    let growth = process::judge(document, &watch, slope, &findings, counts);
    Analysis { growth, findings, types }
}

/// Puts findings with their weights in order.
///
/// A site without a stack collects what found no room in a table. It names no place in the program,
/// so it comes after those that do, but before any that explain next to nothing of the growth when it
/// does not: they would be read as the answer.
fn in_order(findings: &mut [(f64, Finding)]) {
    let placeless = |finding: &Finding| finding.site.stack.is_empty();
    findings.sort_by(|(weight, a), (other, b)| {
        let order = placeless(a).cmp(&placeless(b)).then_with(|| other.total_cmp(weight));
        order.then_with(|| a.site.id.cmp(&b.site.id))
    });
    let share = |finding: &Finding| finding.evidence.share_of_growth;
    let matters = |(_, finding): &(f64, Finding)| {
        decision::grows(finding.verdict) && share(finding).is_none_or(|of| of >= process::MATTERS)
    };
    let named = findings.partition_point(|(_, finding)| !placeless(finding));
    let (places, rest) = findings.split_at(named);
    if rest.iter().any(|found| share(&found.1).is_some() && matters(found)) {
        let before = places.iter().take_while(|found| matters(found)).count();
        findings[before..].rotate_left(named - before);
    }
}

/// A verdict on each subject, with its probability corrected for their number.
fn decisions(
    document: &Document,
    watch: &Coverage,
    tested: &[Tested],
    q: f64,
) -> Vec<(Decision, f64)> {
    let p: Vec<f64> = tested.iter().map(|tested| tested.gauge.p).collect();
    let adjusted = statistics::benjamini_hochberg(&p);
    let collects = !pending::is_uncollected(document);
    tested
        .iter()
        .zip(adjusted)
        .map(|(tested, p)| {
            let histories = judged::histories(document, &tested.subject.sites);
            let harmless = harmless::kind(&histories, watch);
            let gauge = &tested.gauge;
            let decision = verdict::decide(gauge, watch, p, q, tested.unreferenced, harmless);
            let is_garbage = collects && tested.owners(document).is_garbage();
            let decision = match is_garbage {
                true => pending::decision(decision, gauge, &histories, watch),
                false => decision,
            };
            (decision, p)
        })
        .collect()
}

/// The subjects that grew enough to be tested, and what the others are.
fn tested(document: &Document, watch: &Coverage) -> (Vec<Tested>, StackCounts) {
    let subjects = subject::subjects(document);
    let at = subjects.len() as u64;
    let mut tested = Vec::new();
    let mut dismissed = Vec::new();
    for subject in subjects {
        let sites = subject.sites.iter().map(|index| &document.sites[*index]);
        let live = sites.map(|site| site.live).fold(Amount::default(), Amount::plus);
        // The cheap test first: most stacks have no live blocks at all.
        if (live.bytes as f64) < watch.gate_bytes() && live.count < 8 {
            count(&mut dismissed, Verdict::Baseline);
            continue;
        }
        let histories = judged::histories(document, &subject.sites);
        match judged::test(document, subject, watch) {
            Some(found) => tested.push(found),
            None => count(&mut dismissed, harmless::kind(&histories, watch)),
        }
    }
    let counts = StackCounts { at, tested: tested.len() as u64, dismissed };
    (tested, counts)
}

/// One more of this verdict.
fn count(dismissed: &mut Vec<(Verdict, u64)>, verdict: Verdict) {
    match dismissed.iter_mut().find(|(known, _)| *known == verdict) {
        Some((_, count)) => *count += 1,
        None => dismissed.push((verdict, 1)),
    }
    dismissed.sort_by_key(|(verdict, _)| *verdict);
}
