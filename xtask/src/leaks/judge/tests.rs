use super::*;

/// As `leakspy leaks -f json` prints it, without the keys that are not read.
fn report(findings: &[&str]) -> Report {
    let json = format!(
        r#"{{"schema":1,"capture":{{"started":1,"seconds":120.5,"mode":"exact"}},"losses":{{}},
            "findings":[{}],"sites":[]}}"#,
        findings.join(",")
    );
    Report::parse(&json).expect("a report")
}

fn finding(rank: u32, verdict: &str, confidence: &str, stack: &[(&str, &str)]) -> String {
    let frames: Vec<String> = stack
        .iter()
        .map(|(file, function)| {
            format!(
                r#"{{"kind":"python","function":{function},"file":{file},"line":3,"module":null}}"#
            )
        })
        .collect();
    format!(
        r#"{{"id":"a","live_bytes":5,"size_class":64,"rank":{rank},"verdict":"{verdict}",
            "confidence":"{confidence}","slope_bytes_per_hour":{{"lo":90.0,"est":100,"hi":110.5}},
            "evidence":{{"reasons":[]}},"types":null,"holder":null,"stack":[{}]}}"#,
        frames.join(",")
    )
}

const WRONG: &[(&str, &str)] =
    &[("\"/srv/common/svc.py\"", "\"BoundedCache.get\""), ("null", "null")];
const RIGHT: &[(&str, &str)] =
    &[("\"/srv/driver.py\"", "\"Worker.decode\""), ("\"/src/frame.c\"", "\"decompress\"")];

fn case(kind: &str, fixed: &str) -> Case {
    toml::from_str(&format!(
        "name = \"x\"\nkind = \"{kind}\"\n[expected]\nframes = [\"driver.py:decode\"]\n\
         [measured]\nleaky_bytes_per_op = 1000\nfixed_bytes_per_op = {fixed}"
    ))
    .expect("a case")
}

#[test]
fn the_first_or_second_finding_must_name_a_native_leak() {
    let native = case("native", "0");
    let wrong = finding(1, "cache-warming", "suspect", WRONG);
    let row = judge(
        &native,
        Version::Leaky,
        &report(&[&finding(2, "leak", "likely", RIGHT), &wrong]),
        4800,
    );
    assert_eq!((row.rank, row.outcome), (Some(2), Outcome::Pass));
    assert_eq!(row.verdict.as_deref(), Some("leak"));
    assert_eq!(row.confidence, Some(Confidence::Likely));
    assert_eq!(row.slope_bytes_per_hour.map(|slope| slope.est), Some(100.0));
    assert_eq!(row.notes, ["#1 svc.py:BoundedCache.get > ?: cache-warming suspect"]);
    // 4800 operations of 1000 bytes in 120.5 seconds.
    assert_eq!(row.measured_bytes_per_hour.map(f64::round), Some(143_402_490.0));

    let third = [wrong.as_str(), &finding(2, "leak", "suspect", WRONG)];
    let third = [third[0], third[1], &finding(3, "leak", "confirmed", RIGHT)];
    let row = judge(&native, Version::Leaky, &report(&third), 4800);
    assert_eq!((row.rank, row.outcome, row.notes.len()), (Some(3), Outcome::Fail, 2));
}

#[test]
fn of_small_objects_only_arenas_are_seen() {
    let mut small = case("native", "0");
    small.expected.tracemalloc_sees = "yes (pymalloc)".to_owned();
    let arenas = [finding(1, "leak", "suspect", WRONG)];
    let row = judge(&small, Version::Leaky, &report(&[&arenas[0]]), 1);
    assert_eq!(row.outcome, Outcome::Shown);
    assert_eq!(
        row.notes.last().map(String::as_str),
        Some("small objects: only their arenas are seen")
    );
    let found = finding(1, "leak", "suspect", RIGHT);
    assert_eq!(judge(&small, Version::Leaky, &report(&[&found]), 1).outcome, Outcome::Pass);
}

#[test]
fn of_python_leaks_the_rank_is_shown() {
    let python = case("python", "0");
    let row = judge(&python, Version::Leaky, &report(&[&finding(9, "leak", "likely", RIGHT)]), 1);
    assert_eq!((row.rank, row.outcome), (Some(9), Outcome::Shown));
    let row = judge(&python, Version::Leaky, &report(&[&finding(1, "leak", "likely", WRONG)]), 1);
    assert_eq!((row.rank, row.outcome), (None, Outcome::Shown));
    assert_eq!(row.notes[0], "none of 1 findings names it");
    let row = judge(&python, Version::Leaky, &report(&[]), 1);
    assert_eq!(row.notes, ["no findings"]);
}

#[test]
fn what_does_not_leak_must_not_be_called_a_leak() {
    let calm = case("non-leak", "0");
    let quiet = [
        finding(1, "undetermined", "likely", WRONG),
        finding(2, "leak", "suspect", WRONG),
        finding(3, "cache-bounded", "confirmed", RIGHT),
    ];
    let quiet: Vec<&str> = quiet.iter().map(String::as_str).collect();
    let row = judge(&calm, Version::Leaky, &report(&quiet), 1);
    assert_eq!((row.rank, row.outcome), (Some(2), Outcome::Pass));

    let loud = [finding(1, "leak", "suspect", WRONG), finding(2, "leak", "likely", RIGHT)];
    let row = judge(&calm, Version::Leaky, &report(&[&loud[0], &loud[1]]), 1);
    assert_eq!((row.rank, row.outcome), (Some(2), Outcome::Fail));
    assert_eq!(judge(&calm, Version::Leaky, &report(&[]), 1).outcome, Outcome::Pass);
}

#[test]
fn the_cure_must_be_silent_unless_it_creeps() {
    let loud = finding(1, "leak", "confirmed", RIGHT);
    let cured = |fixed| judge(&case("native", fixed), Version::Fixed, &report(&[&loud]), 1);
    assert_eq!(cured("0").outcome, Outcome::Fail);
    assert_eq!(cured("49").outcome, Outcome::Fail);
    let creeps = cured("51");
    assert_eq!(creeps.outcome, Outcome::Shown);
    assert_eq!(creeps.notes.last().map(String::as_str), Some("this version was seen to creep"));
}

#[test]
fn other_text_is_no_report() {
    for bad in ["", "{}", r#"{"capture":{"seconds":1},"findings":[{"rank":"first"}]}"#] {
        let error = format!("{:#}", Report::parse(bad).expect_err(bad));
        assert!(error.starts_with("this is no report of leaks: "), "{error}");
    }
}
