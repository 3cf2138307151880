//! Every format on pairs of samples, against files that `LEAKSPY_BLESS=1` rewrites.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::{DIFFERENCES, DifferenceFormat, Fate, Pair, Side, changes, document_at, totals};
use crate::model::{
    Amount, Capture, DifferenceNote, Document, Frame, SiteHistory, SitePoint, Totals,
};
use crate::report::tests::any_document;
use crate::report::{Format, Options, samples, width};

fn plain() -> Options {
    Options { plain_svg: true, ..Options::default() }
}

fn pair<'a>(before: &'a Document, after: &'a Document) -> Pair<'a> {
    Pair {
        before: Side { name: "monday.leakspy", document: before },
        after: Side { name: "friday\u{1b}[31m.leakspy", document: after },
    }
}

fn render(name: &str, pair: &Pair<'_>, options: &Options) -> String {
    written(Format::named_in(DIFFERENCES, name).expect("a format"), pair, options)
}

fn written(format: &DifferenceFormat, pair: &Pair<'_>, options: &Options) -> String {
    let mut out = Vec::new();
    format.exporter.write(pair, options, &mut out).expect("every difference can be printed");
    String::from_utf8(out).expect("differences are UTF-8")
}

/// The server some days later: stacks of every fate.
fn later() -> Document {
    let mut document = samples::server();
    document.capture.started += 345_600;
    document.target.pid += 1;
    for site in &mut document.sites {
        match site.live.count {
            1_000 => (site.live.bytes, site.live.count) = (14_100_000, 1_410),
            41 => (site.live.bytes, site.live.count) = (333_333, 40),
            3 => (site.live.bytes, site.live.count) = (0, 0),
            _ => {}
        }
    }
    let added = Frame::python("remember", "/srv/app/cache.py", Some(7));
    document.sites.push(samples::site((2_048, 2), (2_048, 2), vec![added]));
    document
}

fn pairs() -> Vec<(&'static str, Document, Document)> {
    let next_day = |document: Document| {
        let started = document.capture.started + 86_400;
        Document { capture: Capture { started, ..document.capture.clone() }, ..document }
    };
    let mut other = next_day(samples::hostile());
    other.target.python = None;
    let mut longer = next_day(samples::lossy());
    longer.capture.seconds = 7_200.0;
    if let Some(python) = &mut longer.target.python {
        python.version = "3.12.1".into();
    }
    longer.target.comm = "worker".into();
    vec![
        ("later", samples::server(), later()),
        ("same", samples::server(), samples::server()),
        ("vanished", samples::one_site(), next_day(samples::empty())),
        ("hostile", samples::server(), other),
        ("longer", samples::one_site(), longer),
        ("foreign", samples::deep(), next_day(samples::foreign())),
    ]
}

#[test]
fn every_format_prints_what_was_agreed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/difference");
    let mut different = Vec::new();
    for (name, before, after) in pairs() {
        // Every format of one pair, and every pair as text.
        for format in DIFFERENCES.iter().filter(|format| name == "later" || format.name == "text") {
            let path = folder.join(format!("{name}.{}", format.suffix));
            if !crate::golden::matches(&path, &written(format, &pair(&before, &after), &plain())) {
                different.push(path);
            }
        }
    }
    assert!(different.is_empty(), "bless with LEAKSPY_BLESS=1 after reading: {different:?}");
}

/// Programs read the code of each note beside its sentence.
#[test]
fn notes_have_codes() {
    let mut shown = BTreeSet::new();
    for (name, before, after) in pairs() {
        let json = render("json", &pair(&before, &after), &plain());
        let value: Value = serde_json::from_str(&json).expect("valid JSON");
        let list = |key: &str| value[key].as_array().expect("a list").clone();
        assert_eq!(list("notes").len(), list("codes").len(), "{name}");
        shown.extend(list("codes").iter().filter_map(Value::as_str).map(str::to_owned));
    }
    let known: BTreeSet<String> = DifferenceNote::CODES.iter().map(|code| (*code).into()).collect();
    assert_eq!(shown, known);
}

#[test]
fn every_stack_has_its_fate() {
    let (before, after) = (samples::server(), later());
    let changes = changes(&pair(&before, &after), &plain());
    let fates: Vec<(Fate, u64)> =
        changes.iter().map(|change| (change.fate(), change.size().0)).collect();
    assert_eq!(
        fates,
        [
            (Fate::Grew, 4_100_000),
            (Fate::Shrank, 3_000_000),
            (Fate::Gone, 7_777),
            (Fate::New, 2_048),
            (Fate::Same, 0),
            (Fate::Same, 0),
        ]
    );
}

#[test]
fn stacks_are_matched_by_their_appearance() {
    let before = samples::one_site();
    let mut after = before.clone();
    let site = &mut after.sites[0];
    (site.id, site.size_class) = ("another".to_owned(), 1 << 30);
    let mut frames: Vec<Frame> = site.stack.iter().cloned().collect();
    let native = frames.last_mut().expect("a frame");
    native.offset = native.offset.map(|offset| offset + 64);
    site.stack = frames.clone().into();
    assert_eq!(changes(&pair(&before, &after), &plain()).len(), 1);
    frames[0].line = frames[0].line.map(|line| line + 1);
    after.sites[0].stack = frames.into();
    assert_eq!(changes(&pair(&before, &after), &plain()).len(), 2);
}

#[test]
fn moments_of_one_recording_are_compared() {
    let mut document = samples::one_site();
    let point = |t: f64, count: u64| SitePoint {
        t,
        totals: Totals {
            allocated: Amount { bytes: count * 10_000, count },
            freed: Amount::default(),
        },
    };
    let sums = vec![point(5.0, 200), point(25.0, 600), point(55.0, 1_000)];
    document.history.sites = vec![SiteHistory { sums, ..SiteHistory::default() }];
    let (from, to) = (document_at(&document, 10.0), document_at(&document, 30.0));
    let (from, to) = (from.expect("a history"), to.expect("a history"));
    let text = render("text", &pair(&from, &to), &plain());
    assert!(text.contains("+3.8 MiB (from 1.9 to 5.7 MiB) in +400 blocks"), "{text}");
    assert!(!text.contains("Note:"), "{text}");
    assert!(text.contains("Both sides hold"), "{text}");
}

#[test]
fn options_are_kept() {
    let (before, after) = (samples::server(), later());
    let pair = pair(&before, &after);
    let top = Options { top: Some(1), ..plain() };
    assert_eq!(render("folded", &pair, &top).lines().count(), 1);
    assert!(render("text", &pair, &top).contains("Grew, by stack: the largest 1 of 2"));
    let python = Options { native: false, ..plain() };
    assert!(!render("folded", &pair, &python).contains("parser_init"));
    let runtime_frames = Options { runtime_frames: true, ..plain() };
    assert!(render("text", &pair, &runtime_frames).contains("_PyEval_EvalFrameDefault"));
    let json: Value = serde_json::from_str(&render("json", &pair, &top)).expect("valid JSON");
    assert_eq!(json["changes"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["changes"][0]["change_bytes"], 4_100_000);
    assert_eq!(json["after"]["live_count"], 1_410 + 64 + 40 + 1 + 2);
}

proptest! {
    /// Whatever is compared: no panic, no line too long, nothing that a terminal obeys, sums that
    /// agree, weights that inferno can add up.
    #[test]
    fn any_two_documents_can_be_compared(before in any_document(), after in any_document()) {
        let pair = pair(&before, &after);
        let text = render("text", &pair, &plain());
        for line in text.lines() {
            prop_assert!(width::columns(line) <= width::COLUMNS, "{line:?}");
        }
        prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        let all = |document: &Document| {
            document.sites.iter().map(|site| site.live).fold(Amount::default(), Amount::plus)
        };
        let changes = changes(&pair, &plain());
        prop_assert_eq!(totals(&changes), (all(&before), all(&after)));
        for format in DIFFERENCES {
            written(format, &pair, &plain());
        }
    }

    #[test]
    fn nothing_differs_from_itself(document in any_document()) {
        let pair = pair(&document, &document);
        let same = changes(&pair, &plain()).iter().all(|change| change.fate() == Fate::Same);
        prop_assert!(same);
    }
}
