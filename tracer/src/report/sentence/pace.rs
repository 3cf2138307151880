//! How fast a finding grows, held against the process: what blocks have in bytes is not all in memory.
//! Mappings may never be touched, and blocks may lie in memory that the process had before.

use super::super::quantity::rate;
use crate::model::{Document, Domain, Finding, Interval};

/// A finding may be faster than the process by this factor before that is told: both are estimates.
const FASTER: f64 = 1.1;

/// `1.2 MiB per minute`; with what the process grew by where that is less.
pub fn of(finding: &Finding, document: &Document) -> String {
    let own = finding.slope_bytes_per_hour.est;
    let told = rate::rate(own);
    let Some(most) = most(document).filter(|most| exceeds(own, *most)) else { return told };
    let told = match finding.site.domain {
        Domain::Mmap => format!("{told} of mappings"),
        Domain::Malloc => told,
    };
    match most > 0.0 {
        true => format!("{told} (the process grew by at most {})", rate::rate(most)),
        false => format!("{told} (the process did not grow)"),
    }
}

/// Whether growth is more than that of the whole process can be.
pub fn exceeds(per_hour: f64, most: f64) -> bool {
    per_hour > FASTER * most
}

/// What the process grew by at most, bytes per hour; `None` where that was not measured.
pub fn most(document: &Document) -> Option<f64> {
    let slope = document.growth.as_ref()?.slope_bytes_per_hour;
    (slope != Interval::default() && slope.hi.is_finite()).then_some(slope.hi)
}

#[cfg(test)]
mod tests {
    use crate::model::{Document, Domain, Interval, Verdict};
    use crate::report::leaks::samples;
    use crate::report::sentence;

    const MIB_A_MINUTE: f64 = 60.0 * 1024.0 * 1024.0;

    /// A leak of 13.4 MiB a minute in a process that grows by less.
    fn mapped(process: Interval) -> Document {
        let mut document = samples::leaking();
        document.findings.truncate(1);
        let speed = |mib: f64| mib * MIB_A_MINUTE;
        document.findings[0].site.domain = Domain::Mmap;
        document.findings[0].slope_bytes_per_hour =
            Interval { lo: speed(12.9), est: speed(13.4), hi: speed(13.9) };
        let growth = document.growth.as_mut().expect("judged");
        assert_eq!(growth.verdict, Verdict::Leak);
        let Interval { lo, est, hi } = process;
        growth.slope_bytes_per_hour = Interval { lo: speed(lo), est: speed(est), hi: speed(hi) };
        document
    }

    #[test]
    fn mappings_grow_no_faster_than_the_process() {
        let document = mapped(Interval { lo: 4.2, est: 4.7, hi: 5.1 });
        let told = sentence::finding(&document.findings[0], &document);
        let wanted =
            "13.4 MiB per minute of mappings (the process grew by at most 5.1 MiB per minute)";
        assert!(told.contains(wanted), "{told}");
    }

    #[test]
    fn mappings_that_nobody_touches_are_no_growth() {
        let document = mapped(Interval { lo: -0.4, est: -0.2, hi: -0.1 });
        let told = sentence::finding(&document.findings[0], &document);
        assert!(
            told.contains("13.4 MiB per minute of mappings (the process did not grow)"),
            "{told}"
        );
    }

    #[test]
    fn what_the_process_grew_by_is_told_as_it_is() {
        for process in [Interval { lo: 9.0, est: 12.5, hi: 16.0 }, Interval::default()] {
            let document = mapped(process);
            let told = sentence::finding(&document.findings[0], &document);
            assert!(told.contains("retains 13.4 MiB per minute, so far"), "{told}");
        }
    }
}
