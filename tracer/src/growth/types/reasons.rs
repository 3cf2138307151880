//! Why: the facts that speak for a verdict on a type.

use super::super::decision::Decision;
use super::trajectory::Trajectory;
use crate::model::{Reason, TypeGrowth};

/// The strongest first. `row` has everything but its reasons; `explained` says that its objects are
/// parts of those of another type.
pub fn reasons(
    trajectory: &Trajectory<'_>,
    decision: &Decision,
    row: &TypeGrowth,
    explained: bool,
) -> Vec<Reason> {
    let mut reasons = vec![decision.basis.clone(), by_snapshot(trajectory)];
    reasons.extend(survivors(trajectory));
    reasons.extend(retention(trajectory));
    reasons.extend(held(trajectory));
    reasons.extend(collections(trajectory, &decision.basis));
    let in_step = (!row.together.is_empty()).then(|| row.together.clone());
    reasons.extend(in_step.map(|types| Reason::InStep { types }));
    reasons.extend(explained.then_some(Reason::PartsOfOthers));
    reasons.extend(decision.is_early_leak().then_some(Reason::CacheMayBeFilling));
    reasons
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

fn collections(trajectory: &Trajectory<'_>, basis: &Reason) -> Option<Reason> {
    let collections = trajectory.collections.filter(|collections| *collections > 0)?;
    (trajectory.retained > 0.0 && *basis != Reason::ObjectsReplaced)
        .then_some(Reason::ObjectsSurvivedCollections { collections })
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
