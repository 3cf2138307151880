//! What leakspy said of a case, against what is true.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::case::{Case, Expected, Kind, Place, Version};

/// The expected leak must be the first, and at most so many others may be called leaks.
const DEMANDED_RANK: u32 = 1;
const BESIDE: usize = 1;
/// Leaks named in a note on what came before the right one.
const NAMED: usize = 2;

/// What is read of `leakspy leaks -f json`; the whole contract is in ARCHITECTURE.md.
#[derive(Debug, Deserialize)]
pub struct Report {
    capture: Capture,
    leaks: Vec<Leak>,
}

#[derive(Debug, Deserialize)]
struct Capture {
    seconds: f64,
}

#[derive(Debug, Deserialize)]
struct Leak {
    rank: u32,
    name: String,
    verdict: String,
    confidence: Confidence,
    rate: Rate,
    grown_by: Vec<Made>,
    created_at: Vec<Made>,
    evidence: Evidence,
}

#[derive(Debug, Deserialize)]
struct Rate {
    bytes_per_hour: Interval,
}

#[derive(Debug, Deserialize)]
struct Made {
    stack: Vec<Frame>,
}

#[derive(Debug, Deserialize)]
struct Evidence {
    types: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Frame {
    function: Option<String>,
    file: Option<String>,
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Worth a look.
    Suspect,
    /// From here on a false verdict is a false alarm.
    Likely,
    /// Nothing harmless explains it.
    Confirmed,
}

/// Bytes per hour, an estimate and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Interval {
    /// Lower bound.
    pub lo: f64,
    /// Estimate.
    pub est: f64,
    /// Upper bound.
    pub hi: f64,
}

/// How a case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As demanded.
    Pass,
    /// Not as demanded.
    Fail,
    /// Nothing is demanded of it.
    Shown,
    /// It could not be tried; the notes say why.
    NotRun,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Name of the case.
    pub case: String,
    /// What loses the memory.
    pub kind: Kind,
    /// Which version ran.
    pub version: Version,
    /// How long it was watched.
    pub seconds: f64,
    /// Of a leak: the first that names an expected frame or type. Else: of the surest `leak`.
    pub rank: Option<u32>,
    /// That leak's verdict.
    pub verdict: Option<String>,
    /// That leak's confidence.
    pub confidence: Option<Confidence>,
    /// How fast it grows.
    pub slope_bytes_per_hour: Option<Interval>,
    /// How fast resident memory grows by what was measured per operation, at the rate of this run.
    pub measured_bytes_per_hour: Option<f64>,
    /// What else there is to say.
    pub notes: Vec<String>,
    /// The judgement.
    pub outcome: Outcome,
}

impl Report {
    /// Reads the JSON report.
    ///
    /// # Errors
    /// Text that is not such a report.
    pub fn parse(json: &str) -> Result<Self> {
        let mut report: Self = serde_json::from_str(json).context("this is no report of leaks")?;
        report.leaks.sort_by_key(|leak| leak.rank);
        Ok(report)
    }
}

impl Row {
    /// A case that could not be tried.
    pub fn not_run(case: &Case, version: Version, reason: String) -> Self {
        Self { notes: vec![reason], ..Self::blank(case, version, 0.0, Outcome::NotRun) }
    }

    /// A case that was started and could not be watched to the end.
    pub fn broken(case: &Case, version: Version, reason: String) -> Self {
        Self { notes: vec![reason], ..Self::blank(case, version, 0.0, Outcome::Fail) }
    }

    fn blank(case: &Case, version: Version, seconds: f64, outcome: Outcome) -> Self {
        Self {
            case: case.name.clone(),
            kind: case.kind,
            version,
            seconds,
            rank: None,
            verdict: None,
            confidence: None,
            slope_bytes_per_hour: None,
            measured_bytes_per_hour: None,
            notes: Vec::new(),
            outcome,
        }
    }

    fn about(&mut self, leak: &Leak) {
        self.rank = Some(leak.rank);
        self.verdict = Some(leak.verdict.clone());
        self.confidence = Some(leak.confidence);
        self.slope_bytes_per_hour = Some(leak.rate.bytes_per_hour);
    }
}

/// Judges what was reported after `operations` operations in the time that was watched.
pub fn judge(case: &Case, version: Version, report: &Report, operations: u64) -> Row {
    let blank = Row::blank(case, version, report.capture.seconds, Outcome::Shown);
    if case.is_silent(version) {
        return silence(case, version, report, blank);
    }
    let mut row = leak(&case.expected, report, blank);
    row.measured_bytes_per_hour = per_hour(case, operations, report.capture.seconds);
    let beside = report.leaks.iter().filter(|leak| leak.is_leak() && Some(leak.rank) != row.rank);
    let beside = beside.count();
    if beside > BESIDE {
        row.notes.push(format!("{beside} others beside it"));
    }
    let is_first = row.rank.is_some_and(|rank| rank <= DEMANDED_RANK);
    let is_leak = row.verdict.as_deref() == Some("leak");
    row.outcome =
        if is_first && is_leak && beside <= BESIDE { Outcome::Pass } else { Outcome::Fail };
    row
}

/// Is the leak found, and how far down?
fn leak(expected: &Expected, report: &Report, mut row: Row) -> Row {
    let at = report.leaks.iter().position(|leak| leak.is(expected));
    let before = &report.leaks[..at.unwrap_or(report.leaks.len())];
    match at.and_then(|at| report.leaks.get(at)) {
        Some(leak) => row.about(leak),
        None if report.leaks.is_empty() => row.notes.push("no leaks".to_owned()),
        None => row.notes.push(format!("none of {} leaks is it", report.leaks.len())),
    }
    row.notes.extend(before.iter().take(NAMED).map(Leak::in_short));
    row
}

/// Is anything called a leak that is none?
fn silence(case: &Case, version: Version, report: &Report, mut row: Row) -> Row {
    let leaks = || report.leaks.iter().filter(|leak| leak.is_leak());
    // Of equals, the one ranked first.
    let worst = leaks().rev().max_by_key(|leak| leak.confidence);
    if let Some(leak) = worst {
        row.about(leak);
        row.notes.push(leak.in_short());
    }
    let alarms = leaks().filter(|leak| leak.confidence >= Confidence::Likely).count();
    if alarms > 1 {
        row.notes.push(format!("{alarms} false alarms"));
    }
    row.outcome = match alarms {
        0 => Outcome::Pass,
        _ if version == Version::Fixed && case.still_grows() => {
            row.notes.push("this version was seen to creep".to_owned());
            Outcome::Shown
        }
        _ => Outcome::Fail,
    };
    row
}

/// Growth of resident memory at the rate of operations that was seen.
fn per_hour(case: &Case, operations: u64, seconds: f64) -> Option<f64> {
    let bytes = case.measured.leaky_bytes_per_op.filter(|_| seconds > 0.0)?;
    // Rates of operations are far below what a float holds exactly.
    let operations = u32::try_from(operations).map_or(f64::from(u32::MAX), f64::from);
    Some(bytes * operations / seconds * 3600.0)
}

impl Leak {
    fn is_leak(&self) -> bool {
        self.verdict == "leak"
    }

    /// Whether it is of an expected type, or one of its lines is expected.
    fn is(&self, expected: &Expected) -> bool {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let types: Vec<String> = expected.leaking_types.iter().map(|name| last(name)).collect();
        let named = std::iter::once(&self.name).chain(&self.evidence.types);
        let mut stacks = self.grown_by.iter().chain(&self.created_at);
        types.contains(&last(&self.name))
            || stacks.any(|made| made.names(&expected.frames))
            || named.into_iter().any(|name| types.contains(&last(name)))
    }

    /// Its name, the innermost frame of Python, and the verdict.
    fn in_short(&self) -> String {
        let mut stacks = self.grown_by.iter().chain(&self.created_at);
        let line = stacks.find_map(|made| made.python());
        let line = line.map_or_else(String::new, |line| format!(" at {line}"));
        format!("#{} {}{line}: {} {}", self.rank, self.name, self.verdict, self.confidence.name())
    }
}

impl Made {
    fn names(&self, expected: &[Place]) -> bool {
        self.stack.iter().any(|frame| {
            let named = frame.file.as_deref().zip(frame.function.as_deref());
            named.is_some_and(|(file, function)| {
                expected.iter().any(|place| place.is(file, function))
            })
        })
    }

    /// The innermost frame of Python: `svc.py:BoundedCache.get`.
    fn python(&self) -> Option<String> {
        self.stack.iter().rev().find_map(|frame| {
            let file = frame.file.as_deref().filter(|file| file.ends_with(".py"))?;
            let base = file.rsplit('/').next().unwrap_or(file);
            Some(format!("{base}:{}", frame.name()))
        })
    }
}

impl Frame {
    fn name(&self) -> &str {
        self.function.as_deref().unwrap_or("?")
    }
}

impl Confidence {
    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suspect => "suspect",
            Self::Likely => "likely",
            Self::Confirmed => "confirmed",
        }
    }
}

#[cfg(test)]
mod tests;
