//! What a verdict rests on, as sentences. Names in them are raw.

use super::sentence::capitalised;
use crate::model::{Evidence, Finding, Model, Verdict};
use crate::report::path::shortened;
use crate::report::quantity::{self, count, counted, rate, share_in_words};
use crate::report::reasons;

/// Most reasons and types that are reported; JSON has them all.
const MOST: usize = 8;

/// The reasons in one sentence, the strongest first; nothing without any.
pub fn why(finding: &Finding) -> Option<String> {
    let told = &finding.evidence.reasons[..finding.evidence.reasons.len().min(MOST)];
    (!told.is_empty()).then(|| format!("{}.", reasons::joined(told)))
}

/// The figures behind them, as far as the reasons do not tell them.
pub fn figures(finding: &Finding) -> Vec<String> {
    let evidence = &finding.evidence;
    let mut sentences = vec![slope(finding)];
    sentences.extend(shape(evidence));
    sentences.extend(share(evidence));
    sentences.extend(merged(evidence));
    sentences.extend(needs(finding));
    sentences
}

fn slope(finding: &Finding) -> String {
    let evidence = &finding.evidence;
    let mut text = format!(
        "It grows by {} (95 % interval), {}, measured over {}.",
        rate::range(&finding.slope_bytes_per_hour),
        rate::blocks(evidence.slope_blocks_per_hour.est),
        counted(u64::from(evidence.periods), "independent period", "independent periods"),
    );
    if evidence.p_adjusted.is_finite() && evidence.p_adjusted < 1.0 {
        text.push_str(&format!(
            " By chance that happens with probability {}.",
            quantity::probability(evidence.p_adjusted)
        ));
    }
    text
}

/// The best shape, and how much worse the next one fits.
fn shape(evidence: &Evidence) -> Option<String> {
    let others = evidence.against.iter().filter(|(_, worse)| worse.is_finite() && *worse > 0.0);
    let (other, worse) = others.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    Some(format!(
        "{} fits best; the next, {}, is worse by {worse:.0} (BIC; 6 is much).",
        capitalised(described(evidence.model)),
        described(*other)
    ))
}

const fn described(model: Model) -> &'static str {
    match model {
        Model::Constant => "a level",
        Model::Linear => "a straight line",
        Model::Steps => "a stair",
        Model::Saturating => "a curve that levels off",
    }
}

/// What holds the blocks, and by what it is reached; nothing when nobody looked.
pub fn retainers(finding: &Finding) -> Option<String> {
    let types = finding.types.as_deref().unwrap_or_default();
    let named = types.iter().take(MOST).map(|(name, number)| format!("{} {name}", count(*number)));
    let all = finding.owners.filter(|owners| owners.looked_for > 0 && !types.is_empty());
    let all = all.map(|owners| format!("of {} blocks", count(owners.looked_for)));
    let types: Vec<String> = named.chain(all).collect();
    let steps = shortened(finding.retainer.as_deref().unwrap_or_default());
    match (types.is_empty(), steps.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("{}.", types.join(", "))),
        (true, false) => Some(format!("reached by {}.", steps.join(" → "))),
        (false, false) => Some(format!("{}; reached by {}.", types.join(", "), steps.join(" → "))),
    }
}

fn share(evidence: &Evidence) -> Option<String> {
    let share = evidence.share_of_growth.filter(|share| share.is_finite())?;
    Some(format!("It explains {} of the growth of the process.", share_in_words(share)))
}

/// Several stacks behind one finding: the shown one is the most frequent, not the only one.
fn merged(evidence: &Evidence) -> Option<String> {
    let (alike, all) = evidence.stacks_alike;
    (!evidence.arenas && alike < all).then(|| {
        format!(
            "{} of {} retained blocks come from the stack that is shown.",
            count(alike),
            count(all)
        )
    })
}

fn needs(finding: &Finding) -> Option<String> {
    let hours = finding.evidence.needs_hours.filter(|hours| hours.is_finite())?;
    Some(match finding.verdict {
        Verdict::Leak => format!("To be surer needs about {} more.", quantity::hours(hours)),
        _ => format!("To know needs about {} more.", quantity::hours(hours)),
    })
}
