//! Sizes in memory.

use super::count::{approximate, count, sign, whole};

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

/// Bytes that may be negative, or no number at all: `−1.0 KiB`, `an unknown amount`.
pub fn amount(number: f64) -> String {
    if number.is_nan() {
        return "an unknown amount".to_owned();
    }
    let sign = if number <= -0.5 { "−" } else { "" };
    format!("{sign}{}", bytes(whole(number.abs().round())))
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
        assert_eq!(block_size(10_000), "10,000 B");
        assert_eq!(block_size(1 << 20), "1.0 MiB");
    }

    #[test]
    fn changes_have_a_sign() {
        assert_eq!(change(0, 2048), "+2.0 KiB");
        assert_eq!(change(2048, 0), "−2.0 KiB");
        assert_eq!(change(7, 7), "±0 B");
        assert_eq!(amount(-2048.0), "−2.0 KiB");
        assert_eq!(amount(f64::NAN), "an unknown amount");
    }

    #[test]
    fn spans_name_a_unit_once() {
        assert_eq!(span(2 << 20, 6 << 20), "from 2.0 to 6.0 MiB");
        assert_eq!(span(9, 1024), "from 9 B to 1.0 KiB");
    }

    proptest! {
        #[test]
        fn any_number_prints(number: u64) {
            prop_assert!(bytes(number).len() < 12);
        }
    }
}
