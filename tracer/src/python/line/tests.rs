//! Tables and truth of real interpreters are in `fixtures/lines/`, made by
//! `fixtures/make.py lines`: for every code object the table, and for every run of code units the
//! line that `PyCode_Addr2Line` itself gives.

use leakspy_ebpf::walk::Word;
use serde_json::Value;

use super::LineTable;
use crate::python::Version;
use crate::python::layout::LineEncoding;

fn table(encoding: LineEncoding, first_line: i32, table: &[u8]) -> LineTable {
    LineTable::new(encoding, first_line, table.to_vec())
}

fn encoding(version: Version) -> LineEncoding {
    match version.minor {
        ..=9 => LineEncoding::Increments,
        10 => LineEncoding::Ranges,
        _ => LineEncoding::Locations,
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Checks every code unit of a fixture; how many there were.
fn check(fixture: &str) -> u32 {
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let version = Version::from_text(fixture["version"].as_str().unwrap()).unwrap();
    let mut units = 0;
    for code in fixture["codes"].as_array().unwrap() {
        let first_line = i32::try_from(code[1].as_i64().unwrap()).unwrap();
        let table = table(encoding(version), first_line, &unhex(code[2].as_str().unwrap()));
        let mut index = 0;
        for run in code[3].as_array().unwrap() {
            let (count, line) = (run[0].as_u64().unwrap(), run[1].as_i64().unwrap());
            let expected = u32::try_from(line).ok().filter(|&line| line > 0);
            for _ in 0..count {
                assert_eq!(table.line(index), expected, "{version} {} unit {index}", code[0]);
                index += 1;
            }
        }
        assert_eq!(table.line(Word::NOT_STARTED), u32::try_from(first_line).ok());
        units += index;
    }
    units
}

macro_rules! fixtures {
    ($($name:ident $file:literal)+) => {$(
        #[test]
        fn $name() {
            let units = check(include_str!(concat!("../fixtures/lines/", $file, ".json")));
            assert!(units > 1500, "{units} code units are too few to prove anything");
        }
    )+};
}

fixtures! {
    every_line_of_3_6 "3.6" every_line_of_3_7 "3.7" every_line_of_3_8 "3.8" every_line_of_3_9 "3.9"
    every_line_of_3_10 "3.10" every_line_of_3_11 "3.11" every_line_of_3_12 "3.12"
    every_line_of_3_13 "3.13" every_line_of_3_14 "3.14" every_line_of_3_15 "3.15"
}

#[test]
fn increments_belong_to_the_last_pair_not_behind() {
    // +0 bytes +1 line, +4 bytes +2 lines, +2 bytes -5 lines.
    let lines = table(LineEncoding::Increments, 10, &[0, 1, 4, 2, 2, 0xfb]);
    assert_eq!(lines.line(0), Some(11));
    assert_eq!(lines.line(1), Some(11));
    assert_eq!(lines.line(2), Some(13));
    assert_eq!(lines.line(3), Some(8));
    assert_eq!(lines.line(400), Some(8));
}

#[test]
fn ranges_without_a_line_keep_the_running_line() {
    let lines = table(LineEncoding::Ranges, 10, &[2, 1, 2, 0x80, 2, 1, 0, 5, 2, 0]);
    assert_eq!(lines.line(0), Some(11));
    assert_eq!(lines.line(1), None);
    assert_eq!(lines.line(2), Some(12));
    assert_eq!(lines.line(3), Some(17));
    assert_eq!(lines.line(4), None);
}

#[test]
fn locations_of_every_kind_are_stepped_over() {
    let lines = table(
        LineEncoding::Locations,
        100,
        &[
            0x80,
            0x11, // short form, 1 unit, same line
            0x80 | 11 << 3 | 1,
            4,
            9,              // one line further, 2 units
            0x80 | 15 << 3, // no line, 1 unit
            0x80 | 13 << 3,
            0x47,
            0x03, // no columns: -(0xc7 >> 1) = -99 lines
            0x80 | 14 << 3,
            0x46,
            0x03,
            0x01,
            0x42,
            0x01,
            0x05, // long form: +99 lines
        ],
    );
    let found: Vec<_> = (0..7).map(|index| lines.line(index)).collect();
    assert_eq!(found, [Some(100), Some(101), Some(101), None, Some(2), Some(101), None]);
}

#[test]
fn indices_that_are_none_have_no_line() {
    let lines = table(LineEncoding::Increments, 7, &[]);
    assert_eq!(lines.line(Word::UNKNOWN), None);
    assert_eq!(lines.line(Word::NOT_STARTED), Some(7));
    assert_eq!(lines.line(3), Some(7));
    assert_eq!(table(LineEncoding::Increments, 0, &[]).line(0), None);
    assert_eq!(table(LineEncoding::Increments, -3, &[]).line(Word::NOT_STARTED), None);
    assert_eq!(table(LineEncoding::Locations, 7, &[]).line(0), None);
}

#[test]
fn a_damaged_location_table_ends_where_it_is_damaged() {
    let lines = table(LineEncoding::Locations, 5, &[0x80, 0, 0xe8, 0x7f, 0x7f]);
    assert_eq!(lines.line(0), Some(5));
    assert_eq!(lines.line(1), None);
    assert_eq!(table(LineEncoding::Locations, 5, &[0x10]).line(0), None);
}
