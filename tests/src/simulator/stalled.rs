//! Recordings in which something came to a halt: what the blocks did goes through the accumulator
//! that a real recording goes through.

use std::convert::Infallible;

use leakspy::aggregate::Accumulator;
use leakspy::model::{Amount, Document, Note};

use super::random::{Random, whole};
use super::recording::Recording;
use super::world::World;

/// Seconds between two snapshots.
const USUAL: f64 = 5.0;

/// What came to a halt, if anything, and from when to when, seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Halt {
    /// Nothing.
    None,
    /// Ticks come early and late, and one in three not at all.
    Irregular,
    /// leakspy.
    Tracer(f64, f64),
    /// The target, while leakspy looks on.
    Target(f64, f64),
    /// Both.
    Both(f64, f64),
    /// The machine slept once, and the wall clock was set: the clock of recordings does not show it.
    Asleep,
}

impl Halt {
    /// Whether there is no snapshot at this time.
    pub fn hides(self, t: f64, random: &mut Random) -> bool {
        match self {
            Self::Irregular => random.chance(1.0 / 3.0),
            Self::Tracer(from, to) | Self::Both(from, to) => from < t && t < to,
            _ => false,
        }
    }

    /// When the target does not run.
    pub fn still(self) -> Option<(f64, f64)> {
        match self {
            Self::Target(from, to) | Self::Both(from, to) => Some((from, to)),
            _ => None,
        }
    }

    /// What a recording says of it.
    pub fn notes(self) -> Vec<Note> {
        match self {
            Self::None | Self::Irregular => vec![],
            Self::Tracer(from, to) => vec![Note::NotWatched { from, to }],
            Self::Target(from, to) | Self::Both(from, to) => {
                vec![Note::TargetStoodStill { from, to }]
            }
            Self::Asleep => vec![Note::MachineSlept { seconds: 3600.0 }],
        }
    }

    /// When the target does what it does at `t` of the time in which it runs.
    pub fn shifted(self, t: f64) -> f64 {
        self.still().filter(|(from, _)| t > *from).map_or(t, |(from, to)| t + to - from)
    }
}

/// The recording of a process after it ran for `seconds`.
pub fn document(world: &World, seconds: f64, halt: Halt) -> Document {
    let mut document = Recording::new(world, None).document(seconds);
    let mut random = Random::new(world.random.clone().number());
    document.capture.notes = halt.notes();
    document.capture.seconds = halt.shifted(seconds);
    let history = &mut document.history;
    history.process.iter_mut().for_each(|point| point.t = halt.shifted(point.t));
    history.process.retain(|point| !halt.hides(point.t, &mut random));
    history.collections.iter_mut().for_each(|one| one.t = halt.shifted(one.t));
    let mut lives = lives(world, halt.shifted(seconds), halt, &mut random);
    for (site, history) in document.sites.iter().zip(&mut history.sites) {
        history.sums.iter_mut().for_each(|point| point.t = halt.shifted(point.t));
        history.sums.retain(|point| !halt.hides(point.t, &mut random));
        let place = usize::from_str_radix(&site.id, 16).unwrap_or(usize::MAX);
        (history.cohorts, history.lifetimes) =
            lives.get_mut(place).map(std::mem::take).unwrap_or_default();
    }
    document
}

type Life = (Vec<leakspy::model::Cohort>, Vec<leakspy::model::Lifetime>);

/// Cohorts and lifetimes of every place.
fn lives(world: &World, end: f64, halt: Halt, random: &mut Random) -> Vec<Life> {
    let mut accumulator = Accumulator::default();
    let mut last = 0.0;
    for number in 1..=whole(end / USUAL) {
        let due = number as f64 * USUAL;
        let final_one = due + USUAL > end;
        if halt.hides(due, random) && !final_one {
            continue;
        }
        let late = if halt == Halt::Irregular { random.between(0.0, 0.9 * USUAL) } else { 0.0 };
        let now = if final_one { end } else { due + late };
        if let Some((from, to)) = halt.still().filter(|(from, to)| last < *to && now > *from) {
            accumulator.stood_still(nanoseconds(from.max(last)), nanoseconds(to.min(now)));
        }
        snapshot(&mut accumulator, world, now, halt);
        last = now;
    }
    let mut lives = vec![Life::default(); world.places.len()];
    let put = |place: u64, cohorts: &[_], lifetimes: &[_]| -> Result<(), Infallible> {
        lives[usize::try_from(place).unwrap_or(0)] = (cohorts.to_vec(), lifetimes.to_vec());
        Ok(())
    };
    let Ok(()) = accumulator.changed(put);
    lives
}

fn snapshot(accumulator: &mut Accumulator, world: &World, now: f64, halt: Halt) {
    let Some(mut snapshot) = accumulator.snapshot(nanoseconds(now), nanoseconds(USUAL)) else {
        return;
    };
    for (key, place) in (0..).zip(&world.places) {
        let born = place.groups.iter().filter(|group| halt.shifted(group.birth) < now);
        let total = born.map(|group| Amount {
            bytes: whole(group.count) * whole(group.size),
            count: whole(group.count),
        });
        snapshot.allocated(key, total.fold(Amount::default(), Amount::plus));
    }
    for (key, place) in (0..).zip(&world.places) {
        for group in &place.groups {
            let (birth, death) = (halt.shifted(group.birth), halt.shifted(group.death));
            if birth < now && death > now {
                (0..whole(group.count)).for_each(|_| {
                    snapshot.block(key, Amount::block(whole(group.size)), nanoseconds(birth))
                });
            }
        }
    }
    snapshot.finish();
}

fn nanoseconds(t: f64) -> u64 {
    whole(t * 1e9)
}
