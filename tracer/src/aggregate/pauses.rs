//! Times in which the target stood still: nothing is born, nothing is freed, and no block gets
//! older.

/// So many are told apart at most; later ones count as time that passed.
const MOST: usize = 256;

/// From when to when, nanoseconds since the start, in the order of time.
#[derive(Clone, Debug, Default)]
pub struct Pauses(Vec<(u64, u64)>);

impl Pauses {
    /// Another one, or more of the last.
    pub fn add(&mut self, from: u64, to: u64) {
        if let Some(last) = self.0.last_mut().filter(|last| from <= last.1) {
            last.1 = last.1.max(to);
        } else if self.0.len() < MOST && from < to {
            self.0.push((from, to));
        }
    }

    /// The time between two moments without pauses.
    pub fn active(&self, from: u64, to: u64) -> u64 {
        let all = to.saturating_sub(from);
        let still = self.0.iter().map(|pause| pause.1.min(to).saturating_sub(pause.0.max(from)));
        all.saturating_sub(still.fold(0, u64::saturating_add))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_do_not_count() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.active(3, 10), 7);
        pauses.add(5, 8);
        pauses.add(8, 9);
        pauses.add(20, 30);
        assert_eq!(pauses.0, [(5, 9), (20, 30)]);
        assert_eq!([pauses.active(0, 4), pauses.active(3, 10), pauses.active(6, 25)], [4, 3, 11]);
        assert_eq!([pauses.active(6, 7), pauses.active(9, 3)], [0, 0]);
    }
}
