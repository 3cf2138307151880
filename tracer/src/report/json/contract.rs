//! The contract for programs: documents as JSON has them, each sentence with its code beside it.

use serde::Serialize;

use crate::model::Confidence;
use crate::model::{
    Capture, Census, CensusTarget, Document, Evidence, Finding, HeapSnapshot, Interval, Leak, Loss,
    MallocPoint, MemoryPoint, Owners, PoolUse, ProcessGrowth, RetainerGroup, RetainerReport,
    SessionCount, Site, Target, Tool, TypeCount, TypeGrowth, Verdict,
};
use crate::report::{notes, reasons, subject};

/// A document, with at most so many sites.
#[derive(Serialize)]
pub struct DocumentJson<'a> {
    schema: u32,
    tool: &'a Tool,
    target: &'a Target,
    capture: CaptureJson<'a>,
    #[serde(serialize_with = "losses_by_name")]
    losses: &'a [Loss],
    memory: &'a [MemoryPoint],
    allocator: Option<&'a [MallocPoint]>,
    growth: Option<&'a ProcessGrowth>,
    leaks: &'a [Leak],
    findings: Vec<FindingJson<'a>>,
    types: Option<Vec<TypeGrowthJson<'a>>>,
    sites: Vec<SiteJson<'a>>,
}

impl<'a> DocumentJson<'a> {
    /// All of `document`, with the `top` largest sites.
    pub fn new(document: &'a Document, top: usize) -> Self {
        Self {
            schema: document.schema,
            tool: &document.tool,
            target: &document.target,
            capture: CaptureJson::new(&document.capture),
            losses: &document.losses,
            memory: &document.memory,
            allocator: Some(&*document.malloc).filter(|points| !points.is_empty()),
            growth: document.growth.as_ref(),
            leaks: &document.leaks,
            findings: document.findings.iter().map(FindingJson::new).collect(),
            types: document.types.as_deref().map(grown),
            sites: document.sites.iter().take(top).map(SiteJson::new).collect(),
        }
    }
}

fn losses_by_name<S: serde::Serializer>(losses: &[Loss], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(losses.iter().map(|loss| (loss.counter.name(), loss.count)))
}

/// How the target was watched.
#[derive(Serialize)]
pub struct CaptureJson<'a> {
    #[serde(flatten)]
    capture: &'a Capture,
    notes: Vec<String>,
    codes: Vec<&'static str>,
}

impl<'a> CaptureJson<'a> {
    /// All of `capture`.
    pub fn new(capture: &'a Capture) -> Self {
        let notes = capture.notes.iter().map(notes::note).collect();
        Self { capture, notes, codes: capture.notes.iter().map(|note| note.code()).collect() }
    }
}

#[derive(Serialize)]
struct SiteJson<'a> {
    #[serde(flatten)]
    site: &'a Site,
    notes: Vec<String>,
    codes: Vec<&'static str>,
}

impl<'a> SiteJson<'a> {
    fn new(site: &'a Site) -> Self {
        let notes = site.notes.iter().map(notes::of_stack).collect();
        Self { site, notes, codes: site.notes.iter().map(|note| note.code()).collect() }
    }
}

#[derive(Serialize)]
struct FindingJson<'a> {
    #[serde(flatten)]
    site: SiteJson<'a>,
    rank: u32,
    verdict: Verdict,
    confidence: Confidence,
    slope_bytes_per_hour: Interval,
    evidence: EvidenceJson<'a>,
    types: Option<&'a [(String, u64)]>,
    #[serde(rename = "holder")]
    retainer: Option<&'a [String]>,
    owners: Option<Owners>,
}

impl<'a> FindingJson<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self {
            site: SiteJson::new(&finding.site),
            rank: finding.rank,
            verdict: finding.verdict,
            confidence: finding.confidence,
            slope_bytes_per_hour: finding.slope_bytes_per_hour,
            evidence: EvidenceJson::new(&finding.evidence),
            types: finding.types.as_deref(),
            retainer: finding.retainer.as_deref(),
            owners: finding.owners,
        }
    }
}

#[derive(Serialize)]
struct EvidenceJson<'a> {
    reasons: Vec<String>,
    codes: Vec<&'static str>,
    #[serde(flatten)]
    evidence: &'a Evidence,
}

impl<'a> EvidenceJson<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        let reasons = evidence.reasons.iter().map(reasons::reason).collect();
        Self {
            reasons,
            codes: evidence.reasons.iter().map(|reason| reason.code()).collect(),
            evidence,
        }
    }
}

#[derive(Serialize)]
struct TypeGrowthJson<'a> {
    #[serde(flatten)]
    growth: &'a TypeGrowth,
    reasons: Vec<String>,
    codes: Vec<&'static str>,
}

impl<'a> TypeGrowthJson<'a> {
    fn new(growth: &'a TypeGrowth) -> Self {
        let reasons = growth.reasons.iter().map(reasons::reason).collect();
        let codes = growth.reasons.iter().map(|reason| reason.code()).collect();
        Self { growth, reasons, codes }
    }
}

fn grown(types: &[TypeGrowth]) -> Vec<TypeGrowthJson<'_>> {
    types.iter().map(TypeGrowthJson::new).collect()
}

/// How a heap was read.
#[derive(Serialize)]
struct SnapshotJson<'a> {
    #[serde(flatten)]
    #[serde(rename = "look")]
    snapshot: &'a HeapSnapshot,
    skipped: Vec<(&'static str, u64)>,
    skipped_codes: Vec<&'static str>,
    notes: Vec<&'static str>,
    codes: Vec<&'static str>,
}

impl<'a> SnapshotJson<'a> {
    fn new(snapshot: &'a HeapSnapshot) -> Self {
        let skipped = &snapshot.skipped;
        Self {
            snapshot,
            skipped: skipped.iter().map(|(part, count)| (notes::skipped(*part), *count)).collect(),
            skipped_codes: skipped.iter().map(|(part, _)| part.code()).collect(),
            notes: snapshot.notes.iter().map(|note| notes::of_heap(*note)).collect(),
            codes: snapshot.notes.iter().map(|note| note.code()).collect(),
        }
    }
}

/// A census, with at most so many types.
#[derive(Serialize)]
pub struct CensusJson<'a> {
    schema: u32,
    tool: &'a Tool,
    target: &'a CensusTarget,
    #[serde(rename = "look")]
    snapshot: SnapshotJson<'a>,
    types: &'a [TypeCount],
    pools: Option<&'a PoolUse>,
    growth: Option<Vec<TypeGrowthJson<'a>>>,
    sessions: Option<&'a [SessionCount]>,
}

impl<'a> CensusJson<'a> {
    /// All of `census`, with the `top` largest types.
    pub fn new(census: &'a Census, top: usize) -> Self {
        Self {
            schema: census.schema,
            tool: &census.tool,
            target: &census.target,
            snapshot: SnapshotJson::new(&census.snapshot),
            types: &census.types[..census.types.len().min(top)],
            pools: census.pools.as_ref(),
            growth: census.growth.as_deref().map(grown),
            sessions: census.sessions.as_deref(),
        }
    }
}

/// What retains objects.
#[derive(Serialize)]
pub struct RetainersJson<'a> {
    schema: u32,
    tool: &'a Tool,
    target: &'a CensusTarget,
    #[serde(rename = "look")]
    snapshot: SnapshotJson<'a>,
    asked: &'a str,
    subject: String,
    subject_code: &'static str,
    count: u64,
    bytes: u64,
    groups: &'a [RetainerGroup],
    more_groups: u64,
}

impl<'a> RetainersJson<'a> {
    /// All of the report on retainers.
    pub fn new(retainers: &'a RetainerReport) -> Self {
        Self {
            schema: retainers.schema,
            tool: &retainers.tool,
            target: &retainers.target,
            snapshot: SnapshotJson::new(&retainers.snapshot),
            asked: &retainers.asked,
            subject: subject::words(&retainers.subject),
            subject_code: retainers.subject.code(),
            count: retainers.count,
            bytes: retainers.bytes,
            groups: &retainers.groups,
            more_groups: retainers.more_groups,
        }
    }
}
