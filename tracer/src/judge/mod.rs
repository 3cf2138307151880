//! From a recording to the verdicts that somebody wants to see: filters, known findings, what is
//! worth a word, and the detectors. Everything that shows verdicts asks here, so that all agree:
//! first words while a recording goes on, the report at its end, and every later report on its
//! file. Pure.

mod filter;
mod leaks;
mod one_leak;
mod suppress;
mod wildcard;

pub use filter::{Filter, NotAPattern};
pub use one_leak::{NoLeak, one_leak, with_stacks};
pub use suppress::{MOST_BYTES, NotASuppression, Suppressions};

use std::collections::HashSet;

use crate::growth;
pub use crate::growth::{Settings, judge_types};
use crate::model::{Document, Finding, LeftOut, Note};

/// What is worth a word, and what is known already. The default wants everything.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    /// What counts as growth.
    pub settings: Settings,
    /// Which findings are wanted.
    pub filter: Filter,
    /// Findings that somebody knows.
    pub suppressions: Suppressions,
    /// The file that they come from, as reports name it.
    pub file: String,
}

/// A recording that has been judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// With its verdicts.
    pub document: Document,
    /// Lines of the suppressions' file that nothing needed.
    pub unused: Vec<String>,
}

/// What became of findings.
struct Sifted {
    /// Lines of the suppressions' file that were needed.
    used: Vec<usize>,
    /// Ids of those that are muted or not wanted.
    muted: HashSet<String>,
}

impl Judge {
    /// Judges a recording with its history, also one that still goes on. What was judged before is
    /// replaced.
    pub fn judge(&self, mut document: Document) -> Judged {
        document.findings.clear();
        let analysis = growth::analyse(&document, &self.settings);
        document.growth = Some(analysis.growth);
        document.types = analysis.types;
        leaks::place(&mut document);
        // From all findings: a leak is what it is, whether somebody wants to see it or not.
        document.findings = analysis.findings;
        document.leaks = leaks::leaks(&document);
        let findings = std::mem::take(&mut document.findings);
        let Sifted { mut used, muted } = self.sift(&mut document, findings);
        used.extend(self.sift_leaks(&mut document, &muted));
        leaks::settle(&mut document);
        used.sort_unstable();
        Judged { document, unused: self.suppressions.unused(&used) }
    }

    /// Puts the wanted findings into `document` and says there what became of the others; says
    /// which those are.
    fn sift(&self, document: &mut Document, findings: Vec<Finding>) -> Sifted {
        let (mut suppressed, mut unwanted) = (Vec::new(), Vec::new());
        let mut used = Vec::new();
        for finding in findings {
            let lines = used.len();
            used.extend(self.suppressions.matching(&finding));
            if used.len() > lines {
                suppressed.push(finding);
            } else if !self.filter.wants(&finding) {
                unwanted.push(finding);
            } else {
                document.findings.push(finding);
            }
        }
        for (rank, finding) in (1..).zip(&mut document.findings) {
            finding.rank = rank;
        }
        shorten(document);
        let file = self.file.clone();
        let notes = &mut document.capture.notes;
        notes.extend(
            left_out(&suppressed).map(|left_out| Note::FindingsSuppressed { file, left_out }),
        );
        notes.extend(left_out(&unwanted).map(|left_out| Note::FindingsFiltered { left_out }));
        let muted = suppressed.into_iter().chain(unwanted).map(|finding| finding.site.id);
        Sifted { used, muted: muted.collect() }
    }

    /// Leaves the wanted leaks, and gives the lines of the suppressions' file that were needed. A leak all of whose
    /// stacks are muted is muted with them: its types are what they allocate.
    fn sift_leaks(&self, document: &mut Document, muted: &HashSet<String>) -> Vec<usize> {
        let mut used = Vec::new();
        // Of those that go with their stacks a note says so already.
        let mut suppressed = 0;
        document.leaks.retain(|leak| {
            let stacks = &leak.evidence.findings;
            if !stacks.is_empty() && stacks.iter().all(|id| muted.contains(id)) {
                return false;
            }
            let lines = used.len();
            used.extend(self.suppressions.matching_leak(leak));
            suppressed += u64::from(used.len() > lines);
            used.len() == lines && self.filter.wants_leak(leak)
        });
        if suppressed > 0 {
            document.capture.notes.push(Note::LeaksSuppressed { leaks: suppressed });
        }
        for (rank, leak) in (1..).zip(&mut document.leaks) {
            leak.rank = rank;
        }
        used
    }
}

/// Findings that a report has at most.
const MOST_FINDINGS: usize = 100;

/// Keeps the first findings and counts the others. After the filters: what somebody asks for is not
/// cut off.
fn shorten(document: &mut Document) {
    let more = document.findings.split_off(document.findings.len().min(MOST_FINDINGS));
    let Some(growth) = &mut document.growth else { return };
    for finding in more {
        match growth.dismissed.iter_mut().find(|(verdict, _)| *verdict == finding.verdict) {
            Some((_, count)) => *count += 1,
            None => growth.dismissed.push((finding.verdict, 1)),
        }
    }
}

/// What is told of findings that are left out; nothing of none.
fn left_out(findings: &[Finding]) -> Option<LeftOut> {
    let retained = findings.iter().map(|finding| finding.evidence.retained.bytes);
    let shares: Vec<f64> =
        findings.iter().filter_map(|finding| finding.evidence.share_of_growth).collect();
    (!findings.is_empty()).then(|| LeftOut {
        findings: u64::try_from(findings.len()).unwrap_or(u64::MAX),
        retained_bytes: retained.fold(0, u64::saturating_add),
        share_of_growth: (!shares.is_empty()).then(|| shares.iter().sum()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::leaks::samples;

    #[test]
    fn what_is_left_out_is_said() {
        let findings = [samples::leak(), samples::leak()];
        assert_eq!(left_out(&[]), None);
        let one = LeftOut { findings: 1, retained_bytes: 42_400, share_of_growth: Some(0.83) };
        assert_eq!(left_out(&findings[..1]), Some(one));
        let mut two = findings.clone();
        two[0].evidence.share_of_growth = None;
        two[1].evidence.share_of_growth = None;
        let both = LeftOut { findings: 2, retained_bytes: 84_800, share_of_growth: None };
        assert_eq!(left_out(&two), Some(both));
    }

    #[test]
    fn the_rest_moves_up() {
        let mut document = samples::leaking();
        let findings = std::mem::take(&mut document.findings);
        let notes = document.capture.notes.len();
        assert!(findings.len() > 1);
        let judge = Judge {
            suppressions: Suppressions::parse(
                format!("id:{}\nleak:nobody", findings[0].site.id).as_bytes(),
            )
            .expect("lines"),
            file: "app.supp".into(),
            ..Judge::default()
        };
        let second = findings[1].site.id.clone();
        let Sifted { used, muted } = judge.sift(&mut document, findings);
        assert_eq!(muted.len(), 1);
        assert_eq!(judge.suppressions.unused(&used), ["2: leak:nobody"]);
        assert_eq!(
            (document.findings[0].site.id.as_str(), document.findings[0].rank),
            (&*second, 1)
        );
        assert!(matches!(
            &document.capture.notes[notes],
            Note::FindingsSuppressed { file, left_out } if file == "app.supp" && left_out.findings == 1
        ));
    }

    /// A leak of types has no stack by which it could be left out, but a name and an id.
    #[test]
    fn leaks_are_left_out_by_name_and_id() {
        let left = |lines: &str, exclude: &[&str], include: &[&str]| {
            let mut document = samples::leaking();
            let owned = |globs: &[&str]| -> Vec<String> {
                globs.iter().map(|glob| (*glob).to_owned()).collect()
            };
            let judge = Judge {
                suppressions: Suppressions::parse(lines.as_bytes()).expect("lines"),
                filter: Filter::new(&owned(include), &owned(exclude)).expect("globs"),
                ..Judge::default()
            };
            let used = judge.sift_leaks(&mut document, &HashSet::new());
            let names = document.leaks.iter().map(|leak| leak.name.clone());
            (names.collect::<Vec<_>>(), used.len())
        };
        let all = ["engineio.socket.Socket", "py_headers_to_c", "small objects"].map(str::to_owned);
        assert_eq!(left("", &[], &[]), (all.to_vec(), 0));
        let id = samples::leaking().leaks[0].id.clone();
        assert_eq!(left(&format!("id:{id}"), &[], &[]), (all[1..].to_vec(), 1));
        assert_eq!(left("leak:engineio.socket", &[], &[]), (all[1..].to_vec(), 1));
        assert_eq!(left("", &["engineio.*"], &[]).0, all[1..]);
        // Stacks were chosen before; a leak that has one is wanted.
        assert_eq!(left("", &[], &["main.py"]).0, all);
    }

    /// A leak that shows in types, too, goes with the last of its stacks.
    #[test]
    fn a_leak_is_muted_with_all_of_its_stacks() {
        let mut document = samples::leaking();
        let stacks = document.leaks[0].evidence.findings.clone();
        let name = document.leaks[0].name.clone();
        let mut muted: HashSet<String> = stacks.iter().skip(1).cloned().collect();
        Judge::default().sift_leaks(&mut document, &muted);
        assert_eq!(document.leaks[0].name, name);
        muted.extend(stacks);
        Judge::default().sift_leaks(&mut document, &muted);
        assert_ne!(document.leaks[0].name, name);
    }
}
