//! Names of references and objects, for people.

use std::collections::HashSet;

use super::blocks::{self, BlockVisitor, Next};
use super::class::{Class, Kind};
use super::dict;
use super::edge::{self, EdgeLabel};
use super::module;
use super::objects::Heap;
use super::roots::code_words;
use super::view::{Object, View};
use crate::model::{Address, Reference};
use crate::python::text;

/// Characters of a key or string that are shown.
const SHOWN: usize = 40;
/// Objects that are told at each end of a path: a chain of so many is counted one by one.
const SIDE: usize = 50_000;
/// The same, when all was asked for.
const SHOWN_IN_FULL: usize = 1000;

/// Says what references are called and what objects are.
#[derive(Clone, Copy)]
pub struct Namer<'a> {
    /// The heap's bytes.
    pub view: &'a View<'a>,
    /// The heap.
    pub heap: &'a Heap,
    /// `PyCode_Type`
    pub code_type: Address,
    /// Whether values of strings are reported.
    pub values: bool,
}

/// A step of a path, before steps are put together.
struct Raw {
    label: EdgeLabel,
    parent: Object,
    object: Object,
}

impl Namer<'_> {
    /// The references along a path of objects, each with the one that it leads to. Those that are
    /// one to a reader (an object, its dict, a value in it) are put together; of a very long path
    /// the middle is left out.
    pub fn way(&self, way: &[Object], first: Option<(EdgeLabel, Object)>) -> Vec<Reference> {
        if way.len() > 2 * SIDE {
            let mut references = self.way(&way[..SIDE], first);
            let behind = way.len() - SIDE;
            let via = format!("… {} more references …", way.len() - 2 * SIDE);
            references.push(self.reference(via, true, way[behind]));
            references.extend(self.way(&way[behind..], None));
            return references;
        }
        let mut raw = Vec::new();
        if let Some((label, object)) = first {
            raw.push(Raw { label, parent: object, object });
        }
        for pair in way.windows(2) {
            let (parent, object) = (pair[0], pair[1]);
            // The process may have changed since.
            let label = self.label(parent, object.address).unwrap_or(EdgeLabel::Gone);
            raw.push(Raw { label, parent, object });
        }
        let mut references: Vec<Reference> = Vec::new();
        let mut rest = &raw[..];
        while !rest.is_empty() {
            let (via, taken) = self.merged(rest);
            let last = &rest[taken - 1];
            let certain = rest[..taken].iter().all(|step| step.label.is_certain());
            references.push(self.reference(via, certain, last.object));
            rest = &rest[taken..];
        }
        shortened(references)
    }

    /// What an object is, as the end of a reference.
    pub fn reference(&self, via: String, certain: bool, object: Object) -> Reference {
        let class = self.class(object);
        Reference {
            via,
            certain,
            address: object.address.to_string(),
            class: class.name.clone(),
            detail: self.detail(object, class),
        }
    }

    /// What the reference from one object to another is, a certain one if there is any.
    fn label(&self, parent: Object, child: Address) -> Option<EdgeLabel> {
        let mut found: Option<EdgeLabel> = None;
        edge::edges(self.view, parent.address, self.class(parent), &mut |edge| {
            let better = found.is_none_or(|found| !found.is_certain() && edge.label.is_certain());
            if edge.to == child && better && edge.label != EdgeLabel::Weak {
                found = Some(edge.label);
            }
        });
        found.or_else(|| self.inside(parent, child))
    }

    /// The same, where the reference is in a block that a struct of C leads to.
    fn inside(&self, parent: Object, child: Address) -> Option<EdgeLabel> {
        let mut starts = Vec::new();
        edge::edges(self.view, parent.address, self.class(parent), &mut |edge| {
            if matches!(edge.label, EdgeLabel::Word(_)) && !self.is_object(edge.to) {
                starts.push(edge.to);
            }
        });
        let mut wanted = Wanted { namer: self, child, hops: None, seen: HashSet::new() };
        blocks::search(self.view, &starts, &mut wanted);
        wanted.hops.map(|hops| EdgeLabel::Inside { hops })
    }

    fn is_object(&self, at: Address) -> bool {
        self.heap.objects.number(at).is_some()
    }

    fn class(&self, object: Object) -> &Class {
        self.heap.classes.get(object.class)
    }

    /// The words of the first reference, and how many it stands for.
    fn merged(&self, steps: &[Raw]) -> (String, usize) {
        let [first, rest @ ..] = steps else { return (String::new(), 1) };
        if let [value, ..] = rest
            && let EdgeLabel::Value { key } = value.label
            && self.is_attributes(first)
            && let Some(name) = self.text(key, SHOWN)
        {
            return (format!(".{name}"), 2);
        }
        if let [cell, contents, ..] = rest
            && first.label == EdgeLabel::Field("__closure__")
            && let EdgeLabel::Item(index) = cell.label
            && contents.label == EdgeLabel::Field("cell_contents")
        {
            let name = self.free_variable(first.parent, index);
            return (format!("closure cell {}", name.unwrap_or_else(|| index.to_string())), 3);
        }
        (self.via(first), 1)
    }

    /// Whether the step leads to the dict with the attributes of what it comes from.
    fn is_attributes(&self, step: &Raw) -> bool {
        let attributes = edge::attributes(self.view, step.parent.address, self.class(step.parent));
        step.parent != step.object && attributes == Some(step.object.address)
    }

    fn free_variable(&self, function: Object, index: u64) -> Option<String> {
        let code = edge::function_code(self.view, function.address)?;
        edge::free_variable(self.view, code, u32::try_from(index).ok()?)
    }

    fn via(&self, step: &Raw) -> String {
        match step.label {
            EdgeLabel::Item(index) => format!("[{index}]"),
            EdgeLabel::Key => "a key".to_owned(),
            EdgeLabel::Value { key } => format!("[{}]", self.key(key)),
            EdgeLabel::Attribute { name } => match self.text(name, SHOWN) {
                Some(name) => format!(".{name}"),
                None => "an attribute".to_owned(),
            },
            EdgeLabel::Slot(index) => {
                let slot = self.class(step.parent).slots.get(index as usize);
                format!(".{}", slot.map_or("?", |slot| &slot.1))
            }
            EdgeLabel::Member => "a member".to_owned(),
            EdgeLabel::Field(name) => format!(".{name}"),
            EdgeLabel::Local { code, index } => match edge::local_name(self.view, code, index) {
                Some(name) => format!("local {name}"),
                None => "its evaluation stack".to_owned(),
            },
            EdgeLabel::Class => "its type".to_owned(),
            EdgeLabel::Word(offset) => format!("C field at {offset:#x}"),
            EdgeLabel::Inside { hops } => {
                let name = &self.class(step.parent).name;
                let class = name.rsplit('.').next().unwrap_or(name);
                match hops {
                    1 => format!("in a C structure of {class}"),
                    _ => format!("in a C structure of {class}, {hops} hops"),
                }
            }
            EdgeLabel::Stack => "perhaps its evaluation stack".to_owned(),
            EdgeLabel::Gone => "a reference that is gone since".to_owned(),
            EdgeLabel::Weak => "a weak reference".to_owned(),
        }
    }

    /// A key of a dict.
    fn key(&self, key: Address) -> String {
        let shown = if self.values { SHOWN_IN_FULL } else { SHOWN };
        if let Some(text) = self.text(key, shown) {
            return format!("'{text}'");
        }
        let number = self.heap.objects.number(key);
        match number.map(|number| self.heap.objects.object(number)) {
            Some(object) if self.class(object).kind == Kind::Int => {
                edge::int_value(self.view, key).map_or("int".to_owned(), |value| value.to_string())
            }
            Some(object) => format!("<{}>", self.class(object).name),
            None => "?".to_owned(),
        }
    }

    /// The text of a str, shortened.
    fn text(&self, at: Address, most: usize) -> Option<String> {
        let class = self.view.word(at, 8).map(Address)?;
        let class = self.heap.classes.get(self.heap.classes.known(class)?);
        if class.kind != Kind::Str {
            return None;
        }
        let text = text::unicode(self.view.memory, self.view.layout, at).ok()?;
        let mut shown: String = text.chars().take(most).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        Some(shown)
    }

    /// More of an object than its type.
    fn detail(&self, object: Object, class: &Class) -> Option<String> {
        let at = object.address;
        match class.kind {
            Kind::Function => {
                code_words(self.view, self.code_type, edge::function_code(self.view, at)?)
            }
            Kind::Code => code_words(self.view, self.code_type, at),
            Kind::Frame | Kind::Generator => {
                code_words(self.view, self.code_type, edge::frame_code(self.view, at, class)?)
            }
            Kind::Module => module::name(self.view, at),
            Kind::Type => Some(self.heap.classes.get(self.heap.classes.known(at)?).name.clone()),
            Kind::Dict | Kind::OrderedDict => {
                let mut count = 0_u64;
                dict::entries(self.view, at, &mut |_, _| count += 1);
                Some(items(count))
            }
            Kind::List | Kind::Tuple | Kind::Set | Kind::Deque => {
                edge::length(self.view, at, class).map(items)
            }
            Kind::Str if self.values => {
                self.text(at, SHOWN_IN_FULL).map(|text| format!("'{text}'"))
            }
            _ => None,
        }
    }
}

/// An object that is looked for in the blocks of another.
struct Wanted<'a> {
    namer: &'a Namer<'a>,
    child: Address,
    /// How far away it is, when it was found.
    hops: Option<u8>,
    seen: HashSet<Address>,
}

impl BlockVisitor for Wanted<'_> {
    fn word(&mut self, word: Address, hops: u8) -> Next {
        if word == self.child {
            self.hops = Some(hops);
            return Next::Stop;
        }
        if self.namer.is_object(word) { Next::Leave } else { Next::Follow }
    }

    fn claim(&mut self, block: Address) -> bool {
        self.seen.insert(block)
    }
}

/// A reference that repeats, as from one node of a path to the next, is reported once, with how
/// often.
fn shortened(references: Vec<Reference>) -> Vec<Reference> {
    let mut runs: Vec<(Reference, u64)> = Vec::new();
    for reference in references {
        match runs.last_mut() {
            Some((last, count)) if is_repeated(last, &reference) => {
                (*last, *count) = (reference, *count + 1);
            }
            _ => runs.push((reference, 1)),
        }
    }
    let told = |(reference, count): (Reference, u64)| match count {
        1 => reference,
        _ => Reference { via: format!("{} × {count}", reference.via), ..reference },
    };
    runs.into_iter().map(told).collect()
}

/// Indices and keys of what repeats differ.
fn is_repeated(a: &Reference, b: &Reference) -> bool {
    let name = |via: &str| if via.starts_with('[') { "[]".to_owned() } else { via.to_owned() };
    (name(&a.via), &a.class, a.certain) == (name(&b.via), &b.class, b.certain)
}

fn items(count: u64) -> String {
    match count {
        1 => "1 item".to_owned(),
        _ => format!("{count} items"),
    }
}
