//! The head of the page: what the process does, how fast, and until when.

use super::markup::HtmlPage;
use super::who;
use crate::model::{Document, Interval, ProcessGrowth};
use crate::report::answer::headline;
use crate::report::notes;
use crate::report::quantity::{self, amount, count, duration, share_of};
use crate::report::utc;

/// Remarks shown before the rest is left to JSON.
const MOST_NOTES: usize = 10;

/// Writes it.
pub fn write(page: &mut HtmlPage, document: &Document) {
    page.open("header", "");
    page.element("h1", &headline::process(document));
    let capture = &document.capture;
    let watched = format!(
        "{}, watched for {} from {}",
        who(document),
        duration(capture.seconds),
        utc(capture.started)
    );
    page.classed("p", "who", &watched);
    for note in capture.notes.iter().filter(|note| notes::is_of_its_own(note)).take(MOST_NOTES) {
        page.classed("p", "note", &notes::note(note));
    }
    page.close("header");
    if let Some(growth) = &document.growth {
        page.facts(&facts(growth));
    }
}

fn facts(growth: &ProcessGrowth) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Verdict", format!("{} ({})", growth.verdict.name(), growth.confidence.name())),
        ("Growth", per_hour(growth.slope_bytes_per_hour)),
    ];
    if let Some(limit) = growth.limit_bytes {
        let source = growth.limit_source.as_deref().unwrap_or("unknown source");
        facts.push(("Limit", format!("{} ({source})", quantity::bytes(limit))));
    }
    if let Some(hours) = growth.hours_to_limit {
        facts.push(("Time to the limit", hours_of(hours)));
    }
    if let Some(share) = growth.explained {
        facts.push(("Explained by the stacks below", share_of(share)));
    }
    facts.push(("Warmed up after", duration(growth.warm_up_seconds)));
    let counts = format!("{} examined, {} tested", count(growth.looked_at), count(growth.tested));
    facts.push(("Stacks", counts));
    let dismissed = growth.dismissed.iter();
    let dismissed: Vec<String> = dismissed
        .map(|(verdict, number)| format!("{} {}", count(*number), verdict.name()))
        .collect();
    if !dismissed.is_empty() {
        facts.push(("Stacks without a leak", dismissed.join(", ")));
    }
    if let Some(hours) = growth.needs_hours {
        facts.push(("A better answer needs", format!("about {} more", duration(hours * 3_600.0))));
    }
    facts
}

/// `+84.0 MiB an hour (95 %: +72.0 MiB to +97.0 MiB)`
pub fn per_hour(slope: Interval) -> String {
    let [lo, est, hi] = [slope.lo, slope.est, slope.hi].map(amount);
    format!("{est} an hour (95 %: {lo} to {hi})")
}

/// `2 h 36 min (95 %: 2 h 6 min to 3 h 12 min)`
fn hours_of(hours: Interval) -> String {
    let [lo, est, hi] = [hours.lo, hours.est, hours.hi].map(|hours| duration(hours * 3_600.0));
    format!("{est} (95 %: {lo} to {hi})")
}
