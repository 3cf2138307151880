//! Why: the facts that speak for a verdict on a type.

use super::course::Course;
use super::decide::{Decision, Ground};
use crate::model::{Reason, TypeGrowth, Verdict};

/// The strongest first. `row` has everything but its reasons; `explained` says that its objects are parts of those of
/// another type.
pub fn reasons(
    course: &Course<'_>,
    decision: &Decision,
    row: &TypeGrowth,
    explained: bool,
) -> Vec<Reason> {
    let mut reasons = vec![ground(course, decision.ground), by_snapshot(course)];
    reasons.extend(survivors(course));
    reasons.extend(retention(course));
    reasons.extend(held(course));
    reasons.extend(collections(course, decision.ground));
    let in_step = (!row.together.is_empty()).then(|| row.together.clone());
    reasons.extend(in_step.map(|types| Reason::InStep { types }));
    reasons.extend(explained.then_some(Reason::PartsOfOthers));
    reasons.extend(caution(decision));
    reasons
}

fn ground(course: &Course<'_>, ground: Ground) -> Reason {
    let seconds = course.span;
    match ground {
        Ground::Steady => Reason::GrowsSteadily { seconds },
        Ground::Early => Reason::GrowsSoFar { seconds },
        Ground::EveryLook => Reason::GrewAtEverySnapshot,
        Ground::Few => Reason::FewSnapshots { snapshots: number(course.looks()) },
        Ground::Uncollected => Reason::NotCollectedYet,
        Ground::Young => Reason::GrewOnlyLately,
        Ground::Falls => Reason::OldObjectsFreed,
        Ground::Replaced => Reason::ObjectsReplaced,
        Ground::Slows(share) => Reason::Slows { share },
        Ground::Stopped => Reason::Stopped,
        Ground::Chance => Reason::GrewRarely,
    }
}

fn by_snapshot(course: &Course<'_>) -> Reason {
    let snapshots = number(course.looks().saturating_sub(1));
    Reason::GrowthBySnapshot { grew: number(course.grew), snapshots }
}

fn survivors(course: &Course<'_>) -> Option<Reason> {
    let (born, survived) = (course.born, course.survived);
    (born > 0).then_some(Reason::Survivors { born, survived })
}

/// What is kept by thirds of the time, where there is more than all or nothing to say.
fn retention(course: &Course<'_>) -> Option<Reason> {
    let (born, kept) = (course.thirds.born_count, course.thirds.kept_count);
    let share = |third: usize| (born[third] > 0.0).then(|| kept[third] / born[third]);
    let (oldest, newest) = (share(0)?, share(2)?);
    (course.born > course.survived).then_some(Reason::ObjectRetention { oldest, newest })
}

/// Where nothing else says that it is no garbage.
fn held(course: &Course<'_>) -> Option<Reason> {
    (course.holder.is_some() && course.collections == Some(0)).then_some(Reason::ReachedFromRoot)
}

fn collections(course: &Course<'_>, ground: Ground) -> Option<Reason> {
    let collections = course.collections.filter(|collections| *collections > 0)?;
    (course.kept > 0.0 && ground != Ground::Replaced)
        .then_some(Reason::ObjectsSurvivedCollections { collections })
}

fn caution(decision: &Decision) -> Option<Reason> {
    let early = matches!(decision.ground, Ground::Early | Ground::EveryLook);
    (decision.verdict == Verdict::Leak && early).then_some(Reason::CacheMayBeFilling)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
