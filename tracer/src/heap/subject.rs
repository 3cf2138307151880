//! What somebody asks for: objects of a type, an object, or a module.

use super::class::{ClassId, Kind};
use super::module;
use super::objects::Heap;
use super::view::View;
use crate::model::{Address, HeapSubject, Namesake, without_ids};

/// What was asked for, found in a heap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSubject {
    /// What it is.
    pub subject: HeapSubject,
    /// The objects, by number.
    pub objects: Vec<u32>,
    /// What else has that name.
    pub namesake: Option<Namesake>,
}

/// Why there is no subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHeapSubject {
    /// An address where no object was found.
    #[error("no object begins at {0}; `census` lists types, and paths show addresses")]
    NoObject(Address),
    /// A name that is none of a type or module.
    #[error("no type with objects and no module is called {name:?}; {}", advice(near))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Types whose names are near.
        near: Vec<String>,
    },
}

/// Most names that are proposed.
const PROPOSED: usize = 3;

/// Finds what `asked` means: an address (`0x…`), a type by its full or last name, or a module by
/// its name.
pub fn find(view: &View<'_>, heap: &Heap, asked: &str) -> Result<FoundSubject, NoHeapSubject> {
    if let Some(address) =
        asked.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok())
    {
        let address = Address(address);
        let number = heap.objects.number(address).ok_or(NoHeapSubject::NoObject(address))?;
        let class = &heap.classes.get(heap.objects.object(number).class).name;
        let subject = HeapSubject::Object { address: address.to_string(), class: class.clone() };
        return Ok(FoundSubject { subject, objects: vec![number], namesake: None });
    }
    let name = without_ids(asked);
    let whole = instances(heap, |class| class == name);
    let module = module(view, heap, asked);
    let last = || instances(heap, |class| class.rsplit('.').next() == Some(asked));
    match (whole, module) {
        (Some(class), Some(module)) => Some(instead_of_module(heap, class, &module)),
        (Some(class), None) => Some(class),
        (None, Some(module)) => Some(instead_of_type(heap, module, last())),
        (None, None) => last(),
    }
    .ok_or_else(|| NoHeapSubject::Unknown { name: asked.to_owned(), near: near(heap, asked) })
}

/// A type, and the module of the same name.
fn instead_of_module(heap: &Heap, class: FoundSubject, module: &FoundSubject) -> FoundSubject {
    let namesake = module.objects.first().map(|&number| Namesake {
        answered: class.subject.clone(),
        other: module.subject.clone(),
        ask: heap.objects.object(number).address.to_string(),
    });
    FoundSubject { namesake, ..class }
}

/// A module, and objects of a type whose last name it has.
fn instead_of_type(heap: &Heap, module: FoundSubject, class: Option<FoundSubject>) -> FoundSubject {
    let namesake = class.and_then(|class| {
        let number = *class.objects.first()?;
        let ask = heap.classes.get(heap.objects.object(number).class).name.clone();
        Some(Namesake { answered: module.subject.clone(), other: class.subject, ask })
    });
    FoundSubject { namesake, ..module }
}

fn instances(heap: &Heap, fits: impl Fn(&str) -> bool) -> Option<FoundSubject> {
    let fits: Vec<bool> = heap.classes.all().iter().map(|class| fits(&class.name)).collect();
    let is = |class: ClassId| fits.get(class.0 as usize) == Some(&true);
    let objects = numbered(heap).filter(|(_, object)| is(object.class)).map(|(number, _)| number);
    let objects: Vec<u32> = objects.collect();
    let first = heap.classes.get(heap.objects.object(*objects.first()?).class);
    let subject = HeapSubject::Type { class: first.name.clone() };
    Some(FoundSubject { subject, objects, namesake: None })
}

fn numbered(heap: &Heap) -> impl Iterator<Item = (u32, super::view::Object)> + '_ {
    (0..).zip(heap.objects.iter())
}

/// Modules of that name; where there are none any more, the names that they left behind, which
/// their functions hold.
fn module(view: &View<'_>, heap: &Heap, asked: &str) -> Option<FoundSubject> {
    let modules = module::all(heap)
        .filter(|(_, module)| module::name(view, module.address).as_deref() == Some(asked));
    let objects: Vec<u32> = modules.map(|(number, _)| number).collect();
    if !objects.is_empty() {
        let subject = HeapSubject::Module { name: asked.to_owned() };
        return Some(FoundSubject { subject, objects, namesake: None });
    }
    let names = numbered(heap)
        .filter(|(_, object)| heap.classes.get(object.class).kind == Kind::Dict)
        .filter(|(_, object)| module::dict_name(view, object.address).as_deref() == Some(asked))
        .map(|(number, _)| number);
    let objects: Vec<u32> = names.collect();
    let subject = HeapSubject::GoneModule { name: asked.to_owned() };
    (!objects.is_empty()).then_some(FoundSubject { subject, objects, namesake: None })
}

/// Types whose last name holds the last part of what was asked for.
fn near(heap: &Heap, asked: &str) -> Vec<String> {
    let part = asked.rsplit('.').next().unwrap_or(asked).to_lowercase();
    let mut names: Vec<&str> = heap
        .classes
        .all()
        .iter()
        .map(|class| class.name.as_str())
        .filter(|name| !part.is_empty() && name.to_lowercase().contains(&part))
        .collect();
    names.sort_by_key(|name| (name.len(), *name));
    names.dedup();
    names.truncate(PROPOSED);
    names.into_iter().map(str::to_owned).collect()
}

/// What to do when nothing has the name.
fn advice(near: &[String]) -> String {
    match near {
        [] => "`census` lists the types".to_owned(),
        near => format!("did you mean {}?", near.join(", ")),
    }
}
