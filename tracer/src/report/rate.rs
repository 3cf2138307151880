//! Growth per time and time to go, as people say them.

use super::quantity::{bytes, count};
use crate::model::Interval;

/// Periods in hours, the shortest first.
const PERIODS: [(&str, f64); 3] = [("minute", 1.0 / 60.0), ("hour", 1.0), ("day", 24.0)];
/// The shortest period in which this much gathers is the one to name: `0.7 KiB per minute` is no picture.
const BYTES_TO_NAME: f64 = 10.0 * 1024.0;
/// The same for blocks.
const BLOCKS_TO_NAME: f64 = 1.0;

/// `41.0 KiB per minute`, `2.4 MiB per hour`, `512 B per day`; from bytes per hour.
pub fn rate(bytes_per_hour: f64) -> String {
    let (name, hours) = period(bytes_per_hour, BYTES_TO_NAME);
    format!("{} per {name}", amount(bytes_per_hour * hours))
}

/// Both bounds in the period that suits the estimate: `38.0 KiB to 44.1 KiB per minute`.
pub fn range(interval: &Interval) -> String {
    let (name, hours) = period(interval.est, BYTES_TO_NAME);
    format!("{} to {} per {name}", amount(interval.lo * hours), amount(interval.hi * hours))
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

/// `40 min`, `5 h`, `3 days`; one unit, because all of these are estimates.
pub fn span(hours: f64) -> String {
    let (number, unit) = in_unit(hours);
    format!("{number} {unit}")
}

/// `about 5 h (3 to 9 h)`
pub fn about(interval: &Interval) -> String {
    let (lo, lo_unit) = in_unit(interval.lo);
    let (hi, hi_unit) = in_unit(interval.hi);
    let range = if !interval.hi.is_finite() {
        format!("{lo} {lo_unit} or more")
    } else if lo_unit == hi_unit {
        format!("{lo} to {hi} {hi_unit}")
    } else {
        format!("{lo} {lo_unit} to {hi} {hi_unit}")
    };
    format!("about {} ({range})", span(interval.est))
}

/// A length of time as the command line takes it, rounded up: `40m`, `3h`.
pub fn typed(hours: f64) -> String {
    match hours {
        hours if !hours.is_finite() || hours > 10_000.0 => "10000h".to_owned(),
        hours if hours > 2.0 => format!("{}h", whole(hours.ceil())),
        hours => format!("{}m", whole((hours.max(0.0) * 60.0).ceil()).max(1)),
    }
}

fn period(per_hour: f64, enough: f64) -> (&'static str, f64) {
    let suits = |(_, hours): &&(&str, f64)| per_hour.abs() * hours >= enough;
    PERIODS.iter().find(suits).copied().unwrap_or(PERIODS[PERIODS.len() - 1])
}

/// Bytes that may be negative, or no number at all.
fn amount(number: f64) -> String {
    if number.is_nan() {
        return "an unknown amount".to_owned();
    }
    let sign = if number <= -0.5 { "−" } else { "" };
    format!("{sign}{}", bytes(whole(number.abs().round())))
}

fn in_unit(hours: f64) -> (String, &'static str) {
    let rounded = |number: f64| count(whole(number.max(0.0).round()));
    match hours {
        hours if hours.is_nan() => ("unknown".to_owned(), "h"),
        hours if hours < 1.95 => (rounded((hours * 60.0).max(1.0)), "min"),
        hours if hours < 48.0 => (rounded(hours), "h"),
        hours => (rounded((hours / 24.0).min(MOST_DAYS)), "days"),
    }
}

/// Days that are shown at most: more is no plan for anybody.
const MOST_DAYS: f64 = 9_999.0;

/// The whole part of what is not negative; the largest number for what is larger.
pub fn whole(number: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(number).map_or(u64::MAX, |duration| duration.as_secs())
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

    #[test]
    fn time_to_go_has_one_unit() {
        assert_eq!(about(&interval(3.1, 5.0, 9.2)), "about 5 h (3 to 9 h)");
        assert_eq!(about(&interval(0.5, 2.0, 50.0)), "about 2 h (30 min to 2 days)");
        assert_eq!(about(&interval(3.0, 5.0, f64::INFINITY)), "about 5 h (3 h or more)");
        assert_eq!(span(0.001), "1 min");
        assert_eq!(typed(0.5), "30m");
        assert_eq!(typed(2.2), "3h");
        assert_eq!(typed(f64::INFINITY), "10000h");
    }

    proptest! {
        #[test]
        fn any_number_prints(lo: f64, est: f64, hi: f64) {
            let interval = interval(lo, est, hi);
            for text in [rate(est), range(&interval), blocks(est), about(&interval), typed(est)] {
                prop_assert!(!text.is_empty() && text.len() < 120, "{text}");
            }
        }
    }
}
