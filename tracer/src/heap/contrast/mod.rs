//! What old objects of a growing type have in common that new ones have not: the values of their fields, compared
//! at each snapshot.
//!
//! A session that was closed and is still there says so itself, in `_closed`. Only values that are the same in
//! most old objects, and in fewer new ones, at two snapshots in a row, are told; whether chance explains it is
//! for `growth` to say, and what it means for `judge`.

mod fields;
mod tally;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::class::Class;
use super::histogram::{AgeGroups, HeapWatch};
use super::objects::Heap;
use super::view::View;
use crate::model::{Address, FieldContrast, TerminalState};
use fields::FieldNames;
use tally::Tally;

/// Types whose fields are compared, those with fields of a terminal state first.
const TYPES: usize = 32;
/// Objects of each type that are read: so many old and so many new.
const OBJECTS: usize = 256;
/// Fields of one type that are told, those that differ most.
const TOLD: usize = 6;
/// Snapshots in a row that have to agree.
const AGREE: u64 = 2;

/// Values that are remembered of types of which none came lately.
const MOST: usize = 1024;

/// A value of a field of a type.
type Key = (String, String, String);

/// The values that differed at the last snapshots.
#[derive(Clone, Debug, Default)]
pub struct FieldWatch {
    /// With the time of the first of the snapshots in a row.
    agreed: HashMap<Key, (f64, FieldContrast)>,
}

impl FieldWatch {
    /// Takes a snapshot, `t` seconds after the start, that `watch` has taken.
    pub fn snapshot(&mut self, t: f64, view: &View<'_>, heap: &Heap, watch: &HeapWatch) {
        let mut names = FieldNames::default();
        let mut types = growing(view, heap, watch, &mut names);
        types.truncate(TYPES);
        let compared: HashSet<&str> = types.iter().map(|of| of.class.as_str()).collect();
        // Of a type of which none came there is nothing new to say.
        let stays = |key: &Key| !compared.contains(key.0.as_str()) && self.agreed.len() < MOST;
        let before = self.agreed.iter().filter(|(key, _)| stays(key));
        let mut agreed: HashMap<Key, (f64, FieldContrast)> =
            before.map(|(key, found)| (key.clone(), found.clone())).collect();
        for found in types.iter().flat_map(|of| contrasts(view, heap, of, &mut names)) {
            let key = (found.class.clone(), found.field.clone(), found.value.clone());
            let before = self.agreed.get(&key);
            let since = before.map_or(t, |before| before.0);
            let snapshots = before.map_or(1, |before| before.1.snapshots + 1);
            agreed.insert(key, (since, FieldContrast { snapshots, seconds: t - since, ..found }));
        }
        self.agreed = agreed;
    }

    /// The values that told old from new objects at two snapshots in a row, by type and by how much they differ.
    pub fn told(&self) -> Vec<FieldContrast> {
        let agreed = self.agreed.values().map(|(_, found)| found);
        let mut told: Vec<FieldContrast> =
            agreed.filter(|found| found.snapshots >= AGREE).cloned().collect();
        told.sort_by(|a, b| {
            a.class
                .cmp(&b.class)
                .then(tally::difference(b).total_cmp(&tally::difference(a)))
                .then_with(|| (&a.field, &a.value).cmp(&(&b.field, &b.value)))
        });
        told
    }
}

/// Growing types, those first that have a field which may say that an object has done what it was for.
fn growing(
    view: &View<'_>,
    heap: &Heap,
    watch: &HeapWatch,
    names: &mut FieldNames,
) -> Vec<AgeGroups> {
    let classes = heap.classes.all().iter().filter(|class| fields::has_fields(class));
    let readable: HashSet<&str> = classes.map(|class| class.name.as_str()).collect();
    let mut types = watch.age_groups(OBJECTS, |name| readable.contains(name));
    let mut may_end = |of: &AgeGroups| {
        let Some(first) = of.old.first() else { return false };
        let Some(class) = class(heap, *first) else { return false };
        let fields = fields::fields(view, heap, *first, class, names);
        fields.iter().any(|(field, _)| TerminalState::has_field(names.name(*field)))
    };
    types.sort_by_cached_key(|of| Reverse(may_end(of)));
    types
}

/// The type of an object.
fn class(heap: &Heap, object: Address) -> Option<&Class> {
    let number = heap.objects.number(object)?;
    Some(heap.classes.get(heap.objects.object(number).class))
}

/// The values that differ most between old and new objects of a type.
fn contrasts(
    view: &View<'_>,
    heap: &Heap,
    of: &AgeGroups,
    names: &mut FieldNames,
) -> Vec<FieldContrast> {
    let mut tally = Tally::default();
    for (objects, is_young) in [(&of.old, false), (&of.young, true)] {
        for &object in objects {
            if let Some(class) = class(heap, object) {
                tally.add(&fields::fields(view, heap, object, class, names), is_young);
            }
        }
    }
    let mut found = tally.contrasts(&of.class, names);
    found.truncate(TOLD);
    found
}
