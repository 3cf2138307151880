//! What a recording of a simulated process holds at a moment: the same series as one of a real
//! process.

use leakspy_ebpf::wire::counter::Counter;

use leakspy::model::{
    Amount, Capture, Cohort, Collection, Document, Domain, Frame, History, Lifetime, Loss,
    ProcessPoint, PythonTarget, SCHEMA, Site, SiteHistory, SitePoint, Target, Tool, Totals,
};

use super::random::{Random, whole};
use super::world::{Place, TICK, World};

/// Ticks that a recording keeps; older ones are thinned out.
const TICKS: usize = 8192;
/// Memory of the process without any traced block, and its noise, bytes.
const BASE: f64 = 150e6;
const NOISE: f64 = 1e6;

/// A world with its sums at every tick, so that documents at many moments cost little.
pub struct Recording<'a> {
    world: &'a World,
    /// Per site and tick: allocated bytes, allocated blocks, freed bytes, freed blocks.
    sums: Vec<Vec<[f64; 4]>>,
    /// Anonymous memory at each tick.
    anonymous: Vec<f64>,
    /// The limit of the process, bytes.
    limit: Option<u64>,
}

impl<'a> Recording<'a> {
    /// Of a finished world.
    pub fn new(world: &'a World, limit: Option<u64>) -> Self {
        let sums: Vec<_> = world.places.iter().map(|place| sums(place, world.seconds)).collect();
        let anonymous = anonymous(world);
        Self { world, sums, anonymous, limit }
    }

    /// Expected memory of the process at a time: the leak's part up to then, and the usual height
    /// of the rest.
    pub fn trend(&self, t: f64) -> f64 {
        let Some(leak) = &self.world.leak else { return BASE };
        let rest = |tick: usize| {
            let t = tick as f64 * TICK;
            self.anonymous[tick] - leak.rate(0.0, t.max(1.0)) * t / 3600.0
        };
        let ticks = index(0.1 * self.world.seconds)..index(self.world.seconds);
        let number = ticks.len() as f64;
        leak.rate(0.0, t) * t / 3600.0 + ticks.map(rest).sum::<f64>() / number
    }

    /// What has been recorded by `t`.
    pub fn document(&self, t: f64) -> Document {
        let edges = edges(t);
        let ticks = ticks(t);
        let mut sites = Vec::with_capacity(self.sums.len());
        let mut histories = Vec::with_capacity(self.sums.len());
        for (number, (place, sums)) in self.world.places.iter().zip(&self.sums).enumerate() {
            let totals = totals(sums[index(t)]);
            if totals.allocated.count == 0 {
                continue;
            }
            sites.push(Site {
                id: format!("{number:08x}"),
                live: totals.live(),
                allocated: totals.allocated,
                size_class: place.size_class,
                domain: if place.arena { Domain::Mmap } else { Domain::Malloc },
                allocator: if place.arena { "mmap" } else { "malloc" }.to_owned(),
                stack: vec![Frame::python(place.function.as_str(), "app.py", Some(1))].into(),
                notes: Vec::new(),
            });
            histories.push(history(place, sums, &ticks, &edges, t));
        }
        let history = History {
            process: self.process(&ticks),
            marks: Vec::new(),
            collections: self.collections(t),
            sites: histories,
            ..History::default()
        };
        self.bare(t, sites, history)
    }

    fn bare(&self, t: f64, sites: Vec<Site>, history: History) -> Document {
        let events: f64 = sites.iter().map(|site| 2.0 * site.allocated.count as f64).sum();
        Document {
            schema: SCHEMA,
            tool: Tool { name: "leakspy".into(), version: "0".into() },
            target: Target {
                pid: 1,
                comm: "python".into(),
                exe: "/usr/bin/python".into(),
                started: 0,
                python: Some(PythonTarget {
                    version: "3.11.7".into(),
                    layout_source: "table".into(),
                }),
                limit_bytes: self.limit,
            },
            capture: Capture {
                started: 0,
                seconds: t,
                mode: "exact".into(),
                budget: None,
                cost_ratio: None,
                notes: Vec::new(),
            },
            losses: vec![
                Loss::new(Counter::AllocCalls, whole(events)),
                Loss::new(Counter::LiveFull, whole(self.world.lost * events / 2.0)),
            ],
            memory: Vec::new(),
            malloc: Vec::new(),
            growth: None,
            leaks: Vec::new(),
            findings: Vec::new(),
            types: None,
            sites,
            history,
        }
    }

    fn process(&self, ticks: &[usize]) -> Vec<ProcessPoint> {
        let point = |tick: &usize| {
            let t = *tick as f64 * TICK;
            let live: f64 = self.sums.iter().map(|sums| sums[*tick][0] - sums[*tick][2]).sum();
            ProcessPoint {
                t,
                live_bytes: whole(live),
                rss_bytes: Some(whole(self.anonymous[*tick])),
                rss_anon_bytes: Some(whole(self.anonymous[*tick])),
                sites: Some(whole(2000.0 * (t / self.world.new_sites).min(1.0))),
                ..ProcessPoint::default()
            }
        };
        ticks.iter().map(point).collect()
    }

    fn collections(&self, t: f64) -> Vec<Collection> {
        let past = self.world.collections.iter().filter(|at| **at < t);
        past.map(|at| Collection { t: (at / TICK).ceil() * TICK, count: 1 }).collect()
    }
}

/// The tick at or after a time.
fn index(t: f64) -> usize {
    usize::try_from(whole((t / TICK).max(0.0).ceil())).unwrap_or(usize::MAX)
}

fn sums(place: &Place, seconds: f64) -> Vec<[f64; 4]> {
    let mut sums = vec![[0.0; 4]; index(seconds) + 2];
    let last = sums.len() - 1;
    for group in &place.groups {
        let born = index(group.birth).min(last);
        sums[born][0] += group.count * group.size;
        sums[born][1] += group.count;
        if group.death < seconds {
            let died = index(group.death).min(last);
            sums[died][2] += group.count * group.size;
            sums[died][3] += group.count;
        }
    }
    for tick in 1..sums.len() {
        let before = sums[tick - 1];
        for (sum, before) in sums[tick].iter_mut().zip(before) {
            *sum += before;
        }
    }
    sums
}

/// Blocks that are really there, with noise that wanders and comes back.
fn anonymous(world: &World) -> Vec<f64> {
    let mut change = vec![0.0; index(world.seconds) + 2];
    let last = change.len() - 1;
    for group in world.places.iter().flat_map(|place| &place.groups) {
        change[index(group.birth).min(last)] += group.count * group.size;
        if group.gone < world.seconds {
            change[index(group.gone).min(last)] -= group.count * group.size;
        }
    }
    let mut random = Random::new(world.random.clone().number());
    let (mut noise, mut live) = (0.0, 0.0);
    (0..)
        .zip(change)
        .map(|(tick, change)| {
            noise = 0.95 * noise + NOISE * 0.312 * random.normal();
            live += change;
            BASE + live + noise + world.fragmentation * f64::from(tick) * TICK / 3600.0
        })
        .collect()
}

/// The ticks that are kept: all of the recent ones, every second of the older half, and so on.
fn ticks(t: f64) -> Vec<usize> {
    const RECENT: usize = TICKS / 4;
    let last = index(t);
    let (mut kept, mut age) = (Vec::new(), 0);
    while age <= last {
        kept.push(last - age);
        // The older, the further apart: twice as far at twice the age.
        age += match age / RECENT {
            0 => 1,
            times => 2_usize << times.ilog2(),
        };
    }
    kept.reverse();
    kept
}

/// Edges of the cohorts at `t`, oldest first: aligned powers of two times a tick, about an eighth
/// of their age wide.
pub fn edges(t: f64) -> Vec<f64> {
    let last = index(t);
    let (mut edges, mut end) = (vec![last], last);
    while end > 0 {
        let mut width = 1;
        while end.is_multiple_of(width * 2) && width * 2 * 8 <= last - end + width * 2 {
            width *= 2;
        }
        end -= width.min(end);
        edges.push(end);
    }
    edges.reverse();
    edges.iter().map(|edge| *edge as f64 * TICK).collect()
}

fn history(
    place: &Place,
    sums: &[[f64; 4]],
    ticks: &[usize],
    edges: &[f64],
    t: f64,
) -> SiteHistory {
    let mut cohorts = vec![[0.0; 4]; edges.len() - 1];
    let mut lifetimes = [[0.0; 2]; 24];
    let mut at = 0;
    for group in place.groups.iter().take_while(|group| group.birth < t) {
        while at + 1 < cohorts.len() && group.birth >= edges[at + 1] {
            at += 1;
        }
        let (count, bytes) = (group.count, group.count * group.size);
        cohorts[at][0] += bytes;
        cohorts[at][1] += count;
        if group.death > t {
            cohorts[at][2] += bytes;
            cohorts[at][3] += count;
        } else {
            let bin = bin(group.death - group.birth).min(lifetimes.len() - 1);
            lifetimes[bin][0] += bytes;
            lifetimes[bin][1] += count;
        }
    }
    SiteHistory {
        sums: points(sums, ticks),
        cohorts: (0..cohorts.len()).filter_map(|at| cohort(edges, at, cohorts[at])).collect(),
        lifetimes: (0_u32..)
            .zip(lifetimes)
            .filter(|(_, freed)| freed[1] > 0.0)
            .map(|(bin, [bytes, count])| Lifetime {
                up_to: f64::from(1_u32 << bin),
                freed: Amount { bytes: whole(bytes), count: whole(count) },
            })
            .collect(),
        ..SiteHistory::default()
    }
}

/// The power of two of seconds that an age stays below.
fn bin(age: f64) -> usize {
    let seconds = whole(age.ceil()).max(1).next_power_of_two();
    usize::try_from(seconds.trailing_zeros()).unwrap_or(0)
}

fn cohort(edges: &[f64], at: usize, [allocated, born, bytes, live]: [f64; 4]) -> Option<Cohort> {
    (born > 0.0).then(|| Cohort {
        from: edges[at],
        to: edges[at + 1],
        allocated: Amount { bytes: whole(allocated), count: whole(born) },
        live: Amount { bytes: whole(bytes), count: whole(live) },
    })
}

/// Sums as whole numbers.
fn totals(sums: [f64; 4]) -> Totals {
    let [bytes, count, freed_bytes, freed_count] = sums.map(whole);
    Totals {
        allocated: Amount { bytes, count },
        freed: Amount { bytes: freed_bytes, count: freed_count },
    }
}

/// The sums at the ticks at which they had changed.
fn points(sums: &[[f64; 4]], ticks: &[usize]) -> Vec<SitePoint> {
    let mut points = Vec::new();
    let mut before = [0.0; 4];
    for tick in ticks {
        let now = sums[*tick];
        if now != before {
            points.push(SitePoint { t: *tick as f64 * TICK, totals: totals(now) });
        }
        before = now;
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cohorts_are_an_eighth_of_their_age_wide_and_leave_no_gap() {
        for t in [120.0, 3600.0, 604_800.0] {
            let edges = edges(t);
            assert_eq!((edges[0], edges[edges.len() - 1]), (0.0, t));
            for pair in edges.windows(2) {
                let (width, age) = (pair[1] - pair[0], t - pair[0]);
                assert!(width >= TICK && (width == TICK || width <= age / 8.0 + 1e-6), "{pair:?}");
            }
            assert!(edges.len() < 130, "{}", edges.len());
        }
    }

    #[test]
    fn ticks_thin_out() {
        assert_eq!(ticks(120.0).len(), 13);
        let week = ticks(604_800.0);
        assert!(week.len() < TICKS && week.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(week.last(), Some(&60_480));
    }

    #[test]
    fn a_recording_says_what_happened() {
        let mut world = World::new(600.0, 1);
        world.blocks("keep", 15.0, f64::INFINITY, 3, 100.0);
        world.blocks("keep", 25.0, 85.0, 2, 100.0);
        let world = world.finish();
        let document = Recording::new(&world, None).document(300.0);
        let history = &document.history.sites[0];
        assert_eq!(document.sites[0].live.bytes, 300);
        let live: u64 = history.cohorts.iter().map(|cohort| cohort.live.count).sum();
        assert_eq!(live, 3);
        let freed = Lifetime { up_to: 64.0, freed: Amount { bytes: 200, count: 2 } };
        assert_eq!(history.lifetimes, [freed]);
        assert_eq!(history.sums.len(), 3);
    }
}
