//! Several processes on one page: a section for each program.

use std::io::{self, Write};

use super::Group;
use super::group::{WorkersFinding, leaking_types, shared, shared_leaks, workers_of};
use crate::model::{Document, Finding, TypeGrowth};
use crate::report::answer::{brief, headline};
use crate::report::leaks::{CHAPTERS, Leaks, TOP, verdict};
use crate::report::quantity::{bytes, counted, duration, rate};
use crate::report::text::closing;
use crate::report::text::head;
use crate::report::text::page::{Page, Style};
use crate::report::{Exporter, Options, escape, notes, sentence, utc};

/// Writes a section for each group; a process that is alone in its group gets the page it would
/// have had alone.
///
/// # Errors
/// Those of `out`.
pub fn write(groups: &[Group<'_>], options: &Options, out: &mut dyn Write) -> io::Result<()> {
    for (index, group) in groups.iter().enumerate() {
        let mut page = Page::new(out, options.colour);
        if index > 0 {
            page.gap()?;
        }
        page.heading(&title(group))?;
        match *group.workers {
            [alone] => Leaks.write(alone, options, out)?,
            _ => section(&mut page, group, options)?,
        }
    }
    Ok(())
}

/// `gunicorn: 4 workers`, `python3 (pid 4711)`
fn title(group: &Group<'_>) -> String {
    let target = group.workers.first().map(|document| &document.target);
    let comm = target.map(|target| escape::terminal(&target.comm).into_owned()).unwrap_or_default();
    match (group.size(), target) {
        (1, Some(target)) => format!("== {comm} (pid {}) ==", target.pid),
        _ => format!("== {comm}: {} ==", group.all()),
    }
}

fn section(page: &mut Page<'_>, group: &Group<'_>, options: &Options) -> io::Result<()> {
    for document in &group.workers {
        worker(page, document)?;
    }
    leaks(page, group, options)?;
    let found = shared(group);
    let mut room = options.top.unwrap_or(TOP);
    for (title, verdict) in CHAPTERS {
        let of_chapter: Vec<&WorkersFinding<'_>> =
            found.iter().filter(|shared| shared.verdict() == verdict).collect();
        let shown = &of_chapter[..of_chapter.len().min(room)];
        room -= shown.len();
        chapter(page, title, group, shown, options)?;
        let hidden = of_chapter.len() - shown.len();
        if hidden > 0 {
            page.gap()?;
            let hidden = u64::try_from(hidden).unwrap_or(u64::MAX);
            let more =
                counted(hidden, "more of these; --top shows it", "more of these; --top shows them");
            page.paragraph(0, &format!("{more}."))?;
        }
    }
    types(page, group)?;
    for document in &group.workers {
        page.gap()?;
        page.line(&[(Style::Bold, &format!("Of pid {}", document.target.pid))])?;
        closing::write(page, document)?;
    }
    Ok(())
}

/// A paragraph for each leak, with the workers that have it.
fn leaks(page: &mut Page<'_>, group: &Group<'_>, options: &Options) -> io::Result<()> {
    let found = shared_leaks(group);
    if found.is_empty() {
        return Ok(());
    }
    page.gap()?;
    page.heading("Leaks")?;
    for (rank, of) in (1..).zip(found.iter().take(options.top.unwrap_or(TOP))) {
        let Some((document, leak)) = of.first() else { continue };
        let workers = workers_of(of);
        let text = format!(
            "In {}, as in pid {}: {}.",
            group.share(workers),
            document.target.pid,
            brief::of(leak, document)
        );
        page.item(0, &format!("{rank:>2}. "), Style::Bold, &escape::terminal(&text))?;
    }
    Ok(())
}

/// `Pid 4711: Leaking: at least 1.2 MiB per hour. Watched for 10 min from …`
fn worker(page: &mut Page<'_>, document: &Document) -> io::Result<()> {
    let state = headline::process(document);
    let mut text = format!(
        "{state}. Watched for {} from {}.",
        duration(document.capture.seconds),
        utc(document.capture.started)
    );
    if let Some(memory) = head::resident(document) {
        text.push_str(&format!(" {memory}"));
    }
    let mark = format!("Pid {}: ", document.target.pid);
    page.item(0, &mark, Style::Bold, &escape::terminal(&text))?;
    for note in document.capture.notes.iter().filter(|note| notes::is_of_its_own(note)) {
        page.item(4, "Note: ", Style::Warning, &escape::terminal(&notes::note(note)))?;
    }
    Ok(())
}

fn chapter(
    page: &mut Page<'_>,
    title: &str,
    group: &Group<'_>,
    shown: &[&WorkersFinding<'_>],
    options: &Options,
) -> io::Result<()> {
    if shown.is_empty() {
        return Ok(());
    }
    page.gap()?;
    page.heading(title)?;
    for (index, shared) in shown.iter().enumerate() {
        if index > 0 {
            page.gap()?;
        }
        let (document, finding) = shared.first();
        let such = match shared.workers() {
            0 | 1 => String::new(),
            _ => format!(", as in pid {}", document.target.pid),
        };
        let text = format!(
            "In {}{such}: {}",
            group.share(shared.workers()),
            sentence::finding(finding, document)
        );
        verdict::write_as(page, (index + 1, &text), finding, options)?;
        figures(page, shared.of.iter().map(figure))?;
    }
    Ok(())
}

/// What is known of each worker, one after the other.
fn figures(page: &mut Page<'_>, each: impl Iterator<Item = String>) -> io::Result<()> {
    let figures = each.collect::<Vec<_>>().join("; ");
    page.item(4, "Workers: ", Style::Bold, &escape::terminal(&format!("{figures}.")))
}

/// `pid 4711 retains 1.2 MiB in 300 blocks, 3.4 MiB per hour, leak`
fn figure((document, finding): &(&Document, &Finding)) -> String {
    format!(
        "pid {} retains {} in {}, {}, {}",
        document.target.pid,
        bytes(finding.evidence.retained.bytes),
        counted(finding.evidence.retained.count, "block", "blocks"),
        rate::rate(finding.slope_bytes_per_hour.est),
        finding.verdict.name(),
    )
}

/// Types of Python objects that grow like a leak; nothing where objects were not counted.
fn types(page: &mut Page<'_>, group: &Group<'_>) -> io::Result<()> {
    if group.workers.iter().all(|document| document.types.is_none()) {
        return Ok(());
    }
    page.gap()?;
    page.heading("Python objects")?;
    let leaking = leaking_types(group);
    if leaking.is_empty() {
        return page.paragraph(2, "No type grows like a leak in any of them.");
    }
    for (index, found) in leaking.iter().take(TOP).enumerate() {
        let Some((_, first)) = found.first() else { continue };
        let workers = u64::try_from(found.len()).unwrap_or(u64::MAX);
        let text = format!("`{}` grows like a leak in {}.", first.name, group.share(workers));
        page.item(0, &format!("{:>2}. ", index + 1), Style::Bold, &escape::terminal(&text))?;
        if let Some(retainer) = found.iter().find_map(|(_, found)| found.retainer.as_ref()) {
            page.item(4, "Retained by: ", Style::Bold, &escape::terminal(&retainer.join(" → ")))?;
        }
        figures(page, found.iter().map(type_figure))?;
    }
    Ok(())
}

fn type_figure((document, found): &(&Document, &TypeGrowth)) -> String {
    format!(
        "pid {} has {}, {} of them, {}",
        document.target.pid,
        counted(found.last_count, "object", "objects"),
        bytes(found.last_bytes),
        rate::rate(found.slope_bytes_per_hour.est),
    )
}
