//! Types of Python objects that grow.

use super::markup::HtmlPage;
use crate::model::{Document, TypeGrowth, Verdict};
use crate::report::leaks::objects::no_leak;
use crate::report::path::shortened;
use crate::report::quantity::{change, count, whole};
use crate::report::reasons;

/// Types that are shown.
const TOP: usize = 10;

/// Writes what leaks or could; nothing where objects were not counted.
pub fn write(page: &mut HtmlPage, document: &Document) {
    let Some(types) = &document.types else { return };
    page.open("section", "");
    page.element("h2", "Python objects");
    let told = |found: &&TypeGrowth| found.verdict == Verdict::Leak;
    let told: Vec<&TypeGrowth> = types.iter().filter(told).take(TOP).collect();
    if told.is_empty() {
        page.element("p", &no_leak(types));
    }
    for found in told {
        one(page, found);
    }
    page.close("section");
}

fn one(page: &mut HtmlPage, found: &TypeGrowth) {
    page.open("article", "");
    page.open("h3", "");
    page.words(&format!("{}. {} ", found.rank, found.name));
    let verdict = format!("{}, {}", found.verdict.name(), found.confidence.name());
    page.classed("span", "verdict", &verdict);
    page.close("h3");
    page.facts(&facts(found));
    page.close("article");
}

fn facts(found: &TypeGrowth) -> Vec<(&'static str, String)> {
    let objects = found.slope_objects_per_hour.est;
    let mut facts = vec![
        ("Objects", format!("{} → {}", count(found.first_count), count(found.last_count))),
        ("Bytes", change(found.first_bytes, found.last_bytes)),
        ("Growth", format!("{} objects an hour", count(whole(objects.max(0.0).round())))),
        ("Why", reasons::joined(&found.reasons)),
    ];
    if !found.together.is_empty() {
        let others = found.together.iter().map(|(name, each)| format!("{each:.2} {name}"));
        facts.push(("With each of them", others.collect::<Vec<_>>().join(", ")));
    }
    if let Some(path) = found.retainer.as_deref().filter(|path| !path.is_empty()) {
        facts.push(("Retained by", shortened(path).join(" → ")));
    }
    facts
}
