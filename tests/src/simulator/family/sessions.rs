//! Sessions with lognormal sizes and lives, of which a share is never given back.

use super::super::world::{Leak, WEEK, World};
use super::{DAY, background};

const PER_HOUR: f64 = 60.0;
/// Median size of a session's buffer, and the spread of its logarithm.
const SIZE: f64 = 300_000.0;
const SIGMA: f64 = 0.8;

struct Plan {
    retained: f64,
    median_life: f64,
    sigma: f64,
    daily: f64,
    lost: f64,
}

const PLAN: Plan = Plan { retained: 0.0, median_life: 600.0, sigma: 1.0, daily: 0.0, lost: 0.0 };

fn sessions(plan: &Plan, seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    world.lost = plan.lost;
    background::idle(&mut world, "open_document");
    let mut t = 0.0;
    loop {
        // Thinning (Lewis and Shedler 1979): candidates at the highest rate, taken by the rate of
        // the moment.
        t += world.random.exponential(3600.0 / PER_HOUR / (1.0 + plan.daily));
        if t >= WEEK {
            break;
        }
        let rate =
            (1.0 + plan.daily * (std::f64::consts::TAU * t / DAY).sin()) / (1.0 + plan.daily);
        if !world.random.chance(rate) {
            continue;
        }
        let kept = world.random.chance(plan.retained);
        let life = world.random.lognormal(plan.median_life, plan.sigma);
        let death = if kept { f64::INFINITY } else { t + life };
        let size = world.random.lognormal(SIZE, SIGMA);
        world.blocks("open_session", t, death, 1, size);
        world.blocks("open_session", t, death, 20, 600.0);
    }
    if plan.retained > 0.0 {
        let mean = SIZE * (0.5 * SIGMA * SIGMA).exp() + 12_000.0;
        world.leak = Some(Leak {
            function: "open_session".into(),
            per_hour: PER_HOUR * plan.retained * mean,
            daily: 0.0,
        });
    }
    world.finish()
}

pub fn five_percent(seed: u64) -> World {
    sessions(&Plan { retained: 0.05, ..PLAN }, seed)
}

pub fn one_percent(seed: u64) -> World {
    sessions(&Plan { retained: 0.01, ..PLAN }, seed)
}

pub fn none(seed: u64) -> World {
    sessions(&PLAN, seed)
}

pub fn heavy(seed: u64) -> World {
    sessions(&Plan { median_life: 900.0, sigma: 1.5, ..PLAN }, seed)
}

pub fn daily(seed: u64) -> World {
    sessions(&Plan { median_life: 3600.0, daily: 0.3, ..PLAN }, seed)
}

pub fn lossy(seed: u64) -> World {
    sessions(&Plan { lost: 0.01, ..PLAN }, seed)
}
