//! One finding: what it is, why, its stack, and what of it survives.

use std::io;

use super::markup::HtmlPage;
use super::process::per_hour;
use super::{callsite, pictures};
use crate::model::{Document, Evidence, Finding, Frame, FrameKind};
use crate::report::path::shortened;
use crate::report::quantity::{amount, bytes, count, duration, probability, share_of};
use crate::report::sentence;
use crate::report::{Options, label, notes, reasons};

/// Findings with a picture; further ones would make the page heavy.
const MOST_PICTURES: u32 = 10;

/// Frames of a stack that are shown; the innermost are the ones that matter.
const MOST_FRAMES: usize = 60;

/// Names in lists.
const MOST_NAMES: usize = 12;

/// Writes it.
pub fn write(
    page: &mut HtmlPage,
    document: &Document,
    finding: &Finding,
    options: &Options,
) -> io::Result<()> {
    page.open("article", "");
    page.open("h3", "");
    page.words(&format!("{}. {} ", finding.rank, callsite(&finding.site)));
    let verdict = format!("{}, {}", finding.verdict.name(), finding.confidence.name());
    page.classed("span", "verdict", &verdict);
    page.close("h3");
    // The marks that set names off in plain text would only disturb here.
    page.element("p", &sentence::finding(finding, document).replace('`', ""));
    let reasons: Vec<String> = finding.evidence.reasons.iter().map(reasons::reason).collect();
    list(page, &reasons);
    if finding.rank <= MOST_PICTURES {
        pictures::survival(page, document, &finding.site.id)?;
    }
    stack(page, finding, options);
    page.raw("<details open>\n<summary>Evidence</summary>\n");
    page.facts(&facts(finding));
    page.close("details");
    page.close("article");
    Ok(())
}

fn list(page: &mut HtmlPage, sentences: &[String]) {
    if sentences.is_empty() {
        return;
    }
    page.open("ul", "");
    for sentence in sentences.iter().take(MOST_NAMES) {
        page.element("li", sentence);
    }
    page.close("ul");
}

/// The frames, root first, as everywhere.
fn stack(page: &mut HtmlPage, finding: &Finding, options: &Options) {
    let shown = |frame: &&Frame| {
        (options.runtime_frames || !frame.is_runtime)
            && (options.native || frame.kind == FrameKind::Python)
    };
    let frames: Vec<&Frame> = finding.site.stack.iter().filter(shown).collect();
    page.raw("<details open>\n<summary>Stack, the allocator's caller last</summary>\n");
    page.open("ol", "stack");
    let hidden = frames.len().saturating_sub(MOST_FRAMES);
    if hidden > 0 {
        page.classed("li", "native", &format!("… {hidden} outer frames, see -f json …"));
    }
    for frame in &frames[hidden..] {
        let class = if frame.kind == FrameKind::Native { "native" } else { "python" };
        page.open("li", class);
        page.classed("code", "", &label::name(frame));
        page.classed("span", "place", &label::place(frame));
        page.close("li");
    }
    page.close("ol");
    for note in &finding.site.notes {
        page.classed("p", "note", &notes::of_stack(note));
    }
    page.close("details");
}

fn facts(finding: &Finding) -> Vec<(&'static str, String)> {
    let evidence = &finding.evidence;
    let mut facts = vec![
        (
            "Retained",
            format!(
                "{} in {} blocks",
                bytes(evidence.retained.bytes),
                count(evidence.retained.count)
            ),
        ),
        ("Retained means older than", duration(evidence.age_seconds)),
        ("Growth", per_hour(finding.slope_bytes_per_hour)),
        ("Shape", shape(evidence)),
        ("Chance of this without a leak", probability(evidence.p_adjusted)),
        ("Independent periods", evidence.periods.to_string()),
    ];
    known(&mut facts, finding);
    facts
}

/// What is known of some findings only.
fn known(facts: &mut Vec<(&'static str, String)>, finding: &Finding) {
    let evidence = &finding.evidence;
    let mut fact = |what, known: Option<String>| facts.extend(known.map(|how| (what, how)));
    fact("Grows since", evidence.since.map(|since| format!("{} after the start", duration(since))));
    fact("Share of the process's growth", evidence.share_of_growth.map(share_of));
    fact("Survival, oldest to newest third", evidence.retention.map(retention));
    fact("99.5 % of freed blocks lived at most", evidence.lifetime_seconds.map(duration));
    fact("Full collections survived", evidence.collections_survived.map(count));
    fact("Levels off at", evidence.plateau_bytes.map(|plateau| amount(plateau.est)));
    fact(
        "Blocks that nothing points to",
        evidence.unreferenced.map(|found| {
            format!("{} of {} looked for", count(found.unreachable), count(found.looked_for))
        }),
    );
    fact("Types", finding.types.as_deref().map(types));
    fact(
        "Retained by",
        finding.retainer.as_deref().map(|retainer| shortened(retainer).join(" → ")),
    );
    fact("Site", Some(finding.site.id.clone()));
}

fn shape(evidence: &Evidence) -> String {
    let against: Vec<String> = evidence
        .against
        .iter()
        .filter(|(_, worse)| worse.is_finite())
        .map(|(model, worse)| format!("{} by {worse:.0}", model.name()))
        .collect();
    match &against[..] {
        [] => evidence.model.name().to_owned(),
        [..] => format!("{}; better than {} (BIC)", evidence.model.name(), against.join(", ")),
    }
}

fn retention(thirds: [f64; 3]) -> String {
    thirds.map(share_of).join(", ")
}

fn types(types: &[(String, u64)]) -> String {
    let named = types.iter().take(MOST_NAMES);
    named.map(|(name, number)| format!("{} {name}", count(*number))).collect::<Vec<_>>().join(", ")
}
