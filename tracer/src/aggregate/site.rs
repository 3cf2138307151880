//! What is known of one site from one snapshot to the next.

use super::grid::{Grid, JoinedPeriods, Period};
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
    /// What it allocated since the start; the difference was born in `period`. Blocks that are not
    /// at least `least` nanoseconds old are not retained.
    pub fn allocated(&mut self, period: Period, total: Amount, least: u64) {
        self.age = self.age.max(least);
        let new = total.minus(self.total);
        self.total = total;
        if !new.is_nothing() {
            let nothing = Amount::default();
            self.born.push(Born {
                period: period.number,
                allocated: new,
                live: nothing,
                found: nothing,
            });
            self.changed = true;
        }
    }

    /// Found alive: a block of `size` bytes that was born `ago` nanoseconds before this snapshot.
    pub fn found(&mut self, period: Period, size: u64, ago: u64) {
        let block = Amount::block(size);
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

    /// Takes over what was found in a snapshot; `last` is its period.
    pub fn settle(&mut self, grid: &Grid, last: Period) {
        self.reconcile();
        let interval = last.to - last.from;
        for born in &mut self.born {
            let (found, live) = (std::mem::take(&mut born.found), born.live);
            if born.period == last.number {
                self.deaths.unseen(interval, born.allocated.minus(found));
            } else if found != live
                && let Some(period) = grid.named(born.period)
            {
                // Of all births and all deaths between the snapshots, the middle.
                let age = (last.from / 2 + last.to / 2) - (period.from / 2 + period.to / 2);
                self.deaths.at_age(age, live.minus(found));
                self.deaths.take_back(age, found.minus(live));
                self.changed = true;
            }
            born.live = found;
        }
        self.retained = std::mem::take(&mut self.retained_found);
        self.age = self.age.max(self.deaths.normal_age().min(half(last.to)));
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
