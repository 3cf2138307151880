//! Which paths to objects are alike: those through the same types by the same names, whatever the
//! indices, keys and numbers of repetitions.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::class::Kind;
use super::edge::{self, EdgeLabel};
use super::index::AddressMap;
use super::objects::Heap;
use super::paths::{PathStep, Paths};
use super::view::{Object, View};

/// Objects with more references than this are not asked which one leads on: the answer would only
/// be an index or key.
const ASKED: usize = 1024;

/// Objects whose paths have one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alike {
    /// The first of those with the longest path: it tells how often something repeats.
    pub example: u32,
    /// References on its path.
    pub length: u32,
    /// How many.
    pub count: u64,
    /// Their bytes, shallow.
    pub bytes: u64,
}

/// Sorts objects, given with their bytes, by the shape of their paths: most first. `alike` has for each root that was
/// given the first that is like it.
pub fn groups(
    view: &View<'_>,
    heap: &Heap,
    (paths, alike): (&Paths, &[u32]),
    objects: &[(u32, u64)],
) -> Vec<Alike> {
    let mut shapes = Shapes { view, heap, paths, alike, known: AddressMap::default() };
    let mut groups: HashMap<u64, Alike> = HashMap::new();
    for &(number, bytes) in objects {
        let Shape { hash, length, .. } = shapes.of(number);
        let alike = groups.entry(hash);
        let first = Alike { example: number, length, count: 0, bytes: 0 };
        let alike = alike.or_insert(first);
        alike.count += 1;
        alike.bytes = alike.bytes.saturating_add(bytes);
        if alike.length < length {
            (alike.example, alike.length) = (number, length);
        }
    }
    let mut groups: Vec<Alike> = groups.into_values().collect();
    groups.sort_by_key(|group| (std::cmp::Reverse((group.count, group.bytes)), group.example));
    groups
}

/// A path so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    hash: u64,
    /// References on it.
    length: u32,
    /// The last three steps, so that repetition is seen, the newest first.
    steps: [u64; 3],
}

struct Shapes<'a, 'v> {
    view: &'a View<'v>,
    heap: &'a Heap,
    paths: &'a Paths,
    alike: &'a [u32],
    known: AddressMap<Shape>,
}

impl Shapes<'_, '_> {
    fn of(&mut self, number: u32) -> Shape {
        // Backwards to a known step, then forwards, without recursion: paths can be as long as
        // there are objects.
        let mut open = Vec::new();
        let mut at = number;
        let mut shape = loop {
            if let Some(&known) = self.known.get(&at.into()) {
                break known;
            }
            open.push(at);
            match self.paths.step(at) {
                Some(PathStep::Object(before)) => at = before,
                Some(PathStep::Root(root)) => break self.begin(root),
                None => break Shape { hash: 0, length: 0, steps: [0; 3] },
            }
        };
        while let Some(next) = open.pop() {
            shape = self.extend(shape, next);
            self.known.insert(next.into(), shape);
        }
        shape
    }

    fn begin(&self, root: u32) -> Shape {
        let kind = self.paths.kind(root);
        // Every object that only C holds is a root of its own.
        let which = match kind {
            crate::model::RootKind::Native => 0,
            _ => self.alike.get(root as usize).copied().unwrap_or(root),
        };
        Shape { hash: hash(&(kind, which)), length: 0, steps: [0; 3] }
    }

    fn extend(&self, before: Shape, number: u32) -> Shape {
        let step = self.step(number);
        let [newest, second, third] = before.steps;
        let repeats = step == newest || (step, newest) == (second, third) && second != 0;
        let hash = if repeats { before.hash } else { hash(&(before.hash, step)) };
        Shape { hash, length: before.length.saturating_add(1), steps: [step, newest, second] }
    }

    /// The last step on the path to an object.
    fn step(&self, number: u32) -> u64 {
        let object = self.heap.objects.object(number);
        let class = &self.heap.classes.get(object.class).name;
        let by = match self.paths.step(number) {
            Some(PathStep::Object(before)) if self.has_names(before) => {
                self.name(self.heap.objects.object(before), object)
            }
            _ => 0,
        };
        hash(&(class, by)).max(1)
    }

    /// Whether what an object refers to has names: a dict has when it holds the attributes of
    /// something.
    fn has_names(&self, number: u32) -> bool {
        let object = self.heap.objects.object(number);
        match self.heap.classes.get(object.class).kind {
            Kind::List | Kind::Tuple | Kind::Set | Kind::Deque => false,
            Kind::Dict | Kind::OrderedDict => match self.paths.step(number) {
                Some(PathStep::Object(owner)) => {
                    let owner = self.heap.objects.object(owner);
                    edge::attributes(self.view, owner.address, self.heap.classes.get(owner.class))
                        == Some(object.address)
                }
                _ => false,
            },
            _ => true,
        }
    }

    /// What the reference is called, where that is a name and not an index or key.
    fn name(&self, parent: Object, child: Object) -> u64 {
        let class = self.heap.classes.get(parent.class);
        let mut found = None;
        let mut asked = 0;
        edge::edges(self.view, parent.address, class, &mut |edge| {
            asked += 1;
            if asked <= ASKED && edge.to == child.address && found.is_none() {
                found = Some(edge.label);
            }
        });
        match found.filter(|_| asked <= ASKED) {
            None | Some(EdgeLabel::Item(_)) => 0,
            Some(label) => hash(&label_words(label)),
        }
    }
}

/// Names are interned: the address of one stands for it.
fn label_words(label: EdgeLabel) -> (u8, u64) {
    match label {
        EdgeLabel::Item(_) => (0, 0),
        EdgeLabel::Key => (1, 0),
        EdgeLabel::Value { key } => (2, key.0),
        EdgeLabel::Attribute { name } => (3, name.0),
        EdgeLabel::Slot(index) => (4, index.into()),
        EdgeLabel::Member => (5, 0),
        EdgeLabel::Field(name) => (6, hash(&name)),
        EdgeLabel::Local { code, index } => (7, hash(&(code.0, index))),
        EdgeLabel::Class => (8, 0),
        EdgeLabel::Word(offset) => (9, offset.into()),
        EdgeLabel::Stack => (10, 0),
        EdgeLabel::Gone => (11, 0),
        EdgeLabel::Weak => (12, 0),
        EdgeLabel::Inside { .. } => (13, 0),
    }
}

fn hash<T: Hash>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
