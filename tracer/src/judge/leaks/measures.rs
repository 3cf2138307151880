//! What snapshots measured of containers: their items over time, and how much each alone retains. No byte is retained by two
//! containers alone, so growth that is measured in this way is counted once.

use std::collections::{HashMap, HashSet};

use super::evidence::{may_leak, name};
use super::path::{PlaceKey, place_of};
use super::retained::RetainedPlaces;
use crate::growth::TypeOrigin;
use crate::model::{Amount, DeclaredBound, Document, GrownContainer, Interval, TypeGrowth};

/// Containers that were measured explain the growth of objects where no more than this share of it is left.
const LEFT: f64 = 0.25;

/// All that was measured, by place.
#[derive(Default)]
pub struct Measures {
    /// Retained sizes.
    pub sizes: RetainedPlaces,
    containers: HashMap<PlaceKey, Measured>,
    /// Places of containers in which others are not full yet.
    filling: HashSet<PlaceKey>,
    /// Bytes an hour by which objects grew, beyond what the containers did.
    rest: f64,
    /// Whether that is little.
    is_explained: bool,
}

/// What was measured of the containers at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Since when they stand still, all of them.
    pub stands: Option<f64>,
    /// Whether what it has an item of for each is of a type that was judged, and is no leak: what that is made of is none
    /// either.
    pub is_harmless: bool,
    /// Bytes by which they grow an hour; `None` where nobody measured how much they retain.
    pub bytes_per_hour: Option<f64>,
    /// The same from the first to the last snapshot.
    mean_bytes_per_hour: f64,
    /// Hours between these.
    hours: f64,
}

impl Measures {
    /// Of a document.
    pub fn of(document: &Document) -> Self {
        let sizes = RetainedPlaces::of(document);
        let mut at: HashMap<PlaceKey, Vec<&GrownContainer>> = HashMap::new();
        for found in document.history.containers.iter().filter(|found| !found.is_buffer()) {
            if let Some(place) = place_of(&found.words()) {
                at.entry(place).or_default().push(found);
            }
        }
        let types = document.types.as_deref().unwrap_or_default();
        let measured = |(place, found): (PlaceKey, Vec<&GrownContainer>)| {
            let is_harmless = found.iter().all(|found| is_harmless(found, types));
            let measured = Measured { is_harmless, ..measured(&found, &sizes, &place)? };
            Some((place, measured))
        };
        let containers: HashMap<PlaceKey, Measured> = at.into_iter().filter_map(measured).collect();
        let objects: f64 = types.iter().map(bytes_per_hour).sum();
        let outer = containers.iter().filter(|(place, _)| !is_inside(place, &containers));
        let explained: f64 = outer.map(|(_, found)| found.mean_bytes_per_hour).sum();
        let rest = (objects - explained).max(0.0);
        let is_explained = explained > 0.0 && rest <= LEFT * objects;
        let filling = document.history.containers.iter().filter(|found| has_filling(found));
        let filling = filling.filter_map(|found| place_of(&found.words())).collect();
        Self { sizes, containers, filling, rest, is_explained }
    }

    /// Whether what is at a place stands still while containers in it fill up to their limits.
    pub fn has_filling(&self, place: &PlaceKey) -> bool {
        self.filling.contains(place)
    }

    /// What was measured at a place.
    pub fn at(&self, place: &PlaceKey) -> Option<&Measured> {
        self.containers.get(place)
    }

    /// Whether containers that were measured explain most of what objects grew by: what is elsewhere does not grow.
    pub fn is_explained(&self) -> bool {
        self.is_explained
    }

    /// What a leak retains, where types and blocks say `counted`: what its container alone retains, and of other objects no
    /// more than all containers leave unexplained. `own` is of the objects that it is named by: where that container
    /// retains less than half of them, others do, too.
    pub fn now(
        &self,
        place: Option<&PlaceKey>,
        counted: Amount,
        own: u64,
        ownerless: u64,
    ) -> Amount {
        let Some(size) = place.and_then(|place| self.sizes.at_place(place)) else {
            return counted;
        };
        if size.objects < counted.count.div_ceil(2) || size.most_bytes < own / 2 {
            return counted;
        }
        if size.most_bytes >= counted.bytes / 2 {
            return Amount { bytes: size.most_bytes, ..counted };
        }
        let hours = place.and_then(|place| self.at(place)).map_or(0.0, |at| at.hours);
        // Where nobody measured how it grows, nothing is known of the rest.
        let most = match hours > 0.0 {
            true => {
                size.most_bytes.saturating_add(ownerless).saturating_add(whole(self.rest * hours))
            }
            false => u64::MAX,
        };
        Amount { bytes: counted.bytes.min(most), ..counted }
    }

    /// How fast a leak grows, where types and blocks say `counted`, and it retains `now`: at least as its containers do, and
    /// by no more than what is unexplained beyond them, and what it retains now did not come faster than it was
    /// watched. `ownerless` is of blocks that no object is known to own.
    pub fn rate(
        &self,
        place: Option<&PlaceKey>,
        places: &HashSet<PlaceKey>,
        objects: Option<Interval>,
        (counted, ownerless): (Interval, f64),
        now: Amount,
    ) -> Interval {
        let measured = place.and_then(|place| self.at(place).copied());
        let Some(measured) = measured.filter(|found| found.bytes_per_hour.is_some()) else {
            return counted;
        };
        let outer = places
            .iter()
            .filter(|place| !(1..place.len()).any(|end| places.contains(&place[..end])));
        let least: f64 =
            outer.filter_map(|place| self.at(place)?.bytes_per_hour).sum::<f64>() + ownerless;
        #[allow(clippy::cast_precision_loss, reason = "an address space ends at 2⁴⁷")]
        let watched = now.bytes as f64 / measured.hours.max(f64::MIN_POSITIVE);
        let est = counted.est.min(least + self.rest).min(watched).max(least);
        let like = objects.filter(|objects| est <= least && objects.est > 0.0).unwrap_or(counted);
        match like.est > 0.0 {
            true => like.times(est / like.est),
            false => Interval { lo: est, est, hi: est },
        }
    }
}

/// Whether containers in a container are not full yet.
fn has_filling(container: &GrownContainer) -> bool {
    let bound = container.below.as_ref().and_then(|below| below.bound.as_ref());
    bound.is_some_and(|bound| {
        bound.limit.is_some_and(|limit| !DeclaredBound::has_reached(bound.used, limit))
    })
}

/// Whether an item of a container is of a type that was judged to be no leak.
fn is_harmless(container: &GrownContainer, types: &[TypeGrowth]) -> bool {
    let item = name(container);
    let judged =
        types.iter().find(|found| found.name == item && !TypeOrigin::from_name(&item).is_part());
    judged.is_some_and(|found| !may_leak(found))
}

/// What was measured of the containers at one place, all in all. What an item retains is known of the one that
/// retains most.
#[allow(clippy::cast_precision_loss, reason = "items and bytes are far below 2⁵³")]
fn measured(
    found: &[&GrownContainer],
    sizes: &RetainedPlaces,
    place: &PlaceKey,
) -> Option<Measured> {
    let rates: Option<Vec<f64>> = found.iter().map(|found| found.items_per_hour()).collect();
    let (items, rates) = (found.iter().map(|found| found.items_now()).max()?, rates?);
    let stands: Vec<Option<f64>> = found.iter().map(|found| found.stands_since()).collect();
    let each = sizes.at_place(place).map(|size| size.most_bytes as f64 / items.max(1) as f64);
    let sum = |wanted: &dyn Fn(usize) -> bool| {
        let rates = rates.iter().enumerate().filter(|(at, _)| wanted(*at));
        rates.map(|(_, rate)| rate.max(0.0)).sum::<f64>()
    };
    let hours = found
        .iter()
        .filter_map(|found| Some((found.lengths.last()?.0 - found.lengths.first()?.0) / 3600.0));
    Some(Measured {
        is_harmless: false,
        bytes_per_hour: each.map(|each| each * sum(&|at| stands[at].is_none())),
        mean_bytes_per_hour: each.unwrap_or(0.0) * sum(&|_| true),
        hours: hours.fold(0.0, f64::max),
        stands: stands.into_iter().reduce(|one, other| Some(one?.max(other?))).flatten(),
    })
}

/// Whether a container at another place is around it.
fn is_inside(place: &PlaceKey, containers: &HashMap<PlaceKey, Measured>) -> bool {
    (1..place.len()).any(|end| containers.contains_key(&place[..end]))
}

/// Bytes an hour by which objects of a type grew from the first snapshot to the last.
#[allow(clippy::cast_precision_loss, reason = "an address space ends at 2⁴⁷")]
fn bytes_per_hour(found: &TypeGrowth) -> f64 {
    let span = found.series.first().zip(found.series.last());
    match span.map(|(first, last)| (last.0 - first.0) / 3600.0).filter(|hours| *hours > 0.0) {
        Some(hours) => found.last_bytes.saturating_sub(found.first_bytes) as f64 / hours,
        None => found.slope_bytes_per_hour.est.max(0.0),
    }
}

/// An estimate as a whole number, not below 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn whole(bytes: f64) -> u64 {
    bytes.max(0.0) as u64
}
