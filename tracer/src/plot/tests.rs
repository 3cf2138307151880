//! Pictures that were agreed on, and pictures of anything at all.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::scene::{Primitive, TextAnchor};
use super::{
    Error, MOST_FINDINGS, PictureFormat, PictureOptions, SIZE, SMALLEST, What, draw, font, samples,
    scene_of, svg,
};
use crate::model::{
    Advice, Amount, Cohort, Collection, Confidence, Document, Frame, GrownContainer, Interval,
    Leak, LeakEvidence, LeakKind, LeakRate, Mark, ProcessPoint, RetainedPoint, Site, SiteHistory,
    SitePoint, Totals, TypePoint, TypeSeries, Verdict,
};

fn name(site: &Site) -> String {
    let frame = site.stack.last().expect("samples have stacks");
    let file = frame.file.as_deref().unwrap_or("?").rsplit('/').next().unwrap_or("?");
    format!("{} ({file}:{})", frame.function.as_deref().unwrap_or("?"), frame.line.unwrap_or(0))
}

pub fn options() -> PictureOptions {
    PictureOptions { size: SIZE, top: MOST_FINDINGS, site: None, name }
}

fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/plot")
}

/// Whether every tag is closed, every attribute quoted, and no character is forbidden: what
/// plotters and we can do wrong, no more.
fn is_well_formed(xml: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some((before, after)) = rest.split_once('<') {
        let Some((tag, after)) = after.split_once('>') else { return false };
        let entities = before
            .match_indices('&')
            .all(|(at, _)| before[at..].split_once(';').is_some_and(|(e, _)| e.len() < 8));
        if !entities || before.contains('>') || tag.matches('"').count() % 2 != 0 {
            return false;
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or(""));
        }
        rest = after;
    }
    open.is_empty() && !xml.chars().any(|c| c.is_control() && c != '\n')
}

/// A document cut down to one leak, of which there were so many objects.
fn of_one_leak(counts: &[u64]) -> Document {
    let mut document = samples::server();
    let named = TypeSeries {
        name: "app.Page".into(),
        points: (0_u32..)
            .zip(counts)
            .map(|(t, count)| TypePoint { t: f64::from(t), count: *count, ..TypePoint::default() })
            .collect(),
        survivors: Vec::new(),
    };
    document.history.types = vec![named];
    document.history.containers = vec![GrownContainer {
        name: "list".into(),
        path: vec![("module app".into(), None), (".KEPT: list (9 items)".into(), None)],
        lengths: vec![(0.0, 3), (1.0, 900)],
        ..GrownContainer::default()
    }];
    let rate = LeakRate::default();
    document.leaks = vec![Leak {
        id: "c92db5be".into(),
        rank: 1,
        verdict: Verdict::Leak,
        confidence: Confidence::Suspect,
        kind: LeakKind::Objects,
        name: "app.Page".into(),
        now: Amount::default(),
        rate,
        explains: None,
        retained_by: None,
        grown_by: Vec::new(),
        created_at: Vec::new(),
        distinguishing: Vec::new(),
        bound: None,
        known_kind: None,
        grounds: Vec::new(),
        advice: Advice::RemoveFromContainer,
        evidence: LeakEvidence::default(),
    }];
    document.findings.clear();
    document
}

#[test]
fn a_leak_is_drawn_by_its_objects_and_its_container() {
    let picture = svg(&of_one_leak(&[0, 450, 900]), What::Leak, &options()).expect("a picture");
    for words in [
        "One leak: app.Page (id:c92db5be)",
        "objects of app.Page: 900 at the end",
        "items of .KEPT (list): 900 at the end",
    ] {
        assert!(picture.contains(words), "{words}");
    }
    assert!(is_well_formed(&picture));
}

#[test]
fn pictures_are_as_agreed() {
    let mut different = Vec::new();
    for (sample, document) in [("server", samples::server()), ("nothing", samples::nothing())] {
        for what in What::ALL {
            let picture = svg(&document, what, &options()).expect("a picture");
            // One is there whole; of the others there is what they say, and how many shapes they
            // have.
            let whole = (sample, what) == ("server", What::Growth);
            let (picture, suffix) =
                if whole { (picture, "svg") } else { (outline(&picture), "txt") };
            let path = golden_folder().join(format!("{sample}-{}.{suffix}", what.name()));
            if !crate::golden::matches(&path, &picture) {
                different.push(path);
            }
        }
    }
    assert!(different.is_empty(), "bless with LEAKSPY_BLESS=1 after looking: {different:?}");
}

/// The words of a picture, the shapes between them by kind, and a fingerprint of it all.
fn outline(picture: &str) -> String {
    let mut outline = String::new();
    let mut shapes: Vec<(&str, usize)> = Vec::new();
    for line in picture.lines() {
        let kind = line.strip_prefix('<').map(|tag| tag.split([' ', '>']).next().unwrap_or(""));
        match (kind, shapes.last_mut()) {
            (Some("text" | "/text"), _) => {}
            (Some(kind), Some((last, count))) if *last == kind => *count += 1,
            (Some(kind), _) => shapes.push((kind, 1)),
            (None, _) => {
                for (kind, count) in shapes.drain(..) {
                    let _ = writeln!(outline, "{count} {kind}");
                }
                let _ = writeln!(outline, "{line:?}");
            }
        }
    }
    let _ = writeln!(outline, "{shapes:?}\n{}", crate::golden::fingerprint(picture));
    outline
}

/// Left, right, top and bottom of every text.
fn boxes(document: &Document, what: What, size: (u32, u32)) -> Vec<([f64; 4], String)> {
    let options = PictureOptions { size, ..options() };
    let scene = scene_of(document, what, &options).expect("a scene");
    let texts = scene.shapes.iter().filter_map(|shape| match shape {
        Primitive::Text(text) => Some(text),
        _ => None,
    });
    texts
        .map(|text| {
            let width = font::width(&text.words, text.em, text.bold);
            let left = match text.anchor {
                TextAnchor::Start => text.at.0,
                TextAnchor::Middle => text.at.0 - width / 2.0,
                TextAnchor::End => text.at.0 - width,
            };
            let half = text.em / 2.0;
            ([left, left + width, text.at.1 - half, text.at.1 + half], text.words.clone())
        })
        .collect()
}

#[test]
fn no_text_covers_another_or_leaves_the_picture() {
    let document = samples::crowded();
    for size in [SIZE, (600, 400), (2_000, 500)] {
        for what in What::ALL {
            let boxes = boxes(&document, what, size);
            for (number, ([left, right, top, bottom], words)) in boxes.iter().enumerate() {
                assert!(*left >= 0.0 && *right <= f64::from(size.0), "{what:?} {size:?} {words}");
                assert!(*top >= 0.0 && *bottom <= f64::from(size.1), "{what:?} {size:?} {words}");
                for ([l, r, t, b], other) in &boxes[..number] {
                    let apart = right <= l || r <= left || bottom <= t || b <= top;
                    assert!(apart, "{what:?} {size:?}: {words} covers {other}");
                }
            }
        }
    }
}

#[test]
fn names_are_harmless_in_every_picture() {
    for what in What::ALL {
        let picture = svg(&samples::crowded(), what, &options()).expect("a picture");
        assert!(is_well_formed(&picture), "{what:?}");
        assert!(!picture.contains("<b>") && !picture.contains('\u{202e}'));
    }
}

#[test]
fn a_million_points_are_a_small_picture() {
    let mut document = samples::server();
    document.history.process = (0..1_000_000_u32)
        .map(|step| ProcessPoint {
            t: f64::from(step),
            live_bytes: u64::from(step % 97),
            rss_bytes: Some(u64::from(step)),
            rss_anon_bytes: Some(u64::from(step) / 2),
            ..ProcessPoint::default()
        })
        .collect();
    document.history.marks = samples::crowded().history.marks;
    let picture = svg(&document, What::Memory, &options()).expect("a picture");
    assert!(picture.len() < 600_000, "{}", picture.len());
}

#[test]
fn a_png_is_a_png_of_its_size() {
    let options = PictureOptions { size: (333, 222), ..options() };
    for what in What::ALL {
        let png = draw(&samples::server(), what, PictureFormat::Png, &options).expect("a picture");
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
        assert_eq!(png[16..24], [0, 0, 1, 77, 0, 0, 0, 222]);
        assert!(png.len() > 2_000, "{what:?}: {}", png.len());
    }
}

#[test]
fn sizes_have_limits() {
    let options = PictureOptions { size: (0, u32::MAX), ..options() };
    let scene = scene_of(&samples::nothing(), What::Memory, &options).expect("a scene");
    assert_eq!(scene.size, (SMALLEST.0, super::LARGEST.1));
}

#[test]
fn sites_are_chosen_by_id() {
    let document = samples::server();
    let id = document.sites[2].id.clone();
    let one = PictureOptions { site: Some(id), ..options() };
    let picture = svg(&document, What::Survival, &one).expect("a picture");
    assert!(picture.contains("reload_data (jobs.py:7)"));
    let none = PictureOptions { site: Some("x\u{1b}".into()), ..options() };
    let error = svg(&document, What::Survival, &none).expect_err("no such site");
    assert!(matches!(&error, Error::UnknownSite(id) if id == "x\\x1b"));
}

#[test]
fn formats_are_found_by_suffix() {
    assert_eq!(PictureFormat::of_file(Path::new("a/b.PNG")), Some(PictureFormat::Png));
    assert_eq!(PictureFormat::of_file(Path::new("b.svg")), Some(PictureFormat::Svg));
    assert_eq!(PictureFormat::of_file(Path::new("svg")), None);
}

fn any_time() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..1e5_f64, any::<f64>(), Just(0.0), Just(f64::NAN), Just(f64::INFINITY)]
}

fn any_bytes() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..1_000_000_u64, Just(0), Just(u64::MAX)]
}

fn any_point() -> impl Strategy<Value = ProcessPoint> {
    let size = || prop::option::of(any_bytes());
    (any_time(), any_bytes(), size(), size(), size(), size(), size()).prop_map(
        |(t, live_bytes, rss_bytes, rss_anon_bytes, rss_file_bytes, swap_bytes, limit)| {
            ProcessPoint {
                t,
                live_bytes,
                rss_bytes,
                rss_anon_bytes,
                rss_file_bytes,
                swap_bytes,
                cgroup_bytes: rss_anon_bytes,
                cgroup_limit_bytes: limit,
                ..ProcessPoint::default()
            }
        },
    )
}

fn amount(bytes: u64) -> Amount {
    Amount { bytes, count: 0 }
}

fn any_site() -> impl Strategy<Value = SiteHistory> {
    let sums = prop::collection::vec((any_time(), any_bytes(), any_bytes()), 0..9);
    let cohorts = prop::collection::vec((any_time(), any_time(), any_bytes(), any_bytes()), 0..9);
    let retained = prop::collection::vec((any_time(), any_time(), any_bytes()), 0..9);
    (sums, cohorts, retained).prop_map(|(sums, cohorts, retained)| SiteHistory {
        sums: sums
            .into_iter()
            .map(|(t, allocated, freed)| SitePoint {
                t,
                totals: Totals { allocated: amount(allocated), freed: amount(freed) },
            })
            .collect(),
        cohorts: cohorts
            .into_iter()
            .map(|(from, to, allocated, live)| Cohort {
                from,
                to,
                allocated: amount(allocated),
                live: amount(live),
            })
            .collect(),
        retained: retained
            .into_iter()
            .map(|(t, age, bytes)| RetainedPoint { t, age, blocks: Amount::block(bytes) })
            .collect(),
        ..SiteHistory::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a recording holds, there is a picture, and it is XML.
    #[test]
    fn any_history_is_drawn(
        process in prop::collection::vec(any_point(), 0..9),
        sites in prop::collection::vec(any_site(), 3),
        marks in prop::collection::vec((any_time(), ".{0,30}"), 0..9),
        collections in prop::collection::vec((any_time(), any::<u64>()), 0..9),
        numbers in any::<[f64; 8]>(),
        function in ".{0,40}",
        size in (0..900_u32, 0..900_u32),
    ) {
        let mut document = samples::server();
        document.capture.seconds = numbers[0];
        document.history.process = process;
        document.history.sites = sites;
        document.history.marks = marks.into_iter().map(|(t, name)| Mark { t, name }).collect();
        document.history.collections =
            collections.into_iter().map(|(t, count)| Collection { t, count }).collect();
        let interval = Interval { lo: numbers[1], est: numbers[2], hi: numbers[3] };
        for finding in &mut document.findings {
            finding.slope_bytes_per_hour = interval;
            finding.evidence.plateau_bytes = Some(interval);
            finding.evidence.since = Some(numbers[4]);
            finding.evidence.age_seconds = numbers[5];
            let name = Some(function.as_str().into());
            let mut frames: Vec<Frame> = finding.site.stack.iter().cloned().collect();
            frames[2].function = name;
            finding.site.stack = frames.into();
        }
        let growth = document.growth.as_mut().expect("the sample grows");
        growth.slope_bytes_per_hour = interval;
        growth.warm_up_seconds = numbers[6];
        for what in What::ALL {
            let options = PictureOptions { size, ..options() };
            let picture = svg(&document, what, &options).expect("a picture");
            prop_assert!(is_well_formed(&picture), "{}", picture);
            prop_assert!(!picture.contains("NaN") && !picture.contains("inf"));
            if size.0 < 300 {
                draw(&document, what, PictureFormat::Png, &options).expect("a picture");
            }
        }
    }
}
