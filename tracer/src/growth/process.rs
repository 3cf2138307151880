//! What the memory of the whole process does, and until when that goes well.

use super::decision::grows;
use super::pending::is_pending;
use super::subject::is_believed;
use super::trend;
use super::watch::Coverage;
use crate::model::{Confidence, Document, Finding, Interval, ProcessGrowth, ProcessPoint, Verdict};

const HOUR: f64 = 3600.0;
/// No time to a limit is given beyond this, hours.
const FORESEEABLE: f64 = 30.0 * 24.0;
/// Share of the time from whose end what is used is read.
const RECENT: f64 = 0.5;
/// A process whose traced blocks explain less than this of its growth keeps what the program freed.
const RETAINED: f64 = 0.2;
/// Leaks that explain less than this share of the growth do not say what the process does.
pub const MATTERS: f64 = 0.01;

/// Numbers of stacks that were no finding.
pub struct StackCounts {
    /// Stacks that were looked at.
    pub at: u64,
    /// Those that were tested.
    pub tested: u64,
    /// The rest, by what they are.
    pub dismissed: Vec<(Verdict, u64)>,
}

/// Growth of anonymous memory, resident or swapped out, bytes per hour, and whether it is told apart from none. `kept` are
/// the slopes of what is retained.
///
/// What comes and goes makes the curve of a server so restless that its own trend says little for
/// hours. So the growth is taken apart: what is retained, whose slopes are known well, and the
/// trend of what is resident but not in traced blocks. Their sum stands unless the curve itself
/// clearly grows faster.
pub fn growth(document: &Document, watch: &Coverage, retained: &[Interval]) -> (Interval, bool) {
    let process = &document.history.process;
    let points = series(process, watch.begin, anonymous);
    let Some(curve) = trend::slope(&points).map(|slope| slope.times(HOUR)) else {
        return (Interval::default(), false);
    };
    let rest = process
        .iter()
        .filter(|point| point.t >= watch.begin)
        .filter_map(|point| Some((point.t, anonymous(point)? as f64 - point.live_bytes as f64)));
    let rest = trend::slope(&rest.collect::<Vec<_>>()).map(|slope| slope.times(HOUR));
    // Live bytes that are not believed would make the rest shrink.
    let rest = rest.filter(|_| document.sites.iter().all(is_believed));
    let parts = rest.map_or(curve, |rest| sum(retained.iter().chain([&rest])));
    let sure = trend::steady_slope(&points).map_or(0.0, |slope| slope.lo * HOUR);
    let slope = if sure.min(curve.lo) > 2.0 * parts.hi.max(0.0) { curve } else { parts };
    (slope, slope.lo > 0.0 && slope.est >= watch.least_per_hour)
}

/// The sum of independent estimates: the squares of their errors add up.
fn sum<'a>(parts: impl Iterator<Item = &'a Interval>) -> Interval {
    let (mut est, mut below, mut above) = (0.0, 0.0, 0.0);
    for part in parts {
        est += part.est;
        below += (part.est - part.lo).powi(2);
        above += (part.hi - part.est).powi(2);
    }
    Interval { lo: est - below.sqrt(), est, hi: est + above.sqrt() }
}

/// Judges the process by its growth and the findings, which are by rank.
pub fn judge(
    document: &Document,
    watch: &Coverage,
    (slope, significant): (Interval, bool),
    findings: &[Finding],
    counts: StackCounts,
) -> ProcessGrowth {
    let explained = significant.then(|| retained(findings) / slope.est);
    let (verdict, confidence) = word(document, watch, slope, significant, findings);
    let limit = limit(document);
    let hours_to_limit =
        limit.filter(|_| significant).and_then(|limit| hours_to(document, watch, limit, slope));
    let open = findings.iter().filter_map(|finding| finding.evidence.needs_hours);
    let needs_hours = if verdict == Verdict::Leak && confidence > Confidence::Suspect {
        None
    } else {
        Some(open.fold(0.0, f64::max)).filter(|hours| *hours > 0.0)
    };
    ProcessGrowth {
        verdict,
        confidence,
        slope_bytes_per_hour: slope,
        significant,
        explained,
        hours_to_limit,
        limit_bytes: limit,
        // The store knows limits of control groups only.
        limit_source: limit.map(|_| "cgroup".to_owned()),
        warm_up_seconds: watch.begin,
        looked_at: counts.at,
        tested: counts.tested,
        dismissed: counts.dismissed,
        needs_hours,
    }
}

/// What findings that grow keep, bytes per hour.
fn retained<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> f64 {
    findings
        .into_iter()
        .filter(|finding| {
            grows(finding.verdict) && finding.slope_bytes_per_hour.lo > 0.0 || is_pending(finding)
        })
        .map(|finding| finding.slope_bytes_per_hour.est)
        .sum()
}

fn word(
    document: &Document,
    watch: &Coverage,
    slope: Interval,
    significant: bool,
    findings: &[Finding],
) -> (Verdict, Confidence) {
    let leaks = || findings.iter().filter(|finding| finding.verdict == Verdict::Leak);
    if let Some(leak) = leaks().next()
        && (!significant || retained(leaks()) >= MATTERS * slope.est)
    {
        return (Verdict::Leak, leak.confidence);
    }
    let long = watch.snapshot >= 600.0;
    if !significant {
        let verdict = if long { Verdict::Baseline } else { Verdict::Undetermined };
        return (verdict, Confidence::Suspect);
    }
    let traced = series(&document.history.process, watch.begin, |point| Some(point.live_bytes));
    let traced = trend::slope(&traced).map_or(0.0, |slope| slope.est * HOUR);
    // With a leak, however small, nobody can say that there is none.
    let is_silent = long && leaks().next().is_none();
    if is_silent && traced < RETAINED * slope.est && retained(findings) < RETAINED * slope.est {
        let sure = watch.snapshot - watch.begin >= HOUR;
        let confidence = if sure { Confidence::Likely } else { Confidence::Suspect };
        return (Verdict::AllocatorRetention, confidence);
    }
    let grows = |finding: &&Finding| grows(finding.verdict) && finding.verdict != Verdict::Leak;
    let first = findings.iter().find(grows);
    (first.map_or(Verdict::Undetermined, |finding| finding.verdict), Confidence::Suspect)
}

/// Anonymous memory, or all resident memory where that is not known. What is swapped out is as much
/// in use as before, and comes back.
fn anonymous(point: &ProcessPoint) -> Option<u64> {
    point.rss_anon_bytes.or(point.rss_bytes).map(|resident| with_swap(resident, point))
}

fn with_swap(resident: u64, point: &ProcessPoint) -> u64 {
    resident.saturating_add(point.swap_bytes.unwrap_or(0))
}

fn series(
    process: &[ProcessPoint],
    begin: f64,
    value: impl Fn(&ProcessPoint) -> Option<u64>,
) -> Vec<(f64, f64)> {
    process
        .iter()
        .filter(|point| point.t >= begin)
        .filter_map(|point| Some((point.t, value(point)? as f64)))
        .collect()
}

/// The limit of the process's control groups: the last one read, else the one at the start.
fn limit(document: &Document) -> Option<u64> {
    let read = document.history.process.iter().rev().find_map(|point| point.cgroup_limit_bytes);
    read.or(document.target.limit_bytes)
}

/// Hours until what is used reaches the limit; `None` when that is beyond what can be foreseen.
fn hours_to(
    document: &Document,
    watch: &Coverage,
    limit: u64,
    slope: Interval,
) -> Option<Interval> {
    let process = &document.history.process;
    let now = process.last()?.t;
    let recent = (now - watch.begin) * RECENT;
    let points = series(process, now - recent.max(HOUR), |point| {
        let own = point.rss_bytes.or(point.rss_anon_bytes);
        point.cgroup_bytes.or(own.map(|resident| with_swap(resident, point)))
    });
    let used = trend::height(&points, slope.est / HOUR, now)?;
    let room = |used: f64| (limit as f64 - used).max(0.0);
    let hours = Interval {
        lo: room(used.hi) / slope.hi,
        est: room(used.est) / slope.est,
        hi: room(used.lo) / slope.lo,
    };
    (hours.est.is_finite() && hours.est <= FORESEEABLE).then_some(hours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::{Settings, analyse, samples};

    #[test]
    fn a_growing_process_has_hours_left() {
        let mut document = samples::document(7200.0);
        samples::process(&mut document, |t| {
            100_000_000 + crate::growth::lower_envelope::whole(1000.0 * t)
        });
        document.target.limit_bytes = Some(100_000_000 + 7_200_000 + 36_000_000);
        let growth = analyse(&document, &Settings::default()).growth;
        assert!(growth.significant);
        let hours = growth.hours_to_limit.expect("a limit ahead");
        assert!((hours.est - 10.0).abs() < 0.1 && hours.lo <= hours.est && hours.est <= hours.hi);
        assert_eq!(growth.verdict, Verdict::AllocatorRetention);
        document.target.limit_bytes = Some(1 << 50);
        assert_eq!(analyse(&document, &Settings::default()).growth.hours_to_limit, None);
    }

    /// What grows beyond what the machine has room for is swapped out: the resident part stands
    /// still at 100 MB, and the process grows all the same.
    #[test]
    fn what_is_swapped_out_grows_too() {
        let mut document = samples::document(7200.0);
        samples::process(&mut document, |_| 100_000_000);
        document.target.limit_bytes = Some(100_000_000 + 7_200_000 + 36_000_000);
        for point in &mut document.history.process {
            point.swap_bytes = Some(crate::growth::lower_envelope::whole(1000.0 * point.t));
        }
        let growth = analyse(&document, &Settings::default()).growth;
        assert!(growth.significant);
        let hours = growth.hours_to_limit.expect("a limit ahead");
        assert!((hours.est - 10.0).abs() < 0.1, "{hours:?}");
    }

    /// A leak that explains next to nothing of the growth is a finding, and no headline.
    #[test]
    fn a_tiny_leak_does_not_explain_a_growing_process() {
        let of = |size: u64| {
            let mut document = samples::document(7200.0);
            samples::process(&mut document, |t| {
                100_000_000 + crate::growth::lower_envelope::whole(200_000.0 * t)
            });
            samples::grow(&mut document, "leak", size, 5, |_| 5);
            let analysis = analyse(&document, &Settings::default());
            assert_eq!(analysis.findings[0].verdict, Verdict::Leak);
            assert!(analysis.growth.significant);
            analysis.growth.verdict
        };
        assert_eq!(of(20), Verdict::Undetermined, "0.005 %");
        assert_eq!(of(40_000), Verdict::Leak, "10 %");
    }

    #[test]
    fn a_constant_process_is_quiet() {
        let mut document = samples::document(7200.0);
        samples::process(&mut document, |_| 100_000_000);
        let growth = analyse(&document, &Settings::default()).growth;
        assert!(!growth.significant);
        assert_eq!((growth.verdict, growth.explained), (Verdict::Baseline, None));
    }
}
