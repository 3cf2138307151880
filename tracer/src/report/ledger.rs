//! Whether the ledger balances: every call, block and byte that was seen has exactly one end.

use leakspy_ebpf::wire::counter::Counter;

use crate::model::{Counted, Document, Loss, Site};

/// One equation of the ledger: how much was seen, and how much of it has a known end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// `allocation calls`, `releases`, `blocks` or `bytes`.
    pub what: &'static str,
    /// Seen.
    pub seen: u64,
    /// In the numbers, or rightly not.
    pub accounted: u64,
    /// A named loss.
    pub lost: u64,
}

impl Balance {
    /// What has no known end when positive; ends of what was never seen when negative.
    pub fn difference(&self) -> i128 {
        i128::from(self.seen) - i128::from(self.accounted) - i128::from(self.lost)
    }

    /// Whether everything has exactly one end.
    pub fn closes(&self) -> bool {
        self.difference() == 0
    }
}

/// One equation between counters.
struct Equation {
    what: &'static str,
    /// The first is counted in every recording.
    seen: &'static [Counter],
    accounted: &'static [Counter],
    /// What the sites still have of it.
    live: Option<fn(&Site) -> u64>,
    lost: &'static [Counter],
}

const EQUATIONS: [Equation; 4] = [
    Equation {
        what: "allocation calls",
        seen: &[Counter::AllocCalls],
        accounted: &[
            Counter::AllocRecorded,
            Counter::AllocFailed,
            Counter::AllocNested,
            Counter::AllocNotAnonymous,
            Counter::ReallocReleased,
            Counter::InFlight,
            Counter::AllocLeftOut,
        ],
        live: None,
        lost: &[
            Counter::PendingLost,
            Counter::PendingFull,
            Counter::LiveFull,
            Counter::AddressTooWide,
            Counter::OutUnreadable,
        ],
    },
    Equation {
        what: "releases",
        seen: &[Counter::FreeCalls],
        accounted: &[
            Counter::FreeRecorded,
            Counter::FreeNull,
            Counter::FreeUnknown,
            Counter::FreeNested,
            Counter::UnmapPartial,
            Counter::UnmapUnknown,
        ],
        live: None,
        lost: &[],
    },
    Equation {
        what: "blocks",
        seen: &[Counter::AllocRecorded, Counter::AllocStoodFor],
        accounted: &[
            Counter::FreeRecorded,
            Counter::ReallocOld,
            Counter::Replaced,
            Counter::UnmapFurther,
            Counter::FreeStoodFor,
        ],
        live: Some(|site| site.live.count),
        lost: &[Counter::RestLost],
    },
    Equation {
        what: "bytes",
        seen: &[Counter::AllocBytes],
        accounted: &[Counter::FreeBytes],
        live: Some(|site| site.live.bytes),
        lost: &[],
    },
];

/// The equations whose left side was counted at all; empty for a document without counters.
pub fn balances(document: &Document) -> Vec<Balance> {
    EQUATIONS.iter().filter_map(|equation| equation.balance(document)).collect()
}

impl Equation {
    fn balance(&self, document: &Document) -> Option<Balance> {
        let counted = |counters: &[Counter]| {
            let counts = counters.iter().filter_map(|one| count(&document.losses, *one));
            counts.fold(0, u64::saturating_add)
        };
        let live = self
            .live
            .map_or(0, |live| document.sites.iter().map(live).fold(0, u64::saturating_add));
        self.seen.first().and_then(|first| count(&document.losses, *first))?;
        Some(Balance {
            what: self.what,
            seen: counted(self.seen),
            accounted: counted(self.accounted).saturating_add(live),
            lost: counted(self.lost),
        })
    }
}

fn count(losses: &[Loss], counter: Counter) -> Option<u64> {
    losses.iter().find(|loss| loss.counter == Counted::Known(counter)).map(|loss| loss.count)
}

#[cfg(test)]
mod tests {
    use leakspy_ebpf::wire::counter::CounterClass;

    use super::*;
    use crate::report::samples;

    fn counted(counts: &[(Counter, u64)]) -> Document {
        let losses = counts.iter().map(|(counter, count)| Loss::new(*counter, *count)).collect();
        Document { losses, ..samples::empty() }
    }

    #[test]
    fn calls_with_an_end_each_close() {
        let balance = balances(&counted(&[
            (Counter::AllocCalls, 10),
            (Counter::AllocRecorded, 6),
            (Counter::AllocFailed, 1),
            (Counter::PendingLost, 3),
        ]));
        assert!(balance[0].closes());
        assert_eq!(balance[0].lost, 3);
    }

    #[test]
    fn a_missing_end_and_a_missing_call_are_seen() {
        let open = balances(&counted(&[(Counter::AllocCalls, 10), (Counter::AllocRecorded, 7)]));
        assert_eq!(open[0].difference(), 3);
        let doubled = balances(&counted(&[(Counter::FreeCalls, 10), (Counter::FreeNull, 11)]));
        assert_eq!(doubled[0].difference(), -1);
        let huge = balances(&counted(&[
            (Counter::FreeCalls, 0),
            (Counter::FreeNull, u64::MAX),
            (Counter::FreeRecorded, u64::MAX),
        ]));
        assert!(!huge[0].closes());
    }

    #[test]
    fn nothing_counted_is_no_balance() {
        assert!(balances(&counted(&[])).is_empty());
    }

    #[test]
    fn blocks_and_bytes_are_freed_or_live() {
        let document = samples::server();
        assert_eq!(balances(&document).len(), 4);
        assert!(balances(&document).iter().all(Balance::closes));
        let mut missing = document;
        missing.sites.truncate(1);
        let differences: Vec<bool> =
            balances(&missing).iter().map(|balance| balance.difference() > 0).collect();
        assert_eq!(differences, [false, false, true, true]);
    }

    /// A new loss must enter the equations: every counter of class `Loss` is in exactly one.
    #[test]
    fn every_loss_of_the_contract_is_in_an_equation() {
        let named: Vec<Counter> =
            EQUATIONS.iter().flat_map(|equation| equation.lost).copied().collect();
        for counter in Counter::ALL.iter().filter(|counter| counter.class() == CounterClass::Loss) {
            let times = named.iter().filter(|named| *named == counter).count();
            assert_eq!(times, 1, "{}", counter.name());
        }
    }

    /// What is counted beside the calls, and ends none of them.
    const NO_END: [Counter; 11] = [
        Counter::ReallocUnknown,
        Counter::ReturnUnmatched,
        Counter::CodeFreed,
        Counter::Gated,
        Counter::AfterFinalization,
        Counter::AfterExec,
        Counter::ForeignTask,
        Counter::ReallocRestored,
        Counter::InFlightOld,
        Counter::StacksAudited,
        Counter::RingFull,
    ];

    #[test]
    fn every_end_of_the_contract_is_in_an_equation() {
        for counter in
            Counter::ALL.iter().filter(|counter| counter.class() == CounterClass::Accounted)
        {
            let known = EQUATIONS.iter().any(|equation| {
                equation.seen.contains(counter) || equation.accounted.contains(counter)
            });
            assert_ne!(known, NO_END.contains(counter), "{counter:?}");
        }
    }
}
