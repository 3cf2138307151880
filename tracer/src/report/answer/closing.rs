//! After the leaks: what is none, what was lost, what watching cost, what to ask next. A line each.

use std::io;

use super::lines;
use crate::model::{Basis, CounterClass, Document, Finding, Leak, LeakKind, Loss};
use crate::report::ledger::{self, Balance};
use crate::report::quantity::{self, count, counted};
use crate::report::text::page::{Page, Style};
use crate::report::width::columns;
use crate::report::{Options, callsite, escape};

/// Stacks and losses that are named.
const MOST: usize = 3;
/// Most columns of a name in a command.
const NAME: usize = 40;
/// What a first watch takes, and a second one: some full collections, many sessions. Hours.
const FIRST: f64 = 1.0 / 6.0;
const SECOND: f64 = 3.0;

pub fn write(
    page: &mut Page<'_>,
    document: &Document,
    hidden: usize,
    options: &Options,
) -> io::Result<()> {
    page.gap()?;
    if hidden > 0 {
        let hidden = counted(u64::try_from(hidden).unwrap_or(u64::MAX), "more leak", "more leaks");
        page.paragraph(0, &format!("{hidden}; --top shows more of them."))?;
    }
    if let Some(text) = not_leaking(document).filter(|_| options.verbose) {
        page.paragraph(0, &escape::terminal(&text))?;
    }
    page.paragraph(0, &escape::terminal(&(losses(document) + &cost(document, options))))?;
    next(page, document, options)
}

/// `Not leaking: get (svc.py:47), cache-bounded; 84 more stacks.`
fn not_leaking(document: &Document) -> Option<String> {
    let named = lines_of_leaks(document);
    let is_named = |finding: &&Finding| named.contains(&callsite(&finding.site));
    let harmless = document.findings.iter().filter(|finding| !finding.verdict.is_open());
    // A line can make what leaks and what does not.
    let harmless: Vec<&Finding> = harmless.filter(|finding| !is_named(finding)).collect();
    let mut parts: Vec<String> = Vec::new();
    for finding in &harmless {
        let part = format!("{} {}", callsite(&finding.site), finding.verdict.name());
        if parts.len() < MOST && !parts.contains(&part) {
            parts.push(part);
        }
    }
    let counted_only = document.growth.iter().flat_map(|growth| &growth.dismissed);
    let counted_only = counted_only.filter(|(verdict, _)| !verdict.is_open());
    let rest = counted_only.map(|(_, number)| *number).fold(0, u64::saturating_add);
    let rest =
        rest.saturating_add(u64::try_from(harmless.len().saturating_sub(parts.len())).unwrap_or(0));
    if rest > 0 {
        let more =
            if parts.is_empty() { ["stack", "stacks"] } else { ["more stack", "more stacks"] };
        parts.push(counted(rest, more[0], more[1]));
    }
    (!parts.is_empty()).then(|| format!("Not leaking: {}.", parts.join("; ")))
}

/// Lines that leaks name.
fn lines_of_leaks(document: &Document) -> Vec<String> {
    let leaks = document.leaks.iter();
    let stacks = leaks.flat_map(|leak| {
        let created = leak.created_at.iter().map(|made| (&made.stack, made.share));
        created.chain(leak.grown_by.iter().map(|grown| (&grown.stack, grown.share)))
    });
    lines::lines(stacks).into_iter().map(|(line, _)| line).collect()
}

/// What is missing, in one sentence.
fn losses(document: &Document) -> String {
    let lost = document.losses.iter().filter(|loss| loss.count > 0);
    let mut lost: Vec<&Loss> =
        lost.filter(|loss| loss.counter.class() == CounterClass::Loss).collect();
    lost.sort_by_key(|loss| std::cmp::Reverse(loss.count));
    let balances = ledger::balances(document);
    if lost.is_empty() {
        return match balances.iter().all(Balance::closes) && !document.losses.is_empty() {
            true => "No event was missed.".to_owned(),
            false => "What was lost is not known; -v has the ledger.".to_owned(),
        };
    }
    let names = lost.iter().take(MOST);
    let names: Vec<String> =
        names.map(|loss| format!("{} ({})", count(loss.count), loss.counter.name())).collect();
    format!("Lost: {}; -v says what that means.", names.join(", "))
}

fn cost(document: &Document, options: &Options) -> String {
    match document.capture.cost_ratio.filter(|ratio| ratio.is_finite()) {
        Some(ratio) => format!(" Probes cost the process {:.1} % of a core.", ratio * 100.0),
        None if options.verbose => " What the probes cost was not measured.".to_owned(),
        None => String::new(),
    }
}

/// Commands that can be copied.
fn next(page: &mut Page<'_>, document: &Document, options: &Options) -> io::Result<()> {
    let mut commands: Vec<String> = Vec::new();
    let pid = pid(document);
    let name = document.leaks.first().filter(|leak| is_of_objects(leak)).map(|leak| &leak.name);
    let name = name.filter(|name| can_be_typed(name));
    commands.extend(name.map(|name| format!("leakspy who -p {pid} {}", quoted(name))));
    if let Some(hours) = longer(document) {
        let duration = quantity::typed(recorded(document) + hours);
        commands.push(format!("leakspy record -p {pid} -d {duration} -o longer.leakspy"));
    }
    for (index, command) in commands.iter().enumerate() {
        let mark = if index == 0 { "More: " } else { "      " };
        page.line(&[
            (Style::Dim, mark),
            (Style::Bold, &escape::terminal(&format!("sudo {command}"))),
        ])?;
    }
    if let Some(leak) = document.leaks.first() {
        let id = escape::terminal(&leak.id);
        page.paragraph(
            0,
            &format!("To silence the first: --suppressions FILE, with the line id:{id} in it."),
        )?;
    }
    match options.verbose {
        true => Ok(()),
        false => {
            page.paragraph(0, "With -v: every stack and type, how each was judged, and the ledger.")
        }
    }
}

/// Whether `who` can be asked for its type: also where it is known only as the owner of blocks.
fn is_of_objects(leak: &Leak) -> bool {
    let is_of_arenas = leak.created_at.iter().any(|made| made.basis == Basis::Arena);
    leak.kind == LeakKind::Objects && (!leak.evidence.types.is_empty() || !is_of_arenas)
}

/// Whether a name can be copied from a page as it is.
fn can_be_typed(name: &str) -> bool {
    columns(name) <= NAME && escape::terminal(name) == name
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match name.chars().all(plain) && !name.starts_with('-') {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', r"'\''")),
    }
}

/// The pid of a target that is gone may be somebody else's by now.
fn pid(document: &Document) -> String {
    match document.capture.target_gone() {
        true => "PID".to_owned(),
        false => document.target.pid.to_string(),
    }
}

/// Hours that a surer answer needs; nothing where the answer is sure.
fn longer(document: &Document) -> Option<f64> {
    let growth = document.growth.as_ref();
    let sure = document
        .leaks
        .first()
        .is_some_and(|leak| leak.is_leak() && leak.confidence > crate::model::Confidence::Suspect);
    let is_measured = document
        .leaks
        .first()
        .is_some_and(|leak| leak.kind == LeakKind::Allocator && leak.explains.is_some());
    if sure || is_measured {
        return None;
    }
    let findings = document.findings.iter().filter_map(|finding| finding.evidence.needs_hours);
    let needs = findings.chain(growth.and_then(|growth| growth.needs_hours));
    let most = needs.filter(|hours| hours.is_finite()).max_by(f64::total_cmp);
    Some(most.unwrap_or_else(|| match FIRST - recorded(document) {
        rest if rest > 0.0 => rest,
        _ => SECOND,
    }))
}

fn recorded(document: &Document) -> f64 {
    document.capture.seconds.max(0.0) / 3600.0
}
