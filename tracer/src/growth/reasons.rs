//! Why, in sentences that a person would say.

use super::gauge::Gauge;
use super::verdict::{Decision, Ground};
use super::watch::Watch;
use crate::model::{Unreferenced, Verdict};

/// What sentences are made from.
pub struct Facts<'a> {
    /// The measurements.
    pub gauge: &'a Gauge,
    /// The verdict.
    pub decision: &'a Decision,
    /// What was watched.
    pub watch: &'a Watch,
    /// Blocks allocated and freed in all.
    pub allocated: u64,
    /// Blocks freed.
    pub freed: u64,
    /// The search for pointers.
    pub unreferenced: Option<Unreferenced>,
    /// For arenas: those needed in the function that is shown, of all that are kept.
    pub arenas: Option<(u64, u64)>,
    /// Collections that the blocks survived.
    pub collections: Option<u64>,
    /// Whether most of the blocks belong to unreachable cycles.
    pub garbage: bool,
}

/// The strongest first.
pub fn reasons(facts: &Facts<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    reasons.extend(garbage(facts));
    reasons.extend(ground(facts));
    reasons.extend(freed(facts));
    reasons.extend(retention(facts));
    reasons.extend(lifetimes(facts));
    reasons.extend(steps(facts));
    reasons.extend(collections(facts));
    reasons.extend(arenas(facts));
    reasons.extend(caution(facts));
    reasons
}

/// It may still be a leak: where the collector was turned off, or does not come.
fn garbage(facts: &Facts<'_>) -> Option<String> {
    facts.garbage.then(|| {
        "most of its blocks are in unreachable cycles: the next full garbage collection frees them, if one comes"
            .to_owned()
    })
}

fn ground(facts: &Facts<'_>) -> Option<String> {
    let gauge = facts.gauge;
    let span = duration(gauge.span());
    Some(match facts.decision.ground {
        Ground::Lost => {
            let search = facts.unreferenced?;
            format!(
                "nothing points to {} of the {} blocks that were looked for: the program cannot free them",
                search.lost, search.looked_for
            )
        }
        Ground::Retained => format!(
            "a steady share is never freed, though half of the others are gone after {}",
            duration(gauge.median_life?)
        ),
        Ground::Steady => format!("it grew for {span} and is not getting slower"),
        Ground::Early => format!("it grew for {span} and keeps what it takes"),
        Ground::Falls => "old blocks are freed after all".to_owned(),
        Ground::Slows => format!(
            "it gets slower: the last third of the time brought {} of the average rate",
            percent(gauge.last_third)
        ),
        Ground::Stopped => "it grew at first and has stopped".to_owned(),
        Ground::Chance => format!(
            "only {} of {} periods kept anything, so chance may explain it",
            gauge.periods.iter().filter(|period| period.live_count > 0).count(),
            gauge.periods.len()
        ),
        Ground::Losses => format!(
            "{} of all events were lost, and lost releases alone would keep as many blocks",
            percent(facts.watch.lost)
        ),
    })
}

fn freed(facts: &Facts<'_>) -> Option<String> {
    match (facts.allocated, facts.freed) {
        (0, _) => None,
        (allocated, 0) => Some(format!("none of {allocated} blocks was freed")),
        (allocated, freed) => Some(format!("{freed} of {allocated} blocks were freed")),
    }
}

fn retention(facts: &Facts<'_>) -> Option<String> {
    let [oldest, _, newest] = facts.gauge.thirds.shares()?;
    Some(format!(
        "of what was born in the oldest third of the time {} still lives, of the newest third {}",
        percent(oldest),
        percent(newest)
    ))
}

fn lifetimes(facts: &Facts<'_>) -> Option<String> {
    let longest = facts.gauge.age.lifetime?;
    Some(format!("blocks here normally live less than {}", duration(longest)))
}

fn steps(facts: &Facts<'_>) -> Option<String> {
    let steps = facts.gauge.steps.filter(|steps| steps.worse < 0.0)?;
    Some(format!("it grew in {} steps", steps.count))
}

fn collections(facts: &Facts<'_>) -> Option<String> {
    match facts.collections? {
        0 => None,
        1 => Some("its blocks survived a full garbage collection".to_owned()),
        count => Some(format!("its blocks survived {count} full garbage collections")),
    }
}

fn arenas(facts: &Facts<'_>) -> Option<String> {
    let (alike, all) = facts.arenas?;
    Some(format!(
        "{alike} of the {all} arenas that are kept were needed in this function or what it calls"
    ))
}

fn caution(facts: &Facts<'_>) -> Option<String> {
    let (decision, lost) = (facts.decision, facts.watch.lost);
    if decision.verdict == Verdict::Leak && decision.ground == Ground::Early {
        return Some("a cache that is still filling would look the same so far".to_owned());
    }
    (lost > 0.0005 && decision.ground != Ground::Losses)
        .then(|| format!("{} of all events were lost", percent(lost)))
}

/// Seconds as a person says them.
pub fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.0} h", seconds / 3600.0),
        seconds => format!("{:.0} days", seconds / 86_400.0),
    }
}

/// A share as a person says it.
pub fn percent(share: f64) -> String {
    match 100.0 * share {
        0.0 => "0 %".to_owned(),
        percent if percent < 0.1 => "less than 0.1 %".to_owned(),
        percent if percent < 10.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_simple() {
        assert_eq!(duration(12.0), "12 s");
        assert_eq!(duration(5.0 * 3600.0), "5 h");
        assert_eq!(percent(0.984), "98 %");
        assert_eq!(percent(0.01), "1.0 %");
        assert_eq!(percent(0.0001), "less than 0.1 %");
    }
}
