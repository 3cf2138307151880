//! Parts of a whole.

use super::count::approximate;

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

/// A share of 1 in per cent, with a decimal below ten: `98 %`, `1.0 %`, `less than 0.1 %`.
pub fn rough_percent(share: f64) -> String {
    match 100.0 * share {
        0.0 => "0 %".to_owned(),
        percent if percent < 0.1 => "less than 0.1 %".to_owned(),
        percent if percent < 10.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

/// A share in per cent; more than all when estimates err.
pub fn share_of(share: f64) -> String {
    if share.is_finite() { format!("{:.0} %", share * 100.0) } else { "unknown".to_owned() }
}

/// A share of growth; estimates may come out above all of it.
pub fn share_in_words(share: f64) -> String {
    match share {
        share if share < 0.005 => "next to nothing".to_owned(),
        share if share > 1.05 => "all".to_owned(),
        share => format!("{:.0} %", (share * 100.0).min(100.0)),
    }
}

/// A probability: `0.0123`, `below 0.0001`.
pub fn probability(p: f64) -> String {
    if !p.is_finite() {
        "unknown".to_owned()
    } else if p < 0.0001 {
        "below 0.0001".to_owned()
    } else {
        format!("{p:.4}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        assert_eq!(rough_percent(0.984), "98 %");
        assert_eq!(rough_percent(0.01), "1.0 %");
        assert_eq!(rough_percent(0.0001), "less than 0.1 %");
        assert_eq!((share_of(1.2), share_of(f64::NAN)), ("120 %".to_owned(), "unknown".to_owned()));
        assert_eq!(
            (probability(0.5), probability(1e-9)),
            ("0.5000".to_owned(), "below 0.0001".to_owned())
        );
    }

    proptest! {
        #[test]
        fn any_number_prints(number: u64, other: u64) {
            prop_assert!(percent(number, other).len() < 9);
        }
    }
}
