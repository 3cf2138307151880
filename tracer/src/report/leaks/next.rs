//! What to do next, as commands that can be copied.

use std::io;

use crate::model::{Confidence, Document, Finding, RootKind, Verdict};
use crate::report::text::page::{Page, Style};
use crate::report::{escape, quantity};

/// What a first watch takes.
const FIRST_HOURS: f64 = 1.0 / 6.0;
/// What a second one takes: some full collections, many sessions.
const HOURS_WITHOUT_ADVICE: f64 = 3.0;

pub fn write(page: &mut Page<'_>, document: &Document) -> io::Result<()> {
    page.gap()?;
    page.heading("What to do next")?;
    let leaks = || document.findings.iter().filter(|finding| finding.verdict == Verdict::Leak);
    if let Some(first) = leaks().next() {
        page.paragraph(2, &first_snapshot(first))?;
    }
    let sure = leaks().any(|finding| finding.confidence == Confidence::Confirmed);
    match (longer(document), sure) {
        (None, true) => {}
        (hours, _) => watch(page, document, hours.unwrap_or_else(|| usual(document)))?,
    }
    let growing = |verdict| matches!(verdict, Verdict::Leak | Verdict::Undetermined);
    if let Some(first) = document.findings.iter().find(|finding| growing(finding.verdict)) {
        let id = escape::terminal(&first.site.id);
        page.paragraph(
            2,
            &format!(
                "A finding that is known can be muted: a file with the line id:{id}, and \
                 --suppressions FILE."
            ),
        )?;
    }
    Ok(())
}

fn first_snapshot(finding: &Finding) -> String {
    let root = finding.owners.and_then(|owners| owners.root);
    let is_held = root.is_none_or(RootKind::is_root)
        && finding.retainer.as_ref().is_some_and(|path| !path.is_empty());
    let text = match (finding.evidence.arenas, is_held) {
        (_, true) => {
            "Begin with the references that hold the first: which of them should have been let go, and by whom? \
             `leakspy who` asks the live process for more of them."
        }
        (true, false) => {
            "Look for what creates many small objects and keeps them: in a list, a dict, a registry, a \
             closure. The stacks above are only where the next arena was needed."
        }
        (false, false) if finding.evidence.allocator.is_some() => {
            "The first is what a library's allocator takes from the system; the calls that keep blocks in it \
             are not seen. Look for what keeps objects of that library."
        }
        (false, false) => {
            "Begin with the first stack: who holds what its last Python line makes, and who should let it go?"
        }
    };
    text.to_owned()
}

/// How much longer to watch when nothing says how long: ten minutes first, then hours.
fn usual(document: &Document) -> f64 {
    match FIRST_HOURS - hours_recorded(document) {
        rest if rest > 0.0 => rest,
        _ => HOURS_WITHOUT_ADVICE,
    }
}

fn hours_recorded(document: &Document) -> f64 {
    document.capture.seconds.max(0.0) / 3600.0
}

/// The longest time that any finding asks for.
fn longer(document: &Document) -> Option<f64> {
    let process = document.growth.as_ref().and_then(|growth| growth.needs_hours);
    let findings = document.findings.iter().filter_map(|finding| finding.evidence.needs_hours);
    findings.chain(process).filter(|hours| hours.is_finite()).max_by(f64::total_cmp)
}

/// A new recording begins at nothing, so it has to last as long as this one and longer.
fn watch(page: &mut Page<'_>, document: &Document, hours: f64) -> io::Result<()> {
    // The pid of a target that is gone may be somebody else's by now.
    let pid = match document.capture.target_gone() {
        true => "PID".to_owned(),
        false => document.target.pid.to_string(),
    };
    let grows = document.growth.as_ref().is_some_and(|growth| growth.significant);
    let why = match grows || !document.findings.is_empty() {
        true => "To know more",
        false => "If its memory climbs all the same",
    };
    let hours_longer = quantity::hours(hours);
    page.paragraph(2, &format!("{why}, watch about {hours_longer} longer:"))?;
    let duration = quantity::typed(hours_recorded(document) + hours);
    let commands = [
        format!("    sudo leakspy record -p {pid} -d {duration} -o longer.leakspy"),
        "    leakspy leaks longer.leakspy".to_owned(),
    ];
    for command in &commands {
        page.line(&[(Style::Bold, command)])?;
    }
    Ok(())
}
