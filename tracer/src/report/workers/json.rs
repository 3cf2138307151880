//! The contract for programs that watch several processes: each document as it would be alone, and
//! what they have in common.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use super::group::{WorkersFinding, leaking_types, shared, shared_leaks, workers_of};
use super::{Group, SeveralJson};
use crate::model::{Amount, Confidence, Document, Interval, Leak, TypeGrowth, Verdict};
use crate::report::json::contract::DocumentJson;
use crate::report::write_json;

#[derive(Serialize)]
struct GroupJson<'a> {
    comm: &'a str,
    exe: &'a str,
    pids: Vec<u32>,
    leaks: Vec<LeakJson<'a>>,
    findings: Vec<SharedJson<'a>>,
    types: Vec<TypeJson<'a>>,
}

/// A finding that one worker has, or several.
#[derive(Serialize)]
struct SharedJson<'a> {
    verdict: Verdict,
    workers: u64,
    of: u64,
    slope_bytes_per_hour: f64,
    r#in: Vec<InJson<'a>>,
}

/// The finding of one worker, which its document has in full.
#[derive(Serialize)]
struct InJson<'a> {
    pid: u32,
    id: &'a str,
    rank: u32,
    verdict: Verdict,
    confidence: Confidence,
    #[serde(flatten, serialize_with = "Amount::retained_json")]
    retained: Amount,
    slope_bytes_per_hour: Interval,
}

/// A leak that one worker has, or several; their documents have it in full.
#[derive(Serialize)]
struct LeakJson<'a> {
    id: &'a str,
    name: &'a str,
    verdict: Verdict,
    workers: u64,
    of: u64,
    pids: Vec<u32>,
    bytes_per_hour: f64,
}

/// A type of Python objects that grows like a leak.
#[derive(Serialize)]
struct TypeJson<'a> {
    name: &'a str,
    workers: u64,
    of: u64,
    pids: Vec<u32>,
}

/// Writes all documents of all groups, in the order of the groups, and what those of each have in
/// common.
///
/// # Errors
/// Those of `out`.
pub fn write(groups: &[Group<'_>], out: &mut dyn Write) -> io::Result<()> {
    let documents: Vec<&Document> =
        groups.iter().flat_map(|group| &group.workers).copied().collect();
    let first = documents.first();
    let value = SeveralJson {
        schema: first.map_or(0, |document| document.schema),
        tool: first.map(|document| &document.tool),
        targets: documents.iter().map(|document| DocumentJson::new(document, usize::MAX)).collect(),
        groups: groups.iter().map(GroupJson::new).collect(),
    };
    write_json(&value, out)
}

impl<'a> GroupJson<'a> {
    fn new(group: &Group<'a>) -> Self {
        let target = group.workers.first().map(|document| &document.target);
        Self {
            comm: target.map_or("", |target| &target.comm),
            exe: target.map_or("", |target| &target.exe),
            pids: group.workers.iter().map(|document| document.target.pid).collect(),
            leaks: shared_leaks(group).iter().filter_map(|of| LeakJson::new(of, group)).collect(),
            findings: shared(group).iter().map(|found| SharedJson::new(found, group)).collect(),
            types: leaking_types(group).iter().map(|found| TypeJson::new(found, group)).collect(),
        }
    }
}

impl<'a> SharedJson<'a> {
    fn new(found: &WorkersFinding<'a>, group: &Group<'a>) -> Self {
        let worker = |(document, finding): &(&'a Document, &'a crate::model::Finding)| InJson {
            pid: document.target.pid,
            id: &finding.site.id,
            rank: finding.rank,
            verdict: finding.verdict,
            confidence: finding.confidence,
            retained: finding.evidence.retained,
            slope_bytes_per_hour: finding.slope_bytes_per_hour,
        };
        Self {
            verdict: found.verdict(),
            workers: found.workers(),
            of: group.size(),
            slope_bytes_per_hour: found.slope(),
            r#in: found.of.iter().map(worker).collect(),
        }
    }
}

impl<'a> LeakJson<'a> {
    fn new(found: &[(&'a Document, &'a Leak)], group: &Group<'a>) -> Option<Self> {
        let (_, first) = found.first()?;
        let pids: BTreeSet<u32> = found.iter().map(|(document, _)| document.target.pid).collect();
        Some(Self {
            id: &first.id,
            name: &first.name,
            verdict: first.verdict,
            workers: workers_of(found),
            of: group.size(),
            pids: pids.into_iter().collect(),
            bytes_per_hour: found.iter().map(|(_, leak)| leak.rate.bytes_per_hour.est).sum(),
        })
    }
}

impl<'a> TypeJson<'a> {
    fn new(found: &[(&'a Document, &'a TypeGrowth)], group: &Group<'a>) -> Self {
        Self {
            name: found.first().map_or("", |(_, first)| &first.name),
            workers: u64::try_from(found.len()).unwrap_or(u64::MAX),
            of: group.size(),
            pids: found.iter().map(|(document, _)| document.target.pid).collect(),
        }
    }
}
