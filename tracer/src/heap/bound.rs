//! Limits that containers declare: a cache that fills up to one looks like a leak until it is full, and says itself
//! when that will be.

use super::attribute::attribute;
use super::class::Kind;
use super::edge;
use super::objects::Heap;
use super::view::{Object, View};
use crate::model::DeclaredBound;

/// Attributes that say how much the container in their object may hold: of `queue.Queue`, of cachetools, and as
/// many classes call theirs. A limit is a positive number.
const ATTRIBUTES: &[&str] = &[
    "maxsize",
    "max_size",
    "_maxsize",
    "_max_size",
    // `cachetools.Cache`
    "_Cache__maxsize",
    "maxlen",
    "capacity",
    "_capacity",
    "max_entries",
    "_max_entries",
    "max_items",
];

/// The limit of the container at the end of a path, which holds `used` items; a limit of `None` where it says that
/// there is none.
pub fn declared(view: &View<'_>, heap: &Heap, path: &[u32], used: u64) -> Option<DeclaredBound> {
    let (&last, before) = path.split_last()?;
    let bound = |(kind, limit)| DeclaredBound { kind, limit, used };
    let container = heap.objects.object(last);
    let of_itself = max_length(view, heap, container).or_else(|| named(view, heap, container));
    if of_itself.is_some() {
        return of_itself.map(bound);
    }
    // The dict of an instance may be an object of its own on the path.
    let objects = before.iter().rev().take(2).map(|number| heap.objects.object(*number));
    let is_dict = |object: &Object| heap.classes.get(object.class).kind == Kind::Dict;
    let owner = objects.into_iter().find(|object| !is_dict(object))?;
    lru_cache(view, heap, owner).or_else(|| named(view, heap, owner)).map(bound)
}

/// What declares a limit, and the limit.
type Limit = (String, Option<u64>);

/// `maxlen` of a deque (`dequeobject` in `Modules/_collectionsmodule.c`), −1 without one.
fn max_length(view: &View<'_>, heap: &Heap, object: Object) -> Option<Limit> {
    const MAXLEN: u64 = 64;
    if heap.classes.get(object.class).kind != Kind::Deque {
        return None;
    }
    let limit = u64::try_from(view.word(object.address, MAXLEN)?.cast_signed()).ok()?;
    Some(("deque.maxlen".to_owned(), Some(limit)))
}

/// `maxsize` of a `functools.lru_cache` (`lru_cache_object` in `Modules/_functoolsmodule.c`), −1 for
/// `None`.
fn lru_cache(view: &View<'_>, heap: &Heap, object: Object) -> Option<Limit> {
    const MAXSIZE: u64 = 96;
    if heap.classes.get(object.class).name != "functools._lru_cache_wrapper" {
        return None;
    }
    let limit = u64::try_from(view.word(object.address, MAXSIZE)?.cast_signed()).ok();
    Some(("lru_cache".to_owned(), limit))
}

/// An attribute of the object.
fn named(view: &View<'_>, heap: &Heap, object: Object) -> Option<Limit> {
    let class = &heap.classes.get(object.class).name;
    ATTRIBUTES.iter().find_map(|name| {
        let value = attribute(view, heap, object.address, name)?;
        let is_int =
            heap.classes.get(heap.objects.object(heap.objects.number(value)?).class).name == "int";
        let limit = is_int.then(|| edge::int_value(view, value)).flatten()?;
        let limit = u64::try_from(limit).ok().filter(|limit| *limit > 0)?;
        Some((format!("{class}.{name}"), Some(limit)))
    })
}
