//! Reasons for verdicts, in sentences without a full stop. Names of types in them are raw: data
//! from outside.

use super::quantity::{count, rough_duration, rough_percent};
use super::{arenas, malloc};
use crate::model::Reason;

/// Types in step that are named in a sentence.
const NAMED: usize = 3;

/// One reason.
pub fn reason(reason: &Reason) -> String {
    match *reason {
        Reason::Garbage => {
            "most of its blocks are in unreachable cycles: the next full garbage collection frees them, if one \
             comes"
                .into()
        }
        Reason::Unreachable { searched, unreachable } => format!(
            "nothing points to {unreachable} of the {searched} blocks that were looked for: the program cannot \
             free them"
        ),
        Reason::Lost { count, old, seconds, bytes, objects } => lost([count, old, bytes], seconds, objects),
        Reason::SomeNeverFreed { median_life } => format!(
            "a steady share is never freed, though half of the others are gone after {}",
            rough_duration(median_life)
        ),
        Reason::GrowsSteadily { seconds } => {
            format!("it grew for {} and is not getting slower", rough_duration(seconds))
        }
        Reason::GrowsSoFar { seconds } => {
            format!("it grew for {} and retains what it takes", rough_duration(seconds))
        }
        Reason::GrewAtEverySnapshot => "it grew at every snapshot and retains what it takes".into(),
        Reason::EndedAndRetained { ref field, old, all, seconds } => format!(
            "{field} in {} of {} older objects, which were looked at for {}: they have done what they were for",
            count(old),
            count(all),
            rough_duration(seconds)
        ),
        Reason::GrewOnlyLately => "it grew only lately".into(),
        Reason::OldBlocksFreed => "old blocks are freed after all".into(),
        Reason::OldObjectsFreed => "old objects go after all".into(),
        Reason::ObjectsReplaced => "as many old objects go as new ones come".into(),
        Reason::Slows { share } => format!(
            "it gets slower: the last third of the time brought {} of the average rate",
            rough_percent(share)
        ),
        Reason::MallocRetains { malloc } => format!("malloc retains {}", malloc::free(&malloc)),
        Reason::AllocatorRetains { ref name, ref version, least_bytes, most_bytes } => {
            malloc::unread((name, version.as_deref()), least_bytes, most_bytes)
        }
        Reason::ArenasRetain { arenas } => {
            format!("Python's allocator retains {}", arenas::free(&arenas))
        }
        Reason::Stopped => "it grew at first and has stopped".into(),
        Reason::RetainedInFewPeriods { retained, periods } => {
            format!("only {retained} of {periods} periods retained anything, so chance may explain it")
        }
        Reason::GrewRarely => "it grew so rarely that chance may explain it".into(),
        Reason::FewSnapshots { snapshots } => {
            format!("{snapshots} snapshots are too few to say what it is")
        }
        Reason::NotCollectedYet => {
            "no full garbage collection came after these objects were born: they may be garbage that waits for \
             one"
                .into()
        }
        Reason::GarbageObjects => {
            "nothing refers to these objects but others of which the same is true, and no full garbage collection \
             came since they were born: the next one frees them"
                .into()
        }
        Reason::LossesExplainIt { share } => format!(
            "{} of all events were lost, and lost releases alone would leave as many blocks",
            rough_percent(share)
        ),
        Reason::NoneFreed { allocated } => format!("none of {allocated} blocks was freed"),
        Reason::SomeFreed { freed, allocated } => {
            format!("{freed} of {allocated} blocks were freed")
        }
        Reason::Retention { oldest, newest } => format!(
            "of what was born in the oldest third of the time {} still lives, of the newest third {}",
            rough_percent(oldest),
            rough_percent(newest)
        ),
        Reason::NormalLifetime { seconds } => {
            format!("blocks here normally live less than {}", rough_duration(seconds))
        }
        Reason::GrewInSteps { steps } => format!("it grew in {steps} steps"),
        Reason::BlocksSurvivedCollections { collections: 1 } => {
            "its blocks survived a full garbage collection".into()
        }
        Reason::BlocksSurvivedCollections { collections } => {
            format!("its blocks survived {collections} full garbage collections")
        }
        Reason::ArenasOfThisStack { here, all } => format!(
            "{here} of the {all} retained arenas were needed in this function or what it calls"
        ),
        Reason::CacheMayBeFilling => {
            "a cache that is still filling would look the same so far".into()
        }
        Reason::EventsLost { share } => {
            format!("{} of all events were lost", rough_percent(share))
        }
        Reason::GrowthBySnapshot { grew, snapshots } => {
            format!("grew at {grew} of {snapshots} snapshots")
        }
        Reason::Survivors { born, survived } => {
            format!("of {born} born since the first snapshot {survived} are still there")
        }
        Reason::ObjectRetention { oldest, newest } => format!(
            "of those old enough to tell, {} of the earliest are still there and {} of the latest",
            rough_percent(oldest),
            rough_percent(newest)
        ),
        Reason::ReachedFromRoot => {
            "what came is reached from a root, so that it is no garbage".into()
        }
        Reason::ObjectsSurvivedCollections { collections: 1 } => {
            "what is retained survived a full garbage collection".into()
        }
        Reason::ObjectsSurvivedCollections { .. } => {
            "what is retained survived full garbage collections".into()
        }
        Reason::InStep { ref types } => in_step(types),
        Reason::PartsOfOthers => {
            "objects of this type are parts of others, which explain its growth".into()
        }
    }
}

/// Several, the strongest first.
pub fn joined(reasons: &[Reason]) -> String {
    reasons.iter().map(reason).collect::<Vec<_>>().join("; ")
}

fn lost([count, old, bytes]: [u64; 3], seconds: f64, objects: bool) -> String {
    let old = format!("{old} of them for more than {}", rough_duration(seconds));
    match objects {
        true => format!(
            "nothing leads to {count} objects of about {bytes} B, {old}, though they count references: C code \
             took a reference to each and never gave it back"
        ),
        false => format!(
            "nothing leads to {count} blocks of {bytes} B in arenas, {old}: C code made them and never freed them"
        ),
    }
}

fn in_step(types: &[(String, f64)]) -> String {
    let named = types.iter().take(NAMED).map(|(name, ratio)| of_each(name, *ratio));
    let named = named.collect::<Vec<_>>().join(", ");
    match types.len().saturating_sub(NAMED) {
        0 => format!("grows in step with {named}"),
        more => format!("grows in step with {named} and {more} more"),
    }
}

/// A type and how many of it come with one object.
fn of_each(name: &str, ratio: f64) -> String {
    match ratio {
        ratio if (0.95..1.05).contains(&ratio) => format!("{name} (one for each)"),
        ratio if ratio >= 9.5 => format!("{name} ({ratio:.0} for each)"),
        ratio if ratio >= 0.7 => format!("{name} ({ratio:.1} for each)"),
        ratio => format!("{name} (one for {:.0})", 1.0 / ratio.max(1e-12)),
    }
}

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_simple() {
        assert_eq!(of_each("dict", 57.2), "dict (57 for each)");
        assert_eq!(of_each("dict", 1.0), "dict (one for each)");
        assert_eq!(of_each("dict", 2.5), "dict (2.5 for each)");
        assert_eq!(of_each("Document", 1.0 / 57.0), "Document (one for 57)");
    }

    /// Every reason once, in its words: `golden/report/reasons.txt`, which `LEAKSPY_BLESS=1`
    /// rewrites.
    #[test]
    fn every_reason_has_its_words() {
        let worded = samples::reasons().into_iter().map(|one| (one.code(), reason(&one)));
        crate::report::tests::agreed::words("reasons.txt", &[(Reason::CODES, worded.collect())]);
    }
}
