//! Why: the facts that speak for a verdict.

use super::decision::Decision;
use super::gauge::Gauge;
use super::watch::Coverage;
use crate::model::Reason;

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
    let basis = &facts.decision.basis;
    reasons.extend((*basis != Reason::Garbage).then(|| basis.clone()));
    reasons.extend(freed(facts));
    reasons.extend(retention(facts));
    reasons.extend(facts.gauge.age.lifetime.map(|seconds| Reason::NormalLifetime { seconds }));
    reasons.extend(steps(facts));
    reasons.extend(collections(facts));
    reasons.extend(facts.arenas.map(|(here, all)| Reason::ArenasOfThisStack { here, all }));
    reasons.extend(caution(facts));
    reasons
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
    if decision.is_early_leak() {
        return Some(Reason::CacheMayBeFilling);
    }
    let explained = matches!(decision.basis, Reason::LossesExplainIt { .. });
    (share > 0.0005 && !explained).then_some(Reason::EventsLost { share })
}
