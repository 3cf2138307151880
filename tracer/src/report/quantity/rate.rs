//! Growth per time.

use super::bytes::amount;
use super::count::{count, whole};
use crate::model::Interval;

/// Periods in hours, the shortest first.
const PERIODS: [(&str, f64); 3] = [("minute", 1.0 / 60.0), ("hour", 1.0), ("day", 24.0)];
/// The shortest period in which this much gathers is the one to name: `0.7 KiB per minute` is no
/// picture.
const BYTES_TO_NAME: f64 = 10.0 * 1024.0;
/// The same for blocks.
const BLOCKS_TO_NAME: f64 = 1.0;

/// `41.0 KiB per minute`, `2.4 MiB per hour`, `512 B per day`; from bytes per hour.
pub fn rate(bytes_per_hour: f64) -> String {
    let (name, hours) = period(bytes_per_hour, BYTES_TO_NAME);
    format!("{} per {name}", amount(bytes_per_hour * hours))
}

/// `1.8 MiB a minute`, for a column; from bytes per hour.
pub fn each(bytes_per_hour: f64) -> String {
    let (name, hours) = period(bytes_per_hour, BYTES_TO_NAME);
    format!("{} {}", amount(bytes_per_hour * hours), a(name))
}

/// `900 a minute`, from a number per hour.
pub fn times(per_hour: f64) -> String {
    let (name, hours) = period(per_hour, BLOCKS_TO_NAME);
    format!("{} {}", count(whole((per_hour * hours).abs())), a(name))
}

fn a(period: &str) -> String {
    let article = if period == "hour" { "an" } else { "a" };
    format!("{article} {period}")
}

/// Both bounds in the period that suits the estimate: `38.0 KiB to 44.1 KiB per minute`.
pub fn range(interval: &Interval) -> String {
    let (name, hours) = period(interval.est, BYTES_TO_NAME);
    format!("{} to {} per {name}", amount(interval.lo * hours), amount(interval.hi * hours))
}

/// The same without the period, its unit once where both have it: `38.0 to 44.1 KiB`.
pub fn bounds(interval: &Interval) -> String {
    let (_, hours) = period(interval.est, BYTES_TO_NAME);
    let (lo, hi) = (amount(interval.lo * hours), amount(interval.hi * hours));
    match (lo.split_once(' '), hi.split_once(' ')) {
        (Some((number, lo_unit)), Some((_, unit))) if lo_unit == unit => {
            format!("{number} to {hi}")
        }
        _ => format!("{lo} to {hi}"),
    }
}

/// A size between bounds: `about 12.0 MiB (10.0 MiB to 15.0 MiB)`.
pub fn size_range(interval: &Interval) -> String {
    let Interval { lo, est, hi } = *interval;
    format!("about {} ({} to {})", amount(est), amount(lo), amount(hi))
}

/// `12 blocks per minute`, from blocks per hour.
pub fn blocks(per_hour: f64) -> String {
    let (name, hours) = period(per_hour, BLOCKS_TO_NAME);
    let blocks = whole((per_hour * hours).abs());
    format!("{} {} per {name}", count(blocks), if blocks == 1 { "block" } else { "blocks" })
}

fn period(per_hour: f64, enough: f64) -> (&'static str, f64) {
    let suits = |(_, hours): &&(&str, f64)| per_hour.abs() * hours >= enough;
    PERIODS.iter().find(suits).copied().unwrap_or(PERIODS[PERIODS.len() - 1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIB: f64 = 1024.0;

    fn interval(lo: f64, est: f64, hi: f64) -> Interval {
        Interval { lo, est, hi }
    }

    #[test]
    fn a_rate_has_the_period_that_suits_it() {
        assert_eq!(rate(41.0 * KIB * 60.0), "41.0 KiB per minute");
        assert_eq!(rate(9.0 * KIB * 60.0), "540.0 KiB per hour");
        assert_eq!(rate(0.5 * KIB), "12.0 KiB per day");
        assert_eq!(rate(0.0), "0 B per day");
        assert_eq!(rate(-41.0 * KIB * 60.0), "−41.0 KiB per minute");
        assert_eq!(rate(f64::NAN), "an unknown amount per day");
        assert_eq!(blocks(720.0), "12 blocks per minute");
        assert_eq!(blocks(1.0), "1 block per hour");
    }

    #[test]
    fn bounds_share_a_period() {
        let slope = interval(-60.0 * KIB, 60.0 * 500.0 * KIB, 60.0 * 1200.0 * KIB);
        assert_eq!(range(&slope), "−1.0 KiB to 1.2 MiB per minute");
        let size = interval(10.0 * KIB, 12.0 * KIB, 15.0 * KIB);
        assert_eq!(size_range(&size), "about 12.0 KiB (10.0 KiB to 15.0 KiB)");
    }

    proptest! {
        #[test]
        fn any_number_prints(lo: f64, est: f64, hi: f64) {
            let interval = interval(lo, est, hi);
            for text in [rate(est), range(&interval), blocks(est)] {
                prop_assert!(!text.is_empty() && text.len() < 120, "{text}");
            }
        }
    }
}
