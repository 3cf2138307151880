//! One recording as it was at a moment.

use crate::model::{Document, Site, SiteHistory, SitePoint};
use crate::report::json;

/// The document as a recording would have made it that ended `t` seconds after its start. `None`
/// when it did not keep what its sites did over time.
///
/// Counters of the ledger and verdicts are those of the end, so only sites and memory can be
/// compared.
pub fn document_at(document: &Document, t: f64) -> Option<Document> {
    if document.history.sites.len() != document.sites.len() {
        return None;
    }
    if t >= document.capture.seconds {
        return Some(document.clone());
    }
    let histories = document.sites.iter().zip(&document.history.sites);
    let mut sites: Vec<Site> =
        histories.filter_map(|(site, past)| site_at(site, past, t)).collect();
    sites.sort_by_key(|site| std::cmp::Reverse(site.live.bytes));
    let memory = document.memory.iter().filter(|point| point.t <= t).copied().collect();
    let (leaks, findings) = (Vec::new(), Vec::new());
    let rest = json::without_sites(document);
    let mut moment = Document { sites, memory, growth: None, leaks, findings, ..rest };
    moment.capture.seconds = t;
    Some(moment)
}

/// A site with its sums at `t`; `None` before it first allocated.
fn site_at(site: &Site, past: &SiteHistory, t: f64) -> Option<Site> {
    let sums = sums_at(&past.sums, t)?;
    Some(Site { live: sums.live(), allocated: sums.totals.allocated, ..site.clone() })
}

/// Between two points the sums are those of the first.
fn sums_at(sums: &[SitePoint], t: f64) -> Option<&SitePoint> {
    let later = sums.partition_point(|point| point.t <= t);
    sums.get(later.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Totals};
    use crate::report::samples;

    fn point(t: f64, allocated: u64, freed: u64) -> SitePoint {
        let amount = |bytes| Amount { bytes, count: bytes / 100 };
        SitePoint { t, totals: Totals { allocated: amount(allocated), freed: amount(freed) } }
    }

    #[test]
    fn sums_are_steps() {
        let mut document = samples::one_site();
        assert_eq!(document_at(&document, 10.0), None);
        let sums = vec![point(10.0, 500, 0), point(30.0, 900, 600)];
        document.history.sites = vec![SiteHistory { sums, ..SiteHistory::default() }];
        let live = |t| {
            let moment = document_at(&document, t).expect("a history");
            moment.sites.first().map(|site| (site.live.bytes, site.live.count))
        };
        assert_eq!(live(0.0), None);
        assert_eq!(live(10.0), Some((500, 5)));
        assert_eq!(live(29.9), Some((500, 5)));
        assert_eq!(live(30.0), Some((300, 3)));
        assert_eq!(live(60.0), Some((10_000_000, 1_000)));
        assert_eq!(document_at(&document, 30.0).map(|moment| moment.memory.len()), Some(1));
    }

    #[test]
    fn a_moment_that_is_no_number_is_the_start() {
        let mut document = samples::one_site();
        document.history.sites =
            vec![SiteHistory { sums: vec![point(1.0, 5, 0)], ..Default::default() }];
        assert_eq!(document_at(&document, f64::NAN).map(|moment| moment.sites.len()), Some(0));
    }
}
