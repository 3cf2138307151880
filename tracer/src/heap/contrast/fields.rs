//! Fields of instances with small values: what can be told of an object without reporting its contents.

use std::collections::HashMap;

use super::super::class::{Class, Kind};
use super::super::edge::{self, EdgeLabel};
use super::super::objects::Heap;
use super::super::view::View;
use super::super::{attribute, dict};
use crate::model::{Address, TerminalState};
use crate::python::text;

/// Most fields of one object.
const FIELDS: usize = 48;
/// Longest text that may be a word of the table, and longest name of a member of an enum.
const WORD: u64 = 12;
/// Integers up to this, and −1, may be states; larger ones are measures.
const SMALL: i64 = 8;

/// Number of the name of a field.
pub type FieldId = u32;

/// What is told of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldValue {
    /// `None`
    None,
    /// `True`, `False`
    Bool(bool),
    /// A small integer.
    Int(i64),
    /// A member of an enum, by its name.
    Member(String),
    /// A word of the table of terminal states.
    Word(&'static str),
    /// A string or container without items.
    Empty,
    /// One with items.
    Filled,
    /// A generator or coroutine that has returned.
    Finished,
    /// Anything else.
    Other,
}

/// Names of fields by number.
#[derive(Clone, Debug, Default)]
pub struct FieldNames {
    by_address: HashMap<Address, Option<FieldId>>,
    by_text: HashMap<String, FieldId>,
    names: Vec<String>,
}

impl FieldNames {
    /// The name of a field.
    pub fn name(&self, field: FieldId) -> &str {
        self.names.get(field as usize).map_or("", String::as_str)
    }

    fn of_text(&mut self, text: &str) -> FieldId {
        if let Some(&known) = self.by_text.get(text) {
            return known;
        }
        let id = FieldId::try_from(self.names.len()).unwrap_or(FieldId::MAX);
        self.names.push(text.to_owned());
        self.by_text.insert(text.to_owned(), id);
        id
    }

    /// That of the string object at an address; attribute names are interned.
    fn of_object(&mut self, view: &View<'_>, name: Address) -> Option<FieldId> {
        if let Some(known) = self.by_address.get(&name) {
            return *known;
        }
        let text = text::unicode(view.memory, view.layout, name).ok();
        let id = text.map(|text| self.of_text(&text));
        self.by_address.insert(name, id);
        id
    }
}

/// Whether objects of a type may have fields that are read.
pub fn has_fields(class: &Class) -> bool {
    matches!(class.kind, Kind::Plain | Kind::Opaque)
}

/// The fields of an instance, each once.
pub fn fields(
    view: &View<'_>,
    heap: &Heap,
    object: Address,
    class: &Class,
    names: &mut FieldNames,
) -> Vec<(FieldId, FieldValue)> {
    let mut words = Vec::new();
    let mut dicts = Vec::new();
    edge::edges(view, object, class, &mut |edge| match edge.label {
        EdgeLabel::Attribute { name } => {
            words.extend(names.of_object(view, name).map(|id| (id, edge.to)))
        }
        EdgeLabel::Slot(slot) => {
            let slot = class.slots.get(slot as usize);
            words.extend(slot.map(|slot| (names.of_text(&slot.1), edge.to)));
        }
        EdgeLabel::Field("__dict__") => dicts.push(edge.to),
        _ => {}
    });
    for dict in dicts {
        dict::entries(view, dict, &mut |name, value| {
            if words.len() < FIELDS {
                words.extend(names.of_object(view, name).map(|id| (id, value)));
            }
        });
    }
    words.truncate(FIELDS);
    words.sort_unstable_by_key(|(id, _)| *id);
    words.dedup_by_key(|(id, _)| *id);
    let values = words.into_iter().map(|(id, to)| (id, value(view, heap, to)));
    let mut fields: Vec<(FieldId, FieldValue)> = values.collect();
    if let Some(descriptor) = descriptor(view, heap, object, class) {
        fields.push((names.of_text("fd"), FieldValue::Int(descriptor)));
    }
    fields
}

/// The file descriptor of a socket or file of C: `sock_fd` of `PySocketSockObject`, `fd` of `fileio`, both an int
/// behind the head of an object.
fn descriptor(view: &View<'_>, heap: &Heap, object: Address, class: &Class) -> Option<i64> {
    const AT: u64 = 16;
    let mut class = class;
    while !matches!(&*class.name, "_socket.socket" | "_io.FileIO") {
        class = heap.classes.get(class.base?);
    }
    let fd = view.memory.u32(object.offset(AT)?)?.cast_signed();
    // Which one it is, is no state.
    Some(if fd < 0 { -1 } else { SMALL + 1 })
}

fn value(view: &View<'_>, heap: &Heap, to: Address) -> FieldValue {
    let Some(number) = heap.objects.number(to) else { return FieldValue::Other };
    let class = heap.classes.get(heap.objects.object(number).class);
    if let Some(member) = member(view, heap, to, class) {
        return FieldValue::Member(member);
    }
    let filled = |items: Option<u64>| match items {
        Some(0) => FieldValue::Empty,
        Some(_) => FieldValue::Filled,
        None => FieldValue::Other,
    };
    match (class.kind, &*class.name) {
        (_, "NoneType") => FieldValue::None,
        (Kind::Int, "bool") => match edge::int_value(view, to) {
            Some(value) => FieldValue::Bool(value != 0),
            None => FieldValue::Other,
        },
        (Kind::Int, "int") => match edge::int_value(view, to) {
            Some(value @ -1..=SMALL) => FieldValue::Int(value),
            _ => FieldValue::Other,
        },
        (Kind::Str, _) => match view.layout.unicode.length.read(view.memory, to) {
            Some(length @ 1..=WORD) => word(view, to, length),
            length => filled(length),
        },
        (Kind::Dict | Kind::OrderedDict, _) => filled(view.word(to, dict::field::USED)),
        (Kind::List | Kind::Tuple | Kind::Set | Kind::Deque, _) => {
            filled(edge::length(view, to, class))
        }
        (Kind::Generator, _) if edge::is_finished(view, to) == Some(true) => FieldValue::Finished,
        _ => FieldValue::Other,
    }
}

fn word(view: &View<'_>, text: Address, length: u64) -> FieldValue {
    let text = text::unicode(view.memory, view.layout, text);
    let text =
        text.ok().filter(|text| u64::try_from(text.len()).is_ok_and(|bytes| bytes >= length));
    text.and_then(|text| TerminalState::word(&text)).map_or(FieldValue::Filled, FieldValue::Word)
}

/// The name of a member of an enum: code names it so, it is no content.
fn member(view: &View<'_>, heap: &Heap, object: Address, class: &Class) -> Option<String> {
    let metaclass = heap.objects.number(class.address)?;
    let metaclass = heap.classes.get(heap.objects.object(metaclass).class);
    if !matches!(&*metaclass.name, "enum.EnumMeta" | "enum.EnumType") {
        return None;
    }
    let name = attribute::attribute(view, heap, object, "_name_")?;
    text::unicode(view.memory, view.layout, name).ok()
}

impl FieldValue {
    /// The value in words; `None` of what says nothing.
    pub fn words(&self) -> Option<String> {
        Some(match self {
            Self::None => "None".to_owned(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Int(value) => value.to_string(),
            Self::Member(name) => name.clone(),
            Self::Word(word) => (*word).to_owned(),
            Self::Empty => "empty".to_owned(),
            Self::Finished => "finished".to_owned(),
            Self::Filled | Self::Other => return None,
        })
    }
}
