//! A process whose every block is known: when it was born, when it dies, and whether it leaks.

use leakspy_ebpf::sampling;

use super::random::{Random, whole};

/// Seconds between two ticks of the recording.
pub const TICK: f64 = 10.0;
/// Seconds of a week.
pub const WEEK: f64 = 7.0 * 86_400.0;

/// Blocks that were born together, on one site, and die together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// When they are allocated, seconds from the start of the recording.
    pub birth: f64,
    /// When the recording sees them freed; infinity for never.
    pub death: f64,
    /// When they are really freed: not the same where the recording missed it.
    pub gone: f64,
    /// How many; sampled ones are counted by their weight.
    pub count: f64,
    /// Bytes of each.
    pub size: f64,
}

/// A site of the simulated process.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The one function of its stack.
    pub function: String,
    /// Size class, a power of two.
    pub size_class: u64,
    /// Whether it maps arenas of Python's small-object allocator.
    pub arena: bool,
    /// Its blocks, in the order of birth once the world is finished.
    pub groups: Vec<Group>,
}

/// What leaks, and how fast.
#[derive(Clone, Debug)]
pub struct Leak {
    /// The function that the finding must name.
    pub function: String,
    /// What is leaked per hour on average, bytes.
    pub per_hour: f64,
    /// Relative daily swing of that.
    pub daily: f64,
}

impl Leak {
    /// Average rate between two times, bytes per hour.
    pub fn rate(&self, from: f64, to: f64) -> f64 {
        if self.daily == 0.0 {
            return self.per_hour;
        }
        let phase = |t: f64| (std::f64::consts::TAU * t / 86_400.0).cos();
        let swing = (phase(from) - phase(to)) * 86_400.0 / std::f64::consts::TAU / (to - from);
        self.per_hour * (1.0 + self.daily * swing)
    }
}

/// A simulated process.
#[derive(Clone, Debug)]
pub struct World {
    /// How long it is watched, seconds.
    pub seconds: f64,
    /// Its sites.
    pub places: Vec<Place>,
    /// What leaks, if anything.
    pub leak: Option<Leak>,
    /// Full collections.
    pub collections: Vec<f64>,
    /// Share of the releases that the recording misses.
    pub lost: f64,
    /// Growth of resident memory that no block explains, bytes per hour.
    pub fragmentation: f64,
    /// Sites that show up by this time: seconds, number.
    pub new_sites: f64,
    /// Mean interval of byte sampling; `None` for exact recordings.
    pub sampling: Option<f64>,
    /// Its randomness.
    pub random: Random,
}

impl World {
    /// A process in which nothing happens.
    pub fn new(seconds: f64, seed: u64) -> Self {
        Self {
            seconds,
            places: Vec::new(),
            leak: None,
            collections: Vec::new(),
            lost: 0.0,
            fragmentation: 0.0,
            new_sites: 900.0,
            sampling: None,
            random: Random::new(seed),
        }
    }

    /// `count` blocks of `size` bytes under `function`, from `birth` to `death`. Lost releases and
    /// sampling happen here.
    pub fn blocks(&mut self, function: &str, birth: f64, death: f64, count: u64, size: f64) {
        if count == 0 || birth >= self.seconds {
            return;
        }
        let group = |count: f64, seen: f64| Group { birth, death: seen, gone: death, count, size };
        if let Some(interval) = self.sampling {
            // Each byte is taken with the same small chance; a block that has one counts for 1/p
            // blocks.
            let p = 1.0 - (-size / interval).exp();
            let taken = (0..count).filter(|_| self.random.chance(p)).count();
            if taken > 0 {
                let weighted = (taken as f64 / p).round().max(1.0);
                self.place(function, size).groups.push(group(weighted, death));
            }
            return;
        }
        let mut stay = 0;
        if self.lost > 0.0 && death.is_finite() {
            let expected = self.lost * count as f64;
            stay = if count == 1 {
                u64::from(self.random.chance(expected))
            } else {
                self.random.poisson(expected).min(count)
            };
        }
        let place = self.place(function, size);
        if stay < count {
            place.groups.push(group((count - stay) as f64, death));
        }
        if stay > 0 {
            place.groups.push(group(stay as f64, f64::INFINITY));
        }
    }

    /// The same process, of whose blocks some were recorded and stand for the others, as by [`leakspy_ebpf::sampling`].
    /// Mappings always are.
    pub fn sampled(mut self, period: u32) -> Self {
        let mut random = Random::new(self.random.number());
        for place in self.places.iter_mut().filter(|place| !place.arena) {
            for group in &mut place.groups {
                let weight = sampling::weight(period, whole(group.size));
                let chance = 1.0 / weight as f64;
                let chosen = (0..whole(group.count)).filter(|_| random.chance(chance)).count();
                group.count = (chosen as u64 * weight) as f64;
            }
            place.groups.retain(|group| group.count > 0.0);
        }
        self
    }

    /// One arena of Python's small-object allocator.
    pub fn arena(&mut self, function: &str, birth: f64, death: f64) {
        let size = f64::from(1_u32 << 20);
        let place = self.place(function, size);
        place.arena = true;
        place.groups.push(Group { birth, death, gone: death, count: 1.0, size });
    }

    fn place(&mut self, function: &str, size: f64) -> &mut Place {
        let size_class = whole(size.max(1.0)).next_power_of_two();
        let known = self
            .places
            .iter()
            .position(|place| place.size_class == size_class && place.function == function);
        let at = known.unwrap_or_else(|| {
            let function = function.to_owned();
            self.places.push(Place { function, size_class, ..Place::default() });
            self.places.len() - 1
        });
        &mut self.places[at]
    }

    /// Puts every site's blocks in order.
    pub fn finish(mut self) -> Self {
        for place in &mut self.places {
            place.groups.sort_by(|a, b| a.birth.total_cmp(&b.birth));
        }
        self
    }
}
