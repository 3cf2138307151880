//! Arenas of Python's small-object allocator. The stack under which one is mapped is only the line
//! that happened to need it: a random sample of all lines that allocate small objects, weighted by
//! how much they add.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::model::{Document, Domain, FrameIdentity, FrameKind, PythonTarget, Site};

/// `ARENA_SIZE` of CPython up to 3.9 (`Objects/obmalloc.c`), bytes.
const SMALL: u64 = 256 << 10;
/// `ARENA_SIZE` from 3.10 on, where arenas are found by a radix tree (bpo-37448), bytes.
const LARGE: u64 = 1 << 20;

/// How large the arenas of this interpreter are; both sizes where its version cannot be read.
pub fn bytes(python: Option<&PythonTarget>) -> Vec<u64> {
    let Some(python) = python else { return Vec::new() };
    let mut parts = python.version.split('.');
    let major = parts.next().and_then(|part| part.parse::<u32>().ok());
    let minor = parts.next().and_then(|part| part.parse::<u32>().ok());
    match (major, minor) {
        (Some(3), Some(minor)) if minor < 10 => vec![SMALL],
        (Some(3), Some(_)) => vec![LARGE],
        _ => vec![SMALL, LARGE],
    }
}

/// Whether every block of a site is as large as an arena.
pub fn is_arena(site: &Site, bytes: &[u64]) -> bool {
    site.domain == Domain::Mmap
        && site.allocated.count > 0
        && bytes
            .iter()
            .any(|size| site.allocated.count.checked_mul(*size) == Some(site.allocated.bytes))
}

/// The arena site whose stack says most about all of them, and how many of the retained arenas its
/// innermost Python function accounts for, of how many. `kept` are sites with the number of arenas
/// they keep.
///
/// Every Python function gets one vote for each arena with it anywhere in the stack. The innermost
/// function that still has half of the votes of all is where growth comes from; of the stacks
/// through it, the one that keeps most is shown. Code that runs in every stack (the server's loop)
/// is outermost and so never preferred to something inside of it.
pub fn representative(document: &Document, retained: &[(usize, u64)]) -> Option<(usize, u64, u64)> {
    let all: u64 = retained.iter().map(|(_, count)| count).sum();
    let mut votes: HashMap<FrameIdentity<'_>, u64> = HashMap::new();
    for (index, count) in retained {
        for function in functions(&document.sites[*index]) {
            *votes.entry(function).or_default() += count;
        }
    }
    let wanted = all / 2 + 1;
    let most = retained.iter().max_by_key(|(index, count)| (*count, Reverse(*index)))?;
    // Fewest votes: the innermost of those that have enough. Depth decides between equals.
    let innermost = retained
        .iter()
        .flat_map(|(index, _)| functions(&document.sites[*index]).into_iter().enumerate())
        .filter(|(_, function)| votes[function] >= wanted)
        .min_by_key(|(depth, function)| (votes[function], Reverse(*depth)));
    let Some((_, function)) = innermost else { return Some((most.0, most.1, all)) };
    let through = retained
        .iter()
        .filter(|(index, _)| functions(&document.sites[*index]).contains(&function))
        .max_by_key(|(index, count)| (*count, Reverse(*index)))?;
    Some((through.0, votes[&function], all))
}

/// The Python functions of a stack without their lines, root first, each once.
fn functions(site: &Site) -> Vec<FrameIdentity<'_>> {
    let mut functions: Vec<FrameIdentity<'_>> = Vec::new();
    for frame in site.stack.iter().filter(|frame| frame.kind == FrameKind::Python) {
        let (kind, function, file, _, module, offset) = frame.identity();
        let identity = (kind, function, file, None, module, offset);
        if !functions.contains(&identity) {
            functions.push(identity);
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::samples;
    use crate::model::Frame;

    #[test]
    fn arenas_grew_with_3_10() {
        let python =
            |version: &str| PythonTarget { version: version.into(), layout_source: "table".into() };
        assert_eq!(bytes(Some(&python("3.9.18"))), [SMALL]);
        assert_eq!(bytes(Some(&python("3.10.0"))), [LARGE]);
        assert_eq!(bytes(Some(&python("?"))), [SMALL, LARGE]);
        assert!(bytes(None).is_empty());
    }

    #[test]
    fn the_innermost_function_of_most_arenas_is_shown() {
        let mut document = samples::document(600.0);
        let stacks: [&[&str]; 4] = [
            &["serve", "background", "refresh"],
            &["serve", "handle", "remember", "Entry"],
            &["serve", "handle", "remember"],
            &["serve", "handle", "remember", "loads"],
        ];
        for stack in stacks {
            samples::add(&mut document, "x", 1 << 20, 2);
            let site = document.sites.last_mut().expect("a site");
            site.stack = stack.iter().map(|name| Frame::python(*name, "app.py", Some(1))).collect();
        }
        let retained = [(0, 2), (1, 1), (2, 2), (3, 1)];
        assert_eq!(representative(&document, &retained), Some((2, 4, 6)));
        assert_eq!(representative(&document, &[]), None);
    }
}
