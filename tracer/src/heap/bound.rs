//! Limits that containers declare: a cache that fills up to one looks like a leak until it is full, and says itself
//! when that will be.

use super::attribute::attribute;
use super::class::Kind;
use super::holders::{Holder, Holders};
use super::objects::Heap;
use super::view::{Object, View};
use super::{dict, edge, eviction};
use crate::model::{Address, DeclaredBound};
use crate::python::text;

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
    "max_len",
    // Pools: redis, httpcore, psycopg2, pymongo, DBUtils.
    "max_connections",
    "_max_connections",
    "maxconn",
    "max_pool_size",
    "_maxcached",
    // `async_lru`
    "_LRUCacheWrapper__maxsize",
];

/// Attributes that say so of these classes alone.
const OF_CLASSES: [(&str, &str); 2] =
    [(".SimpleCache", "_threshold"), ("kombu.utils.functional.LRUCache", "limit")];

/// It has half as many more before it takes any out (`threshold` in `lib/sqlalchemy/util/_collections.py`).
const LAZY: &str = "sqlalchemy.util._collections.LRUCache";

/// A larger number is as good as no limit: those who mean none write 2³¹ − 1 and more.
const NO_LIMIT: u64 = i32::MAX as u64;

/// The limit of the container at the end of a path, which holds `used` items; a limit of `None` where it says that
/// there is none. `holders` know who else has it as an attribute: a cache may be shared by a shorter way.
pub fn declared(
    view: &View<'_>,
    heap: &Heap,
    holders: &Holders,
    path: &[u32],
    used: u64,
) -> Option<DeclaredBound> {
    let (&last, before) = path.split_last()?;
    let bound = |(kind, limit)| DeclaredBound { kind, limit, used };
    let container = heap.objects.object(last);
    let of_itself = max_length(view, heap, container).or_else(|| named(view, heap, container));
    if of_itself.is_some() {
        return of_itself.map(bound);
    }
    let owner = owner(view, heap, before);
    let cache = owner.and_then(|owner| lru_cache(view, heap, owner));
    let in_code = || eviction::limit(view, heap, path, used).map(|(by, limit)| (by, Some(limit)));
    let says = || owner.and_then(|owner| named(view, heap, owner));
    let others =
        || holders.of(last).find_map(|holder| named(view, heap, holder_of(view, heap, holder)?));
    cache.or_else(in_code).or_else(says).or_else(others).map(bound)
}

/// The limit that a container declares itself, or the instance that has it as an attribute.
pub fn of_itself_or(
    view: &View<'_>,
    heap: &Heap,
    container: Object,
    owner: Option<Object>,
) -> Option<Limit> {
    let of_itself = max_length(view, heap, container).or_else(|| named(view, heap, container));
    of_itself.or_else(|| named(view, heap, owner?))
}

/// The instance that has the container as an attribute, perhaps in a dict of its own. What a module, a class or
/// another container says is not about this one.
fn owner(view: &View<'_>, heap: &Heap, before: &[u32]) -> Option<Object> {
    let mut objects = before.iter().rev();
    holder_of(view, heap, (*objects.next()?, objects.next().copied()))
}

/// The instance among what refers to a container, perhaps through its dict, and what refers to that.
fn holder_of(view: &View<'_>, heap: &Heap, (first, second): Holder) -> Option<Object> {
    let class = |object: Object| heap.classes.get(object.class);
    let is_its_dict = |object: &Object, dict: Object| {
        edge::attributes(view, object.address, class(*object)) == Some(dict.address)
    };
    let first = heap.objects.object(first);
    let owner = match class(first).kind {
        Kind::Dict => {
            let second = heap.objects.object(second?);
            Some(second).filter(|object| is_its_dict(object, first))?
        }
        _ => first,
    };
    let kind = class(owner).kind;
    let is_other = matches!(kind, Kind::Module | Kind::Type | Kind::Tuple | Kind::Frame);
    (!is_other && !kind.grows()).then_some(owner)
}

/// What declares a limit, and the limit.
pub type Limit = (String, Option<u64>);

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
    let kind = match function_name(view, heap, object) {
        Some(name) => format!("lru_cache of {name}()"),
        None => "lru_cache".to_owned(),
    };
    Some((kind, limit))
}

/// The name of the function that a wrapper stands for (`functools.update_wrapper`).
fn function_name(view: &View<'_>, heap: &Heap, wrapper: Object) -> Option<String> {
    /// Letters that are told.
    const TOLD: usize = 60;
    let name = attribute(view, heap, wrapper.address, "__qualname__")?;
    let is_text = class_name(heap, name)? == "str";
    let name = is_text.then(|| text::unicode(view.memory, view.layout, name).ok()).flatten()?;
    // `outer.<locals>.page`
    let name = name.rsplit("<locals>.").next().unwrap_or(&name);
    Some(name.chars().take(TOLD).collect())
}

fn class_name(heap: &Heap, value: Address) -> Option<&str> {
    let object = heap.objects.object(heap.objects.number(value)?);
    Some(&heap.classes.get(object.class).name)
}

/// What the value of an attribute says of a limit; the inner `None` of one that says that there is none.
fn limit(view: &View<'_>, heap: &Heap, value: Address, class: &str) -> Option<Option<u64>> {
    /// `ob_fval`; of an int what says how many digits it has.
    const VALUE: u64 = 16;
    match class_name(heap, value)? {
        "NoneType" => Some(None),
        "float" => {
            let limit = f64::from_bits(view.word(value, VALUE)?);
            (limit == f64::INFINITY).then_some(None)
        }
        "int" => match edge::int_value(view, value).map(u64::try_from) {
            Some(Ok(limit)) if limit >= NO_LIMIT => Some(None),
            Some(Ok(limit)) if limit > 0 && class == LAZY => Some(Some(limit + limit / 2)),
            Some(Ok(limit)) if limit > 0 => Some(Some(limit)),
            // Of queues 0 and less say that there is none.
            Some(_) if class.ends_with("Queue") => Some(None),
            Some(_) => None,
            // It has more than two digits of 30 bits, as `sys.maxsize` has: as good as no limit.
            None => view.word(value, VALUE).map(|_| None),
        },
        _ => None,
    }
}

/// An attribute of the object.
fn named(view: &View<'_>, heap: &Heap, object: Object) -> Option<Limit> {
    let class = heap.classes.get(object.class);
    let in_dict = edge::attributes(view, object.address, class);
    // The items of a container are many, and none of them is an attribute.
    let has_items = class.kind.grows();
    let value_of = |name: &str| match in_dict.and_then(|dict| dict::lookup(view, dict, name)) {
        None if !has_items => attribute(view, heap, object.address, name),
        found => found,
    };
    let own = OF_CLASSES.iter().filter(|(known, _)| class.name.ends_with(known));
    ATTRIBUTES.iter().chain(own.map(|(_, name)| name)).find_map(|name| {
        let value = value_of(name)?;
        let limit = limit(view, heap, value, &class.name)?;
        Some((format!("{}.{name}", class.name), limit))
    })
}
