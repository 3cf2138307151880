//! Which share of the growth of the process each entry explains. Together they explain no more than all of it: where leaks and
//! what allocators retain add up to more, as when memory that was free before is used again, shares are of that sum.

use crate::model::{Document, Leak, LeakKind};

/// The leaks with their shares; that of what allocators retain is measured already.
pub fn explained(document: &Document, mut leaks: Vec<Leak>) -> Vec<Leak> {
    let growth = document.growth.as_ref().filter(|growth| growth.significant);
    let slope = growth.map(|growth| growth.slope_bytes_per_hour.est).filter(|slope| *slope > 0.0);
    let rate = |leak: &Leak| leak.rate.bytes_per_hour.est.max(0.0);
    let grows = |leak: &Leak| leak.kind != LeakKind::Allocator;
    let of_all = |leak: &Leak| match (grows(leak), slope) {
        (true, Some(slope)) => Some(rate(leak) / slope),
        (true, None) => None,
        (false, _) => leak.explains,
    };
    let is_share = |share: &f64| share.is_finite() && *share >= 0.0;
    let sum: f64 = leaks.iter().filter_map(of_all).filter(is_share).sum();
    for leak in &mut leaks {
        leak.explains = of_all(leak).filter(is_share).map(|share| share / sum.max(1.0));
    }
    leaks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Confidence, Interval, Verdict};
    use crate::report::leaks::samples;

    /// Shares of leaks of so many times the growth of the process.
    fn shares(times: &[f64]) -> Vec<Option<f64>> {
        let growth = samples::growth(Verdict::Leak, Confidence::Suspect);
        let slope = growth.slope_bytes_per_hour.est;
        let document = samples::document(growth, Vec::new());
        let leak = |times: &f64| {
            let mut leak = samples::leaks::plain("app.Page", Confidence::Suspect);
            leak.rate.bytes_per_hour = Interval { lo: 0.0, est: times * slope, hi: 9.0 * slope };
            leak
        };
        let leaks = explained(&document, times.iter().map(leak).collect());
        leaks.into_iter().map(|leak| leak.explains).collect()
    }

    #[test]
    fn all_together_explain_no_more_than_the_growth() {
        assert_eq!(shares(&[0.5, 0.25]), [Some(0.5), Some(0.25)]);
        assert_eq!(shares(&[3.0, 1.0]), [Some(0.75), Some(0.25)]);
        assert_eq!(shares(&[0.5, 0.0]), [Some(0.5), Some(0.0)]);
        assert_eq!(shares(&[]), []);
        let mut document = samples::document(
            samples::growth(Verdict::Undetermined, Confidence::Suspect),
            Vec::new(),
        );
        document.growth.iter_mut().for_each(|growth| growth.significant = false);
        let leak = samples::leaks::plain("app.Page", Confidence::Suspect);
        assert_eq!(explained(&document, vec![leak])[0].explains, None, "of what?");
    }

    /// What malloc retains is a part of the growth as what leaks is.
    #[test]
    fn what_allocators_retain_is_a_part_of_it() {
        let growth = samples::growth(Verdict::Leak, Confidence::Suspect);
        let slope = growth.slope_bytes_per_hour.est;
        let document = samples::document(growth, Vec::new());
        let shares = |of_leak: f64, retained| {
            let mut leak = samples::leaks::plain("app.Page", Confidence::Suspect);
            leak.rate.bytes_per_hour = Interval { lo: 0.0, est: of_leak * slope, hi: 9.0 * slope };
            let mut beside = leak.clone();
            (beside.kind, beside.explains) = (LeakKind::Allocator, retained);
            let told = explained(&document, vec![leak, beside]);
            told.into_iter().map(|leak| leak.explains).collect::<Vec<_>>()
        };
        assert_eq!(shares(0.5, Some(0.25)), [Some(0.5), Some(0.25)]);
        assert_eq!(shares(1.5, Some(0.5)), [Some(0.75), Some(0.25)]);
        assert_eq!(shares(0.0, Some(1.25)), [Some(0.0), Some(1.0)]);
        assert_eq!(shares(2.0, None), [Some(1.0), None]);
    }
}
