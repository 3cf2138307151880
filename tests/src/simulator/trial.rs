//! One process, judged again and again while it is watched.

use leakspy::growth::{Settings, analyse};
use leakspy::model::{Confidence, Finding, Verdict};

use super::family::{Family, Kind};
use super::random::whole;
use super::recording::Recording;
use super::world::World;

const HOUR: f64 = 3600.0;
/// When a simulated server has as many sessions as it will have.
const SETTLED: f64 = 3.0 * HOUR;

/// What came of one process.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Seconds watched.
    pub seconds: f64,
    /// Times at which something harmless began to be called a leak that is likely, or surer.
    pub false_alarms: u64,
    /// The same for `confirmed`.
    pub false_proofs: u64,
    /// Whether anything was confirmed before the cache was full.
    pub confirmed_early: bool,
    /// When the leak was first called likely, seconds.
    pub likely: Option<f64>,
    /// When it was first confirmed, seconds.
    pub confirmed: Option<f64>,
    /// Its rank after 120 seconds.
    pub rank: Option<u32>,
    /// Whether the interval of its slope covered the truth, at each moment with a significant
    /// slope.
    pub covered: Vec<bool>,
    /// The same for the time to the limit.
    pub limit_covered: Vec<bool>,
}

/// When a process is judged, seconds.
fn moments(seconds: f64) -> Vec<f64> {
    let early = [60.0, 120.0, 180.0, 300.0, 420.0, 600.0];
    let hours = [0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0].map(|hours| hours * HOUR);
    let days = (2..=14).map(|half| f64::from(half) * 12.0 * HOUR);
    early.into_iter().chain(hours).chain(days).filter(|t| *t <= seconds).collect()
}

/// Makes a process of the family and judges it over time.
pub fn run(family: &Family, seed: u64) -> Outcome {
    let world = (family.make)(seed);
    let limit = limit(&world);
    let recording = Recording::new(&world, limit);
    let mut outcome = Outcome { seconds: world.seconds, ..Outcome::default() };
    let mut alarmed: Vec<(String, Confidence)> = Vec::new();
    for t in moments(world.seconds) {
        let document = recording.document(t);
        let analysis = analyse(&document, &Settings::default());
        let mut now = Vec::new();
        for finding in &analysis.findings {
            if finding.verdict == Verdict::Leak && finding.confidence >= Confidence::Likely {
                let early = family.full.is_some_and(|full| t < full);
                outcome.confirmed_early |= early && finding.confidence == Confidence::Confirmed;
                // An arena is needed wherever it happens: none of their stacks is a false one.
                if !is_leak(&world, finding) && !finding.evidence.arenas {
                    now.push((name(finding).to_owned(), finding.confidence));
                }
            }
        }
        outcome.alarms(&alarmed, &now);
        alarmed = now;
        let found = analysis.findings.iter().find(|finding| is_leak(&world, finding));
        if let Some(finding) = found {
            outcome.leak(&world, finding, t);
        }
        // Before, the first sessions still come, and memory really grows faster than the leak.
        if family.kind == Kind::Slow
            && t >= SETTLED
            && let (Some(leak), Some(limit), Some(hours)) =
                (&world.leak, limit, analysis.growth.hours_to_limit)
        {
            let truth = (limit as f64 - recording.trend(t)).max(0.0) / leak.per_hour;
            outcome.limit_covered.push(hours.lo <= truth && truth <= hours.hi);
        }
    }
    outcome
}

/// A limit that the leak reaches in three weeks.
fn limit(world: &World) -> Option<u64> {
    let leak = world.leak.as_ref()?;
    Some(whole(250e6 + leak.per_hour * 24.0 * 21.0))
}

fn name(finding: &Finding) -> &str {
    finding.site.stack.last().and_then(|frame| frame.function.as_deref()).unwrap_or("")
}

fn is_leak(world: &World, finding: &Finding) -> bool {
    world.leak.as_ref().is_some_and(|leak| leak.function == name(finding))
}

impl Outcome {
    fn alarms(&mut self, before: &[(String, Confidence)], now: &[(String, Confidence)]) {
        for (name, confidence) in now {
            let old = before.iter().find(|(known, _)| known == name);
            self.false_alarms += u64::from(old.is_none());
            let proof = *confidence == Confidence::Confirmed;
            let proved = old.is_some_and(|(_, before)| *before == Confidence::Confirmed);
            self.false_proofs += u64::from(proof && !proved);
        }
    }

    fn leak(&mut self, world: &World, finding: &Finding, t: f64) {
        let Some(leak) = &world.leak else { return };
        if (t - 120.0).abs() < 1.0 {
            self.rank = Some(finding.rank);
        }
        if finding.verdict == Verdict::Leak && finding.confidence >= Confidence::Likely {
            self.likely.get_or_insert(t);
        }
        if finding.verdict == Verdict::Leak && finding.confidence == Confidence::Confirmed {
            self.confirmed.get_or_insert(t);
        }
        let slope = finding.slope_bytes_per_hour;
        if slope.lo > 0.0 && finding.verdict == Verdict::Leak {
            let since = finding.evidence.since.unwrap_or(0.0);
            let truth = leak.rate(since, t - finding.evidence.age_seconds);
            self.covered.push(slope.lo <= truth && truth <= slope.hi);
        }
    }
}
