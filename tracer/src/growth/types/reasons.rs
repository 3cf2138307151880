//! Why: the facts that speak for a verdict on a type.

use super::decide::{TypeBasis, TypeDecision};
use super::trajectory::Trajectory;
use crate::model::{Reason, TypeGrowth, Verdict};

/// The strongest first. `row` has everything but its reasons; `explained` says that its objects are
/// parts of those of another type.
pub fn reasons(
    trajectory: &Trajectory<'_>,
    decision: &TypeDecision,
    row: &TypeGrowth,
    explained: bool,
) -> Vec<Reason> {
    let mut reasons = vec![basis(trajectory, decision.basis), by_snapshot(trajectory)];
    reasons.extend(survivors(trajectory));
    reasons.extend(retention(trajectory));
    reasons.extend(held(trajectory));
    reasons.extend(collections(trajectory, decision.basis));
    let in_step = (!row.together.is_empty()).then(|| row.together.clone());
    reasons.extend(in_step.map(|types| Reason::InStep { types }));
    reasons.extend(explained.then_some(Reason::PartsOfOthers));
    reasons.extend(caution(decision));
    reasons
}

fn basis(trajectory: &Trajectory<'_>, basis: TypeBasis) -> Reason {
    let seconds = trajectory.span;
    match basis {
        TypeBasis::Steady => Reason::GrowsSteadily { seconds },
        TypeBasis::Early => Reason::GrowsSoFar { seconds },
        TypeBasis::EverySnapshot => Reason::GrewAtEverySnapshot,
        TypeBasis::Few => Reason::FewSnapshots { snapshots: number(trajectory.snapshots()) },
        TypeBasis::Uncollected => Reason::NotCollectedYet,
        TypeBasis::Young => Reason::GrewOnlyLately,
        TypeBasis::Falls => Reason::OldObjectsFreed,
        TypeBasis::Replaced => Reason::ObjectsReplaced,
        TypeBasis::Slows(share) => Reason::Slows { share },
        TypeBasis::Stopped => Reason::Stopped,
        TypeBasis::Chance => Reason::GrewRarely,
    }
}

fn by_snapshot(trajectory: &Trajectory<'_>) -> Reason {
    let snapshots = number(trajectory.snapshots().saturating_sub(1));
    Reason::GrowthBySnapshot { grew: number(trajectory.grew), snapshots }
}

fn survivors(trajectory: &Trajectory<'_>) -> Option<Reason> {
    let (born, survived) = (trajectory.born, trajectory.survived);
    (born > 0).then_some(Reason::Survivors { born, survived })
}

/// What is kept by thirds of the time, where there is more than all or nothing to say.
fn retention(trajectory: &Trajectory<'_>) -> Option<Reason> {
    let (born, retained) = (trajectory.thirds.born_count, trajectory.thirds.retained_count);
    let share = |third: usize| (born[third] > 0.0).then(|| retained[third] / born[third]);
    let (oldest, newest) = (share(0)?, share(2)?);
    (trajectory.born > trajectory.survived).then_some(Reason::ObjectRetention { oldest, newest })
}

/// Where nothing else says that it is no garbage.
fn held(trajectory: &Trajectory<'_>) -> Option<Reason> {
    (trajectory.retainer.is_some() && trajectory.collections == Some(0))
        .then_some(Reason::ReachedFromRoot)
}

fn collections(trajectory: &Trajectory<'_>, basis: TypeBasis) -> Option<Reason> {
    let collections = trajectory.collections.filter(|collections| *collections > 0)?;
    (trajectory.retained > 0.0 && basis != TypeBasis::Replaced)
        .then_some(Reason::ObjectsSurvivedCollections { collections })
}

fn caution(decision: &TypeDecision) -> Option<Reason> {
    let early = matches!(decision.basis, TypeBasis::Early | TypeBasis::EverySnapshot);
    (decision.verdict == Verdict::Leak && early).then_some(Reason::CacheMayBeFilling)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
