//! What happens within ten minutes, beside a busy background.

use super::super::world::{Leak, World};
use super::background;

const SECONDS: f64 = 600.0;

fn busy(seed: u64) -> World {
    let mut world = World::new(SECONDS, seed);
    world.new_sites = 45.0;
    background::busy(&mut world);
    world
}

fn leaks(world: &mut World, function: &str, per_second: f64) {
    world.leak =
        Some(Leak { function: function.into(), per_hour: per_second * 3600.0, daily: 0.0 });
}

/// 50 to 200 KB a second in blocks of a few bytes to some 100 KB.
pub fn leak(seed: u64) -> World {
    let mut world = busy(seed);
    let rate = world.random.between(50e3, 200e3);
    let size = world.random.of_any_size(16.0, 300e3);
    let mut t = 0.0;
    while t < SECONDS {
        let step = (size / rate).max(0.25);
        let count = world.random.poisson(step * rate / size);
        let size = size * world.random.between(0.9, 1.1);
        world.blocks("load", t, f64::INFINITY, count, size);
        t += step;
    }
    leaks(&mut world, "load", rate);
    world.finish()
}

/// One of ten buffers of 40 kB is lost, the others die at once on the same stack.
pub fn error_path(seed: u64) -> World {
    let mut world = busy(seed);
    let mut t = 0.0;
    while t < SECONDS {
        let lost = world.random.chance(0.1);
        let death = if lost { f64::INFINITY } else { t + 0.01 };
        let size = world.random.between(35e3, 45e3);
        world.blocks("decode", t, death, 1, size);
        t += world.random.exponential(1.0 / 20.0);
    }
    leaks(&mut world, "decode", 80e3);
    world.finish()
}

/// 60 to 250 KB of small objects a second: an arena now and then, mostly where they are made.
pub fn arenas(seed: u64) -> World {
    let mut world = busy(seed);
    let rate = world.random.between(60e3, 250e3);
    let size = f64::from(1_u32 << 20);
    let mut t = world.random.between(0.0, size / rate);
    while t < SECONDS {
        let function = if world.random.chance(0.7) { "make_entry" } else { "dumps" };
        world.arena(function, t, f64::INFINITY);
        t += size / rate * world.random.between(0.7, 1.3);
    }
    leaks(&mut world, "make_entry", rate);
    world.finish()
}

/// A session in five is never swept.
pub fn retained(seed: u64) -> World {
    let mut world = busy(seed);
    let mut t = 0.0;
    while t < SECONDS {
        let kept = world.random.chance(0.2);
        let death = if kept { f64::INFINITY } else { t + world.random.between(5.0, 12.0) };
        world.blocks("subscribe", t, death, 1, 250e3);
        world.blocks("subscribe", t, death, 20, 900.0);
        t += world.random.exponential(0.5);
    }
    leaks(&mut world, "subscribe", 2.0 * 0.2 * 268e3);
    world.finish()
}

pub fn cache_short(seed: u64) -> World {
    let mut world = busy(seed);
    background::fifo(&mut world, "render_page", 40_000.0, 150.0, 1500.0);
    world.finish()
}

pub fn cache_long(seed: u64) -> World {
    let mut world = busy(seed);
    background::fifo(&mut world, "render_page", 72_000.0, 150.0, 1500.0);
    world.finish()
}

/// Events gather and are written out in one go.
pub fn queue(seed: u64) -> World {
    let mut world = busy(seed);
    let phase = world.random.between(0.0, 180.0);
    let mut t = 0.0;
    while t < SECONDS {
        let drained = ((t - phase) / 180.0).ceil() * 180.0 + phase;
        let count = world.random.poisson(150.0);
        world.blocks("record_event", t, drained, count, 350.0);
        t += 1.0;
    }
    world.finish()
}

pub fn swept(seed: u64) -> World {
    let mut world = busy(seed);
    background::swept(&mut world, "open_cart", 2.0, 40.0, 75.0);
    world.finish()
}

pub fn garbage(seed: u64) -> World {
    let mut world = busy(seed);
    let phase = world.random.between(0.0, 90.0);
    world.collections = (0..8).map(|n| phase + 90.0 * f64::from(n)).collect();
    let mut t = 0.0;
    while t < SECONDS {
        let death = ((t + 5.0 - phase) / 90.0).ceil() * 90.0 + phase;
        let count = world.random.poisson(200.0);
        world.blocks("build_tree", t, death, count, 3200.0);
        t += 1.0;
    }
    world.finish()
}

/// Every four seconds something is imported and stays.
pub fn imports(seed: u64) -> World {
    let mut world = busy(seed);
    world.new_sites = 200.0;
    let mut t = 0.0;
    while t < 184.0 {
        for _ in 0..30 {
            let size = world.random.of_any_size(600.0, 60e3);
            world.blocks("load_feature", t, f64::INFINITY, 1, size);
        }
        world.blocks("compile", t, f64::INFINITY, 200, 700.0);
        t += 4.0;
    }
    world.finish()
}

pub fn alone(seed: u64) -> World {
    busy(seed).finish()
}

/// Jobs with 1 MB each, most of them short and some of minutes.
pub fn jobs(seed: u64) -> World {
    let mut world = busy(seed);
    let mut t = 0.0;
    while t < SECONDS {
        let life = world.random.lognormal(20.0, 1.2).min(300.0);
        world.blocks("run_job", t, t + life, 1, 1e6);
        world.blocks("run_job", t, t + life, 30, 800.0);
        t += world.random.exponential(2.0);
    }
    world.finish()
}
