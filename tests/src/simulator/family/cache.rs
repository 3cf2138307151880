//! Caches that fill and are then full: 100 MB in 2,000 entries.

use super::super::world::{WEEK, World};
use super::background;
use super::{DAY, HOUR};

const ENTRIES: f64 = 2000.0;
const SIZE: f64 = 50_000.0;

fn new_keys(seconds: f64, seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    background::idle(&mut world, "open_document");
    background::fifo(&mut world, "render_page", ENTRIES, ENTRIES / seconds, SIZE);
    world.finish()
}

/// Full when 2,000 different of 3,000 keys came: after 3,000 × ln 3 hits.
fn random_keys(seconds: f64, seed: u64) -> World {
    let mut world = World::new(WEEK, seed);
    background::idle(&mut world, "open_document");
    let per_second = 3000.0 * 3.0_f64.ln() / seconds;
    let size = |random: &mut super::super::random::Random| SIZE * random.between(0.8, 1.2);
    background::lru(&mut world, "render_page", 2000, 3000, per_second, &size);
    world.finish()
}

pub fn new_1h(seed: u64) -> World {
    new_keys(HOUR, seed)
}

pub fn new_12h(seed: u64) -> World {
    new_keys(12.0 * HOUR, seed)
}

pub fn new_5d(seed: u64) -> World {
    new_keys(5.0 * DAY, seed)
}

/// Each entry is made with two copies of the same size that die soon: of what the stack allocates,
/// a third stays.
pub fn new_5d_temporary(seed: u64) -> World {
    let mut world = new_5d(seed);
    let places = world.places.iter_mut().filter(|place| place.function == "render_page");
    for place in places {
        let mut temporary = place.groups.clone();
        for group in &mut temporary {
            group.death = group.birth + 0.2;
            group.gone = group.death;
            group.count *= 2.0;
        }
        place.groups.extend(temporary);
    }
    world.finish()
}

pub fn random_1h(seed: u64) -> World {
    random_keys(HOUR, seed)
}

pub fn random_12h(seed: u64) -> World {
    random_keys(12.0 * HOUR, seed)
}

pub fn random_5d(seed: u64) -> World {
    random_keys(5.0 * DAY, seed)
}
