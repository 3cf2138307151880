use super::*;

/// As `leakspy leaks -f json` prints it, without the keys that are not read.
fn report(leaks: &[&str]) -> Report {
    let json = format!(
        r#"{{"schema":1,"capture":{{"started":1,"seconds":120.5,"mode":"exact"}},"losses":{{}},
            "leaks":[{}],"findings":[],"sites":[]}}"#,
        leaks.join(",")
    );
    Report::parse(&json).expect("a report")
}

fn found(rank: u32, verdict: &str, confidence: &str, stack: &[(&str, &str)]) -> String {
    named("app.Thing", (rank, verdict, confidence), stack)
}

fn named(name: &str, of: (u32, &str, &str), stack: &[(&str, &str)]) -> String {
    let (rank, verdict, confidence) = of;
    let frames: Vec<String> = stack
        .iter()
        .map(|(file, function)| {
            format!(
                r#"{{"kind":"python","function":{function},"file":{file},"line":3,"module":null}}"#
            )
        })
        .collect();
    format!(
        r#"{{"id":"a","rank":{rank},"name":"{name}","verdict":"{verdict}","confidence":"{confidence}",
            "rate":{{"bytes_per_hour":{{"lo":90.0,"est":100,"hi":110.5}},"count_per_hour":1.0}},
            "grown_by":[],"created_at":[{{"stack":[{}],"share":1.0,"basis":"exact"}}],
            "evidence":{{"findings":[],"types":["{name}"]}}}}"#,
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
fn the_first_leak_must_be_the_expected_one() {
    let native = case("native", "0");
    let right = found(1, "leak", "likely", RIGHT);
    let others = [found(2, "leak", "suspect", WRONG), found(3, "leak", "suspect", WRONG)];
    let judged = |leaks: &[&str]| judge(&native, Version::Leaky, &report(leaks), 4800);
    let row = judged(&[&others[0], &right]);
    assert_eq!((row.rank, row.outcome), (Some(1), Outcome::Pass));
    assert_eq!(row.verdict.as_deref(), Some("leak"));
    assert_eq!(row.confidence, Some(Confidence::Likely));
    assert_eq!(row.slope_bytes_per_hour.map(|slope| slope.est), Some(100.0));
    // 4800 operations of 1000 bytes in 120.5 seconds.
    assert_eq!(row.measured_bytes_per_hour.map(f64::round), Some(143_402_490.0));
    let row = judged(&[&right, &others[0], &others[1]]);
    assert_eq!((row.outcome, row.notes), (Outcome::Fail, vec!["2 others beside it".to_owned()]));
    let row = judged(&[&found(1, "cache-warming", "likely", RIGHT)]);
    assert_eq!(row.outcome, Outcome::Fail);

    let row = judged(&[&found(1, "leak", "suspect", WRONG), &found(2, "leak", "likely", RIGHT)]);
    assert_eq!((row.rank, row.outcome), (Some(2), Outcome::Fail));
    assert_eq!(row.notes, ["#1 app.Thing at svc.py:BoundedCache.get: leak suspect"]);
    assert_eq!(judged(&[&others[0]]).notes[0], "none of 1 leaks is it");
    assert_eq!(judged(&[]).notes, ["no leaks"]);
}

#[test]
fn a_type_is_as_good_as_a_line() {
    let mut python = case("python", "0");
    python.expected.leaking_types = vec!["http.cookies.SimpleCookie".to_owned()];
    let of_type = named("cookies.SimpleCookie", (1, "leak", "suspect"), WRONG);
    assert_eq!(judge(&python, Version::Leaky, &report(&[&of_type]), 1).outcome, Outcome::Pass);
    let other = found(1, "leak", "suspect", WRONG);
    assert_eq!(judge(&python, Version::Leaky, &report(&[&other]), 1).outcome, Outcome::Fail);
}

#[test]
fn what_does_not_leak_must_not_be_called_a_leak() {
    let calm = case("non-leak", "0");
    let quiet = [
        found(1, "undetermined", "likely", WRONG),
        found(2, "leak", "suspect", WRONG),
        found(3, "cache-bounded", "confirmed", RIGHT),
    ];
    let quiet: Vec<&str> = quiet.iter().map(String::as_str).collect();
    let row = judge(&calm, Version::Leaky, &report(&quiet), 1);
    assert_eq!((row.rank, row.outcome), (Some(2), Outcome::Pass));

    let loud = [found(1, "leak", "suspect", WRONG), found(2, "leak", "likely", RIGHT)];
    let row = judge(&calm, Version::Leaky, &report(&[&loud[0], &loud[1]]), 1);
    assert_eq!((row.rank, row.outcome), (Some(2), Outcome::Fail));
    assert_eq!(judge(&calm, Version::Leaky, &report(&[]), 1).outcome, Outcome::Pass);
}

#[test]
fn the_cure_must_be_silent_unless_it_creeps() {
    let loud = found(1, "leak", "confirmed", RIGHT);
    let cured = |fixed| judge(&case("native", fixed), Version::Fixed, &report(&[&loud]), 1);
    assert_eq!(cured("0").outcome, Outcome::Fail);
    assert_eq!(cured("49").outcome, Outcome::Fail);
    let creeps = cured("51");
    assert_eq!(creeps.outcome, Outcome::Shown);
    assert_eq!(creeps.notes.last().map(String::as_str), Some("this version was seen to creep"));
}

#[test]
fn other_text_is_no_report() {
    for bad in ["", "{}", r#"{"capture":{"seconds":1},"leaks":[{"rank":"first"}]}"#] {
        let error = format!("{:#}", Report::parse(bad).expect_err(bad));
        assert!(error.starts_with("this is no report of leaks: "), "{error}");
    }
}
