//! Which targets should come first in the kernel's lists of those that share a trace event.
//!
//! The kernel walks such a list at each hit, from its head to the target that hits. Where a target
//! is in it cannot be chosen; it can only be brought to the head. As in any list that is searched,
//! that is what the busy ones should be.

use std::cmp::Reverse;

use super::kernel::Slot;

/// Targets brought to the head at once.
const MOST: usize = 16;
/// Steps of the kernel (3 to 4 ns each) that bringing a target to the head must save until the next
/// time: it takes some tenths of a millisecond.
const COST: u64 = 100_000;
/// Of all steps, the part that must be saved, so that equally busy targets are left alone.
const LEAST_PART: u64 = 10;

/// The order of the kernel's lists, head first. Targets that share no trace event are in one order,
/// too; among those a move only saves less than it seems to.
#[derive(Debug, Default)]
pub struct FrontOrder(Vec<Place>);

#[derive(Debug)]
struct Place {
    slot: Slot,
    /// Hits that were counted so far.
    hits: u64,
}

impl FrontOrder {
    /// A target is attached: it comes first.
    pub fn attached(&mut self, slot: Slot) {
        self.0.insert(0, Place { slot, hits: 0 });
    }

    /// A target is not there any more, or stays where it is.
    pub fn removed(&mut self, slot: Slot) {
        self.0.retain(|place| place.slot != slot);
    }

    /// A target was brought to the head.
    pub fn moved(&mut self, slot: Slot) {
        if let Some(index) = self.0.iter().position(|place| place.slot == slot) {
            self.0[..=index].rotate_right(1);
        }
    }

    /// Who is to be brought to the head now, one after the other. `hits` is how many were counted for
    /// a target so far.
    pub fn due(&mut self, hits: impl Fn(Slot) -> u64) -> Vec<Slot> {
        let since = |place: &mut Place| {
            let before = std::mem::replace(&mut place.hits, hits(place.slot));
            place.hits.saturating_sub(before)
        };
        let new: Vec<u64> = self.0.iter_mut().map(since).collect();
        worth_moving(&new).into_iter().map(|index| self.0[index].slot).collect()
    }
}

/// From the hits of each place, head first: the places to be brought to the head, one after the
/// other, so that the busiest is the last.
fn worth_moving(hits: &[u64]) -> Vec<usize> {
    let mut candidates: Vec<(usize, u64)> = hits.iter().copied().enumerate().collect();
    // By the steps that are taken for them now.
    candidates.sort_by_key(|&(place, hits)| Reverse(steps_to(place, hits)));
    let now = steps(hits.iter().copied());
    let saved = |moves: &usize| {
        let saved = now.saturating_sub(steps(after(hits, &candidates[..*moves])));
        let cost = u64::try_from(*moves).unwrap_or(u64::MAX).saturating_mul(COST);
        if saved < now / LEAST_PART { 0 } else { saved.saturating_sub(cost) }
    };
    // With the same gain, fewer moves.
    let best = (0..=hits.len().min(MOST)).rev().max_by_key(saved).unwrap_or(0);
    candidates.truncate(best);
    candidates.sort_by_key(|&(_, hits)| hits);
    candidates.into_iter().map(|(place, _)| place).collect()
}

/// The hits of each place when some were brought to the head, the busiest first.
fn after(hits: &[u64], moved: &[(usize, u64)]) -> impl Iterator<Item = u64> {
    let mut rest: Vec<Option<u64>> = hits.iter().copied().map(Some).collect();
    let mut first: Vec<_> = moved.iter().map(|&(place, _)| rest[place].take()).collect();
    first.sort_unstable_by_key(|&hits| Reverse(hits));
    first.into_iter().chain(rest).flatten()
}

/// Steps that the kernel takes for the hits of one place.
fn steps_to(place: usize, hits: u64) -> u64 {
    hits.saturating_mul(u64::try_from(place).unwrap_or(u64::MAX))
}

/// Steps that the kernel takes for the hits of all places, head first.
fn steps(hits: impl Iterator<Item = u64>) -> u64 {
    let each = hits.enumerate().map(|(place, hits)| steps_to(place, hits));
    each.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hits of a target that does nothing else than allocate.
    const BUSY: u64 = 1_000_000;

    /// Hits by place after what is due was done.
    fn arranged(hits: &[u64]) -> Vec<u64> {
        let mut order: Vec<usize> = (0..hits.len()).collect();
        for moved in worth_moving(hits) {
            let place = order.iter().position(|place| *place == moved).unwrap();
            order[..=place].rotate_right(1);
        }
        order.into_iter().map(|place| hits[place]).collect()
    }

    #[test]
    fn the_busy_one_comes_to_the_head() {
        let mut hits = vec![0; 50];
        hits[49] = BUSY;
        assert_eq!(worth_moving(&hits), [49]);
        hits.rotate_right(1);
        assert_eq!(worth_moving(&hits), [] as [usize; 0]);
    }

    #[test]
    fn the_busiest_is_moved_last() {
        let mut hits = vec![0; 50];
        (hits[20], hits[30], hits[40]) = (2 * BUSY, 3 * BUSY, BUSY);
        assert_eq!(worth_moving(&hits), [40, 20, 30]);
        assert_eq!(arranged(&hits)[..4], [3 * BUSY, 2 * BUSY, BUSY, 0]);
    }

    #[test]
    fn what_saves_little_is_left_alone() {
        assert!(worth_moving(&[]).is_empty() && worth_moving(&[BUSY]).is_empty());
        // Hardly anybody does anything.
        let mut hits = vec![0; 50];
        hits[49] = COST / 49;
        assert!(worth_moving(&hits).is_empty());
        // All do the same, or nearly.
        let alike = |place: u64| BUSY + place * BUSY / 1000;
        assert!(worth_moving(&(0..50).map(alike).collect::<Vec<_>>()).is_empty());
    }

    #[test]
    fn half_of_the_targets_at_work_come_to_the_front_in_two_steps() {
        let busy = |place: u64| if place < 25 { 0 } else { BUSY + place };
        let hits: Vec<u64> = (0..50).map(busy).collect();
        assert_eq!(worth_moving(&hits).len(), MOST);
        let arranged = arranged(&arranged(&hits));
        assert!(arranged[..25].iter().all(|hits| *hits > 0), "{arranged:?}");
    }

    #[test]
    fn hits_count_from_the_last_time() {
        let (mut order, slots) = (FrontOrder::default(), [Slot(7), Slot(8)]);
        slots.into_iter().for_each(|slot| order.attached(slot));
        let busy = |slot| move |asked| if asked == slot { BUSY } else { 0 };
        assert_eq!(order.due(busy(slots[0])), [slots[0]]);
        order.moved(slots[0]);
        assert_eq!(order.due(busy(slots[0])), [] as [Slot; 0]);
        // The other one works now, and has been brought to the head by nobody.
        assert_eq!(order.due(|slot| busy(slots[0])(slot) + busy(slots[1])(slot)), [slots[1]]);
        order.removed(slots[1]);
        assert_eq!(order.due(|_| u64::MAX), [] as [Slot; 0]);
    }

    proptest! {
        #[test]
        fn moving_saves_what_it_costs_and_ends(hits in prop::collection::vec(0..BUSY, 0..60)) {
            let mut hits = hits;
            for _ in 0..60 {
                let moves = worth_moving(&hits);
                prop_assert!(moves.len() <= MOST);
                if moves.is_empty() {
                    return Ok(());
                }
                let then = arranged(&hits);
                let cost = u64::try_from(moves.len()).unwrap() * COST;
                prop_assert!(steps(then.iter().copied()) + cost < steps(hits.iter().copied()));
                hits = then;
            }
            prop_assert!(false, "still moving: {hits:?}");
        }
    }
}
