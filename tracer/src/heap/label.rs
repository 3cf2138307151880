//! What references are called and what objects are.

use std::collections::HashSet;

use super::awaits;
use super::blocks::{self, BlockVisitor, Next};
use super::class::{Class, Kind};
use super::edge::{self, EdgeLabel};
use super::module;
use super::objects::Heap;
use super::roots::{code_of, running};
use super::view::{Object, View};
use crate::model::{Address, ObjectDetail, Reference, Via};
use crate::python::text;

/// Characters of a key or string that are shown.
const SHOWN: usize = 40;
/// Objects that are told at each end of a path: a chain of so many is counted one by one.
const SIDE: usize = 50_000;
/// The same, when all was asked for.
const SHOWN_IN_FULL: usize = 1000;

/// Of what has fewer items nobody knows whether it was copied; so many times those of any other are more by far.
const FEW: u64 = 50;
const FAR: u64 = 4;
/// Attributes of one object that are compared.
const ATTRIBUTES: usize = 256;

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
            let references_left_out = u64::try_from(way.len() - 2 * SIDE).unwrap_or(u64::MAX);
            let via = Via::LeftOut { references: references_left_out };
            references.push(self.reference(via, true, way[behind]));
            references.extend(self.way(&way[behind..], None));
            return references;
        }
        let mut raw = Vec::new();
        if let Some((label, object)) = first {
            raw.push(Raw { label, parent: object, object });
        }
        let mut now: Option<Object> = None;
        for pair in way.windows(2) {
            let (parent, object) = (now.take().unwrap_or(pair[0]), pair[1]);
            let step = match self.label(parent, object.address) {
                Some(label) => Raw { label, parent, object },
                // The process may have changed since.
                None => match self.replaced(parent, object) {
                    Some((label, copy)) => Raw { label, parent, object: *now.insert(copy) },
                    None => Raw { label: EdgeLabel::Gone, parent, object },
                },
            };
            raw.push(step);
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
    pub fn reference(&self, via: Via, certain: bool, object: Object) -> Reference {
        let class = self.class(object);
        Reference {
            via,
            times: 1,
            certain,
            address: object.address,
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

    /// What there is instead of an object by now, and the reference to it, where what is under that name was replaced since by a larger copy: what is updated by making it anew
    /// (`self.handlers = self.handlers + (handler,)`) is hardly ever what was read. The largest of its kind, if it is by
    /// far, and as large as that was, where that can still be read.
    fn replaced(&self, parent: Object, child: Object) -> Option<(EdgeLabel, Object)> {
        let class = self.class(child);
        let is_copied = class.kind.grows() || class.kind == Kind::Tuple;
        let items = |at| edge::length(self.view, at, class);
        if !is_copied {
            return None;
        }
        let least = items(child.address).map_or(0, |items| items / 2).max(FEW);
        let mut alike: Vec<(u64, EdgeLabel, Address)> = Vec::new();
        edge::edges(self.view, parent.address, self.class(parent), &mut |edge| {
            let named = matches!(
                edge.label,
                EdgeLabel::Attribute { .. } | EdgeLabel::Slot(_) | EdgeLabel::Value { .. }
            );
            if named
                && alike.len() < ATTRIBUTES
                && self.view.word(edge.to, 8) == Some(class.address.0)
                && let Some(items) = items(edge.to)
            {
                alike.push((items, edge.label, edge.to));
            }
        });
        alike.sort_unstable_by_key(|(items, ..)| std::cmp::Reverse(*items));
        let next = alike.get(1).map_or(0, |(items, ..)| *items);
        let largest = alike.first().filter(|(items, ..)| *items >= least && *items >= FAR * next);
        largest.map(|(_, label, address)| (*label, Object { address: *address, ..child }))
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

    /// The first reference, and how many it stands for.
    fn merged(&self, steps: &[Raw]) -> (Via, usize) {
        let [first, rest @ ..] = steps else { return (Via::Gone, 1) };
        if let [value, ..] = rest
            && let EdgeLabel::Value { key } = value.label
            && self.is_attributes(first)
            && let Some(name) = self.text(key, SHOWN)
        {
            return (Via::Attribute { name: Some(name) }, 2);
        }
        if let [cell, contents, ..] = rest
            && first.label == EdgeLabel::Field("__closure__")
            && let EdgeLabel::Item(index) = cell.label
            && contents.label == EdgeLabel::Field("cell_contents")
        {
            let name = self.free_variable(first.parent, index);
            return (Via::ClosureCell { index, name }, 3);
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

    fn via(&self, step: &Raw) -> Via {
        match step.label {
            EdgeLabel::Item(index) => Via::Item { index },
            EdgeLabel::Key => Via::Key,
            EdgeLabel::Value { key } => Via::Value { key: self.key(key) },
            EdgeLabel::Attribute { name } => Via::Attribute { name: self.text(name, SHOWN) },
            EdgeLabel::Slot(index) => {
                let slot = self.class(step.parent).slots.get(index as usize);
                Via::Attribute { name: slot.map(|slot| slot.1.clone()) }
            }
            EdgeLabel::Member => Via::Member,
            EdgeLabel::Field(name) => Via::Attribute { name: Some(name.to_owned()) },
            EdgeLabel::Local { code, index } => match edge::local_name(self.view, code, index) {
                Some(name) => Via::Local { name },
                None => Via::EvaluationStack { certain: true },
            },
            EdgeLabel::Class => Via::Class,
            EdgeLabel::Word(offset) => Via::CField { offset },
            EdgeLabel::Inside { hops } => {
                let name = &self.class(step.parent).name;
                Via::CStructure { class: name.rsplit('.').next().unwrap_or(name).to_owned(), hops }
            }
            EdgeLabel::Stack => Via::EvaluationStack { certain: false },
            EdgeLabel::Gone => Via::Gone,
            EdgeLabel::Weak => Via::Weak,
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

    fn source(&self) -> awaits::Source<'_> {
        awaits::Source { view: self.view, heap: self.heap, code_type: self.code_type }
    }

    /// More of an object than its type.
    fn detail(&self, object: Object, class: &Class) -> Option<ObjectDetail> {
        let at = object.address;
        let runs = |code: Option<Address>| code_of(self.view, self.code_type, code?);
        let name = |name: String| ObjectDetail::Name { name };
        match class.kind {
            Kind::Function => runs(edge::function_code(self.view, at)),
            Kind::Code => runs(Some(at)),
            Kind::Frame | Kind::Generator => {
                running(self.view, self.code_type, edge::frame_of(self.view, at, class)?)
            }
            Kind::Module => module::name(self.view, at).map(name),
            Kind::Type => {
                Some(name(self.heap.classes.get(self.heap.classes.known(at)?).name.clone()))
            }
            Kind::Dict | Kind::OrderedDict | Kind::List | Kind::Tuple | Kind::Set | Kind::Deque => {
                edge::length(self.view, at, class).map(|count| ObjectDetail::Items { count })
            }
            Kind::Str if self.values => {
                self.text(at, SHOWN_IN_FULL).map(|text| ObjectDetail::Text { text })
            }
            _ => awaits::chain(self.source(), object, class)
                .map(|chain| ObjectDetail::Awaits { chain }),
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
    let mut runs: Vec<Reference> = Vec::new();
    for reference in references {
        match runs.last_mut() {
            Some(last) if is_repeated(last, &reference) => {
                *last = Reference { times: last.times + 1, ..reference };
            }
            _ => runs.push(reference),
        }
    }
    runs
}

fn is_repeated(a: &Reference, b: &Reference) -> bool {
    a.via.is_like(&b.via) && (&a.class, a.certain) == (&b.class, b.certain)
}
