//! The verdict page on every sample, against files that `LEAKSPY_BLESS=1` rewrites.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{Leaks, samples};
use crate::model::{Confidence, Document, Frame, Interval, Reason, Verdict};
use crate::report::answer::headline;
use crate::report::{Exporter, Format, Options, sentence, width};

fn text(document: &Document, options: &Options) -> String {
    rendered(&Leaks, document, options)
}

fn rendered(exporter: &dyn Exporter, document: &Document, options: &Options) -> String {
    let mut out = Vec::new();
    exporter.write(document, options, &mut out).expect("every sample can be printed");
    String::from_utf8(out).expect("reports are UTF-8")
}

fn samples() -> Vec<(&'static str, Document)> {
    vec![
        ("leaking", samples::leaking()),
        ("undecided", samples::undecided()),
        ("arenas", samples::arenas()),
        ("quiet", samples::quiet()),
        ("vanished", samples::vanished()),
        ("hostile", samples::hostile()),
    ]
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/report").join(name)
}

#[test]
fn verdicts_print_as_agreed() {
    let json = Format::named("json").expect("a format").exporter;
    let formats: [(&str, &dyn Exporter); 2] = [("txt", &Leaks), ("json", json)];
    let mut different = Vec::new();
    let full = rendered(&Leaks, &samples::leaking(), &all());
    let path = golden("leaks-leaking-full.txt");
    if !crate::golden::matches(&path, &full) {
        different.push(path);
    }
    for (name, document) in samples() {
        // Every page as text, one of them as JSON.
        for (suffix, exporter) in
            formats.into_iter().filter(|(suffix, _)| name == "leaking" || *suffix == "txt")
        {
            let path = golden(&format!("leaks-{name}.{suffix}"));
            let actual = rendered(exporter, &document, &Options::default());
            if !crate::golden::matches(&path, &actual) {
                different.push(path);
            }
        }
    }
    assert!(different.is_empty(), "bless with LEAKSPY_BLESS=1 after reading: {different:?}");
}

/// The keys of the contract in a finding: those of a site, and its own.
#[test]
fn json_has_every_key_of_a_finding() {
    let json = Format::named("json").expect("a format").exporter;
    let text = rendered(json, &samples::leaking(), &Options::default());
    let value: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
    let finding = &value["findings"][0];
    for key in [
        "id",
        "live_bytes",
        "live_count",
        "allocated_bytes",
        "allocated_count",
        "size_class",
        "domain",
        "stack",
        "rank",
        "verdict",
        "confidence",
        "slope_bytes_per_hour",
        "evidence",
        "types",
        "holder",
        "owners",
    ] {
        assert!(finding.get(key).is_some(), "{key}");
    }
    assert_eq!(
        (&finding["verdict"], &finding["confidence"]),
        (&"leak".into(), &"confirmed".into())
    );
    assert!(finding["types"].is_null() && finding["evidence"]["plateau_bytes"].is_null());
    assert!(value["growth"]["hours_to_limit"]["est"].is_number());
}

/// The keys of the contract in a leak.
#[test]
fn json_has_every_key_of_a_leak() {
    let json = Format::named("json").expect("a format");
    let text = rendered(json.exporter, &samples::leaking(), &Options::default());
    let value: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
    let leak = &value["leaks"][0];
    let keys: Vec<&str> = leak.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = "advice bound confidence created_at distinguishing evidence explains grounds grown_by id \
                    kind known_kind name now rank rate retained_by verdict";
    assert_eq!(keys.join(" "), expected);
    assert_eq!(leak["now"], serde_json::json!({"bytes": 4_508_876, "count": 2_120}));
    assert_eq!(
        leak["retained_by"]["container"]["grew"],
        serde_json::json!({"times": 12, "of": 12})
    );
    assert_eq!(leak["created_at"][0]["basis"], "sampled");
    assert_eq!(leak["advice"], "remove-from-container");
    assert_eq!(leak["grounds"][0], "grew-at-every-snapshot");
    assert!(value["leaks"][1]["retained_by"].is_null());
}

#[test]
fn the_answer_is_one_line() {
    let answers = [
        (
            samples::leaking(),
            "LEAKING 1.8 MiB a minute, likely. The limit of 16 GiB is reached in about 5 h (3 to 9 h)",
        ),
        (
            samples::undecided(),
            "Growing by 49.5 KiB a minute, but too early to say why: needs about 3 h more",
        ),
        (
            samples::arenas(),
            "Perhaps leaking 41.0 KiB a minute. The process grows by 49.5 KiB a minute: most of it is not explained",
        ),
        (samples::quiet(), "Nothing leaks that can be told apart from normal work"),
    ];
    for (document, answer) in answers {
        assert_eq!(headline::process(&document), answer);
    }
    let mut document = samples::leaking();
    let growth = document.growth.as_mut().expect("judged");
    (growth.verdict, growth.hours_to_limit) = (Verdict::Undetermined, None);
    assert_eq!(
        headline::process(&document),
        "LEAKING 1.8 MiB a minute, likely, and growing by 148.5 KiB a minute, most of it not explained yet"
    );
    let mut document = samples::leaking();
    document.growth.as_mut().expect("judged").hours_to_limit = None;
    document.growth.as_mut().expect("judged").verdict = Verdict::GarbagePending;
    document.leaks.truncate(1);
    document.leaks[0].verdict = Verdict::GarbagePending;
    assert_eq!(
        headline::process(&document),
        "No leak: garbage waits for the next full collection, 4.3 MiB so far and 1.8 MiB a minute more"
    );
    let mut document = samples::quiet();
    document.growth = None;
    assert_eq!(headline::process(&document), "Growth was not judged yet");
}

/// One leak is one screen, at 80 columns, whatever is known of it.
#[test]
fn an_answer_fits_a_screen() {
    let mut document = samples::leaking();
    document.leaks.truncate(1);
    let page = text(&document, &Options::default());
    assert!(page.lines().count() <= 24, "{page}");
    for (name, document) in samples() {
        let page = text(&document, &Options::default());
        let wide = page.lines().find(|line| width::columns(line) > width::NARROW);
        assert_eq!(wide, None, "{name}");
    }
}

#[test]
fn the_first_sentence_names_the_line_and_the_speed() {
    let document = samples::leaking();
    assert_eq!(
        sentence::finding(&document.findings[0], &document),
        "`keep` (main.py:12) retains 41.0 KiB per minute, so far 41.4 KiB in 212 blocks of 200 B, steadily \
         since 02:17 UTC; none was freed."
    );
    let arenas = samples::arenas();
    let text = sentence::finding(&arenas.findings[0], &arenas);
    assert!(
        text.ends_with(
            "`build_tree` (main.py:88) was the line that needed a new arena in 9 of 12."
        )
    );
}

#[test]
fn what_is_not_shown_is_counted() {
    let document = samples::leaking();
    let one = Options { top: Some(1), ..all() };
    assert!(text(&document, &one).contains("2 more of these retain 82.9 KiB; --top shows more"));
}

fn all() -> Options {
    Options { verbose: true, ..Options::default() }
}

fn any_interval() -> impl Strategy<Value = Interval> {
    any::<(f64, f64, f64)>().prop_map(|(lo, est, hi)| Interval { lo, est, hi })
}

proptest! {
    /// Whatever a verdict says: no panic, no line too long, nothing that a terminal obeys.
    #[test]
    fn any_verdict_prints(
        name in ".{0,80}",
        verdict in prop::sample::select(&Verdict::ALL[..]),
        of_process in prop::sample::select(&Verdict::ALL[..]),
        slope in any_interval(),
        numbers in any::<[u64; 4]>(),
        seconds: f64,
        needs in any::<Option<f64>>(),
    ) {
        let mut document = samples::leaking();
        document.capture.seconds = seconds;
        for finding in &mut document.findings {
            finding.site.stack = vec![Frame::python(name.as_str(), name.as_str(), Some(1))].into();
            finding.verdict = verdict;
            finding.slope_bytes_per_hour = slope;
            finding.evidence.reasons = vec![Reason::InStep { types: vec![(name.clone(), seconds)] }];
            finding.evidence.since = Some(seconds);
            finding.evidence.needs_hours = needs;
            (finding.evidence.retained.bytes, finding.evidence.retained.count) = (numbers[0], numbers[1]);
            (finding.site.live.count, finding.site.allocated.count) = (numbers[2], numbers[3]);
        }
        if let Some(growth) = &mut document.growth {
            growth.verdict = of_process;
            growth.confidence = Confidence::Suspect;
            growth.slope_bytes_per_hour = slope;
            growth.hours_to_limit = Some(slope);
            growth.needs_hours = needs;
        }
        for leak in &mut document.leaks {
            leak.name.clone_from(&name);
            leak.verdict = verdict;
            leak.rate.bytes_per_hour = slope;
            leak.rate.count_per_hour = seconds;
            (leak.now.bytes, leak.explains) = (numbers[0], Some(seconds));
            for made in &mut leak.created_at {
                made.stack = vec![Frame::python(name.as_str(), name.as_str(), Some(1))].into();
                made.share = seconds;
            }
            if let Some(by) = &mut leak.retained_by {
                by.path.push(name.clone());
            }
        }
        let page = text(&document, &all());
        for line in page.lines() {
            prop_assert!(width::columns(line) <= width::COLUMNS, "{line:?}");
        }
        prop_assert!(!page.contains(|c: char| c.is_control() && c != '\n'));
    }
}
