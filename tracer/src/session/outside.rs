//! Where in the memory of a process the addresses of objects are written: what is known of references that C code
//! took.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::{Address, PointersIn};

/// Bytes that are read at once.
const CHUNK: u64 = 1 << 20;
/// Most bytes that are searched.
const MOST: u64 = 16 << 30;
/// Set in references of frames that count nothing (3.14 on).
const TAG: u64 = 1;

/// Memory that is searched: its addresses, and what it is called.
pub struct Searched {
    /// Addresses of whole words.
    pub range: Range<u64>,
    /// The file or name of its mapping.
    pub name: String,
}

/// The words in `memory` that are equal to each of `wanted`, by the name of the mapping; `None` when there is too much
/// of it. `read` reads a chunk, which it may not be able to.
pub fn pointers(
    wanted: &[Address],
    memory: &[Searched],
    mut read: impl FnMut(u64, &mut [u8]) -> bool,
) -> Option<Vec<Vec<PointersIn>>> {
    let sizes = memory.iter().map(|part| part.range.end.saturating_sub(part.range.start));
    if sizes.fold(0, u64::saturating_add) > MOST {
        return None;
    }
    let mut found: Vec<BTreeMap<&str, u64>> = vec![BTreeMap::new(); wanted.len()];
    let mut buffer = Vec::new();
    for part in memory {
        let mut at = part.range.start;
        while at < part.range.end {
            let size = CHUNK.min(part.range.end - at);
            buffer.resize(usize::try_from(size).unwrap_or(0), 0);
            if read(at, &mut buffer) {
                count(&buffer, wanted, &mut |which| {
                    *found[which].entry(&part.name).or_default() += 1;
                });
            }
            at += size;
        }
    }
    let told = |by_name: BTreeMap<&str, u64>| {
        let parts = by_name.into_iter();
        let mut parts: Vec<PointersIn> =
            parts.map(|(name, words)| PointersIn { mapping: name.to_owned(), words }).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.words));
        parts
    };
    Some(found.into_iter().map(told).collect())
}

fn count(bytes: &[u8], wanted: &[Address], found: &mut dyn FnMut(usize)) {
    for word in bytes.as_chunks().0 {
        let word = u64::from_le_bytes(*word) & !TAG;
        if let Some(which) = wanted.iter().position(|wanted| wanted.0 == word) {
            found(which);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(range: Range<u64>, name: &str) -> Searched {
        Searched { range, name: name.into() }
    }

    #[test]
    fn words_are_counted_by_mapping() {
        let memory = [part(0..64, "[heap]"), part(64..96, "[heap]"), part(4096..4104, "a.so")];
        let read = |at: u64, into: &mut [u8]| {
            into.fill(0);
            match at {
                0 => into[8..16].copy_from_slice(&0x7000_u64.to_le_bytes()),
                64 => into[..8].copy_from_slice(&0x7001_u64.to_le_bytes()),
                _ => into.copy_from_slice(&0x7000_u64.to_le_bytes()),
            }
            true
        };
        let found = pointers(&[Address(0x7000), Address(0x8000)], &memory, read).expect("a search");
        let words = |mapping: &str, words| PointersIn { mapping: mapping.into(), words };
        assert_eq!(found, [vec![words("[heap]", 2), words("a.so", 1)], vec![]]);
        assert_eq!(pointers(&[], &[part(0..MOST + 8, "")], |_, _| true), None, "too much");
    }

    proptest! {
        #[test]
        fn any_bytes_are_searched(bytes in prop::collection::vec(any::<u8>(), 0..300), wanted: u64) {
            let mut all = 0;
            count(&bytes, &[Address(wanted & !TAG)], &mut |_| all += 1);
            prop_assert!(all <= bytes.len() / 8);
        }
    }
}
