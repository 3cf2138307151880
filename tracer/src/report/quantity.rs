//! Numbers as people read them.

/// Bytes with a binary unit: `512 B`, `9.5 KiB`, `1.2 GiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = approximate(bytes) / 1024.0;
    let mut unit = 0;
    // 1023.95 would print as 1024.0.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// The size of one block: exact where a reader may know the number, rounded where not.
pub fn block_size(size: u64) -> String {
    if size < 100_000 { format!("{} B", count(size)) } else { bytes(size) }
}

/// A difference of bytes with its sign: `+10.8 MiB`, `−512 B`, `±0 B`.
pub fn change(from: u64, to: u64) -> String {
    format!("{}{}", sign(from, to), bytes(to.abs_diff(from)))
}

/// A difference of counts with its sign and its noun: `+1 block`, `−2,000 blocks`.
pub fn count_change(from: u64, to: u64, one: &str, many: &str) -> String {
    format!("{}{}", sign(from, to), counted(to.abs_diff(from), one, many))
}

fn sign(from: u64, to: u64) -> char {
    match to.cmp(&from) {
        std::cmp::Ordering::Greater => '+',
        std::cmp::Ordering::Equal => '±',
        std::cmp::Ordering::Less => '−',
    }
}

/// Two sizes, their unit once when it is the same: `from 2.0 to 6.1 MiB`, `from 9 B to 1.0 KiB`.
pub fn span(from: u64, to: u64) -> String {
    let (from, to) = (bytes(from), bytes(to));
    match (from.split_once(' '), to.split_once(' ')) {
        (Some((number, from_unit)), Some((_, to_unit))) if from_unit == to_unit => {
            format!("from {number} to {to}")
        }
        _ => format!("from {from} to {to}"),
    }
}

/// A count with thousands separated: `1,234,567`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count and its noun: `1 block`, `2,000 blocks`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `part` of `whole` in per cent, with as many decimals as say something; `0 %` of nothing.
pub fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    if part >= whole {
        return "100 %".to_owned();
    }
    let value = approximate(part) / approximate(whole) * 100.0;
    if value < 0.1 {
        "<0.1 %".to_owned()
    } else if value > 99.9 {
        ">99.9 %".to_owned()
    } else {
        format!("{value:.1} %")
    }
}

/// A share of growth; estimates may come out above all of it.
pub fn share_in_words(share: f64) -> String {
    match share {
        share if share < 0.005 => "next to nothing".to_owned(),
        share if share > 1.05 => "all".to_owned(),
        share => format!("{:.0} %", (share * 100.0).min(100.0)),
    }
}

/// A share of 1 in per cent, with a decimal below ten: `98 %`, `1.0 %`, `less than 0.1 %`.
pub fn rough_percent(share: f64) -> String {
    match 100.0 * share {
        0.0 => "0 %".to_owned(),
        percent if percent < 0.1 => "less than 0.1 %".to_owned(),
        percent if percent < 10.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
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

/// For ratios and rounding only; above 2^53 the last digits are lost.
fn approximate(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_have_one_unit_system() {
        let expected = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (10_000_000, "9.5 MiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (number, text) in expected {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn counts_have_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(12_345_678), "12,345,678");
        assert_eq!(counted(1, "block", "blocks"), "1 block");
        assert_eq!(block_size(10_000), "10,000 B");
        assert_eq!(block_size(1 << 20), "1.0 MiB");
    }

    #[test]
    fn shares_never_round_to_all_or_nothing() {
        assert_eq!(percent(1, 1_000_000), "<0.1 %");
        assert_eq!(percent(999_999, 1_000_000), ">99.9 %");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(0, 0), "0 %");
        assert_eq!(percent(5, 5), "100 %");
    }

    #[test]
    fn shares_are_words() {
        assert_eq!(share_in_words(0.0), "next to nothing");
        assert_eq!(share_in_words(0.834), "83 %");
        assert_eq!(share_in_words(1.02), "100 %");
        assert_eq!(share_in_words(7.0), "all");
    }

    #[test]
    fn rough_figures_are_simple() {
        assert_eq!(rough_duration(12.0), "12 s");
        assert_eq!(rough_duration(5.0 * 3600.0), "5 h");
        assert_eq!(rough_percent(0.984), "98 %");
        assert_eq!(rough_percent(0.01), "1.0 %");
        assert_eq!(rough_percent(0.0001), "less than 0.1 %");
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
    fn changes_have_a_sign() {
        assert_eq!(change(0, 2048), "+2.0 KiB");
        assert_eq!(change(2048, 0), "−2.0 KiB");
        assert_eq!(change(7, 7), "±0 B");
        assert_eq!(count_change(1, 2, "block", "blocks"), "+1 block");
        assert_eq!(count_change(4_000, 0, "block", "blocks"), "−4,000 blocks");
    }

    #[test]
    fn spans_name_a_unit_once() {
        assert_eq!(span(2 << 20, 6 << 20), "from 2.0 to 6.0 MiB");
        assert_eq!(span(9, 1024), "from 9 B to 1.0 KiB");
    }

    proptest! {
        #[test]
        fn any_number_prints(number: u64, other: u64, seconds: f64) {
            prop_assert!(bytes(number).len() < 12);
            prop_assert!(percent(number, other).len() < 9);
            prop_assert!(duration(seconds).len() < 40);
            prop_assert_eq!(count(number).replace(',', ""), number.to_string());
        }
    }
}
