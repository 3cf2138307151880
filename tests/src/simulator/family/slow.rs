//! What takes hours or days.

use super::super::world::{Leak, WEEK, World};
use super::{DAY, HOUR, background};

const PER_HOUR: f64 = 400_000.0;

fn leak(function: &str, per_hour: f64, daily: f64) -> Option<Leak> {
    Some(Leak { function: function.into(), per_hour, daily })
}

/// Blocks of 50 to 2,000 bytes, by chance, from `begin` on.
fn drip(world: &mut World, daily: f64) {
    let mut t = 0.0;
    while t < world.seconds {
        let swing = 1.0 + daily * (std::f64::consts::TAU * t / DAY).sin();
        let size = world.random.between(500.0, 1000.0);
        let count = world.random.poisson(swing * PER_HOUR * 20.0 / HOUR / 750.0);
        world.blocks("remember", t, f64::INFINITY, count, size);
        t += 20.0;
    }
    world.leak = leak("remember", PER_HOUR, daily);
}

pub fn linear(seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    background::idle(&mut world, "open_document");
    drip(&mut world, 0.0);
    world.finish()
}

pub fn daily(seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    background::idle(&mut world, "open_document");
    drip(&mut world, 0.3);
    world.finish()
}

/// The process is days old: its cache is full, and what it took at the start is not seen.
pub fn attached(seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    world.new_sites = 120.0;
    background::idle(&mut world, "open_document");
    background::fifo(&mut world, "render_page", 200.0, 200.0 / HOUR, 50_000.0);
    drip(&mut world, 0.0);
    world.finish()
}

pub fn lossy(seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    world.lost = 0.01;
    background::idle(&mut world, "open_document");
    drip(&mut world, 0.0);
    world.finish()
}

/// 40 blocks of 1,000 bytes every 30 minutes ± 6, on the stack that also serves the sessions'
/// buffers.
fn stepping(sampling: Option<f64>, seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    world.sampling = sampling;
    background::idle(&mut world, "open_document");
    let mut t = world.random.between(0.0, 1800.0);
    while t < world.seconds {
        world.blocks("open_document", t, f64::INFINITY, 40, 1000.0);
        t += world.random.between(1440.0, 2160.0);
    }
    world.leak = leak("open_document", 80_000.0, 0.0);
    world.finish()
}

pub fn steps(seed: u64) -> World {
    stepping(None, seed)
}

pub fn sampled_steps(seed: u64) -> World {
    stepping(Some(65_536.0), seed)
}

/// A megabyte of small objects every half hour: an arena now and then, wherever it is needed.
pub fn arenas(seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    background::idle(&mut world, "open_document");
    let mut t = 0.0;
    loop {
        t += world.random.between(1200.0, 2400.0);
        if t >= world.seconds {
            break;
        }
        let function = if world.random.chance(0.7) { "remember" } else { "answer" };
        world.arena(function, t, f64::INFINITY);
    }
    world.leak = leak("remember", 2.0 * f64::from(1_u32 << 20), 0.0);
    world.finish()
}

/// Ever fewer new things: the rate falls as one over the time since the start.
pub fn warm_up(seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    background::idle(&mut world, "open_document");
    let mut t = 0.0;
    while t < world.seconds {
        let count = world.random.poisson(60.0 / (1.0 + t / 600.0));
        world.blocks("intern", t, f64::INFINITY, count, 2000.0);
        t += 60.0;
    }
    world.finish()
}

/// Cyclic garbage that only a full collection frees.
pub fn staircase(seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    background::idle(&mut world, "open_document");
    let mut next = 2.0 * HOUR * world.random.between(0.3, 1.0);
    let mut t = 0.0;
    while t < world.seconds {
        while next < t + 60.0 {
            world.collections.push(next);
            next += 2.0 * HOUR * world.random.between(0.9, 1.1);
        }
        let count = world.random.poisson(20.0);
        world.blocks("build_tree", t, next, count, 3000.0);
        t += 60.0;
    }
    world.finish()
}

/// Resident memory grows, and what the program uses does not.
pub fn fragmentation(seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    world.fragmentation = 3e6;
    background::idle(&mut world, "open_document");
    world.finish()
}

/// At hour 3 workers are forked: pages are copied, tables are built once more, connections are
/// opened.
pub fn fork(seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    background::idle(&mut world, "open_document");
    for site in 0..10 {
        for block in 0..40 {
            let size = world.random.of_any_size(100.0, 200_000.0);
            let t = 3.0 * HOUR + world.random.exponential(60.0);
            world.blocks(&format!("after_fork_{}", site + block % 2), t, f64::INFINITY, 2, size);
        }
    }
    world.finish()
}
