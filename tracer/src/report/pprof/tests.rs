//! What a reader of the format gets back.

use std::fmt::Write as _;
use std::io::Read;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use prost::Message;

use super::Pprof;
use super::message::{Location, Profile, ProfileLabel};
use crate::model::{Document, Frame, Site};
use crate::report::tests::any_document;
use crate::report::{Exporter, Options, samples};

fn exported(document: &Document) -> Vec<u8> {
    let mut out = Vec::new();
    Pprof.write(document, &Options::default(), &mut out).expect("every document can be printed");
    out
}

fn decoded(bytes: &[u8]) -> Profile {
    let mut message = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut message).expect("gzip");
    Profile::decode(message.as_slice()).expect("a profile")
}

/// What is in a profile, as text for golden files.
pub fn readable(bytes: &[u8]) -> String {
    let profile = decoded(bytes);
    let mut text = String::new();
    let types: Vec<String> = profile
        .sample_type
        .iter()
        .map(|value| format!("{}/{}", string(&profile, value.kind), string(&profile, value.unit)))
        .collect();
    let _ = writeln!(text, "types {}", types.join(" "));
    let _ = writeln!(text, "default {}", string(&profile, profile.default_sample_type));
    let _ = writeln!(text, "time {} + {} ns", profile.time_nanos, profile.duration_nanos);
    for comment in &profile.comment {
        let _ = writeln!(text, "comment {}", string(&profile, *comment));
    }
    for mapping in &profile.mapping {
        let (id, file) = (mapping.id, string(&profile, mapping.filename));
        let has = (mapping.has_filenames, mapping.has_line_numbers, mapping.has_inline_frames);
        let _ = writeln!(text, "mapping {id} {file} files, lines, inlined: {has:?}");
    }
    for sample in &profile.sample {
        let labels: Vec<String> =
            sample.label.iter().map(|label| label_text(&profile, label)).collect();
        let _ = writeln!(text, "sample {:?} {}", sample.value, labels.join(" "));
        for id in &sample.location_id {
            place_text(&profile, location(&profile, *id), &mut text);
        }
    }
    text
}

fn label_text(profile: &Profile, label: &ProfileLabel) -> String {
    let (key, text) = (string(profile, label.key), string(profile, label.text));
    match string(profile, label.number_unit) {
        "" => format!("{key}={text}"),
        unit => format!("{key}={} {unit}", label.number),
    }
}

fn place_text(profile: &Profile, place: &Location, text: &mut String) {
    for (index, line) in place.line.iter().enumerate() {
        let function = profile
            .function
            .iter()
            .find(|function| function.id == line.function_id)
            .expect("every function is there");
        let (name, file) = (string(profile, function.name), string(profile, function.filename));
        let inlined = if index + 1 < place.line.len() { " inlined into" } else { "" };
        let (mapping, address) = (place.mapping_id, place.address);
        let _ = writeln!(text, "  {mapping}:{address:#x} {name} {file}:{}{inlined}", line.line);
    }
}

fn string(profile: &Profile, index: i64) -> &str {
    let index = usize::try_from(index).expect("an index");
    profile.string_table.get(index).expect("every string is there")
}

fn location(profile: &Profile, id: u64) -> &Location {
    let found = profile.location.iter().find(|location| location.id == id);
    let location = found.expect("every location is there");
    let mapped = profile.mapping.iter().any(|mapping| mapping.id == location.mapping_id);
    assert!(location.mapping_id == 0 || mapped, "every mapping is there");
    location
}

/// The sum of one kind of value over all samples.
fn sum(profile: &Profile, kind: usize) -> i128 {
    profile.sample.iter().map(|sample| i128::from(sample.value[kind])).sum()
}

#[test]
fn inlined_functions_are_one_location() {
    let mut document = samples::one_site();
    let inlined = |name| Frame { inlined: true, ..samples::native(name, "/opt/libx.so", false) };
    document.sites[0].stack = vec![
        Frame::python("keep", "app.py", Some(12)),
        Frame { inlined: true, ..samples::native("of_python", "/opt/liby.so", false) },
        samples::native("outer", "/opt/libx.so", false),
        inlined("middle"),
        inlined("inner"),
    ]
    .into();
    let profile = decoded(&exported(&document));
    let places: Vec<&Location> =
        profile.sample[0].location_id.iter().map(|id| location(&profile, *id)).collect();
    let names: Vec<Vec<&str>> = places
        .iter()
        .map(|place| {
            let functions = place.line.iter().map(|line| {
                let of_line =
                    |function: &&super::message::ProfileFunction| function.id == line.function_id;
                let function = profile.function.iter().find(of_line).expect("a function");
                string(&profile, function.name)
            });
            functions.collect()
        })
        .collect();
    assert_eq!(names, [vec!["inner", "middle", "outer"], vec!["of_python"], vec!["keep"]]);
    assert_eq!(places[2].mapping_id, 0);
}

#[test]
fn strings_functions_and_locations_are_said_once() {
    let profile = decoded(&exported(&samples::server()));
    let mut strings = profile.string_table.clone();
    assert_eq!(strings[0], "");
    strings.sort_unstable();
    strings.dedup();
    assert_eq!(strings.len(), profile.string_table.len());
    let modules = profile
        .function
        .iter()
        .filter(|function| string(&profile, function.name) == "<module>")
        .count();
    assert_eq!(modules, 1);
    assert_eq!(string(&profile, profile.mapping[0].filename), "/usr/bin/python3.11");
}

#[test]
fn the_header_of_the_archive_says_nothing_of_when() {
    assert_eq!(exported(&samples::server())[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
}

proptest! {
    #[test]
    fn sums_are_those_of_the_document(document in any_document()) {
        let profile = decoded(&exported(&document));
        let of = |of: fn(&Site) -> u64| -> i128 {
            document.sites.iter().map(|site| i128::from(of(site)).min(i64::MAX.into())).sum()
        };
        prop_assert_eq!(sum(&profile, 0), of(|site| site.allocated.count));
        prop_assert_eq!(sum(&profile, 1), of(|site| site.allocated.bytes));
        prop_assert_eq!(sum(&profile, 2), of(|site| site.live.count));
        prop_assert_eq!(sum(&profile, 3), of(|site| site.live.bytes));
        for name in &profile.string_table {
            prop_assert!(!name.contains(char::is_control));
        }
        // Finds every reference, or fails.
        readable(&exported(&document));
    }

    #[test]
    fn no_frame_is_lost(document in any_document()) {
        let profile = decoded(&exported(&document));
        let shown = |frame: &&Frame| !frame.is_runtime;
        let mut expected: Vec<usize> = document
            .sites
            .iter()
            .map(|site| site.stack.iter().filter(shown).count().max(1))
            .collect();
        let mut found: Vec<usize> = profile
            .sample
            .iter()
            .map(|sample| {
                sample.location_id.iter().map(|id| location(&profile, *id).line.len()).sum()
            })
            .collect();
        expected.sort_unstable();
        found.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}
