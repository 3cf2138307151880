//! A judged document cut down to one leak: its stacks, types and container, and nothing else.

use std::collections::HashSet;

use thiserror::Error;

use super::leaks;
use crate::model::Document;

/// Why there is no document of one leak.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoLeak {
    /// No leak has that id.
    #[error("there is no leak {asked}; {}", known_ids(.known))]
    Unknown {
        /// What was asked for.
        asked: String,
        /// Ids and names of all: data from outside.
        known: Vec<(String, String)>,
    },
    /// It has no stack that was seen.
    #[error(
        "the leak {id} has no stack of its own: what it is made of is small, and Python's allocator \
         serves it from memory that it has"
    )]
    NoStacks {
        /// Its id.
        id: String,
    },
}

fn known_ids(known: &[(String, String)]) -> String {
    let ids: Vec<String> = known.iter().map(|(id, name)| format!("{id} ({name})")).collect();
    match ids.is_empty() {
        true => "nothing leaks in this recording".to_owned(),
        false => format!("those of this recording are {}", ids.join(", ")),
    }
}

/// The document with the one leak, its findings and their sites, its types, and the container that retains it.
///
/// # Errors
/// No leak has that id.
pub fn one_leak(mut document: Document, id: &str) -> Result<Document, NoLeak> {
    let Some(place) = document.leaks.iter().position(|leak| leak.id == id) else {
        let known = document.leaks.into_iter().map(|leak| (leak.id, leak.name));
        return Err(NoLeak::Unknown { asked: id.to_owned(), known: known.collect() });
    };
    let leak = document.leaks.swap_remove(place);
    let wanted: HashSet<&str> = leak.evidence.findings.iter().map(String::as_str).collect();
    document.findings.retain(|finding| wanted.contains(&*finding.site.id));
    let keep: Vec<bool> = document.sites.iter().map(|site| wanted.contains(&*site.id)).collect();
    let mut places = keep.iter();
    document.sites.retain(|_| places.next() == Some(&true));
    let mut places = keep.iter();
    document.history.sites.retain(|_| places.next() == Some(&true));
    document.history.types.retain(|found| leak.is_of(&found.name));
    document.types.iter_mut().for_each(|types| types.retain(|found| leak.is_of(&found.name)));
    let place = leak.retained_by.as_ref().and_then(|by| leaks::place_of(&by.path));
    document
        .history
        .containers
        .retain(|container| place.is_some() && leaks::place_of(&container.words()) == place);
    document.leaks = vec![leak];
    Ok(document)
}

/// The document of one leak, if it has stacks.
///
/// # Errors
/// None of its stacks was seen.
pub fn with_stacks(document: Document) -> Result<Document, NoLeak> {
    match document.leaks.first() {
        Some(leak) if document.sites.is_empty() => Err(NoLeak::NoStacks { id: leak.id.clone() }),
        _ => Ok(document),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::leaks::samples;

    #[test]
    fn only_its_stacks_are_left() {
        let mut document = samples::leaking();
        document.sites = document.findings.iter().map(|found| found.site.clone()).collect();
        let leak = document.leaks[0].clone();
        let one = one_leak(document, &leak.id).expect("a leak");
        let ids = |of: &[crate::model::Site]| -> Vec<String> {
            of.iter().map(|site| site.id.clone()).collect()
        };
        let mut expected = leak.evidence.findings.clone();
        let mut left = ids(&one.sites);
        expected.sort();
        left.sort();
        assert_eq!((left, one.leaks), (expected, vec![leak]));
    }

    #[test]
    fn others_are_named() {
        let error = one_leak(samples::leaking(), "cafe0000").expect_err("no leak");
        let text = error.to_string();
        for leak in samples::leaking().leaks {
            assert!(text.contains(&leak.id), "{text}");
        }
    }
}
