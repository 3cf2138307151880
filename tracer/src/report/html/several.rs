//! Several processes on one page: what workers of one program have in common first, then the
//! evidence of each.

use std::io::{self, Write};

use super::markup::HtmlPage;
use super::{TOP, body, head};
use crate::model::{Document, Finding, TypeGrowth};
use crate::report::answer::headline;
use crate::report::path::shortened;
use crate::report::quantity::{bytes, count, duration, rate};
use crate::report::workers::{Group, WorkersFinding, leaking_types, shared};
use crate::report::{Options, callsite, sentence};

/// Writes the page.
///
/// # Errors
/// Those of `out`.
pub fn write(groups: &[Group<'_>], options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut page = HtmlPage::default();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n");
    head(&mut page, &groups.iter().map(title).collect::<Vec<_>>().join(", "));
    page.raw("<body>\n<main>\n");
    for group in groups {
        of_group(&mut page, group, options);
    }
    page.element("h2", "Evidence of each process");
    for document in groups.iter().flat_map(|group| &group.workers) {
        worker(&mut page, document, options)?;
    }
    page.raw("</main>\n</body>\n</html>\n");
    out.write_all(page.text().as_bytes())
}

/// `gunicorn: 4 workers`, `python3 (pid 4711)`
fn title(group: &Group<'_>) -> String {
    let Some(target) = group.workers.first().map(|document| &document.target) else {
        return String::new();
    };
    match group.workers.len() {
        1 => format!("{} (pid {})", target.comm, target.pid),
        _ => format!("{}: {}", target.comm, group.all()),
    }
}

/// What its workers have in common.
fn of_group(page: &mut HtmlPage, group: &Group<'_>, options: &Options) {
    page.open("section", "");
    page.element("h1", &title(group));
    states(page, group);
    page.element("h2", "What grows");
    let found = shared(group);
    if found.is_empty() {
        page.element("p", "No stack in any of them grows without an end.");
    }
    let top = options.top.unwrap_or(TOP);
    for (index, found) in found.iter().take(top).enumerate() {
        one(page, index + 1, found, group);
    }
    let hidden = found.len().saturating_sub(top);
    if hidden > 0 {
        page.element("p", &format!("and {hidden} more, which the processes below have."));
    }
    types(page, group);
    page.close("section");
}

/// A row for each worker: its state, how long it was watched, and its memory.
fn states(page: &mut HtmlPage, group: &Group<'_>) {
    let rows = group.workers.iter().map(|document| {
        let memory = match (document.memory.first(), document.memory.last()) {
            (Some(first), Some(last)) => {
                format!("{} → {}", bytes(first.rss_bytes), bytes(last.rss_bytes))
            }
            _ => String::new(),
        };
        let watched = duration(document.capture.seconds);
        [document.target.pid.to_string(), headline::process(document), watched, memory]
    });
    page.grid(&["Pid", "State", "Watched for", "Resident memory"], rows);
}

/// One finding, with its workers.
fn one(page: &mut HtmlPage, rank: usize, found: &WorkersFinding<'_>, group: &Group<'_>) {
    let (document, first) = found.first();
    page.open("article", "");
    page.open("h3", "");
    page.words(&format!("{rank}. {} ", callsite(&first.site)));
    let verdict = format!("{}, {}", found.verdict().name(), first.confidence.name());
    page.classed("span", "verdict", &verdict);
    page.classed("span", "verdict", &format!("in {}", group.share(found.workers())));
    page.close("h3");
    let sentence = sentence::finding(first, document).replace('`', "");
    page.element("p", &format!("In pid {}: {sentence}", document.target.pid));
    let rows = found.of.iter().map(|(document, finding)| row(document, finding));
    page.grid(&["Pid", "Retained", "Blocks", "Growth", "Verdict", "Id"], rows);
    page.close("article");
}

fn row(document: &Document, finding: &Finding) -> [String; 6] {
    [
        document.target.pid.to_string(),
        bytes(finding.evidence.retained.bytes),
        count(finding.evidence.retained.count),
        rate::rate(finding.slope_bytes_per_hour.est),
        format!("{}, {}", finding.verdict.name(), finding.confidence.name()),
        finding.site.id.clone(),
    ]
}

/// Types of Python objects that grow like a leak; nothing where objects were not counted.
fn types(page: &mut HtmlPage, group: &Group<'_>) {
    if group.workers.iter().all(|document| document.types.is_none()) {
        return;
    }
    page.element("h2", "Python objects");
    let leaking = leaking_types(group);
    if leaking.is_empty() {
        page.element("p", "No type grows like a leak in any of them.");
    }
    for (index, found) in leaking.iter().take(TOP).enumerate() {
        one_type(page, index + 1, found, group);
    }
}

fn one_type(
    page: &mut HtmlPage,
    rank: usize,
    found: &[(&Document, &TypeGrowth)],
    group: &Group<'_>,
) {
    let Some((_, first)) = found.first() else { return };
    let workers = u64::try_from(found.len()).unwrap_or(u64::MAX);
    page.open("article", "");
    page.open("h3", "");
    page.words(&format!("{rank}. {} ", first.name));
    page.classed("span", "verdict", &format!("in {}", group.share(workers)));
    page.close("h3");
    if let Some(path) = found.iter().find_map(|(_, found)| found.retainer.as_deref()) {
        page.element("p", &format!("Retained by {}", shortened(path).join(" → ")));
    }
    let rows = found.iter().map(|(document, found)| {
        let growth = rate::rate(found.slope_bytes_per_hour.est);
        let (objects, size) = (count(found.last_count), bytes(found.last_bytes));
        [document.target.pid.to_string(), objects, size, growth]
    });
    page.grid(&["Pid", "Objects", "Bytes", "Growth"], rows);
    page.close("article");
}

/// All of one process, folded away until somebody wants it.
fn worker(page: &mut HtmlPage, document: &Document, options: &Options) -> io::Result<()> {
    page.raw("<details class=\"worker\">\n<summary>");
    let target = &document.target;
    let state = headline::process(document);
    page.words(&format!("{} (pid {}): {state}", target.comm, target.pid));
    page.raw("</summary>\n");
    body(page, document, options)?;
    page.close("details");
    Ok(())
}
