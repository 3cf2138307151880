//! Every format on every sample, against files that `LEAKSPY_BLESS=1` rewrites.

use proptest::prelude::*;

use super::{CENSUS_FORMATS, samples};
use crate::model::{Census, Confidence, Interval, Verdict};
use crate::report::tests::agreed;
use crate::report::{Format, Options};

fn rendered(format: &str, census: &Census, options: &Options) -> String {
    let mut out = Vec::new();
    let format = Format::named_in(CENSUS_FORMATS, format).expect("a format");
    format.exporter.write(census, options, &mut out).expect("every sample can be printed");
    String::from_utf8(out).expect("reports are UTF-8")
}

#[test]
fn a_census_prints_as_agreed() {
    let samples = [
        ("leaking", samples::leaking()),
        ("once", samples::once()),
        ("quiet", samples::quiet()),
        ("empty", samples::empty()),
        ("hostile", samples::hostile()),
    ];
    agreed::prints("census", &samples, CENSUS_FORMATS, |format, census| {
        rendered(format, census, &Options::default())
    });
}

#[test]
fn what_is_not_shown_is_counted() {
    let three = Options { top: Some(3), ..Options::default() };
    let page = rendered("text", &samples::once(), &three);
    assert!(page.contains("the largest 3 of 36"), "{page}");
    assert!(page.contains("33 more types hold 9.0 MiB"), "{page}");
    let json = rendered("json", &samples::once(), &three);
    let value: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    assert_eq!(value["types"].as_array().map(Vec::len), Some(3));
    assert!(value["growth"].is_null() && value["sessions"].is_null());
    let one = Options { top: Some(1), ..Options::default() };
    let page = rendered("text", &samples::leaking(), &one);
    assert!(page.contains("3 more types grow"), "{page}");
}

#[test]
fn colours_are_only_where_asked() {
    let colour = Options { colour: true, ..Options::default() };
    assert!(rendered("text", &samples::leaking(), &colour).contains("\u{1b}[1m"));
    assert!(!rendered("text", &samples::leaking(), &Options::default()).contains('\u{1b}'));
}

proptest! {
    /// Whatever a heap says: no panic, no line too long, nothing that a terminal obeys.
    #[test]
    fn any_census_prints(
        name in ".{0,120}",
        numbers in any::<[u64; 5]>(),
        slope in any::<(f64, f64, f64)>(),
        seconds: f64,
        paused in any::<Option<f64>>(),
        open in any::<Option<u64>>(),
        verdict in prop::sample::select(&Verdict::ALL[..]),
    ) {
        let mut census = samples::leaking();
        let slope = Interval { lo: slope.0, est: slope.1, hi: slope.2 };
        census.target.comm.clone_from(&name);
        (census.snapshot.at, census.snapshot.seconds, census.snapshot.paused_seconds) = (seconds, seconds, paused);
        (census.snapshot.objects, census.snapshot.bytes) = (numbers[0], numbers[1]);
        for kind in &mut census.types {
            kind.name.clone_from(&name);
            (kind.count, kind.bytes) = (numbers[2], numbers[3]);
        }
        for found in census.growth.iter_mut().flatten() {
            found.name.clone_from(&name);
            (found.verdict, found.confidence) = (verdict, Confidence::Suspect);
            (found.first_count, found.last_count) = (numbers[0], numbers[4]);
            (found.first_bytes, found.last_bytes) = (numbers[1], numbers[2]);
            (found.slope_objects_per_hour, found.slope_bytes_per_hour) = (slope, slope);
            found.together = vec![(name.clone(), slope.est)];
        }
        for kind in census.sessions.iter_mut().flatten() {
            kind.name.clone_from(&name);
            (kind.alive, kind.open) = (numbers[0], open);
        }
        agreed::fits(&rendered("text", &census, &Options::default()));
    }
}
