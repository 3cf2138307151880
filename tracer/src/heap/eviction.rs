//! Limits that a program enforces itself: a function that takes items out of a container when it has more of them than
//! a number. Its code names all of these: the container, `len`, what takes out, and the number; nothing is executed or
//! decompiled.

use super::attribute::attribute;
use super::class::Kind;
use super::classes::field;
use super::objects::Heap;
use super::view::{Object, View};
use super::{dict, edge};
use crate::model::{Address, DeclaredBound};
use crate::python::text;

/// Methods that take items out.
const TAKES: [&str; 4] = ["pop", "popitem", "popleft", "clear"];
/// Names and constants of one function that are read.
const NAMED: u64 = 256;
/// Functions of one module or class that are read.
const FUNCTIONS: usize = 4096;
/// Smaller numbers in code are no limits.
const LEAST: i64 = 16;

/// Where a container has its name, and the functions that may use it.
#[derive(Clone, Copy)]
enum Scope {
    /// A global variable: the dict of its module.
    Module(Address),
    /// An attribute: the object, and the dict of its class.
    Instance(Address, Address),
}

/// What the code of a function names.
struct Code {
    function: String,
    names: Vec<String>,
    numbers: Vec<i64>,
}

/// The limit of the container at the end of a path, which holds `used` items: as its kind says, and how many.
pub fn limit(view: &View<'_>, heap: &Heap, path: &[u32], used: u64) -> Option<(String, u64)> {
    let (&last, before) = path.split_last()?;
    let container = heap.objects.object(last).address;
    let scope = scope(view, heap, before)?;
    let name = scope.name_of(view, heap, container)?;
    let value_of = |name: &str| scope.value(view, heap, name);
    scope.functions(view, heap).iter().find_map(|code| {
        let (by, limit) = code.limits(&name, used, value_of)?;
        Some((DeclaredBound::in_code(&by, &code.function), limit))
    })
}

/// A module with its dict, or an object, perhaps with a dict of its attributes.
fn scope(view: &View<'_>, heap: &Heap, before: &[u32]) -> Option<Scope> {
    let class = |object: Object| heap.classes.get(object.class);
    let mut objects = before.iter().rev().map(|number| heap.objects.object(*number));
    let first = objects.next()?;
    let owner = if class(first).kind == Kind::Dict { objects.next()? } else { first };
    if class(owner).kind == Kind::Module {
        return edge::module_dict(view, owner.address).map(Scope::Module);
    }
    let is_own = owner == first
        || edge::attributes(view, owner.address, class(owner)) == Some(first.address);
    let names = view.word(class(owner).address, field::DICT).filter(|names| *names != 0)?;
    is_own.then_some(Scope::Instance(owner.address, Address(names)))
}

impl Scope {
    fn name_of(self, view: &View<'_>, heap: &Heap, container: Address) -> Option<String> {
        let names = match self {
            Self::Module(names) => names,
            Self::Instance(object, _) => {
                let class = heap.objects.object(heap.objects.number(object)?).class;
                match edge::attributes(view, object, heap.classes.get(class)) {
                    Some(names) => names,
                    None => return name_inside(view, heap, object, container),
                }
            }
        };
        let mut found = None;
        dict::entries(view, names, &mut |key, value| {
            if value == container && found.is_none() {
                found = text::unicode(view.memory, view.layout, key).ok();
            }
        });
        found
    }

    /// The value of a name, if that is a number.
    fn value(self, view: &View<'_>, heap: &Heap, name: &str) -> Option<i64> {
        let value = match self {
            Self::Module(names) => dict::lookup(view, names, name)?,
            Self::Instance(object, names) => {
                attribute(view, heap, object, name).or_else(|| dict::lookup(view, names, name))?
            }
        };
        int(view, heap, value)
    }

    fn functions(self, view: &View<'_>, heap: &Heap) -> Vec<Code> {
        let (Self::Module(names) | Self::Instance(_, names)) = self;
        let mut found = Vec::new();
        dict::entries(view, names, &mut |key, value| {
            let number = heap.objects.number(value);
            let class = number.map(|number| heap.classes.get(heap.objects.object(number).class));
            if class.is_some_and(|class| class.kind == Kind::Function)
                && found.len() < FUNCTIONS
                && let Some(code) = Code::read(view, heap, key, value)
            {
                found.push(code);
            }
        });
        found
    }
}

/// The name of an attribute that is kept in the object itself.
fn name_inside(
    view: &View<'_>,
    heap: &Heap,
    object: Address,
    container: Address,
) -> Option<String> {
    let class = heap.classes.get(heap.objects.object(heap.objects.number(object)?).class);
    let mut found = None;
    edge::edges(view, object, class, &mut |edge| {
        if edge.to == container && found.is_none() {
            found = match edge.label {
                edge::EdgeLabel::Attribute { name } => {
                    text::unicode(view.memory, view.layout, name).ok()
                }
                edge::EdgeLabel::Slot(slot) => {
                    class.slots.get(slot as usize).map(|slot| slot.1.to_string())
                }
                _ => None,
            };
        }
    });
    found
}

fn int(view: &View<'_>, heap: &Heap, value: Address) -> Option<i64> {
    let class = heap.objects.object(heap.objects.number(value)?).class;
    (heap.classes.get(class).kind == Kind::Int).then(|| edge::int_value(view, value)).flatten()
}

impl Code {
    fn read(view: &View<'_>, heap: &Heap, name: Address, function: Address) -> Option<Self> {
        let code = edge::function_code(view, function)?;
        let items = |field: &str| {
            let row = view.objects.code.fields.iter().find(|row| row.0 == field)?;
            let tuple = Address(view.word(code, row.1.into())?);
            let count = view.word(tuple, 16).filter(|count| *count <= NAMED)?;
            let first = u64::from(view.objects.tuple_items);
            let item = |index| view.word(tuple, first + 8 * index).map(Address);
            Some((0..count).filter_map(item).collect::<Vec<_>>())
        };
        let text = |at: &Address| text::unicode(view.memory, view.layout, *at).ok();
        Some(Self {
            function: text(&name)?,
            names: items("co_names")?.iter().filter_map(text).collect(),
            numbers: items("co_consts")?.iter().filter_map(|at| int(view, heap, *at)).collect(),
        })
    }

    /// The one number that the container is compared with, by its name or as it stands in the code, if it takes items
    /// out of it. Of several nobody knows which it is.
    fn limits(
        &self,
        container: &str,
        used: u64,
        value_of: impl Fn(&str) -> Option<i64>,
    ) -> Option<(String, u64)> {
        let has = |name: &str| self.names.iter().any(|known| known == name);
        if !has(container) || !has("len") || !TAKES.iter().any(|name| has(name)) {
            return None;
        }
        let named = self.names.iter().filter_map(|name| Some((name.clone(), value_of(name)?)));
        let plain = self.numbers.iter().map(|number| (number.to_string(), *number));
        let mut limits = named.chain(plain).filter(|(_, number)| *number >= LEAST);
        let (by, limit) = limits.next().filter(|_| limits.next().is_none())?;
        // It has one more before one is taken out.
        let limit = u64::try_from(limit).ok().filter(|limit| used <= limit.saturating_add(1))?;
        Some((by, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(names: &[&str], numbers: &[i64], used: u64) -> Option<(String, u64)> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let code = Code { function: "get".into(), names, numbers: numbers.to_vec() };
        code.limits("pages", used, |name| match name {
            "LIMIT" => Some(40_000),
            "PORT" => Some(8_080),
            "ON" => Some(1),
            _ => None,
        })
    }

    #[test]
    fn what_takes_out_of_a_container_beyond_a_number_limits_it() {
        let code = ["pages", "len", "LIMIT", "popitem", "ON"];
        assert_eq!(limits(&code, &[0, 1], 31_200), Some(("LIMIT".into(), 40_000)));
        assert_eq!(limits(&code[..2], &[1000], 900), None, "nothing takes out");
        assert_eq!(limits(&["pages", "len", "clear"], &[1000], 900), Some(("1000".into(), 1000)));
        assert_eq!(limits(&["others", "len", "LIMIT", "pop"], &[], 9), None, "another container");
        assert_eq!(limits(&["pages", "LIMIT", "pop"], &[], 9), None, "nobody counts it");
    }

    #[test]
    fn a_number_that_may_be_another_is_no_limit() {
        assert_eq!(limits(&["pages", "len", "LIMIT", "PORT", "pop"], &[], 9), None);
        assert_eq!(limits(&["pages", "len", "LIMIT", "pop"], &[500], 9), None);
        let code = ["pages", "len", "LIMIT", "pop"];
        assert_eq!(limits(&code, &[], 40_001), Some(("LIMIT".into(), 40_000)));
        assert_eq!(limits(&code, &[], 40_002), None, "it has more");
    }
}
