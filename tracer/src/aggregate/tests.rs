//! A target that allocates and frees at random, against what the snapshots say of it.

use std::collections::HashMap;

use proptest::prelude::*;

use super::Accumulator;
use crate::model::{Amount, Cohort, Lifetime};

const SECOND: u64 = 1_000_000_000;
/// Snapshots may come as late as they like.
const USUAL: u64 = u64::MAX;

/// What a target does between two snapshots.
#[derive(Clone, Debug)]
enum Step {
    Allocate { site: u64, size: u64 },
    Free { which: prop::sample::Index },
    Wait { ns: u64 },
    Snapshot,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..3, 1_u64..1000).prop_map(|(site, size)| Step::Allocate { site, size }),
        3 => any::<prop::sample::Index>().prop_map(|which| Step::Free { which }),
        3 => (1..20 * SECOND).prop_map(|ns| Step::Wait { ns }),
        2 => Just(Step::Snapshot),
    ]
}

#[derive(Clone, Copy)]
struct Block {
    site: u64,
    size: u64,
    born: u64,
}

#[derive(Default)]
struct Target {
    now: u64,
    live: Vec<Block>,
    totals: HashMap<u64, Amount>,
}

impl Target {
    fn allocate(&mut self, site: u64, size: u64) {
        self.live.push(Block { site, size, born: self.now });
        let total = self.totals.entry(site).or_default();
        *total = total.plus(Amount::block(size));
    }

    fn snapshot(&self, accumulator: &mut Accumulator) -> bool {
        let Some(mut snapshot) = accumulator.snapshot(self.now, USUAL) else { return false };
        self.totals.iter().for_each(|(site, total)| snapshot.allocated(*site, *total));
        self.live
            .iter()
            .for_each(|block| snapshot.block(block.site, Amount::block(block.size), block.born));
        snapshot.finish();
        true
    }

    fn alive(&self, site: u64, older: impl Fn(u64) -> bool) -> Amount {
        let blocks = self.live.iter().filter(|block| block.site == site && older(block.born));
        blocks.fold(Amount::default(), |sum, block| sum.plus(Amount::block(block.size)))
    }
}

type Life = (Vec<Cohort>, Vec<Lifetime>);

fn changed(accumulator: &mut Accumulator, known: &mut HashMap<u64, Life>) {
    let each = |site, cohorts: &[Cohort], lifetimes: &[Lifetime]| -> Result<(), ()> {
        known.insert(site, (cohorts.to_vec(), lifetimes.to_vec()));
        Ok(())
    };
    accumulator.changed(each).expect("no error");
}

fn sum<T>(all: &[T], amount: impl Fn(&T) -> (u64, u64)) -> Amount {
    all.iter()
        .map(amount)
        .fold(Amount::default(), |sum, (bytes, count)| sum.plus(Amount { bytes, count }))
}

fn agrees(target: &Target, site: u64, life: &Life) -> Result<(), TestCaseError> {
    let (cohorts, lifetimes) = life;
    let allocated = sum(cohorts, |cohort| (cohort.allocated.bytes, cohort.allocated.count));
    let live = sum(cohorts, |cohort| (cohort.live.bytes, cohort.live.count));
    let dead = sum(lifetimes, |lifetime| (lifetime.freed.bytes, lifetime.freed.count));
    // A block that is born in the very moment of a snapshot has no age yet, and waits for the next
    // one.
    prop_assert_eq!(live, target.alive(site, |born| born < target.now));
    prop_assert_eq!(allocated, target.totals[&site]);
    let waiting = target.alive(site, |born| born == target.now);
    prop_assert_eq!(allocated, live.plus(dead));
    prop_assert_eq!(waiting, Amount::default());
    for pair in cohorts.windows(2) {
        prop_assert!(pair[0].to <= pair[1].from);
    }
    Ok(())
}

proptest! {
    /// Sums over the cohorts are the totals and what is alive; whoever is not alive has died at
    /// some age.
    #[test]
    fn nothing_is_lost(steps in prop::collection::vec(step(), 1..300)) {
        let (mut target, mut accumulator) = (Target::default(), Accumulator::default());
        let mut known = HashMap::new();
        for step in steps {
            match step {
                Step::Allocate { site, size } => target.allocate(site, size),
                Step::Free { .. } if target.live.is_empty() => {}
                Step::Free { which } => {
                    target.live.swap_remove(which.index(target.live.len()));
                }
                Step::Wait { ns } => target.now += ns,
                Step::Snapshot => {
                    target.now += 1;
                    prop_assert!(target.snapshot(&mut accumulator));
                    changed(&mut accumulator, &mut known);
                    for (&site, life) in &known {
                        agrees(&target, site, life)?;
                    }
                    for retained in accumulator.retained() {
                        let old = target.alive(retained.site, |born| {
                            super::seconds(target.now - born) > retained.age
                        });
                        // The age may have grown with this snapshot.
                        prop_assert!(retained.amount.count >= old.count);
                    }
                }
            }
        }
    }

    /// Totals and blocks that do not fit together, as they are read while a target runs.
    #[test]
    fn nonsense_is_clamped(
        snapshots in prop::collection::vec(
            (1_u64..1000, 0_u64..50, prop::collection::vec((0_u64..2000, 0_u64..99), 0..9)), 1..30),
    ) {
        let (mut accumulator, mut now, mut known) = (Accumulator::default(), 0, HashMap::new());
        for (step, count, blocks) in snapshots {
            now += step;
            let mut snapshot = accumulator.snapshot(now, USUAL).expect("time has passed");
            snapshot.allocated(7, Amount { bytes: count * 10, count });
            blocks.iter().for_each(|(born, size)| snapshot.block(7, Amount::block(*size), *born));
            snapshot.finish();
            changed(&mut accumulator, &mut known);
            for cohort in known.get(&7).map_or(&[][..], |(cohorts, _)| cohorts) {
                prop_assert!(cohort.live.count <= cohort.allocated.count);
                prop_assert!(cohort.live.bytes <= cohort.allocated.bytes);
            }
        }
    }
}

/// A snapshot every ten seconds, as `each` tells what happens before it.
fn snapshots(count: u64, mut each: impl FnMut(&mut Target, u64)) -> Accumulator {
    let (mut target, mut accumulator) = (Target::default(), Accumulator::default());
    for snapshot in 1..=count {
        each(&mut target, snapshot);
        target.now = snapshot * 10 * SECOND;
        target.snapshot(&mut accumulator);
    }
    accumulator
}

/// 20 blocks live for 300 seconds each, one in a snapshot; another stays with every 30th snapshot.
#[test]
fn what_outlives_the_others_is_retained() {
    let mut accumulator = snapshots(1000, |target, snapshot| {
        let now = target.now;
        target.live.retain(|block| block.size == 99 || now - block.born < 300 * SECOND);
        target.allocate(1, 10);
        if snapshot % 30 == 0 {
            target.allocate(1, 99);
        }
    });
    let retained = accumulator.retained().next().expect("a site");
    assert_eq!((retained.age, retained.amount.count), (512.0, 31));
    let mut known = HashMap::new();
    changed(&mut accumulator, &mut known);
    let (cohorts, lifetimes) = &known[&1];
    let died: Vec<f64> = lifetimes.iter().map(|lifetime| lifetime.up_to).collect();
    assert_eq!(died, [512.0]);
    assert!(cohorts[0].live.count > 0 && cohorts[0].live.count * 20 < cohorts[0].allocated.count);
}

/// Blocks that never survive a snapshot: no cohort holds any, and the least age stays what
/// snapshots can tell.
#[test]
fn what_dies_young_leaves_no_old_blocks() {
    let mut accumulator = snapshots(50, |target, _| {
        target.live.clear();
        (0..100).for_each(|_| target.allocate(1, 10));
        target.live.clear();
    });
    let retained = accumulator.retained().next().expect("a site");
    assert_eq!((retained.age, retained.amount), (20.0, Amount::default()));
    let mut known = HashMap::new();
    changed(&mut accumulator, &mut known);
    assert_eq!(
        known[&1].1,
        [Lifetime { up_to: 16.0, freed: Amount { bytes: 50_000, count: 5000 } }]
    );
}

/// Every snapshot but the last meets a block that is born while it is read, so that the totals have
/// it and the periods have not. None ever dies.
#[test]
fn nothing_dies_of_being_born_during_a_snapshot() {
    let (mut target, mut accumulator) = (Target::default(), Accumulator::default());
    for snapshot in 1..=5 {
        target.allocate(1, 10);
        let begun = snapshot * 10 * SECOND;
        if snapshot < 5 {
            target.now = begun + 1;
            target.allocate(1, 10);
        }
        target.now = begun;
        target.snapshot(&mut accumulator);
    }
    let mut known = HashMap::new();
    changed(&mut accumulator, &mut known);
    let (cohorts, lifetimes) = &known[&1];
    assert_eq!(sum(cohorts, |cohort| (cohort.live.bytes, cohort.live.count)).count, 9);
    assert_eq!(lifetimes, &[]);
}

#[test]
fn a_quiet_site_is_not_handed_out_again() {
    let mut accumulator = snapshots(400, |target, snapshot| {
        if snapshot <= 2 {
            target.allocate(1, 10);
        }
    });
    changed(&mut accumulator, &mut HashMap::new());
    let mut snapshot = accumulator.snapshot(4001 * SECOND, USUAL).expect("time has passed");
    snapshot.allocated(1, Amount { bytes: 20, count: 2 });
    snapshot.block(1, Amount::block(10), 0);
    snapshot.block(1, Amount::block(10), 10 * SECOND);
    snapshot.finish();
    let mut known = HashMap::new();
    changed(&mut accumulator, &mut known);
    assert!(known.is_empty(), "{known:?}");
}

/// Every five seconds: 100 blocks that live a second, and one of 1,000 bytes that stays. Between
/// the snapshots at 60 and 120 seconds nobody watches, or the target stands still.
fn stalled(stands_still: bool) -> (Accumulator, Life) {
    let (mut target, mut accumulator) = (Target::default(), Accumulator::default());
    for second in 1..=240_u64 {
        let gap = 61..120;
        target.now = second * SECOND;
        if !(stands_still && gap.contains(&second)) {
            target.live.retain(|block| block.size == 1000 || target.now - block.born < SECOND);
            (0..20).for_each(|_| target.allocate(1, 10));
            if second % 5 == 2 {
                target.allocate(1, 1000);
            }
        }
        if second % 5 == 0 && !gap.contains(&second) {
            if stands_still && second == 120 {
                accumulator.stood_still(60 * SECOND, 120 * SECOND);
            }
            let mut snapshot = accumulator.snapshot(target.now, 5 * SECOND).expect("time passed");
            target.totals.iter().for_each(|(site, total)| snapshot.allocated(*site, *total));
            target
                .live
                .iter()
                .for_each(|block| snapshot.block(1, Amount::block(block.size), block.born));
            snapshot.finish();
        }
    }
    let mut known = HashMap::new();
    changed(&mut accumulator, &mut known);
    let life = known.remove(&1).expect("a site");
    (accumulator, life)
}

#[test]
fn a_gap_says_when_what_lives_was_born() {
    let (accumulator, (cohorts, lifetimes)) = stalled(false);
    let gap: Vec<&Cohort> =
        cohorts.iter().filter(|cohort| cohort.from >= 55.0 && cohort.to <= 120.0).collect();
    assert!(gap.len() >= 3, "{cohorts:?}");
    for cohort in gap {
        let steps = (cohort.to - cohort.from) / 5.0;
        assert!((cohort.live.count as f64 - steps).abs() < 1.1, "{cohort:?}");
        assert!((cohort.allocated.count as f64 - 101.0 * steps).abs() < 3.0, "{cohort:?}");
    }
    let oldest = lifetimes.iter().map(|lifetime| lifetime.up_to).fold(0.0, f64::max);
    assert_eq!((oldest, accumulator.retained().next().map(|kept| kept.age)), (8.0, Some(10.0)));
    let alive = cohorts.iter().map(|cohort| cohort.live.count).sum::<u64>();
    let born = cohorts.iter().map(|cohort| cohort.allocated.count).sum::<u64>();
    assert_eq!((born, alive), (240 * 20 + 48, 48));
}

#[test]
fn nothing_gets_older_while_the_target_stands_still() {
    let (accumulator, (_, lifetimes)) = stalled(true);
    let oldest = lifetimes.iter().map(|lifetime| lifetime.up_to).fold(0.0, f64::max);
    assert_eq!((oldest, accumulator.retained().next().map(|kept| kept.age)), (8.0, Some(10.0)));
}
