//! What every process does beside the thing that matters.

use std::collections::HashMap;

use super::super::random::Random;
use super::super::world::World;

/// A busy worker: an LRU of 3,000 rendered fragments under random hits, sessions of 100 to 400 kB
/// swept in batches, garbage of every request, and what the first requests leave behind.
pub fn busy(world: &mut World) {
    lru(world, "get_fragment", 3000, 6000, 200.0, &|random| random.between(1000.0, 2023.0));
    swept(world, "open_session", 3.0, 10.0, 12.0);
    let mut t = 0.0;
    while t < world.seconds {
        let size = world.random.between(1000.0, 60_000.0);
        world.blocks("answer", t, t + 0.01, 1, size);
        world.blocks("dumps", t, t + 0.005, 3, 0.05 * size);
        t += world.random.exponential(0.1);
    }
    starting(world, 60.0);
}

/// A server of few users: sessions with buffers of 20 MB ± 50 % for about half an hour, six an
/// hour, and requests. `function` is the stack of the buffers.
pub fn idle(world: &mut World, function: &str) {
    let mut t = world.random.exponential(600.0);
    while t < world.seconds {
        let (life, size) = (world.random.exponential(1800.0), world.random.between(10e6, 30e6));
        world.blocks(function, t, t + life, 1, size);
        world.blocks("request_context", t, t + life, 12, 700.0);
        t += world.random.exponential(600.0);
    }
    let mut t = 0.0;
    while t < world.seconds {
        world.blocks("answer", t, t + 0.05, 50, 3000.0);
        t += 60.0;
    }
    starting(world, 900.0);
}

/// What a program takes once, most of it early: tables, code, connections.
fn starting(world: &mut World, seconds: f64) {
    for site in 0..12 {
        let function = format!("setup_{site}");
        let mut t = world.random.exponential(0.02 * seconds);
        while t < seconds {
            let size = world.random.of_any_size(50.0, 100_000.0);
            world.blocks(&function, t, f64::INFINITY, 1 + site % 4, size);
            t += world.random.exponential(0.15 * seconds) + 0.5 * t;
        }
    }
}

/// Sessions that live at least `life` seconds and are swept every `every` seconds.
pub fn swept(world: &mut World, function: &str, per_second: f64, life: f64, every: f64) {
    let phase = world.random.between(0.0, every);
    let mut t = 0.0;
    while t < world.seconds {
        let death = ((t + life - phase) / every).ceil() * every + phase;
        let size = world.random.between(100_000.0, 400_000.0);
        world.blocks(function, t, death, 1, size);
        world.blocks("session_form", t, death, 4, 9000.0);
        t += world.random.exponential(1.0 / per_second);
    }
}

/// A cache of `capacity` entries under hits of `keys` random keys, `per_second`, that gives up the
/// one that was not used for longest.
pub fn lru(
    world: &mut World,
    function: &str,
    capacity: usize,
    keys: u64,
    per_second: f64,
    size: &dyn Fn(&mut Random) -> f64,
) {
    // Uses in their order; an entry's older uses are skipped when it is looked for something to
    // give up.
    let mut uses: std::collections::VecDeque<(u64, u64)> = std::collections::VecDeque::new();
    let mut entries: HashMap<u64, (u64, f64, f64)> = HashMap::new();
    let (mut t, mut number) = (0.0, 0);
    while t < world.seconds {
        let key = world.random.below(keys);
        number += 1;
        uses.push_back((key, number));
        match entries.get_mut(&key) {
            Some(entry) => entry.0 = number,
            None => {
                let size = size(&mut world.random);
                entries.insert(key, (number, t, size));
            }
        }
        while entries.len() > capacity {
            let Some((old, used)) = uses.pop_front() else { break };
            if entries.get(&old).is_some_and(|entry| entry.0 == used)
                && let Some((_, birth, size)) = entries.remove(&old)
            {
                world.blocks(function, birth, t, 1, size);
            }
        }
        t += world.random.exponential(1.0 / per_second);
    }
    let mut left: Vec<_> = entries.into_values().collect();
    left.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (_, birth, size) in left {
        world.blocks(function, birth, f64::INFINITY, 1, size);
    }
}

/// A cache of `capacity` entries that are new every time, `per_second`, and given up in their
/// order.
pub fn fifo(world: &mut World, function: &str, capacity: f64, per_second: f64, size: f64) {
    let life = capacity / per_second;
    let step = (1.0 / per_second).max(2.0);
    let mut t = 0.0;
    while t < world.seconds {
        let count = world.random.poisson(step * per_second);
        let death = t + life * (1.0 + 0.2 / capacity.sqrt() * world.random.normal());
        let size = size * world.random.between(0.8, 1.2);
        world.blocks(function, t, death, count, size);
        t += step;
    }
}
