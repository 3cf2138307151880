//! What is judged together: the sites of one visible stack, all arenas of Python's small-object
//! allocator, and all that the allocator of a library maps.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::arena;
use crate::model::library_allocator;
use crate::model::{Document, Site, StackNote};

/// Sites that are judged as one, by their index in `Document::sites`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// In the order of the document: the one with most live bytes first.
    pub sites: Vec<usize>,
    /// Whether they are arenas of Python's small-object allocator.
    pub arenas: bool,
    /// The allocator that they are mappings of, and its library, if it is another one.
    pub allocator: Option<(&'static str, String)>,
}

impl Subject {
    /// Whether these are what an allocator takes to give it away in parts.
    pub fn of_allocator(&self) -> bool {
        self.arenas || self.allocator.is_some()
    }
}

/// Every stack of a document, and the mappings of its allocators, in the order of their first site.
pub fn subjects(document: &Document) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = Vec::new();
    let mut known: HashMap<u64, usize> = HashMap::new();
    let arena = arena::bytes(document.target.python.as_ref());
    for (index, site) in document.sites.iter().enumerate() {
        if !is_believed(site) {
            continue;
        }
        let mapper = library_allocator::mapper(site);
        let allocator = mapper.map(|mapper| (mapper.name, mapper.module.to_owned()));
        let arenas = allocator.is_none() && arena::is_arena(site, &arena);
        // Sixty-four bits: two of 20,000 stacks collide once in 10^11 recordings, and are then
        // judged as one.
        let key = match &allocator {
            Some(allocator) => hash_of(allocator),
            None if arenas => u64::MAX,
            None => stack_hash(site),
        };
        let at = *known.entry(key).or_insert_with(|| {
            subjects.push(Subject { sites: Vec::new(), arenas, allocator });
            subjects.len() - 1
        });
        subjects[at].sites.push(index);
    }
    subjects
}

/// Whether what is live of a site is known.
pub fn is_believed(site: &Site) -> bool {
    !site.notes.contains(&StackNote::AllocatorNotBelieved)
}

fn hash_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish() & (u64::MAX >> 1)
}

/// Everything that a reader sees of a site except its size class.
fn stack_hash(site: &Site) -> u64 {
    let mut hasher = DefaultHasher::new();
    (site.domain, site.allocator.as_str()).hash(&mut hasher);
    for frame in site.stack.iter() {
        frame.identity().hash(&mut hasher);
    }
    hasher.finish() & (u64::MAX >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::samples;
    use crate::model::Domain;

    #[test]
    fn size_classes_of_a_stack_belong_together() {
        let mut document = samples::document(600.0);
        samples::add(&mut document, "f", 64, 1);
        samples::add(&mut document, "g", 64, 1);
        samples::add(&mut document, "f", 128, 1);
        let found: Vec<_> = subjects(&document).into_iter().map(|subject| subject.sites).collect();
        assert_eq!(found, [vec![0, 2], vec![1]]);
    }

    #[test]
    fn arenas_are_one_subject() {
        let mut document = samples::document(600.0);
        for function in ["f", "g"] {
            samples::add(&mut document, function, 1 << 20, 3);
            document.sites.last_mut().expect("a site").domain = Domain::Mmap;
        }
        let found = subjects(&document);
        assert_eq!(found, [Subject { sites: vec![0, 1], arenas: true, allocator: None }]);
        document.target.python = None;
        assert_eq!(subjects(&document).len(), 2);
    }

    /// Blocks whose ends are not seen say nothing of growth.
    #[test]
    fn what_is_not_believed_is_not_judged() {
        let mut document = samples::document(600.0);
        samples::add(&mut document, "f", 64, 1);
        samples::add(&mut document, "g", 64, 1);
        document.sites[0].notes.push(StackNote::AllocatorNotBelieved);
        let found: Vec<_> = subjects(&document).into_iter().map(|subject| subject.sites).collect();
        assert_eq!(found, [vec![1]]);
    }

    #[test]
    fn mappings_of_a_librarys_allocator_are_one_subject() {
        let mut document = samples::document(600.0);
        for function in ["f", "g"] {
            samples::add(&mut document, function, 1 << 20, 3);
            samples::map_through(&mut document, &["fill", "_rjem_je_pages_map"], "/p.so");
        }
        samples::add(&mut document, "f", 1 << 20, 3);
        let found = subjects(&document);
        let allocator = Some(("jemalloc", "/p.so".to_owned()));
        assert_eq!(found[0], Subject { sites: vec![0, 1], arenas: false, allocator });
        assert_eq!(found[1], Subject { sites: vec![2], arenas: true, allocator: None });
    }
}
