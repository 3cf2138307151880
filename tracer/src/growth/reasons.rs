//! Why: the facts that speak for a verdict.

use super::gauge::Gauge;
use super::verdict::{Basis, Decision};
use super::watch::Coverage;
use crate::model::{Reason, UnreachableBlocks, Verdict};

/// What reasons are made from.
pub struct Facts<'a> {
    /// The measurements.
    pub gauge: &'a Gauge,
    /// The verdict.
    pub decision: &'a Decision,
    /// What was watched.
    pub watch: &'a Coverage,
    /// Blocks allocated and freed in all.
    pub allocated: u64,
    /// Blocks freed.
    pub freed: u64,
    /// The search for pointers.
    pub unreferenced: Option<UnreachableBlocks>,
    /// For arenas: those needed in the function that is shown, of all that are retained.
    pub arenas: Option<(u64, u64)>,
    /// Collections that the blocks survived.
    pub collections: Option<u64>,
    /// Whether most of the blocks belong to unreachable cycles.
    pub garbage: bool,
}

/// The strongest first.
pub fn reasons(facts: &Facts<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    // It may still be a leak: where the collector was turned off, or does not come.
    reasons.extend(facts.garbage.then_some(Reason::Garbage));
    reasons.extend(basis(facts));
    reasons.extend(freed(facts));
    reasons.extend(retention(facts));
    reasons.extend(facts.gauge.age.lifetime.map(|seconds| Reason::NormalLifetime { seconds }));
    reasons.extend(steps(facts));
    reasons.extend(collections(facts));
    reasons.extend(facts.arenas.map(|(here, all)| Reason::ArenasOfThisStack { here, all }));
    reasons.extend(caution(facts));
    reasons
}

fn basis(facts: &Facts<'_>) -> Option<Reason> {
    let gauge = facts.gauge;
    let seconds = gauge.span();
    Some(match facts.decision.basis {
        Basis::Unreachable => {
            let UnreachableBlocks { looked_for, unreachable } = facts.unreferenced?;
            Reason::Unreachable { searched: looked_for, unreachable }
        }
        Basis::Retained => Reason::SomeNeverFreed { median_life: gauge.median_life? },
        Basis::Steady => Reason::GrowsSteadily { seconds },
        Basis::Early => Reason::GrowsSoFar { seconds },
        Basis::Falls => Reason::OldBlocksFreed,
        Basis::Slows => Reason::Slows { share: gauge.last_third },
        Basis::Stopped => Reason::Stopped,
        Basis::Chance => {
            let retained = gauge.periods.iter().filter(|period| period.live.count > 0);
            let periods = u64::try_from(gauge.periods.len()).unwrap_or(u64::MAX);
            Reason::RetainedInFewPeriods { retained: retained.fold(0, |sum, _| sum + 1), periods }
        }
        Basis::Losses => Reason::LossesExplainIt { share: facts.watch.lost },
    })
}

fn freed(facts: &Facts<'_>) -> Option<Reason> {
    match (facts.allocated, facts.freed) {
        (0, _) => None,
        (allocated, 0) => Some(Reason::NoneFreed { allocated }),
        (allocated, freed) => Some(Reason::SomeFreed { freed, allocated }),
    }
}

fn retention(facts: &Facts<'_>) -> Option<Reason> {
    let [oldest, _, newest] = facts.gauge.thirds.shares()?;
    Some(Reason::Retention { oldest, newest })
}

fn steps(facts: &Facts<'_>) -> Option<Reason> {
    let steps = facts.gauge.steps.filter(|steps| steps.worse < 0.0)?;
    Some(Reason::GrewInSteps { steps: steps.count })
}

fn collections(facts: &Facts<'_>) -> Option<Reason> {
    let collections = facts.collections.filter(|collections| *collections > 0)?;
    Some(Reason::BlocksSurvivedCollections { collections })
}

fn caution(facts: &Facts<'_>) -> Option<Reason> {
    let (decision, share) = (facts.decision, facts.watch.lost);
    if decision.verdict == Verdict::Leak && decision.basis == Basis::Early {
        return Some(Reason::CacheMayBeFilling);
    }
    (share > 0.0005 && decision.basis != Basis::Losses).then_some(Reason::EventsLost { share })
}
