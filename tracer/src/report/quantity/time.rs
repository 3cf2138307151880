//! Lengths of time.

use super::count::{count, whole};
use crate::model::Interval;

/// Days that are shown at most: nobody plans further ahead.
const MOST_DAYS: f64 = 9_999.0;

/// A length of time: `0.4 s`, `59 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "an unknown time".to_owned();
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = std::time::Duration::try_from_secs_f64(seconds.round())
        .map_or(u64::MAX, |duration| duration.as_secs());
    let pair = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{} {unit}", count(large)),
        _ => format!("{} {unit} {small} {small_unit}", count(large)),
    };
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => pair(whole / 60, "min", whole % 60, "s"),
        3600..86400 => pair(whole / 3600, "h", whole % 3600 / 60, "min"),
        _ => pair(whole / 86400, "d", whole % 86400 / 3600, "h"),
    }
}

/// A length of time in milliseconds where that says more: `132 ms`, `1.0 s`.
pub fn brief(seconds: f64) -> String {
    match seconds {
        seconds if (0.0..0.95).contains(&seconds) => format!("{:.0} ms", seconds * 1_000.0),
        seconds => duration(seconds),
    }
}

/// A length of time in one unit: `12 s`, `5 h`, `3 days`.
pub fn rough_duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.0} h", seconds / 3600.0),
        seconds => format!("{:.0} days", seconds / 86_400.0),
    }
}

/// Hours in one unit: `40 min`, `5 h`, `3 days`; one unit, because these are estimates.
pub fn hours(hours: f64) -> String {
    let (number, unit) = in_unit(hours);
    format!("{number} {unit}")
}

/// `about 5 h (3 to 9 h)`
pub fn about_hours(interval: &Interval) -> String {
    let (lo, lo_unit) = in_unit(interval.lo);
    let (hi, hi_unit) = in_unit(interval.hi);
    let range = if !interval.hi.is_finite() {
        format!("{lo} {lo_unit} or more")
    } else if lo_unit == hi_unit {
        format!("{lo} to {hi} {hi_unit}")
    } else {
        format!("{lo} {lo_unit} to {hi} {hi_unit}")
    };
    format!("about {} ({range})", hours(interval.est))
}

/// Hours as the command line takes it, rounded up: `40m`, `3h`.
pub fn typed(hours: f64) -> String {
    match hours {
        hours if !hours.is_finite() || hours > 10_000.0 => "10000h".to_owned(),
        hours if hours > 2.0 => format!("{}h", whole(hours.ceil())),
        hours => format!("{}m", whole((hours.max(0.0) * 60.0).ceil()).max(1)),
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn interval(lo: f64, est: f64, hi: f64) -> Interval {
        Interval { lo, est, hi }
    }

    #[test]
    fn durations_have_two_units() {
        let expected = [
            (0.42, "0.4 s"),
            (59.4, "59 s"),
            (59.6, "1 min"),
            (200.0, "3 min 20 s"),
            (7_500.0, "2 h 5 min"),
            (273_600.0, "3 d 4 h"),
            (f64::NAN, "an unknown time"),
            (-1.0, "an unknown time"),
        ];
        for (seconds, text) in expected {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn short_times_are_told_in_milliseconds() {
        assert_eq!(brief(0.1324), "132 ms");
        assert_eq!(brief(0.96), "1.0 s");
        assert_eq!(brief(75.0), "1 min 15 s");
        assert_eq!(brief(f64::NAN), "an unknown time");
    }

    #[test]
    fn time_to_go_has_one_unit() {
        assert_eq!(about_hours(&interval(3.1, 5.0, 9.2)), "about 5 h (3 to 9 h)");
        assert_eq!(about_hours(&interval(0.5, 2.0, 50.0)), "about 2 h (30 min to 2 days)");
        assert_eq!(about_hours(&interval(3.0, 5.0, f64::INFINITY)), "about 5 h (3 h or more)");
        assert_eq!(hours(0.001), "1 min");
        assert_eq!(typed(0.5), "30m");
        assert_eq!(typed(2.2), "3h");
        assert_eq!(typed(f64::INFINITY), "10000h");
    }

    #[test]
    fn rough_durations_have_one_unit() {
        assert_eq!(rough_duration(12.0), "12 s");
        assert_eq!(rough_duration(5.0 * 3600.0), "5 h");
    }

    proptest! {
        #[test]
        fn any_number_prints(lo: f64, est: f64, hi: f64) {
            prop_assert!(duration(est).len() < 40);
            for text in [about_hours(&interval(lo, est, hi)), typed(est)] {
                prop_assert!(!text.is_empty() && text.len() < 120, "{text}");
            }
        }
    }
}
