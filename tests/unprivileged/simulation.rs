//! The detector's promises, on a few seeds of every family; `cargo xtask simulate` has the whole
//! table.

use leakspy::growth::{Analysis, Settings, analyse};
use leakspy::model::{Finding, Verdict};
use leakspy_tests::simulator::family::{FAMILIES, Family, Kind};
use leakspy_tests::simulator::stalled::{Halt, document};
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

const HALTS: [Halt; 5] = [
    Halt::Irregular,
    Halt::Tracer(95.0, 155.0),
    Halt::Target(95.0, 155.0),
    Halt::Both(95.0, 155.0),
    Halt::Asleep,
];
/// How long a process runs that comes to a halt, or is not watched, for a minute of it.
const RUNS: f64 = 240.0;

fn of_minutes(kind: Kind) -> impl Iterator<Item = Family> {
    let short = |family: &Family| (family.make)(1).seconds < HOUR;
    FAMILIES.into_iter().filter(move |family| family.kind == kind && short(family))
}

fn judged(family: &Family, seed: u64, halt: Halt) -> (Analysis, Option<String>) {
    let world = (family.make)(seed);
    let analysis = analyse(&document(&world, RUNS, halt), &Settings::default());
    (analysis, world.leak.map(|leak| leak.function))
}

fn named<'a>(analysis: &'a Analysis, function: &str) -> Option<&'a Finding> {
    let of = |finding: &&Finding| {
        finding.site.stack.last().and_then(|frame| frame.function.as_deref()) == Some(function)
    };
    analysis.findings.iter().find(of)
}

/// Mean bytes between two recorded blocks; the longest is the worst that the governor does.
const PERIODS: [u32; 3] = [16 << 10, 64 << 10, 1 << 20];

fn sampled(family: &Family, seed: u64, period: u32) -> (Analysis, Option<String>) {
    let world = (family.make)(seed).sampled(period);
    let analysis = analyse(&document(&world, RUNS, Halt::None), &Settings::default());
    (analysis, world.leak.map(|leak| leak.function))
}

/// Where some blocks stand for others, what leaks nothing is called a leak no more often than where all are recorded.
#[test]
fn sampling_accuses_nobody() {
    let leaks = |analysis: &Analysis| {
        let leaks = analysis.findings.iter().filter(|finding| finding.verdict == Verdict::Leak);
        leaks.count()
    };
    let (mut plain, mut accused) = (0, [0; PERIODS.len()]);
    for family in of_minutes(Kind::Harmless) {
        for seed in 1..=4 {
            plain += leaks(&judged(&family, seed, Halt::None).0);
            for (period, count) in PERIODS.into_iter().zip(&mut accused) {
                *count += leaks(&sampled(&family, seed, period).0);
            }
        }
    }
    assert!(accused.iter().all(|count| *count <= plain), "{accused:?}, and {plain} of all blocks");
}

/// What leaks fast is found among blocks that stand for others, too, and its rate is about that.
#[test]
fn sampling_hides_no_leak() {
    for family in of_minutes(Kind::Fast).filter(|family| !family.name.contains("arenas")) {
        for (seed, period) in
            (1..=4).flat_map(|seed| PERIODS[..2].iter().map(move |one| (seed, *one)))
        {
            let about = format!("{}, seed {seed}, one in {period} bytes", family.name);
            let (analysis, leak) = sampled(&family, seed, period);
            let found = named(&analysis, &leak.expect("it leaks"));
            let found = found.unwrap_or_else(|| panic!("{about}: not found"));
            assert!(found.rank <= 2, "{about}: rank {}", found.rank);
        }
    }
}

/// A halt of a minute changes the rate of a leak by less than a quarter, and its verdict no more
/// often than chance does.
#[test]
fn a_halt_hides_no_leak() {
    let is_leak = |finding: &Finding| u64::from(finding.verdict == Verdict::Leak);
    let (mut plain, mut halted) = (0, [0; HALTS.len()]);
    for family in of_minutes(Kind::Fast).filter(|family| !family.name.contains("arenas")) {
        for seed in 1..=3 {
            let (analysis, leak) = judged(&family, seed, Halt::None);
            let leak = leak.expect("it leaks");
            let before = named(&analysis, &leak).expect("found");
            plain += is_leak(before);
            for (halt, count) in HALTS.into_iter().zip(&mut halted) {
                let about = format!("{}, seed {seed}, {halt:?}", family.name);
                let (analysis, _) = judged(&family, seed, halt);
                let found = named(&analysis, &leak).unwrap_or_else(|| panic!("{about}: not found"));
                *count += is_leak(found);
                assert!(found.rank <= 2, "{about}: rank {}", found.rank);
                let rate = |finding: &Finding| finding.slope_bytes_per_hour.est;
                let share = rate(found) / rate(before);
                assert!((0.75..1.33).contains(&share), "{about}: {share} of the rate");
            }
        }
    }
    assert!(plain >= 7, "{plain} of 9");
    assert!(halted.iter().all(|count| *count + 1 >= plain), "{halted:?} and {plain} without");
}

/// What leaks nothing is called a leak no more often than without the halt.
#[test]
fn a_halt_accuses_nobody() {
    let (mut plain, mut halted) = (0, [0; HALTS.len()]);
    let leaks = |analysis: &Analysis| {
        let leaks = analysis.findings.iter().filter(|finding| finding.verdict == Verdict::Leak);
        leaks.count()
    };
    for family in of_minutes(Kind::Harmless) {
        for seed in 1..=2 {
            plain += leaks(&judged(&family, seed, Halt::None).0);
            for (halt, count) in HALTS.into_iter().zip(&mut halted) {
                *count += leaks(&judged(&family, seed, halt).0);
            }
        }
    }
    assert!(halted.iter().all(|count| *count <= plain + 2), "{halted:?} and {plain} without");
}
