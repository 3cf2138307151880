//! The detector's promises, on a few seeds of every family; `cargo xtask simulate` has the whole
//! table.

use leakspy_tests::simulator::family::Kind;
use leakspy_tests::simulator::table::{Row, rows};

const HOUR: f64 = 3600.0;
/// Few, for a test of seconds: the table has many.
const SEEDS: u64 = 2;

fn of(rows: &[Row], kind: Kind) -> Vec<&Row> {
    rows.iter().filter(|row| row.family.kind == kind).collect()
}

#[test]
fn the_detector_keeps_its_promises() {
    let rows = rows(SEEDS, "");
    let (mut alarms, mut weeks) = (0, 0.0);
    for row in of(&rows, Kind::Harmless) {
        let name = row.family.name;
        assert_eq!(row.confirmed_early() as u64 + row.false_proofs(), 0, "{name} was confirmed");
        if row.family.full.is_none() {
            assert_eq!(row.false_alarms(), 0, "{name} raised an alarm");
        }
        alarms += row.false_alarms();
        weeks += row.weeks();
    }
    assert!(alarms as f64 <= weeks, "{alarms} false alarms in {weeks} weeks");
    for row in of(&rows, Kind::Fast) {
        assert_eq!(row.first_or_second(), row.runs(), "{} was not seen", row.family.name);
        assert_eq!(row.false_alarms(), 0, "{} raised a false alarm", row.family.name);
    }
    let (mut covered, mut intervals) = (0.0, 0.0);
    for row in of(&rows, Kind::Slow) {
        let name = row.family.name;
        assert_eq!(row.found_within(f64::INFINITY), row.runs(), "{name} was missed");
        let (share, number) = row.coverage();
        covered += share * number as f64;
        intervals += number as f64;
        if name == "40 KB every 30 min, exact" {
            assert_eq!(row.found_within(6.0 * HOUR), row.runs(), "{name} was found late");
        }
    }
    assert!(covered >= 0.9 * intervals, "{covered} of {intervals} intervals cover the truth");
}
