//! The end of a text report: what was not seen, whether the ledger balances, how it was measured.

use std::io;

use super::page::{Page, Style};
use leakspy_ebpf::wire::counter::Counter;

use crate::model::{Counted, CounterClass, Document, Loss, PythonTarget};
use crate::report::ledger::{self, Balance};
use crate::report::quantity::{count, counted};
use crate::report::{escape, width};

/// What to try when a counter is not zero.
const REMEDIES: [(Counter, &str); 3] = [
    (Counter::LiveFull, "Record again with a larger --max-live."),
    (Counter::SiteFull, "Record again with a larger --max-sites."),
    (Counter::PendingFull, "More threads were allocating at once than leakspy has room for."),
];

pub fn write(page: &mut Page<'_>, document: &Document) -> io::Result<()> {
    page.gap()?;
    page.heading("What was not seen")?;
    let lost = of_class(&document.losses, CounterClass::Loss);
    let lesser = of_class(&document.losses, CounterClass::Quality);
    losses(page, "Missing from the numbers:", &lost)?;
    losses(page, "In the numbers, but with a lesser stack:", &lesser)?;
    let closes = ledger::balances(document).iter().all(Balance::closes);
    if lost.is_empty() && lesser.is_empty() && closes && !document.losses.is_empty() {
        page.paragraph(2, "Nothing was lost: every call that was seen is in these numbers.")?;
    }
    for sentence in ledger_sentences(document) {
        page.paragraph(2, &sentence)?;
    }
    page.gap()?;
    page.heading("How it was measured")?;
    page.paragraph(2, &measured(document).join(" "))
}

fn of_class(losses: &[Loss], class: CounterClass) -> Vec<&Loss> {
    losses.iter().filter(|loss| loss.counter.class() == class && loss.count > 0).collect()
}

fn losses(page: &mut Page<'_>, title: &str, losses: &[&Loss]) -> io::Result<()> {
    if losses.is_empty() {
        return Ok(());
    }
    page.paragraph(2, title)?;
    let widest = losses.iter().map(|loss| count(loss.count).len()).max().unwrap_or(0);
    for loss in losses {
        let mark = format!("{:>widest$}  ", count(loss.count));
        let remedy = REMEDIES.iter().find(|(counter, _)| loss.counter == Counted::Known(*counter));
        let remedy = remedy.map_or_else(String::new, |(_, remedy)| format!(" {remedy}"));
        let text = format!("{}{remedy}", escape::terminal(loss.counter.sentence()));
        page.item(4, &mark, Style::Warning, &text)?;
    }
    page.gap()
}

/// Whether the ledger balances, as sentences.
pub fn ledger_sentences(document: &Document) -> Vec<String> {
    let balances = ledger::balances(document);
    if balances.is_empty() {
        return vec!["Calls were not counted, so nothing can be said about losses.".to_owned()];
    }
    if balances.iter().all(Balance::closes) {
        let seen: Vec<String> = balances
            .iter()
            .map(|balance| format!("{} {}", count(balance.seen), balance.what))
            .collect();
        let named = if balances.iter().any(|balance| balance.lost > 0) {
            ", or are a loss named above"
        } else {
            ""
        };
        return vec![format!(
            "The ledger balances: {} are all accounted for{named}.",
            seen.join(", ")
        )];
    }
    balances.iter().filter(|balance| !balance.closes()).map(open).collect()
}

fn open(balance: &Balance) -> String {
    let Balance { what, seen, accounted, lost } = *balance;
    let difference = balance.difference();
    let amount = count(u64::try_from(difference.unsigned_abs()).unwrap_or(u64::MAX));
    let reason = if difference > 0 {
        "What was under way when the numbers were read has no end yet; more than that is a fault \
         of leakspy."
    } else {
        "That is a fault of leakspy, or the numbers were read while they moved."
    };
    format!(
        "The ledger of {what} is open by {amount}: {} seen, {} accounted for, {} lost. {reason}",
        count(seen),
        count(accounted),
        count(lost)
    )
}

/// How it was measured, as sentences.
pub fn measured(document: &Document) -> Vec<String> {
    let capture = &document.capture;
    let mut sentences = vec![
        format!(
            "Mode {}: sizes are the bytes that the program asked for, without what the allocator \
             adds.",
            width::cut_end(&escape::terminal(&capture.mode), 40)
        ),
        before_the_start(&document.losses),
    ];
    sentences.push(match capture.cost_ratio.filter(|ratio| ratio.is_finite()) {
        Some(ratio) => format!("The probes cost the process {:.1} % of one core.", ratio * 100.0),
        None => "What the probes cost the process was not measured.".to_owned(),
    });
    if let Some(python) = &document.target.python {
        sentences.push(layout(python));
    }
    sentences.push(format!(
        "Recorded by {} {}.",
        escape::terminal(&document.tool.name),
        escape::terminal(&document.tool.version)
    ));
    sentences
}

fn layout(python: &PythonTarget) -> String {
    let source = match python.layout_source.as_str() {
        "table" => "leakspy's own table".into(),
        "debug offsets" => "the interpreter's own debug offsets".into(),
        other => escape::terminal(other),
    };
    let version = escape::terminal(&python.version);
    format!("How CPython {version} lays out its frames is known from {source}.")
}

fn before_the_start(losses: &[Loss]) -> String {
    let unknown = Counted::Known(Counter::FreeUnknown);
    let unknown = losses.iter().find(|loss| loss.counter == unknown).map_or(0, |loss| loss.count);
    match unknown {
        0 => "Blocks from before the start are not part of them.".to_owned(),
        _ => format!(
            "Blocks from before the start are not part of them; {} of such blocks {} seen and \
             touch nobody's numbers.",
            counted(unknown, "release", "releases"),
            if unknown == 1 { "was" } else { "were" }
        ),
    }
}
