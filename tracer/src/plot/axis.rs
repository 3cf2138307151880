//! Where an axis has its marks, and what they say.

/// A mark on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisTick {
    /// Value.
    pub at: f64,
    /// What it says.
    pub label: String,
}

/// An axis: its range and its marks.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Least value.
    pub from: f64,
    /// Largest value, larger than the least.
    pub to: f64,
    /// Marks, rising.
    pub ticks: Vec<AxisTick>,
}

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Steps between two marks on an axis of time, seconds: what a clock's face has.
const TIME_STEPS: [f64; 26] = [
    0.001, 0.01, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0,
    1_800.0, 3_600.0, 7_200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0, 432_000.0,
    864_000.0,
];

/// From nothing to at least `highest` bytes, in `per` (empty, or such as `/s`), in steps that are
/// powers of two, with about `marks` marks.
pub fn bytes(highest: f64, marks: usize, per: &str) -> Axis {
    let highest = if highest.is_finite() { highest.clamp(8.0, 1e21) } else { 8.0 };
    let step = (highest / marks.clamp(2, 20) as f64).log2().ceil().exp2().max(1.0);
    let count = (highest * 1.02 / step).ceil().max(1.0);
    let to = step * count;
    let unit = to.log2().div_euclid(10.0).clamp(0.0, 6.0);
    let name = UNITS.iter().enumerate().find(|(at, _)| *at as f64 == unit).map_or("B", |(_, n)| n);
    let label = |value: f64| match value {
        0.0 => "0".to_owned(),
        _ => format!("{} {name}{per}", short(value / (unit * 10.0).exp2())),
    };
    Axis { from: 0.0, to, ticks: ticks(0.0, to, step, label) }
}

/// From nothing to at least `highest`, in steps of 1, 2 or 5 and zeros, with about `marks` marks.
pub fn numbers(highest: f64, marks: usize) -> Axis {
    let highest = if highest.is_finite() { highest.clamp(4.0, 1e21) } else { 4.0 };
    let wanted = highest / marks.clamp(2, 20) as f64;
    let size = 10_f64.powf(wanted.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * size).find(|step| *step >= wanted);
    let step = step.unwrap_or(wanted).max(1.0);
    let to = step * (highest * 1.02 / step).ceil().max(1.0);
    Axis { from: 0.0, to, ticks: ticks(0.0, to, step, short_number) }
}

/// `0`, `2500`, `40k`, `1.5M`
fn short_number(value: f64) -> String {
    match value {
        ..1e4 => short(value),
        ..1e6 => format!("{}k", short(value / 1e3)),
        ..1e9 => format!("{}M", short(value / 1e6)),
        _ => format!("{}G", short(value / 1e9)),
    }
}

/// From nothing to all.
pub fn percent() -> Axis {
    Axis { from: 0.0, to: 100.0, ticks: ticks(0.0, 100.0, 25.0, |value| format!("{value} %")) }
}

/// From one time to a later one, seconds since the start, with at most about `marks` marks.
pub fn time((from, to): (f64, f64), marks: usize) -> Axis {
    let wanted = (to - from) / marks.clamp(2, 40) as f64;
    let step = TIME_STEPS.into_iter().find(|step| *step >= wanted).unwrap_or_else(|| {
        // Days by powers of two, without an end.
        86_400.0 * (wanted / 86_400.0).log2().ceil().exp2()
    });
    Axis { from, to, ticks: ticks(from, to, step, elapsed) }
}

fn ticks(from: f64, to: f64, step: f64, label: impl Fn(f64) -> String) -> Vec<AxisTick> {
    let first = (from / step).ceil();
    (0..64_u32)
        .map(|number| (first + f64::from(number)) * step)
        .take_while(|at| *at <= to + step * 1e-6)
        .map(|at| AxisTick { at, label: label(at) })
        .collect()
}

/// Up to three decimals, as few as are needed.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A length of time on an axis: `0`, `30 s`, `1 h 30 min`, `2 d`.
pub fn elapsed(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "−" } else { "" };
    let seconds = seconds.abs();
    let whole = seconds.round();
    if whole == 0.0 && seconds < 0.0005 {
        return "0".to_owned();
    }
    if seconds < 60.0 {
        return format!("{sign}{} s", short(seconds));
    }
    let pair = |large: f64, unit: &str, small: f64, small_unit: &str| match small {
        0.0 => format!("{sign}{large} {unit}"),
        _ => format!("{sign}{large} {unit} {small} {small_unit}"),
    };
    let part = |size: f64, of: f64| (whole % of / size).floor();
    if whole < 3_600.0 {
        pair((whole / 60.0).floor(), "min", part(1.0, 60.0), "s")
    } else if whole < 86_400.0 {
        pair((whole / 3_600.0).floor(), "h", part(60.0, 3_600.0), "min")
    } else {
        pair((whole / 86_400.0).floor(), "d", part(3_600.0, 86_400.0), "h")
    }
}

/// An amount of bytes in few letters: `512 B`, `9.5 MiB`.
pub fn amount(bytes: f64) -> String {
    if !bytes.is_finite() {
        return "unknown".to_owned();
    }
    let sign = if bytes < 0.0 { "−" } else { "" };
    let (mut value, mut unit) = (bytes.abs(), 0);
    // 1023.95 would print as 1024.0.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && value < 100.0);
    format!("{sign}{value:.decimals$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn numbers_have_decimal_steps() {
        assert_eq!(labels(&numbers(1_765.0, 6)), ["0", "500", "1000", "1500", "2000"]);
        assert_eq!(labels(&numbers(90_000.0, 4)), ["0", "50k", "100k"]);
        assert_eq!(labels(&numbers(f64::NAN, 4)), ["0", "1", "2", "3", "4", "5"]);
    }

    #[test]
    fn bytes_have_binary_steps() {
        let axis = bytes(700.0 * 1024.0 * 1024.0, 6, "");
        assert_eq!(
            labels(&axis),
            ["0", "128 MiB", "256 MiB", "384 MiB", "512 MiB", "640 MiB", "768 MiB"]
        );
        let axis = bytes(1.2 * 1024.0 * 1024.0 * 1024.0, 5, "/h");
        assert_eq!(
            labels(&axis),
            ["0", "0.25 GiB/h", "0.5 GiB/h", "0.75 GiB/h", "1 GiB/h", "1.25 GiB/h"]
        );
        assert_eq!(labels(&bytes(0.0, 5, "")), ["0", "2 B", "4 B", "6 B", "8 B", "10 B"]);
        assert_eq!(
            bytes(u64::MAX as f64 * 4.0, 5, "").ticks.last().expect("a mark").label,
            "80 EiB"
        );
    }

    #[test]
    fn time_has_the_steps_of_a_clock() {
        assert_eq!(
            labels(&time((0.0, 60.0), 8)),
            ["0", "10 s", "20 s", "30 s", "40 s", "50 s", "1 min"]
        );
        assert_eq!(labels(&time((0.0, 7_000.0), 5)), ["0", "30 min", "1 h", "1 h 30 min"]);
        assert_eq!(labels(&time((0.0, 400_000.0), 5)), ["0", "1 d", "2 d", "3 d", "4 d"]);
        assert_eq!(labels(&time((0.0, 1.0), 5)), ["0", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1 s"]);
    }

    #[test]
    fn amounts_are_short() {
        let given = [0.0, 1023.0, 9.5 * 1024.0 * 1024.0, -2048.0, 300.0 * 1024.0];
        assert_eq!(given.map(amount), ["0 B", "1023 B", "9.5 MiB", "−2.0 KiB", "300 KiB"]);
    }

    proptest! {
        #[test]
        fn any_axis_has_marks_inside(highest: f64, from in -1e12..1e12_f64, span in 1e-3..1e12_f64, marks: usize) {
            for axis in [bytes(highest, marks, ""), time((from, from + span), marks)] {
                prop_assert!(axis.ticks.len() <= 64 && axis.to > axis.from);
                prop_assert!(axis.ticks.windows(2).all(|pair| pair[0].at < pair[1].at));
                prop_assert!(axis.ticks.iter().all(|tick| tick.label.len() < 30));
            }
        }
    }
}
