//! How many.

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

/// A difference of counts with its sign: `+57`, `−3`, `±0`.
pub fn signed(from: u64, to: u64) -> String {
    format!("{}{}", sign(from, to), count(to.abs_diff(from)))
}

/// A difference of counts with its sign and its noun: `+1 block`, `−2,000 blocks`.
pub fn count_change(from: u64, to: u64, one: &str, many: &str) -> String {
    format!("{}{}", sign(from, to), counted(to.abs_diff(from), one, many))
}

pub(super) fn sign(from: u64, to: u64) -> char {
    match to.cmp(&from) {
        std::cmp::Ordering::Greater => '+',
        std::cmp::Ordering::Equal => '±',
        std::cmp::Ordering::Less => '−',
    }
}

/// How many for each one: `57`, `3.5`, `0.02`; `?` for what is no number.
pub fn ratio(each: f64) -> String {
    match each {
        each if !each.is_finite() || each < 0.0 => "?".to_owned(),
        each if each >= 9.95 || (each - each.round()).abs() < 0.05 && each >= 0.95 => {
            count(whole(each.round()))
        }
        each if each >= 0.95 => format!("{each:.1}"),
        each => format!("{each:.2}"),
    }
}

/// The whole part of what is not negative; the largest number for what is larger.
pub fn whole(number: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(number).map_or(u64::MAX, |duration| duration.as_secs())
}

/// For ratios and rounding only; above 2^53 the last digits are lost.
pub(super) fn approximate(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_have_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(12_345_678), "12,345,678");
        assert_eq!(counted(1, "block", "blocks"), "1 block");
    }

    #[test]
    fn changes_have_a_sign() {
        assert_eq!(count_change(1, 2, "block", "blocks"), "+1 block");
        assert_eq!(count_change(4_000, 0, "block", "blocks"), "−4,000 blocks");
        assert_eq!((signed(5, 3), signed(3, 3)), ("−2".to_owned(), "±0".to_owned()));
    }

    #[test]
    fn ratios_have_as_many_digits_as_say_something() {
        for (each, text) in [
            (57.2, "57"),
            (3.5, "3.5"),
            (2.98, "3"),
            (0.02, "0.02"),
            (1.0, "1"),
            (12_345.0, "12,345"),
            (f64::NAN, "?"),
            (-1.0, "?"),
        ] {
            assert_eq!(ratio(each), text);
        }
    }

    proptest! {
        #[test]
        fn any_number_prints(number: u64) {
            prop_assert_eq!(count(number).replace(',', ""), number.to_string());
        }
    }
}
