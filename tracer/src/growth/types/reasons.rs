//! Why: the facts that speak for a verdict on a type.

use super::course::Trajectory;
use super::decide::{TypeBasis, TypeDecision};
use crate::model::{Reason, TypeGrowth, Verdict};

/// The strongest first. `row` has everything but its reasons; `explained` says that its objects are parts of those of
/// another type.
pub fn reasons(
    course: &Trajectory<'_>,
    decision: &TypeDecision,
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

fn ground(course: &Trajectory<'_>, ground: TypeBasis) -> Reason {
    let seconds = course.span;
    match ground {
        TypeBasis::Steady => Reason::GrowsSteadily { seconds },
        TypeBasis::Early => Reason::GrowsSoFar { seconds },
        TypeBasis::EveryLook => Reason::GrewAtEverySnapshot,
        TypeBasis::Few => Reason::FewSnapshots { snapshots: number(course.looks()) },
        TypeBasis::Uncollected => Reason::NotCollectedYet,
        TypeBasis::Young => Reason::GrewOnlyLately,
        TypeBasis::Falls => Reason::OldObjectsFreed,
        TypeBasis::Replaced => Reason::ObjectsReplaced,
        TypeBasis::Slows(share) => Reason::Slows { share },
        TypeBasis::Stopped => Reason::Stopped,
        TypeBasis::Chance => Reason::GrewRarely,
    }
}

fn by_snapshot(course: &Trajectory<'_>) -> Reason {
    let snapshots = number(course.looks().saturating_sub(1));
    Reason::GrowthBySnapshot { grew: number(course.grew), snapshots }
}

fn survivors(course: &Trajectory<'_>) -> Option<Reason> {
    let (born, survived) = (course.born, course.survived);
    (born > 0).then_some(Reason::Survivors { born, survived })
}

/// What is kept by thirds of the time, where there is more than all or nothing to say.
fn retention(course: &Trajectory<'_>) -> Option<Reason> {
    let (born, kept) = (course.thirds.born_count, course.thirds.kept_count);
    let share = |third: usize| (born[third] > 0.0).then(|| kept[third] / born[third]);
    let (oldest, newest) = (share(0)?, share(2)?);
    (course.born > course.survived).then_some(Reason::ObjectRetention { oldest, newest })
}

/// Where nothing else says that it is no garbage.
fn held(course: &Trajectory<'_>) -> Option<Reason> {
    (course.holder.is_some() && course.collections == Some(0)).then_some(Reason::ReachedFromRoot)
}

fn collections(course: &Trajectory<'_>, ground: TypeBasis) -> Option<Reason> {
    let collections = course.collections.filter(|collections| *collections > 0)?;
    (course.kept > 0.0 && ground != TypeBasis::Replaced)
        .then_some(Reason::ObjectsSurvivedCollections { collections })
}

fn caution(decision: &TypeDecision) -> Option<Reason> {
    let early = matches!(decision.ground, TypeBasis::Early | TypeBasis::EveryLook);
    (decision.verdict == Verdict::Leak && early).then_some(Reason::CacheMayBeFilling)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
