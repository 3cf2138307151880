//! Verdicts on types of Python objects, on simulated heaps whose truth is known: how often a leak is
//! missed, how often something else is called one, and that no halt changes that.

use leakspy_tests::simulator::objects::family::FAMILIES;
use leakspy_tests::simulator::objects::heap::Watch;
use leakspy_tests::simulator::objects::trial::{Tally, WATCHES, tally};
use leakspy_tests::simulator::stalled::Halt;

/// Few, for a test of seconds: the table has many.
const SEEDS: u64 = 60;

fn halts(watch: Watch) -> [Halt; 5] {
    let at = |share: f64| share * watch.seconds();
    [
        Halt::Irregular,
        Halt::Tracer(at(0.4), at(0.7)),
        Halt::Target(at(0.4), at(1.0)),
        Halt::Both(at(0.4), at(1.0)),
        Halt::Asleep,
    ]
}

/// Every family in every watch that is long enough for it.
fn each(watches: &[Watch], mut then: impl FnMut(&str, Watch, &dyn Fn(Halt) -> Tally)) {
    for family in FAMILIES {
        for watch in watches.iter().filter(|watch| watch.snapshots >= family.least) {
            let about = format!("{}, {} snapshots", family.name, watch.snapshots);
            then(&about, *watch, &|halt| tally(&family, *watch, halt, SEEDS));
        }
    }
}

#[test]
fn leaks_are_found_and_nothing_else_is_accused() {
    let (mut all, mut called) = (0, 0);
    each(&WATCHES, |about, _, of| {
        let tally = of(Halt::None);
        assert!(tally.missed() <= 0.2 || tally.leaks.0 == 0, "{about}: {tally:?}");
        assert!(tally.accused() <= 0.1, "{about}: {tally:?}");
        assert_eq!(tally.misled + tally.split, 0, "{about}: {tally:?}");
        (all, called) = (all + tally.harmless.0, called + tally.harmless.1);
        if about.starts_with("garbage") {
            assert!(tally.garbage >= SEEDS * 9 / 10, "{about}: {tally:?}");
        } else {
            assert!(tally.garbage <= 1, "{about}: {tally:?}");
        }
    });
    assert!(called * 50 <= all, "{called} of {all} harmless types were called a leak");
}

/// A halt of almost a third of the watch, irregular and missing snapshots: a leak is found as before, but
/// for a chance of as much as fewer snapshots give.
#[test]
fn a_halt_changes_no_verdict_on_types() {
    each(&WATCHES[..3], |about, watch, of| {
        let plain = of(Halt::None);
        for halt in halts(watch) {
            let halted = of(halt);
            let (missed, accused) = (halted.missed(), halted.accused());
            assert!(
                missed <= plain.missed() + 0.2 || halted.leaks.0 == 0,
                "{about}, {halt:?}: {halted:?} and {plain:?} without"
            );
            assert!(
                accused <= plain.accused() + 0.1,
                "{about}, {halt:?}: {halted:?} and {plain:?} without"
            );
            assert_eq!(halted.misled, 0, "{about}, {halt:?}: {halted:?}");
        }
    });
}
