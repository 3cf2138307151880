//! What a verdict rests on, as sentences. Names in them are raw.

use super::head::share_in_words;
use crate::model::{Evidence, Finding, Model, Verdict};
use crate::report::quantity::{count, counted, duration};
use crate::report::rate;

/// Most reasons, types and references that are told; JSON has them all.
const MOST: usize = 8;

/// Everything that is known, the reasons of the verdict first.
pub fn sentences(finding: &Finding) -> Vec<String> {
    let evidence = &finding.evidence;
    let mut sentences: Vec<String> = evidence.reasons.iter().take(MOST).cloned().collect();
    sentences.push(slope(finding));
    sentences.extend(shape(evidence));
    sentences.extend(retention(evidence));
    sentences.extend(age(evidence));
    sentences.extend(survived(evidence));
    sentences.extend(unreferenced(evidence));
    sentences.extend(holders(finding));
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
        text.push_str(&format!(" By chance that happens with probability {}.", chance(evidence)));
    }
    text
}

fn chance(evidence: &Evidence) -> String {
    match evidence.p_adjusted {
        p if p < 0.0001 => "below 0.0001".to_owned(),
        p => format!("{p:.4}"),
    }
}

/// The best shape, and how much worse the next one fits.
fn shape(evidence: &Evidence) -> Option<String> {
    let runner_up = evidence
        .against
        .iter()
        .filter(|(_, worse)| worse.is_finite())
        .min_by(|(_, a), (_, b)| a.total_cmp(b));
    let best = described(evidence.model);
    Some(match runner_up {
        Some((other, worse)) => format!(
            "The shape is {best}; the next best, {}, fits worse by {worse:.0} (difference of BIC, 6 is much).",
            described(*other)
        ),
        None => return None,
    })
}

const fn described(model: Model) -> &'static str {
    match model {
        Model::Constant => "a level",
        Model::Linear => "a straight line",
        Model::Steps => "a stair",
        Model::Saturating => "a curve that levels off",
    }
}

fn retention(evidence: &Evidence) -> Option<String> {
    let thirds = evidence.retention.filter(|thirds| thirds.iter().all(|share| share.is_finite()));
    let [oldest, middle, newest] = thirds?;
    let per_cent = |share: f64| format!("{:.0} %", share.clamp(0.0, 1.0) * 100.0);
    Some(format!(
        "Of the bytes from the oldest third of that time {} still live, of the middle third {}, of the \
         newest {}.",
        per_cent(oldest),
        per_cent(middle),
        per_cent(newest)
    ))
}

fn age(evidence: &Evidence) -> Option<String> {
    let lifetime = evidence.lifetime_seconds.filter(|seconds| seconds.is_finite())?;
    Some(format!(
        "Nearly all blocks that this place frees live less than {}; older than {} counts as kept.",
        duration(lifetime),
        duration(evidence.age_seconds)
    ))
}

fn survived(evidence: &Evidence) -> Option<String> {
    let times = evidence.collections_survived.filter(|times| *times > 0)?;
    let collections = counted(times, "full garbage collection", "full garbage collections");
    Some(format!("The blocks have survived {collections}."))
}

fn unreferenced(evidence: &Evidence) -> Option<String> {
    let search = evidence.unreferenced?;
    let looked = counted(search.looked_for, "block", "blocks");
    Some(match search.lost {
        0 => format!(
            "{looked} were looked for in the memory of the process: something points to each."
        ),
        lost => format!(
            "{looked} were looked for in the memory of the process: nothing points to {} of them any \
             more, so nobody can free them.",
            count(lost)
        ),
    })
}

fn holders(finding: &Finding) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(types) = finding.types.as_ref().filter(|types| !types.is_empty()) {
        let types: Vec<String> = types
            .iter()
            .take(MOST)
            .map(|(name, number)| format!("{} {name}", count(*number)))
            .collect();
        sentences.push(format!("The objects that hold them: {}.", types.join(", ")));
    }
    if let Some(holder) = finding.holder.as_ref().filter(|holder| !holder.is_empty()) {
        let steps: Vec<&str> = holder.iter().take(MOST).map(String::as_str).collect();
        sentences.push(format!("They are reached by {}.", steps.join(" → ")));
    }
    sentences
}

fn share(evidence: &Evidence) -> Option<String> {
    let share = evidence.share_of_growth.filter(|share| share.is_finite())?;
    Some(format!("It explains {} of the growth of the process.", share_in_words(share)))
}

/// Several stacks behind one finding: the shown one is the most frequent, not the only one.
fn merged(evidence: &Evidence) -> Option<String> {
    let (alike, all) = evidence.stacks_alike;
    (!evidence.arenas && alike < all).then(|| {
        format!("{} of {} kept blocks come from the stack that is shown.", count(alike), count(all))
    })
}

fn needs(finding: &Finding) -> Option<String> {
    let hours = finding.evidence.needs_hours.filter(|hours| hours.is_finite())?;
    Some(match finding.verdict {
        Verdict::Leak => format!("To be surer needs about {} more.", rate::span(hours)),
        _ => format!("To know needs about {} more.", rate::span(hours)),
    })
}
