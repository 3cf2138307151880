//! What is replaced while a heap is read: `self.sinks = self.sinks + (sink,)` frees the tuple that was there a moment
//! ago. Where a reference leads to no object any more, the object that has it is looked at again, as it is now; and a
//! large container that the collector's lists did not have, which is new then, is read as soon as it is met.

use super::{Class, EdgeLabel, HEADER, Kind, Object, Reader, View, edge};
use crate::heap::edge::Edge;
use crate::heap::index::AddressMap;

/// Times that an object is looked at again.
const ATTEMPTS: usize = 3;
/// An object of which so many references lead nowhere is gone itself, and not looked at again.
const STALE: usize = 16;
/// With more items, each of which is read by itself, an object is not looked at again.
const ITEMS: u64 = 1024;
/// Containers with fewer items are read when it is their turn.
const LARGE: u64 = 256;
/// Most references that are kept for that, and so many are in one of them.
const KEPT: u64 = 1 << 20;
const WORD: u64 = 8;

/// The references of containers that were read when they were met, by number.
#[derive(Default)]
pub(super) struct Ahead {
    edges: AddressMap<Vec<Edge>>,
    kept: u64,
}

/// What was met is none any more.
pub(super) struct FreedMeanwhile;

impl Ahead {
    pub(super) fn put(&mut self, number: u32, edges: Vec<Edge>) {
        self.kept += edges.len() as u64;
        self.edges.insert(number.into(), edges);
    }

    pub(super) fn take(&mut self, number: u32) -> Option<Vec<Edge>> {
        let edges = self.edges.remove(&u64::from(number))?;
        self.kept -= edges.len() as u64;
        Some(edges)
    }
}

impl Reader<'_, '_> {
    /// Looks again at an object of which references lead nowhere.
    pub(super) fn look_again(&mut self, object: Object, class: &Class) {
        for _ in 0..ATTEMPTS {
            let stale = std::mem::take(&mut self.stale);
            if stale.is_empty()
                || stale.len() >= STALE
                || items(self.view, object, class) > Some(ITEMS)
            {
                return;
            }
            let present = self.cache.present();
            let view = View { memory: &present, ..*self.view };
            let mut found = Vec::new();
            edge::edges(&view, object.address, class, &mut |edge| {
                if stale.contains(&edge.label) && !is_one_of_many(edge.label) {
                    found.push(edge);
                }
            });
            let again = u64::try_from(found.len()).unwrap_or(0);
            self.heap.skipped.references = self.heap.skipped.references.saturating_sub(again);
            for edge in found {
                self.cache.renew(edge.to, HEADER);
                self.reference(edge);
            }
        }
        self.stale.clear();
    }

    /// Takes down that a reference leads nowhere.
    pub(super) fn is_stale(&mut self, label: EdgeLabel) {
        if self.stale.len() < STALE {
            self.stale.push(label);
        }
    }

    /// The references of a large container that is met for the first time; none of anything else.
    pub(super) fn read_ahead(&self, object: Object) -> Result<Option<Vec<Edge>>, FreedMeanwhile> {
        let class = self.heap.classes.get(object.class);
        let fits = LARGE..=KEPT.saturating_sub(self.ahead.kept);
        let before = items(self.view, object, class).filter(|items| fits.contains(items));
        let Some(before) = before else { return Ok(None) };
        self.cache.renew(object.address, HEADER + WORD * before);
        if class.kind.grows() {
            self.renew(object.address, class.kind);
        }
        let mut edges = Vec::new();
        edge::edges(self.view, object.address, class, &mut |edge| edges.push(edge));
        let present = self.cache.present();
        let view = View { memory: &present, ..*self.view };
        let word = |offset| view.word(object.address, offset);
        let is_there = word(0).is_some_and(|count| self.view.refcount.is_alive(count))
            && word(WORD) == Some(class.address.0);
        is_there.then_some(Some(edges)).ok_or(FreedMeanwhile)
    }
}

/// Items of a container whose items are objects.
fn items(view: &View<'_>, object: Object, class: &Class) -> Option<u64> {
    let is_container = matches!(
        class.kind,
        Kind::Dict | Kind::OrderedDict | Kind::Tuple | Kind::List | Kind::Set | Kind::Deque
    );
    if is_container { edge::length(view, object.address, class) } else { None }
}

/// Whether others of the same object are called the same.
const fn is_one_of_many(label: EdgeLabel) -> bool {
    matches!(label, EdgeLabel::Key | EdgeLabel::Member)
}
