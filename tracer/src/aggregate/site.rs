//! What is known of one site from one snapshot to the next.

use super::grid::{Grid, JoinedPeriods, Period};
use super::pauses::Pauses;
use super::{deaths::Deaths, seconds};
use crate::model::{Amount, Cohort, Lifetime};

/// Blocks born in one period.
#[derive(Clone, Copy, Debug)]
struct Born {
    period: u32,
    allocated: Amount,
    /// Alive at the last snapshot.
    live: Amount,
    /// Found alive in the snapshot that is under way.
    found: Amount,
}

/// The time since the last snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Elapsed {
    /// Its first period of birth, and its last: the same where snapshots came as they should.
    pub first: Period,
    /// See `first`.
    pub last: Period,
    /// Nanoseconds in which blocks got older; where nobody watched, those between snapshots that
    /// come as they should.
    pub active: u64,
    /// Whether snapshots are missing.
    pub unwatched: bool,
}

impl Elapsed {
    /// The age at which blocks of an earlier period died in it, nanoseconds: of all births and all
    /// deaths the middle, or the least age where nobody knows when they died.
    fn age(&self, period: Period, pauses: &Pauses) -> u64 {
        let died = match self.unwatched {
            true => self.first.from.saturating_add(self.active / 2),
            false => self.first.from / 2 + self.last.to / 2,
        };
        pauses.active(period.from / 2 + period.to / 2, died)
    }
}

/// One site.
#[derive(Clone, Debug, Default)]
pub struct SiteAges {
    born: Vec<Born>,
    /// Allocated since the start, at the last snapshot.
    total: Amount,
    deaths: Deaths,
    /// Blocks older than this, nanoseconds, count as retained.
    age: u64,
    retained: Amount,
    retained_found: Amount,
    /// Whether cohorts or deaths differ from what was last handed out.
    changed: bool,
}

impl SiteAges {
    /// What it allocated since the start; the difference was born since the last snapshot. Blocks
    /// that are not at least `least` nanoseconds old are not retained.
    pub fn allocated(&mut self, elapsed: &Elapsed, total: Amount, least: u64) {
        self.age = self.age.max(least);
        let new = total.minus(self.total);
        self.total = total;
        if !new.is_nothing() {
            let nothing = Amount::default();
            let periods = elapsed.first.number..=elapsed.last.number;
            self.born.extend(periods.map(|period| Born {
                period,
                allocated: if period == elapsed.last.number { new } else { nothing },
                live: nothing,
                found: nothing,
            }));
            self.changed = true;
        }
    }

    /// Found alive: a block of `size` bytes that was born `ago` nanoseconds before this snapshot.
    pub fn found(&mut self, period: Period, block: Amount, ago: u64) {
        if ago > self.age {
            self.retained_found = self.retained_found.plus(block);
        }
        let index = self.born.partition_point(|born| born.period < period.number);
        // A block on its way was born in one period and added to the totals in the next.
        let near = index.min(self.born.len().saturating_sub(1));
        if let Some(born) = self.born.get_mut(near) {
            born.found = born.found.plus(block);
        }
    }

    /// Takes over what was found in a snapshot.
    pub fn settle(&mut self, grid: &Grid, pauses: &Pauses, elapsed: &Elapsed) {
        self.spread(elapsed.first);
        self.reconcile();
        for born in &mut self.born {
            let (found, live) = (std::mem::take(&mut born.found), born.live);
            if born.period >= elapsed.first.number {
                if !elapsed.unwatched {
                    self.deaths.unseen(elapsed.active, born.allocated.minus(found));
                }
            } else if found != live
                && let Some(period) = grid.named(born.period)
            {
                let age = elapsed.age(period, pauses);
                self.deaths.at_age(age, live.minus(found));
                self.deaths.take_back(age, found.minus(live));
                self.changed = true;
            }
            born.live = found;
        }
        self.retained = std::mem::take(&mut self.retained_found);
        self.age =
            self.age.max(self.deaths.normal_age().min(half(pauses.active(0, elapsed.last.to))));
    }

    /// What was born in a gap, over its periods: what is alive has its birth with it, and of what
    /// died nobody knows more than that it was born in one of them.
    fn spread(&mut self, first: Period) {
        let at = self.born.partition_point(|born| born.period < first.number);
        let parts = &mut self.born[at..];
        if parts.len() < 2 {
            return;
        }
        for field in [bytes, count] {
            let sum = |of: &dyn Fn(&mut Born) -> u64, parts: &mut [Born]| {
                parts.iter_mut().map(of).fold(0, u64::saturating_add)
            };
            let all = sum(&|born| *field(&mut born.allocated), parts);
            let found = sum(&|born| *field(&mut born.found), parts);
            // Totals and blocks are read one after the other: where they do not fit, evenly.
            let fits = found <= all;
            let mut rest = if fits { all - found } else { all };
            let mut left = parts.len() as u64;
            for born in parts.iter_mut() {
                let alive = if fits { *field(&mut born.found) } else { 0 };
                let share = rest / left;
                *field(&mut born.allocated) = alive.saturating_add(share);
                (rest, left) = (rest - share, left - 1);
            }
        }
        self.born.retain(|born| born.period < first.number || !born.allocated.is_nothing());
    }

    /// Totals and blocks are read one after the other while the target runs, so that a period may
    /// seem to have more alive than were born in it. What is too much belongs to its neighbours.
    fn reconcile(&mut self) {
        for field in [bytes, count] {
            let mut over = 0;
            for born in &mut self.born {
                over = spill(field(&mut born.found), *field(&mut born.allocated), over);
            }
            for born in self.born.iter_mut().rev() {
                over = spill(field(&mut born.found), *field(&mut born.allocated), over);
            }
        }
    }

    /// Two periods are one.
    pub fn join(&mut self, joined: JoinedPeriods) {
        let index = self.born.partition_point(|born| born.period < joined.gone);
        if self.born.get(index).is_some_and(|born| born.period == joined.gone) {
            self.changed = true;
            let gone = self.born[index];
            match index.checked_sub(1).map(|before| &mut self.born[before]) {
                Some(into) if into.period == joined.into => {
                    into.allocated = into.allocated.plus(gone.allocated);
                    into.live = into.live.plus(gone.live);
                    self.born.remove(index);
                }
                _ => self.born[index].period = joined.into,
            }
        } else if index > 0 && self.born[index - 1].period == joined.into {
            self.changed = true;
        }
    }

    /// The age in nanoseconds, and what is older and lives.
    pub fn retained(&self) -> (u64, Amount) {
        (self.age, self.retained)
    }

    /// Whether cohorts or deaths have changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// As the recording has it.
    pub fn cohorts<'a>(&'a self, grid: &'a Grid) -> impl Iterator<Item = Cohort> + 'a {
        self.born.iter().filter_map(|born| {
            let period = grid.named(born.period)?;
            Some(Cohort {
                from: seconds(period.from),
                to: seconds(period.to),
                allocated: born.allocated,
                live: born.live,
            })
        })
    }

    /// As the recording has it.
    pub fn lifetimes(&self) -> impl Iterator<Item = Lifetime> + '_ {
        self.deaths.lifetimes()
    }
}

/// Half of the time since the start, rounded down to a power of two, so that ages do not grow with
/// every snapshot.
fn half(now: u64) -> u64 {
    const SECOND: u64 = 1_000_000_000;
    (now / 2 / SECOND).checked_ilog2().map_or(0, |power| SECOND << power)
}

fn bytes(amount: &mut Amount) -> &mut u64 {
    &mut amount.bytes
}

fn count(amount: &mut Amount) -> &mut u64 {
    &mut amount.count
}

/// Adds `over` to what was found, as far as there is module; gives what is still too much.
fn spill(found: &mut u64, room: u64, over: u64) -> u64 {
    let all = found.saturating_add(over);
    *found = all.min(room);
    all - *found
}
