//! Ages at which blocks of one site were freed.

use crate::model::{Amount, Lifetime};

/// The last bin is open: two to the power of this, in seconds, is half a year.
const LAST: usize = 24;
const SECOND: u64 = 1_000_000_000;

/// A histogram with bins that double: bin `k` holds ages up to `2^k` seconds.
#[derive(Clone, Debug, Default)]
pub struct Deaths {
    bins: Vec<Amount>,
    /// Everything below this bin is not told apart: snapshots were too far from one another.
    lowest_bin: usize,
}

impl Deaths {
    /// Blocks died between two snapshots `interval` apart, and nobody saw them alive.
    pub fn unseen(&mut self, interval: u64, amount: Amount) {
        if !amount.is_nothing() {
            let bin = bin(interval);
            self.lowest_bin = self.lowest_bin.max(bin);
            self.add(bin, amount);
        }
    }

    /// Blocks died at about this age, in nanoseconds.
    pub fn at_age(&mut self, age: u64, amount: Amount) {
        self.add(bin(age), amount);
    }

    /// Blocks of this age that were missing at an earlier snapshot are there: a `realloc` had them
    /// in hand, or they were born while that snapshot was being read. Their death was written down
    /// when they were no older than now.
    pub fn take_back(&mut self, age: u64, amount: Amount) {
        let mut rest = amount;
        for found in self.bins.iter_mut().take(bin(age) + 1).rev() {
            (*found, rest) = (found.minus(rest), rest.minus(*found));
        }
    }

    fn add(&mut self, bin: usize, amount: Amount) {
        if amount.is_nothing() {
            return;
        }
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, Amount::default());
        }
        self.bins[bin] = self.bins[bin].plus(amount);
    }

    /// The age that 99.5 % of the dead did not pass, rounded up to a bound of the histogram, in
    /// nanoseconds; 0 when nobody died.
    pub fn normal_age(&self) -> u64 {
        let all: u64 = self.bins.iter().fold(0, |sum, bin| sum.saturating_add(bin.count));
        let rest = all / 200;
        let mut older = 0_u64;
        for (bin, amount) in self.bins.iter().enumerate().rev() {
            older = older.saturating_add(amount.count);
            if older > rest {
                return bound(bin.max(self.lowest_bin));
            }
        }
        0
    }

    /// As the recording has it: bins that are not empty, youngest first.
    pub fn lifetimes(&self) -> impl Iterator<Item = Lifetime> + '_ {
        let below = self.bins.iter().take(self.lowest_bin).copied();
        let first = below.fold(Amount::default(), Amount::plus);
        let bins = self.bins.iter().copied().enumerate().skip(self.lowest_bin).map(
            move |(bin, amount)| {
                (bin, if bin == self.lowest_bin { amount.plus(first) } else { amount })
            },
        );
        bins.filter(|(_, amount)| !amount.is_nothing())
            .map(|(bin, amount)| Lifetime { up_to: super::seconds(bound(bin)), freed: amount })
    }
}

/// Upper bound of a bin, nanoseconds.
fn bound(bin: usize) -> u64 {
    SECOND << bin.min(LAST)
}

/// The bin of an age.
fn bin(age: u64) -> usize {
    (0..LAST).find(|&bin| age <= bound(bin)).unwrap_or(LAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(count: u64) -> Amount {
        Amount { bytes: count * 10, count }
    }

    fn told(deaths: &Deaths) -> Vec<(f64, u64)> {
        deaths.lifetimes().map(|lifetime| (lifetime.up_to, lifetime.freed.count)).collect()
    }

    #[test]
    fn bins_double() {
        assert_eq!([0, SECOND, SECOND + 1, 3 * SECOND, u64::MAX].map(bin), [0, 0, 1, 2, LAST]);
    }

    #[test]
    fn what_nobody_saw_is_not_told_apart() {
        let mut deaths = Deaths::default();
        deaths.unseen(5 * SECOND, amount(7));
        assert_eq!(told(&deaths), [(8.0, 7)]);
        deaths.at_age(12 * SECOND, amount(1));
        assert_eq!(told(&deaths), [(8.0, 7), (16.0, 1)]);
        deaths.unseen(10 * SECOND, amount(2));
        deaths.at_age(20 * SECOND, amount(1));
        assert_eq!(told(&deaths), [(16.0, 10), (32.0, 1)]);
    }

    #[test]
    fn one_in_two_hundred_may_be_older() {
        let mut deaths = Deaths::default();
        assert_eq!(deaths.normal_age(), 0);
        deaths.unseen(5 * SECOND, amount(199));
        assert_eq!(deaths.normal_age(), 8 * SECOND);
        deaths.at_age(100 * SECOND, amount(1));
        assert_eq!(deaths.normal_age(), 8 * SECOND);
        deaths.at_age(100 * SECOND, amount(1));
        assert_eq!(deaths.normal_age(), 128 * SECOND);
        deaths.take_back(100 * SECOND, amount(1));
        assert_eq!(deaths.normal_age(), 8 * SECOND);
    }

    #[test]
    fn what_is_there_again_may_have_been_missed_long_ago() {
        let mut deaths = Deaths::default();
        deaths.unseen(5 * SECOND, amount(2));
        deaths.at_age(12 * SECOND, amount(1));
        deaths.take_back(12 * SECOND, amount(2));
        assert_eq!(told(&deaths), [(8.0, 1)]);
        deaths.take_back(3 * SECOND, amount(1));
        assert_eq!(told(&deaths), [(8.0, 1)]);
        deaths.take_back(100 * SECOND, amount(9));
        assert_eq!(told(&deaths), []);
    }
}
