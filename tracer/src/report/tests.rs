//! Every format on every sample, against files that `LEAKSPY_BLESS=1` rewrites.

pub mod agreed;

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{FORMATS, Format, Options, pprof, samples, stacks, width};
use crate::model::{Document, Frame, FrameKind};

fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/report")
}

fn render(format: &Format, document: &Document, options: &Options) -> String {
    let mut out = Vec::new();
    format.exporter.write(document, options, &mut out).expect("every sample can be printed");
    readable(out)
}

/// What is compressed, as the text that a test can compare.
fn readable(report: Vec<u8>) -> String {
    match report.as_slice() {
        [0x1f, 0x8b, ..] => pprof::tests::readable(&report),
        _ => String::from_utf8(report).expect("reports are UTF-8"),
    }
}

fn golden_suffix(format: &Format) -> &str {
    if format.name == "pprof" { "pprof.txt" } else { format.suffix }
}

fn plain() -> Options {
    Options { plain_svg: true, ..Options::default() }
}

fn samples() -> Vec<(&'static str, Document)> {
    vec![
        ("empty", samples::empty()),
        ("one-site", samples::one_site()),
        ("size-classes", samples::size_classes()),
        ("server", samples::server()),
        ("hostile", samples::hostile()),
        ("deep", samples::deep()),
        ("foreign", samples::foreign()),
        ("lossy", samples::lossy()),
    ]
}

/// Every format of one document, and every document as text. Of a document without anything, and
/// one whose names must be escaped, also what is not long.
fn is_agreed(sample: &str, format: &str) -> bool {
    let short = format != "html" && ["empty", "hostile"].contains(&sample);
    sample == "server" || format == "text" || short
}

#[test]
fn every_format_prints_what_was_agreed() {
    let mut different = Vec::new();
    for (name, document) in samples() {
        for format in FORMATS.iter().filter(|format| is_agreed(name, format.name)) {
            let path = golden_folder().join(format!("{name}.{}", golden_suffix(format)));
            if !crate::golden::matches(&path, &render(format, &document, &plain())) {
                different.push(path);
            }
        }
    }
    assert!(different.is_empty(), "bless with LEAKSPY_BLESS=1 after reading: {different:?}");
}

#[test]
fn printing_twice_gives_the_same_bytes() {
    for (_, document) in samples() {
        for format in FORMATS {
            let once = render(format, &document, &Options::default());
            assert_eq!(once, render(format, &document, &Options::default()));
        }
    }
}

#[test]
fn options_are_kept() {
    let document = samples::server();
    let text = Format::named("text").expect("a format");
    let top = Options { top: Some(1), ..plain() };
    assert!(render(text, &document, &top).contains("the largest 1 of 5"));
    assert!(!render(text, &document, &plain()).contains("_PyEval_EvalFrameDefault"));
    let is_runtime = Options { runtime_frames: true, ..plain() };
    assert!(render(text, &document, &is_runtime).contains("_PyEval_EvalFrameDefault"));
    let colour = Options { colour: true, ..plain() };
    assert!(render(text, &document, &colour).contains("\x1b[1m"));
    assert!(!render(text, &document, &plain()).contains('\x1b'));
    let json = Format::named("json").expect("a format");
    let one: serde_json::Value =
        serde_json::from_str(&render(json, &document, &top)).expect("valid JSON");
    assert_eq!(one["sites"].as_array().map(Vec::len), Some(1));
}

/// The keys of the contract: none missing, facts that are not known null.
#[test]
fn json_has_every_key_of_the_contract() {
    let mut document = samples::server();
    document.target.python = None;
    let json = Format::named("json").expect("a format");
    let value: serde_json::Value =
        serde_json::from_str(&render(json, &document, &plain())).expect("valid JSON");
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(
        keys(&value),
        [
            "allocator",
            "capture",
            "findings",
            "growth",
            "leaks",
            "losses",
            "memory",
            "schema",
            "sites",
            "target",
            "tool",
            "types"
        ]
    );
    assert_eq!(value["schema"], 1);
    assert_eq!(keys(&value["tool"]), ["name", "version"]);
    let target = keys(&value["target"]);
    assert_eq!(target, ["comm", "exe", "limit_bytes", "pid", "python", "started"]);
    assert!(value["target"]["python"].is_null());
    for key in ["started", "seconds", "mode", "budget", "cost_ratio"] {
        assert!(value["capture"].get(key).is_some(), "{key}");
    }
    assert_eq!(
        keys(&value["memory"][0]),
        ["live_bytes", "rss_anon_bytes", "rss_bytes", "swap_bytes", "t"]
    );
    assert_eq!(value["losses"]["live_table_full"], 0);
    for key in [
        "id",
        "live_bytes",
        "live_count",
        "allocated_bytes",
        "allocated_count",
        "size_class",
        "domain",
        "stack",
    ] {
        assert!(value["sites"][0].get(key).is_some(), "{key}");
    }
    let frame = &value["sites"][0]["stack"][0];
    for key in ["kind", "function", "file", "line", "module"] {
        assert!(frame.get(key).is_some(), "{key}");
    }
    assert_eq!(frame["kind"], "python");
    assert!(frame["module"].is_null());
}

#[test]
fn formats_are_found_by_name_and_by_file() {
    let of = |name: &str| Format::of_file(Path::new(name)).map(|format| format.name);
    assert_eq!(of("report.svg"), Some("svg"));
    assert_eq!(of("/tmp/a.b/x.json"), Some("json"));
    assert_eq!(of("x.txt"), Some("text"));
    assert_eq!(of("x.pdf"), None);
    assert_eq!(of(".svg"), None);
    assert_eq!(of("x.pb.gz"), Some("pprof"));
    assert_eq!(of("x.speedscope.json"), Some("speedscope"));
    assert_eq!(of("speedscope.json"), Some("json"));
    for format in FORMATS {
        assert_eq!(Format::named(format.name).map(|found| found.suffix), Some(format.suffix));
    }
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let text = || prop::option::of(".{0,80}");
    (
        any::<bool>(),
        text(),
        text(),
        any::<Option<u32>>(),
        text(),
        any::<Option<u64>>(),
        any::<[bool; 2]>(),
    )
        .prop_map(|(python, function, file, line, module, offset, [inlined, is_runtime])| {
            let kind = if python { FrameKind::Python } else { FrameKind::Native };
            let [function, file, module] = [function, file, module].map(|text| Some(text?.into()));
            Frame { kind, function, file, line, module, offset, inlined, is_runtime }
        })
}

/// Any document, with sums that are possible.
pub fn any_document() -> impl Strategy<Value = Document> {
    let site = (any::<[u64; 4]>(), prop::collection::vec(any_frame(), 0..60));
    (".{0,40}", any::<f64>(), prop::collection::vec(site, 0..6)).prop_map(
        |(comm, seconds, sites)| {
            let mut document = samples::lossy();
            document.target.comm = comm;
            document.capture.seconds = seconds;
            document.sites = sites
                .into_iter()
                .map(|([a, b, c, d], stack)| samples::site((a >> 3, b), (c, d), stack))
                .collect();
            document
        },
    )
}

proptest! {
    /// Whatever the target is called and contains: no panic, no line too long, nothing that a
    /// terminal obeys, one line per folded stack.
    #[test]
    fn any_document_prints(document in any_document()) {
        let text = render(&FORMATS[0], &document, &plain());
        for line in text.lines() {
            prop_assert!(width::columns(line) <= width::COLUMNS, "{line:?}");
        }
        prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        let folded = render(Format::named("folded").expect("a format"), &document, &plain());
        let stacks = stacks::ranked(&document, &plain());
        let with_bytes = stacks.iter().filter(|stack| stack.live.bytes > 0).count();
        prop_assert_eq!(folded.lines().count(), with_bytes);
        for format in FORMATS {
            render(format, &document, &plain());
        }
    }
}
