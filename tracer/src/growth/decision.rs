//! A verdict, how sure it is, and the reason that decided: the same for stacks and for types of
//! objects, so that a word means the same for both.

use crate::model::{Confidence, Reason, Verdict};

/// Growth must have been watched so long for `likely`, seconds.
pub const LIKELY_SECONDS: f64 = 3.0 * 3600.0;
/// And so long for `confirmed` by growth alone, seconds: longer than caches usually take to fill.
pub const CONFIRMED_SECONDS: f64 = 7.0 * 86_400.0;
/// Corrected chance of such growth without a leak, for any word.
pub const SUSPECT_P: f64 = 0.05;
/// The same for `likely`, where nobody sets another.
pub const LIKELY_P: f64 = 0.01;

/// A verdict on one stack or type.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// The confidence.
    pub confidence: Confidence,
    /// What decided: the first reason that a reader gets.
    pub basis: Reason,
}

impl Decision {
    /// One that something harmless may explain as well.
    pub fn suspect(verdict: Verdict, basis: Reason) -> Self {
        Self { verdict, confidence: Confidence::Suspect, basis }
    }

    /// Whether it calls growth a leak that a filling cache would show as well.
    pub fn is_early_leak(&self) -> bool {
        let early = matches!(self.basis, Reason::GrowsSoFar { .. } | Reason::GrewAtEverySnapshot);
        self.verdict == Verdict::Leak && early
    }
}

/// Whether a verdict says that what is retained grows.
pub fn grows(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Leak | Verdict::Undetermined | Verdict::CacheWarming)
}

/// How sure a leak is by its growth alone, which was steady for so many seconds; `None` where that
/// is too short for more than a suspicion.
pub fn confidence_of_growth(seconds: f64) -> Option<Confidence> {
    match seconds {
        seconds if seconds >= CONFIRMED_SECONDS => Some(Confidence::Confirmed),
        seconds if seconds >= LIKELY_SECONDS => Some(Confidence::Likely),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_alone_takes_hours_and_days() {
        let sure = |hours: f64| confidence_of_growth(3600.0 * hours);
        assert_eq!(sure(2.9), None);
        assert_eq!(sure(3.0), Some(Confidence::Likely));
        assert_eq!(sure(167.9), Some(Confidence::Likely));
        assert_eq!(sure(168.0), Some(Confidence::Confirmed));
        assert_eq!(sure(f64::NAN), None);
    }

    #[test]
    fn a_cache_may_explain_early_growth_only() {
        let early = Reason::GrowsSoFar { seconds: 60.0 };
        assert!(Decision::suspect(Verdict::Leak, early.clone()).is_early_leak());
        assert!(!Decision::suspect(Verdict::Undetermined, early).is_early_leak());
        let steady = Reason::GrowsSteadily { seconds: 1e5 };
        assert!(!Decision::suspect(Verdict::Leak, steady).is_early_leak());
    }
}
