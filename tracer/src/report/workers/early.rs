//! First words on several processes: a short line for each finding, with the workers it is in.

use super::Group;
use super::group::{WorkersFinding, shared};
use crate::model::{Document, Verdict};
use crate::report::answer::headline;
use crate::report::callsite;
use crate::report::quantity::rate;

/// Findings of a group that are told; the report at the end has them all.
const MOST: usize = 3;
/// Pids that are listed.
const MOST_PIDS: usize = 8;

/// A line for each of the first findings that grow; one line for a group that has none.
pub fn early(groups: &[Group<'_>]) -> Vec<String> {
    groups.iter().flat_map(of_group).collect()
}

fn of_group(group: &Group<'_>) -> Vec<String> {
    let growing = |found: &WorkersFinding<'_>| found.verdict().is_open();
    let found: Vec<WorkersFinding<'_>> = shared(group).into_iter().filter(growing).collect();
    if found.is_empty() {
        return without_findings(group).into_iter().collect();
    }
    found.iter().take(MOST).map(|found| finding(found, group)).collect()
}

/// `remember (app.py:19) in 3 of 4 workers of python3 (12, 13, 14): leak, suspect, 1.2 MiB per
/// minute together`
fn finding(found: &WorkersFinding<'_>, group: &Group<'_>) -> String {
    let (document, first) = found.first();
    let what = match first.evidence.arenas {
        true => "Python's small objects".to_owned(),
        false => callsite(&first.site),
    };
    let sure = match found.verdict() {
        Verdict::Leak => format!("leak, {}", first.confidence.name()),
        _ => "too early to say what it is".to_owned(),
    };
    let speed = rate::rate(found.slope());
    if group.workers.len() == 1 {
        return format!("{what} in {}: {sure}, {speed}", alone(document));
    }
    let all = group.all();
    let mut of: Vec<u32> = found.of.iter().map(|(document, _)| document.target.pid).collect();
    of.sort_unstable();
    of.dedup();
    let together = if of.len() > 1 { " together" } else { "" };
    let comm = &document.target.comm;
    let workers = found.workers();
    format!("{what} in {workers} of {all} of {comm} ({}): {sure}, {speed}{together}", pids(&of))
}

/// `Nothing in 4 workers of python3 (11, 12, 13, 14) is known to leak so far`
fn without_findings(group: &Group<'_>) -> Option<String> {
    let document = *group.workers.first()?;
    if group.workers.len() == 1 {
        return Some(format!("{}: {}", alone(document), headline::process(document)));
    }
    let all = group.all();
    let of: Vec<u32> = group.workers.iter().map(|document| document.target.pid).collect();
    let comm = &document.target.comm;
    Some(format!("Nothing in {all} of {comm} ({}) is known to leak so far", pids(&of)))
}

/// `python3 (pid 4711)`
fn alone(document: &Document) -> String {
    format!("{} (pid {})", document.target.comm, document.target.pid)
}

fn pids(all: &[u32]) -> String {
    let mut text = all.iter().take(MOST_PIDS).map(u32::to_string).collect::<Vec<_>>().join(", ");
    let hidden = all.len().saturating_sub(MOST_PIDS);
    if hidden > 0 {
        text.push_str(&format!(" and {hidden} more"));
    }
    text
}
