//! Verdicts on types that grow in step agree: it is one growth, whichever of them shows it best.

use super::super::decision::Decision;
use super::decide::{fades, grew_at_each};
use super::together::Tie;
use super::trajectory::Trajectory;
use crate::model::{Reason, Verdict};

/// The decisions, with that on a type that leaks given to those in step with it of which too little
/// was seen.
pub fn agreed(
    trajectories: &[Trajectory<'_>],
    ties: &[Vec<(usize, Tie)>],
    decisions: Vec<Decision>,
) -> Vec<Decision> {
    let leaks = |index: usize| decisions[index].verdict == Verdict::Leak;
    let shared = |index: usize| {
        let in_step = ties[index].iter().filter(|(_, tie)| *tie == Tie::InStep);
        let is_shared = is_open(&decisions[index]) && in_step.map(|(other, _)| *other).any(leaks);
        (is_shared && may_leak(&trajectories[index])).then(|| leak(&trajectories[index]))
    };
    let shared: Vec<Option<Decision>> = (0..decisions.len()).map(shared).collect();
    shared.into_iter().zip(decisions).map(|(shared, own)| shared.unwrap_or(own)).collect()
}

/// Whether it says no more than that too little was seen.
fn is_open(decision: &Decision) -> bool {
    let unseen = matches!(
        decision.basis,
        Reason::FewSnapshots { .. } | Reason::GrewRarely | Reason::NotCollectedYet
    );
    decision.verdict == Verdict::Undetermined && unseen
}

/// Whether its own objects stay as well, and are more than there were.
fn may_leak(trajectory: &Trajectory<'_>) -> bool {
    trajectory.retained > 0.0 && trajectory.rises() && !fades(trajectory)
}

fn leak(trajectory: &Trajectory<'_>) -> Decision {
    let basis = match grew_at_each(trajectory) {
        true => Reason::GrewAtEverySnapshot,
        false => Reason::GrowsSoFar { seconds: trajectory.span },
    };
    Decision::suspect(Verdict::Leak, basis)
}
