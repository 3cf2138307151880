//! Python objects, as the file keeps them.

use std::collections::HashMap;

use super::InMemory;
use crate::history::row::Count;
use crate::history::{bounded, finite};
use crate::model::{
    ContainersBelow, DeclaredBound, FieldContrast, GrownContainer, LostMemory, LostObjects, Owned,
    Owner, RetainedPlace, TypePoint, TypeRetainer, TypeSeries,
};

impl InMemory {
    /// Paths are reported again after the types.
    pub(super) fn put_types(&mut self, counts: &[Count], types: &[TypeSeries]) {
        let finite = |(t, collections): &Count| (finite(*t), *collections);
        self.counts = counts.iter().map(finite).collect();
        self.types = types.iter().map(|series| series_at(&self.counts, series)).collect();
        self.type_retainers = [].into();
    }

    /// Those of types that were reported, in the order of the types.
    pub(super) fn put_type_retainers(&mut self, retainers: &[TypeRetainer]) {
        let mut known: HashMap<&str, &TypeRetainer> = HashMap::new();
        for retainer in retainers.iter().filter(|retainer| !retainer.path.is_empty()) {
            known.entry(bounded(&retainer.name)).or_insert(retainer);
        }
        let told = self.types.iter().filter_map(|series| known.get(&*series.name));
        self.type_retainers = told.map(|retainer| bounded_retainer(retainer)).collect();
    }
}

impl InMemory {
    /// Sites that nobody told of get a place, as in the file.
    pub(super) fn put_containers(&mut self, containers: &[GrownContainer<u64>]) {
        for (site, _) in containers.iter().flat_map(|container| &container.grown_by) {
            self.place(*site);
        }
        self.containers = containers.iter().map(bounded_container).collect();
    }
}

impl InMemory {
    pub(super) fn put_retained_sizes(&mut self, places: &[RetainedPlace]) {
        let bounded = |place: &RetainedPlace| RetainedPlace {
            path: place.path.iter().map(|text| bounded(text).to_owned()).collect(),
            ..*place
        };
        self.retained_sizes = places.iter().map(bounded).collect();
    }

    /// What tells old objects from new ones.
    pub(super) fn put_contrasts(&mut self, contrasts: &[FieldContrast]) {
        self.contrasts = contrasts.iter().map(bounded_contrast).collect();
    }
}

fn bounded_contrast(contrast: &FieldContrast) -> FieldContrast {
    FieldContrast {
        class: bounded(&contrast.class).to_owned(),
        field: bounded(&contrast.field).to_owned(),
        value: bounded(&contrast.value).to_owned(),
        seconds: finite(contrast.seconds),
        ..contrast.clone()
    }
}

impl InMemory {
    /// Nothing where nothing was found, as in the file.
    pub(super) fn put_lost(&mut self, lost: &LostMemory) {
        let of = |found: &LostObjects| LostObjects {
            name: found.name.as_deref().map(|name| bounded(name).to_owned()),
            ..found.clone()
        };
        let found = LostMemory {
            t: finite(lost.t),
            age: finite(lost.age),
            types: lost.types.iter().map(of).collect(),
        };
        self.lost = Some(found).filter(|lost| !lost.types.is_empty());
    }
}

fn bounded_container(container: &GrownContainer<u64>) -> GrownContainer<u64> {
    let item = |(name, count): &(String, u64)| (bounded(name).to_owned(), *count);
    GrownContainer {
        name: bounded(&container.name).to_owned(),
        path: container.path.iter().map(bounded_step).collect(),
        lengths: container.lengths.iter().map(|(t, items)| (finite(*t), *items)).collect(),
        items: container.items.iter().map(item).collect(),
        grown_by: container.grown_by.clone(),
        bound: container.bound.as_ref().map(|bound| DeclaredBound {
            kind: bounded(&bound.kind).to_owned(),
            used: container.items_now(),
            ..*bound
        }),
        room: container.room,
        below: container.below.as_ref().map(|below| ContainersBelow {
            class: bounded(&below.class).to_owned(),
            attribute: below.attribute.as_deref().map(|name| bounded(name).to_owned()),
            bound: below
                .bound
                .as_ref()
                .map(|bound| DeclaredBound { kind: bounded(&bound.kind).to_owned(), ..*bound }),
            ..*below
        }),
    }
}

/// A series with the times of the counts.
fn series_at(counts: &[Count], series: &TypeSeries) -> TypeSeries {
    let mut last = TypePoint::default();
    let points = counts.iter().enumerate().map(|(place, (t, collections))| {
        let still = TypePoint { retained_count: last.count, born_count: 0, ..last };
        let point = series.points.get(place).copied().unwrap_or(still);
        last = TypePoint { t: *t, collections: *collections, ..point };
        last
    });
    let survivors =
        (0..counts.len()).map(|place| series.survivors.get(place).copied().unwrap_or(0));
    TypeSeries {
        name: bounded(&series.name).into(),
        points: points.collect(),
        survivors: survivors.collect(),
    }
}

fn bounded_retainer(retainer: &TypeRetainer) -> TypeRetainer {
    TypeRetainer {
        name: bounded(&retainer.name).to_owned(),
        path: retainer.path.iter().map(bounded_step).collect(),
    }
}

fn bounded_step((text, class): &(String, Option<String>)) -> (String, Option<String>) {
    (bounded(text).to_owned(), class.as_deref().map(|class| bounded(class).to_owned()))
}

/// Owners with texts that can be kept.
pub(super) fn bounded_owners(owned: &Owned) -> Owned {
    let owner = |owner: &Owner| Owner {
        name: bounded(&owner.name).to_owned(),
        retainer: owner.retainer.iter().map(|text| bounded(text).to_owned()).collect(),
        ..owner.clone()
    };
    Owned { types: owned.types.iter().map(owner).collect(), ..owned.clone() }
}
