//! Reading a table that targets share: once for all who ask at about the same time.
//!
//! Whoever asks gets rows that were read after it asked. Who comes while a reading is under way waits
//! for the next one, together with all others that come; one of them does the reading.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two readings there is so much more time than one takes: others may come meanwhile, and a
/// processor is not read full.
const REST: u32 = 4;
/// But not more than this.
const LONGEST_REST: Duration = Duration::from_millis(50);

/// Who reads a table, and for whom. `R` is a row.
pub struct Sweep<R> {
    turns: Mutex<Turns<R>>,
    ended: Condvar,
}

struct Turns<R> {
    /// Whether somebody reads, or is about to.
    running: bool,
    next: u64,
    /// The slots of those who wait for a reading that has not begun, by their tickets.
    waiting: BTreeMap<u64, u32>,
    /// Rows that were read for somebody.
    ready: BTreeMap<u64, Arc<Vec<R>>>,
    /// Slots whose rows change no more.
    settled: BTreeMap<u32, Settled<R>>,
    /// When a reading ended last, and how long it took.
    last: Option<(Instant, Duration)>,
}

/// The rows of a slot that change no more.
enum Settled<R> {
    /// No reading has begun since.
    Unread,
    /// The one that is under way reads them.
    Begun,
    /// Read along with others'.
    Read(Arc<Vec<R>>),
}

impl<R> Default for Sweep<R> {
    fn default() -> Self {
        let (waiting, ready, settled) = Default::default();
        let turns = Turns { running: false, next: 0, waiting, ready, settled, last: None };
        Self { turns: Mutex::new(turns), ended: Condvar::new() }
    }
}

impl<R: Clone> Sweep<R> {
    /// Hands out the rows of a slot. `read` reads the whole table and says of each row whose it is.
    ///
    /// # Errors
    /// Those of `read`. Nobody else notices: they read for themselves.
    pub fn read<E>(
        &self,
        slot: u32,
        each: &mut dyn FnMut(R),
        read: impl FnOnce(&mut dyn FnMut(u32, R)) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = match self.wait(slot) {
            Turn::Ready(rows) => rows,
            Turn::Mine => return self.read_for_all(slot, each, read),
        };
        rows.iter().cloned().for_each(each);
        Ok(())
    }

    /// The rows of a slot change no more: its next reading may be another's from now on.
    pub fn settle(&self, slot: u32) {
        self.turns().settled.insert(slot, Settled::Unread);
    }

    /// Nobody asks for a slot any more.
    pub fn forget(&self, slot: u32) {
        self.turns().settled.remove(&slot);
    }

    fn turns(&self) -> MutexGuard<'_, Turns<R>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until there are rows, or nobody reads. Then it is the caller who does.
    fn wait(&self, slot: u32) -> Turn<R> {
        let mut turns = self.turns();
        let ticket = turns.next;
        turns.next += 1;
        turns.waiting.insert(ticket, slot);
        loop {
            if let Some(rows) = turns.ready.remove(&ticket).or_else(|| turns.settled(slot)) {
                turns.waiting.remove(&ticket);
                return Turn::Ready(rows);
            }
            if !turns.running {
                turns.waiting.remove(&ticket);
                turns.running = true;
                return Turn::Mine;
            }
            turns = self.ended.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn read_for_all<E>(
        &self,
        slot: u32,
        each: &mut dyn FnMut(R),
        read: impl FnOnce(&mut dyn FnMut(u32, R)) -> Result<(), E>,
    ) -> Result<(), E> {
        let running = Running(self);
        let rest = self
            .turns()
            .last
            .map_or(Duration::ZERO, |(ended, took)| rest(took).saturating_sub(ended.elapsed()));
        std::thread::sleep(rest);
        let (tickets, mut rows) = self.turns().begin();
        let begun = Instant::now();
        read(&mut |owner, row: R| {
            if let Some(rows) = rows.get_mut(&owner) {
                rows.push(row.clone());
            }
            if owner == slot {
                each(row);
            }
        })?;
        self.turns().end(tickets, rows, begun.elapsed());
        drop(running);
        Ok(())
    }
}

/// How long to wait after a reading.
fn rest(took: Duration) -> Duration {
    took.saturating_mul(REST).min(LONGEST_REST)
}

enum Turn<R> {
    Ready(Arc<Vec<R>>),
    Mine,
}

impl<R> Turns<R> {
    /// Who waits now, and room for the rows of all that are wanted.
    fn begin(&mut self) -> (BTreeMap<u64, u32>, BTreeMap<u32, Vec<R>>) {
        let tickets = std::mem::take(&mut self.waiting);
        let mut rows: BTreeMap<u32, Vec<R>> =
            tickets.values().map(|&slot| (slot, Vec::new())).collect();
        for (&slot, settled) in &mut self.settled {
            if !matches!(settled, Settled::Read(_)) {
                *settled = Settled::Begun;
                rows.entry(slot).or_default();
            }
        }
        (tickets, rows)
    }

    /// Takes the rows of a slot that change no more, if they were read.
    fn settled(&mut self, slot: u32) -> Option<Arc<Vec<R>>> {
        let settled = self.settled.get_mut(&slot)?;
        match std::mem::replace(settled, Settled::Unread) {
            Settled::Read(rows) => Some(rows),
            other => {
                *settled = other;
                None
            }
        }
    }

    fn end(&mut self, tickets: BTreeMap<u64, u32>, rows: BTreeMap<u32, Vec<R>>, took: Duration) {
        let rows: BTreeMap<u32, Arc<Vec<R>>> =
            rows.into_iter().map(|(slot, rows)| (slot, Arc::new(rows))).collect();
        for (ticket, slot) in tickets {
            if let Some(rows) = rows.get(&slot) {
                self.ready.insert(ticket, Arc::clone(rows));
            }
        }
        for (slot, settled) in &mut self.settled {
            if let (Settled::Begun, Some(rows)) = (&settled, rows.get(slot)) {
                *settled = Settled::Read(Arc::clone(rows));
            }
        }
        self.last = Some((Instant::now(), took));
    }
}

/// Somebody reads, until this is dropped: also when that fails, or panics.
struct Running<'a, R>(&'a Sweep<R>);

impl<R> Drop for Running<'_, R> {
    fn drop(&mut self) {
        self.0.turns.lock().unwrap_or_else(PoisonError::into_inner).running = false;
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// A table: its rows by slot, and how often it was read.
    #[derive(Default)]
    struct Fake {
        rows: Mutex<Vec<(u32, u64)>>,
        read: AtomicU32,
    }

    impl Fake {
        fn read(&self, each: &mut dyn FnMut(u32, u64)) -> Result<(), Infallible> {
            self.read.fetch_add(1, Ordering::SeqCst);
            self.rows.lock().unwrap().iter().for_each(|&(slot, row)| each(slot, row));
            Ok(())
        }

        fn of(&self, sweep: &Sweep<u64>, slot: u32) -> Vec<u64> {
            let mut rows = Vec::new();
            sweep.read(slot, &mut |row| rows.push(row), |each| self.read(each)).unwrap();
            rows
        }
    }

    fn waiting(sweep: &Sweep<u64>) -> usize {
        sweep.turns().waiting.len()
    }

    #[test]
    fn one_reading_serves_all_who_asked_before_it_began() {
        let (sweep, fake) = (Sweep::default(), Fake::default());
        let (go, gate) = mpsc::channel::<()>();
        let (begun, first) = mpsc::channel();
        thread::scope(|scope| {
            let (sweep, fake) = (&sweep, &fake);
            scope.spawn(move || {
                sweep.read(1, &mut |_| {}, |each| {
                    let old = fake.read(each);
                    begun.send(()).unwrap();
                    gate.recv().unwrap();
                    old
                })
            });
            first.recv().unwrap();
            // What the reading under way has not seen, those who ask now must see.
            fake.rows.lock().unwrap().extend([(2, 20), (3, 30), (2, 21)]);
            let asked: Vec<_> = [2, 3, 2, 4]
                .map(|slot| scope.spawn(move || fake.of(sweep, slot)))
                .into_iter()
                .collect();
            while waiting(sweep) < 4 {
                thread::yield_now();
            }
            go.send(()).unwrap();
            let rows: Vec<_> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
            assert_eq!(rows, [vec![20, 21], vec![30], vec![20, 21], vec![]]);
        });
        assert_eq!(fake.read.into_inner(), 2);
        assert!(sweep.turns().ready.is_empty() && waiting(&sweep) == 0);
    }

    #[test]
    fn rows_that_change_no_more_are_read_along_with_others() {
        let (sweep, fake) = (Sweep::default(), Fake::default());
        fake.rows.lock().unwrap().extend([(1, 10), (2, 20)]);
        sweep.settle(2);
        assert_eq!(fake.of(&sweep, 1), [10]);
        assert_eq!(fake.of(&sweep, 2), [20]);
        assert_eq!(fake.read.load(Ordering::SeqCst), 1);
        // Rows are handed out once; then they are read again.
        assert_eq!(fake.of(&sweep, 2), [20]);
        assert_eq!(fake.read.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn rows_from_before_they_settled_are_not_taken_for_the_last() {
        let (sweep, fake) = (Sweep::default(), Fake::default());
        let settle = |each: &mut dyn FnMut(u32, u64)| {
            fake.read(each)?;
            // While this reading is under way.
            fake.rows.lock().unwrap().push((2, 20));
            sweep.settle(2);
            Ok::<_, Infallible>(())
        };
        sweep.settle(2);
        sweep.read(1, &mut |_| {}, settle).unwrap();
        assert_eq!(fake.of(&sweep, 2), [20]);
        sweep.forget(2);
        assert!(sweep.turns().settled.is_empty());
    }

    #[test]
    fn who_fails_fails_alone() {
        let sweep = Sweep::<u64>::default();
        let fake = Fake::default();
        sweep.settle(2);
        assert_eq!(sweep.read(1, &mut |_| {}, |_| Err("no")), Err("no"));
        let panics = thread::scope(|scope| {
            scope.spawn(|| sweep.read(1, &mut |_| {}, |_| -> Result<(), ()> { panic!() })).join()
        });
        assert!(panics.is_err());
        fake.rows.lock().unwrap().push((2, 20));
        assert_eq!(fake.of(&sweep, 2), [20]);
    }

    #[test]
    fn the_rest_is_bounded() {
        assert_eq!(rest(Duration::from_millis(3)), Duration::from_millis(12));
        assert_eq!(rest(Duration::from_secs(1)), LONGEST_REST);
        assert_eq!(rest(Duration::MAX), LONGEST_REST);
    }
}
