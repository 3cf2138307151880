//! Does the ledger balance: has every call, block and byte that was seen exactly one end?

use crate::model::{Document, Loss, Site};

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

/// One equation, by names of counters (`leakspy_ebpf::wire::counter`).
struct Equation {
    what: &'static str,
    seen: &'static str,
    accounted: &'static [&'static str],
    /// What the sites still have of it.
    live: Option<fn(&Site) -> u64>,
    lost: &'static [&'static str],
}

const EQUATIONS: [Equation; 4] = [
    Equation {
        what: "allocation calls",
        seen: "alloc_calls",
        accounted: &[
            "alloc_recorded",
            "alloc_failed",
            "alloc_nested",
            "alloc_not_anonymous",
            "realloc_to_zero",
            "in_flight",
        ],
        live: None,
        lost: &["return_lost", "pending_full", "live_table_full", "result_unreadable"],
    },
    Equation {
        what: "releases",
        seen: "free_calls",
        accounted: &[
            "free_recorded",
            "free_null",
            "free_unknown",
            "free_nested",
            "unmap_partial",
            "unmap_unknown",
        ],
        live: None,
        lost: &[],
    },
    Equation {
        what: "blocks",
        seen: "alloc_recorded",
        accounted: &["free_recorded", "realloc_old", "replaced_without_free", "unmap_further"],
        live: Some(|site| site.live_count),
        lost: &["put_back_failed"],
    },
    Equation {
        what: "bytes",
        seen: "alloc_bytes",
        accounted: &["free_bytes"],
        live: Some(|site| site.live_bytes),
        lost: &[],
    },
];

/// The equations whose left side was counted at all; empty for a document without counters.
pub fn balances(document: &Document) -> Vec<Balance> {
    EQUATIONS.iter().filter_map(|equation| equation.balance(document)).collect()
}

impl Equation {
    fn balance(&self, document: &Document) -> Option<Balance> {
        let counted = |names: &[&str]| {
            let counts = names.iter().filter_map(|name| count(&document.losses, name));
            counts.fold(0, u64::saturating_add)
        };
        let live = self
            .live
            .map_or(0, |live| document.sites.iter().map(live).fold(0, u64::saturating_add));
        Some(Balance {
            what: self.what,
            seen: count(&document.losses, self.seen)?,
            accounted: counted(self.accounted).saturating_add(live),
            lost: counted(self.lost),
        })
    }
}

fn count(losses: &[Loss], name: &str) -> Option<u64> {
    losses.iter().find(|loss| loss.name == name).map(|loss| loss.count)
}

#[cfg(test)]
mod tests {
    use leakspy_ebpf::wire::counter::{Class, Counter};

    use super::*;
    use crate::model::LossClass;
    use crate::report::samples;

    fn counted(counts: &[(&str, u64)]) -> Document {
        let losses = counts
            .iter()
            .map(|(name, count)| Loss {
                name: (*name).to_owned(),
                sentence: String::new(),
                class: LossClass::Accounted,
                count: *count,
            })
            .collect();
        Document { losses, ..samples::empty() }
    }

    #[test]
    fn calls_with_an_end_each_close() {
        let balance = balances(&counted(&[
            ("alloc_calls", 10),
            ("alloc_recorded", 6),
            ("alloc_failed", 1),
            ("return_lost", 3),
        ]));
        assert!(balance[0].closes());
        assert_eq!(balance[0].lost, 3);
    }

    #[test]
    fn a_missing_end_and_a_missing_call_are_seen() {
        let open = balances(&counted(&[("alloc_calls", 10), ("alloc_recorded", 7)]));
        assert_eq!(open[0].difference(), 3);
        let doubled = balances(&counted(&[("free_calls", 10), ("free_null", 11)]));
        assert_eq!(doubled[0].difference(), -1);
        let huge = balances(&counted(&[
            ("free_calls", 0),
            ("free_null", u64::MAX),
            ("free_recorded", u64::MAX),
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
        let named: Vec<&str> =
            EQUATIONS.iter().flat_map(|equation| equation.lost).copied().collect();
        for counter in Counter::ALL.iter().filter(|counter| counter.class() == Class::Loss) {
            let times = named.iter().filter(|name| **name == counter.name()).count();
            assert_eq!(times, 1, "{}", counter.name());
        }
    }

    /// What is counted beside the calls, and ends none of them.
    const NO_END: [&str; 9] = [
        "realloc_unknown",
        "return_without_call",
        "code_freed",
        "outside_window",
        "foreign_task",
        "realloc_restored",
        "realloc_in_flight",
        "stacks_audited",
        "ring_full",
    ];

    #[test]
    fn every_end_of_the_contract_is_in_an_equation() {
        for counter in Counter::ALL.iter().filter(|counter| counter.class() == Class::Accounted) {
            let name = counter.name();
            let known = EQUATIONS
                .iter()
                .any(|equation| equation.seen == name || equation.accounted.contains(&name));
            assert_ne!(known, NO_END.contains(&name), "{name}");
        }
    }

    #[test]
    fn every_name_is_a_counter_of_the_contract() {
        for equation in &EQUATIONS {
            for name in equation.accounted.iter().chain(equation.lost).chain([&equation.seen]) {
                assert!(Counter::ALL.iter().any(|counter| counter.name() == *name), "{name}");
            }
        }
    }
}
