//! What is judged together: the sites of one visible stack, and all arenas of Python's small-object
//! allocator.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::arena;
use crate::model::{Document, Site};

/// Sites that are judged as one, by their index in `Document::sites`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// In the order of the document: the one with most live bytes first.
    pub sites: Vec<usize>,
    /// Whether they are arenas of Python's small-object allocator.
    pub arenas: bool,
}

/// Every stack of a document, and its arenas, in the order of their first site.
pub fn subjects(document: &Document) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = Vec::new();
    let mut known: HashMap<u64, usize> = HashMap::new();
    let arena = arena::bytes(document.target.python.as_ref());
    for (index, site) in document.sites.iter().enumerate() {
        let arenas = arena::is_arena(site, &arena);
        // Sixty-four bits: two of 20,000 stacks collide once in 10^11 recordings, and are then
        // judged as one.
        let key = if arenas { u64::MAX } else { stack_hash(site) };
        let at = *known.entry(key).or_insert_with(|| {
            subjects.push(Subject { sites: Vec::new(), arenas });
            subjects.len() - 1
        });
        subjects[at].sites.push(index);
    }
    subjects
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
        assert_eq!(found, [Subject { sites: vec![0, 1], arenas: true }]);
        document.target.python = None;
        assert_eq!(subjects(&document).len(), 2);
    }
}
