//! PLACEHOLDER until `report::sentence` is there: the same two signatures; swap the `use` in
//! `process.rs` and `finding.rs` and remove this file.

use crate::model::{Document, Finding};
use crate::report::{callsite, quantity};

/// What a finding is, in one sentence; raw.
pub fn finding(finding: &Finding, _document: &Document) -> String {
    let kept = quantity::bytes(finding.evidence.kept_bytes);
    let slope = rate(finding.slope_bytes_per_hour.est);
    let (verdict, confidence) = (finding.verdict.name(), finding.confidence.name());
    let site = callsite(&finding.site);
    format!("{site} keeps {kept}, {slope} more each hour: {verdict} ({confidence}).")
}

/// What the process does, in one sentence; raw.
pub fn process(document: &Document) -> String {
    match &document.growth {
        None => "No verdict on growth".to_owned(),
        Some(growth) if !growth.significant => "The process does not grow".to_owned(),
        Some(growth) => {
            let slope = rate(growth.slope_bytes_per_hour.est);
            let until = growth.hours_to_limit.map(|hours| {
                let left = quantity::duration(hours.est * 3_600.0);
                format!(", and reaches its limit in about {left}")
            });
            format!("The process grows by {slope} an hour{}", until.unwrap_or_default())
        }
    }
}

fn rate(bytes: f64) -> String {
    super::process::amount(bytes)
}
