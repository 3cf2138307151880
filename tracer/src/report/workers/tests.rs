//! Workers of one server, from samples of one process.

use super::*;
use crate::model::Verdict;
use crate::report::Options;
use crate::report::leaks::samples;

fn worker(pid: u32) -> Document {
    let mut document = samples::leaking();
    document.target.pid = pid;
    document
}

fn page(groups: &[Group<'_>]) -> String {
    let mut out = Vec::new();
    write_text(groups, &Options::default(), &mut out).expect("a page");
    String::from_utf8(out).expect("text")
}

#[test]
fn a_finding_names_its_workers() {
    let (one, two, mut three) = (worker(11), worker(12), worker(13));
    three.findings.clear();
    let groups = [Group { workers: vec![&one, &two, &three] }];
    let text = page(&groups);
    assert!(text.contains(": 3 workers =="), "{text}");
    let leak = "In 3 of 3 workers, as in pid 11: engineio.socket.Socket, likely leak: 900 a minute";
    assert!(text.contains(leak), "{text}");
    assert!(text.contains("In 2 of 3 workers, as in pid 11: `keep` (main.py:12)"), "{text}");
    assert!(text.contains("pid 11 retains") && text.contains("pid 12 retains"), "{text}");
    assert!(!text.contains("pid 13 retains"), "{text}");
    assert!(text.lines().all(|line| crate::report::width::columns(line) <= 100), "{text}");
}

/// Addresses and ids of sites differ from process to process, and where a module lies.
#[test]
fn stacks_are_the_same_by_what_a_reader_sees() {
    let (one, mut two) = (worker(11), worker(12));
    for finding in &mut two.findings {
        finding.site.id = format!("other-{}", finding.site.id);
    }
    let group = Group { workers: vec![&one, &two] };
    let found = shared(&group);
    assert_eq!(found.len(), one.findings.len());
    assert!(found.iter().all(|shared| shared.workers() == 2));
}

/// The worker in which it is worst comes first, and what it says counts.
#[test]
fn the_worst_worker_stands_for_all() {
    let (mut one, mut two) = (worker(11), worker(12));
    one.findings.truncate(1);
    two.findings.truncate(1);
    one.findings[0].verdict = Verdict::Undetermined;
    one.findings[0].slope_bytes_per_hour.est = 1e12;
    two.findings[0].verdict = Verdict::Leak;
    let group = Group { workers: vec![&one, &two] };
    let found = shared(&group);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].verdict(), found[0].first().0.target.pid), (Verdict::Leak, 12));
}

/// Different programs have a section each; a single one has the page that it would have had alone.
#[test]
fn programs_do_not_mix() {
    let (one, other) = (worker(11), worker(12));
    let groups = [Group { workers: vec![&one] }, Group { workers: vec![&other] }];
    let text = page(&groups);
    assert!(text.contains("(pid 11) ==") && text.contains("(pid 12) =="), "{text}");
    assert!(!text.contains("workers"), "{text}");
    let mut alone = Vec::new();
    let options = Options::default();
    crate::report::Exporter::write(&crate::report::leaks::Leaks, &one, &options, &mut alone)
        .expect("a page");
    assert!(text.contains(&String::from_utf8(alone).expect("text")));
}

#[test]
fn first_words_are_a_line_for_each_finding() {
    let (one, two, mut three) = (worker(11), worker(12), worker(13));
    three.findings.clear();
    let lines = early(&[Group { workers: vec![&one, &two, &three] }]);
    assert!(
        lines[0].starts_with("keep (main.py:12) in 2 of 3 workers of ")
            && lines[0].contains(" (11, 12): leak, ")
            && lines[0].ends_with(" together"),
        "{lines:?}"
    );
    assert!(lines.len() <= 3, "{lines:?}");
    let mut quiet = worker(14);
    quiet.findings.clear();
    let lines = early(&[Group { workers: vec![&quiet, &three] }, Group { workers: vec![&one] }]);
    assert!(lines[0].starts_with("Nothing in 2 workers of ") && lines[0].contains("(14, 13)"));
    assert!(lines[1].starts_with("keep (main.py:12) in ") && lines[1].contains("(pid 11): leak"));
}

/// Groups come first, and all that one process would have had alone is on the page, too.
#[test]
fn a_page_for_the_browser_has_groups_and_processes() {
    let (one, two, mut three) = (worker(11), worker(12), worker(13));
    three.findings.clear();
    three.target.comm = "<i onload=x>".to_owned();
    let groups = [Group { workers: vec![&one, &two, &three] }];
    let mut out = Vec::new();
    crate::report::write_html_of_several(&groups, &Options::default(), &mut out).expect("a page");
    let page = String::from_utf8(out).expect("text");
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(at(": 3 workers</h1>") < at("in 2 of 3 workers</span>"));
    assert!(at("in 2 of 3 workers</span>") < at("<details class=\"worker\">"));
    assert_eq!(page.matches("<details class=\"worker\">").count(), 3);
    assert!(page.contains("(pid 13): ") && page.contains("Evidence"));
    assert!(!page.contains("<i onload") && !page.contains("<script"));
}

#[test]
fn programs_read_documents_and_groups() {
    let (one, two) = (worker(11), worker(12));
    let groups = [Group { workers: vec![&one, &two] }];
    let mut out = Vec::new();
    write_json(&groups, &mut out).expect("JSON");
    let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(value["targets"].as_array().map(Vec::len), Some(2));
    assert_eq!(value["targets"][1]["target"]["pid"], 12);
    let group = &value["groups"][0];
    assert_eq!(group["pids"], serde_json::json!([11, 12]));
    let found = &group["findings"][0];
    assert_eq!((&found["workers"], &found["of"]), (&2.into(), &2.into()));
    assert_eq!(found["in"][0]["id"], one.findings[0].site.id);
    let leak = &group["leaks"][0];
    assert_eq!((&leak["name"], &leak["workers"]), (&"engineio.socket.Socket".into(), &2.into()));
    assert_eq!(leak["pids"], serde_json::json!([11, 12]));
}
