use proptest::prelude::*;

use super::*;

const BUDGET: f64 = 0.02;

/// A second of a target that makes so many blocks of so many bytes, and frees them.
fn second(governor: &Governor, blocks: f64, bytes: f64) -> Activity {
    let period = f64::from(governor.period());
    let share = if period <= bytes { 1.0 } else { bytes / period };
    Activity {
        seconds: 1.0,
        calls: blocks,
        recorded: blocks * share,
        bytes: blocks * bytes,
        frees: blocks,
        ..Activity::default()
    }
}

fn governor() -> Governor {
    Governor::new(Some(BUDGET), Prices::new(Some(500.0), false))
}

#[test]
fn a_quiet_target_is_recorded_exactly_after_a_second() {
    let mut governor = governor();
    assert_ne!(governor.period(), 0);
    governor.observe(second(&governor, 100.0, 1000.0));
    assert_eq!(governor.period(), 0);
    assert!(governor.is_kept());
}

#[test]
fn a_busy_target_is_sampled_from_the_first_second_on() {
    let mut governor = governor();
    for _ in 0..60 {
        let work = second(&governor, 8_000.0, 1000.0);
        governor.observe(work);
        assert_ne!(governor.period(), 0);
    }
    let summary = governor.summary().unwrap();
    assert!(governor.is_kept(), "{summary:?}");
    assert!(summary.exact > BUDGET && summary.exact_seconds == 0.0, "{summary:?}");
}

#[test]
fn what_no_rung_can_keep_is_said() {
    let mut governor = governor();
    (0..20).for_each(|_| governor.observe(second(&governor, 200_000.0, 1000.0)));
    assert!(!governor.is_kept());
    // To record less would lose much and save nothing.
    assert!(governor.period() > 0 && governor.period() < *PERIODS.last().unwrap());
}

#[test]
fn exactness_is_kept_where_it_is_asked_for() {
    let mut governor = Governor::new(None, Prices::new(None, true));
    (0..20).for_each(|_| governor.observe(second(&governor, 200_000.0, 1000.0)));
    assert_eq!(governor.period(), 0);
    assert!(governor.is_kept() && governor.summary().unwrap().average > 0.5);
}

/// A burst steps down at once, and the calm after it up again, but not at once.
#[test]
fn it_steps_down_at_once_and_up_slowly() {
    let mut governor = governor();
    (0..30).for_each(|_| governor.observe(second(&governor, 100.0, 1000.0)));
    assert_eq!(governor.period(), 0);
    (0..5).for_each(|_| governor.observe(second(&governor, 12_000.0, 1000.0)));
    assert_ne!(governor.period(), 0);
    governor.observe(second(&governor, 100.0, 1000.0));
    assert_ne!(governor.period(), 0);
    (0..60).for_each(|_| governor.observe(second(&governor, 100.0, 1000.0)));
    assert_eq!(governor.period(), 0);
}

#[test]
fn prices_are_learnt_from_what_the_kernel_measured() {
    let mut prices = Prices::new(Some(500.0), false);
    let work = Activity {
        seconds: 1.0,
        calls: 1000.0,
        recorded: 1000.0,
        frees: 1000.0,
        alloc_run: Some(MeanRun { ns: 600.0, runs: 2000.0 }),
        free_run: Some(MeanRun { ns: 150.0, runs: 1000.0 }),
        ..Activity::default()
    };
    prices.learn(&work);
    let cost = 1000.0 * (1200.0 + 150.0) + 500.0 * (1000.0 + 800.0 + 1000.0);
    assert!((prices.cost(&work) * 1e9 - cost).abs() < 1.0, "{}", prices.cost(&work));
}

proptest! {
    /// Whatever a target does that is steady and that a rung can keep, the promise is kept over any ten seconds.
    #[test]
    fn a_steady_target_stays_within_the_budget(blocks in 0.0..12_000.0, bytes in 1.0..100_000.0) {
        let mut governor = governor();
        let possible = governor.prices.rate(&second(&governor, blocks, bytes), 1 << 20) < BUDGET * PLANNED;
        for _ in 0..120 {
            let work = second(&governor, blocks, bytes);
            governor.observe(work);
        }
        prop_assert!(!possible || governor.is_kept(), "{:?}", governor.summary());
    }
}
