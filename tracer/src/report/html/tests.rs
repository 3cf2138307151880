//! The page of a server that leaks, and pages of anything at all.

use std::path::Path;

use proptest::prelude::*;

use super::Html;
use crate::model::{Counted, Document, Frame, Mark, Note, Reason, StackNote};
use crate::plot::samples as recordings;
use crate::report::{Exporter, Options, samples};

fn page_of(document: &Document) -> String {
    let mut out = Vec::new();
    Html.write(document, &Options::default(), &mut out).expect("every document has a page");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn the_page_of_a_leak_is_as_agreed() {
    let mut document = recordings::server();
    document.losses = samples::lossy().losses;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/report/leak.html");
    let same = crate::golden::matches(&path, &without_pictures(&page_of(&document)));
    assert!(same, "bless with LEAKSPY_BLESS=1 after looking: {path:?}");
}

/// A page with fingerprints for its pictures, which are looked at where they are drawn.
fn without_pictures(page: &str) -> String {
    let mut parts = page.split("<svg");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (picture, rest) = part.split_once("</svg>").expect("pictures end");
        short += &format!("<svg {}/>{rest}", crate::golden::fingerprint(picture));
    }
    short
}

#[test]
fn no_findings_are_said_in_words() {
    assert!(page_of(&samples::empty()).contains("no verdicts on growth"));
    let mut quiet = recordings::server();
    quiet.findings.clear();
    assert!(page_of(&quiet).contains("No leak: 412 stacks were examined"));
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let page = page_of(&recordings::server());
    assert!(page.contains("Content-Security-Policy") && page.contains("default-src 'none'"));
    for word in ["<script", "&lt;script", "onload", " src=", " href=", "@import"] {
        assert!(!page.contains(word), "{word}");
    }
}

/// Every tag of a page, in order: names from outside must not change them.
fn tags(page: &str) -> Vec<&str> {
    let starts = page.match_indices('<').map(|(at, _)| &page[at..]);
    starts.map(|tag| &tag[..tag.find([' ', '>']).unwrap_or(tag.len())]).collect()
}

/// A document in which all that comes from outside is `name`.
fn named(name: &str) -> Document {
    let mut document = recordings::server();
    document.target.comm = name.to_owned();
    document.capture.mode = name.to_owned();
    document.capture.notes = vec![Note::Text { text: name.to_owned() }];
    document.tool.name = name.to_owned();
    document.losses = samples::lossy().losses;
    for loss in &mut document.losses {
        loss.counter = Counted::Other {
            name: name.to_owned(),
            sentence: name.to_owned(),
            class: loss.counter.class(),
        };
    }
    document.history.marks = vec![Mark { t: 60.0, name: name.to_owned() }];
    for finding in &mut document.findings {
        finding.evidence.reasons = vec![Reason::InStep { types: vec![(name.to_owned(), 1.0)] }];
        finding.types = Some(vec![(name.to_owned(), 1)]);
        finding.retainer = Some(vec![name.to_owned(), name.to_owned()]);
        finding.site.notes = vec![StackNote::Text { text: name.to_owned() }];
    }
    let stacks = document.findings.iter_mut().map(|finding| &mut finding.site.stack);
    for stack in stacks.chain(document.sites.iter_mut().map(|site| &mut site.stack)) {
        let named = |frame: &Frame| Frame {
            function: Some(name.into()),
            file: Some(name.into()),
            ..frame.clone()
        };
        *stack = stack.iter().map(named).collect();
    }
    document
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_name_gets_out_of_its_place(name in "[<>&\"'a-z\u{0}\n\u{1b}\u{202e}/=; ]{1,40}") {
        let page = page_of(&named(&format!("<i onload=x>{name}")));
        prop_assert!(!page.contains("<i onload"));
        let unseen = page.contains(['\u{0}', '\u{1b}', '\u{202e}']);
        prop_assert!(!unseen);
        // Names change how many dashes, words and lines there are, but never which tags.
        let plain = tags(&page_of(&named("name"))).into_iter().map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>();
        for tag in tags(&page) {
            prop_assert!(plain.contains(tag), "{tag}");
        }
    }
}
