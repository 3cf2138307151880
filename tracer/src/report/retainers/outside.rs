//! What is known of an object that something outside the Python heap refers to.

use crate::model::{OutsideReferences, PointersIn};
use crate::report::quantity::{count, counted};

/// Mappings that are told.
const MOST: usize = 4;

/// `It counts 3 references; 1 was found in Python objects. Its address is written in 2 words of [heap] …`; names in it
/// are raw.
pub fn words(outside: &OutsideReferences) -> String {
    let OutsideReferences { counted: all, found, .. } = outside;
    let references = counted(*all, "reference", "references");
    let verb = if *found == 1 { "was" } else { "were" };
    let mut text =
        format!("It counts {references}; {} {verb} found in Python objects.", count(*found));
    if found >= all {
        return format!(
            "It counts {references}, and so many were found: what leads to it is among objects that were missed. \
             --pause misses none."
        );
    }
    let Some(pointers) = &outside.pointers else { return text };
    let written = pointers.iter().fold(0, |sum: u64, part| sum.saturating_add(part.words));
    text.push_str(&match written {
        0 => " Its address is written nowhere in the memory that can be searched".to_owned(),
        _ => format!(" Its address is written in {}", places(pointers)),
    });
    text.push_str(match written > *found {
        true => ", those that were found among them.",
        false => ": whoever took what was not found no longer has it, and cannot give it back.",
    });
    text
}

fn places(pointers: &[PointersIn]) -> String {
    let name = |mapping: &str| match mapping {
        "" => "memory without a name".to_owned(),
        "[stack]" => "the stack of the main thread".to_owned(),
        name => name.to_owned(),
    };
    let part = |part: &PointersIn| {
        format!("{} of {}", counted(part.words, "word", "words"), name(&part.mapping))
    };
    let mut parts: Vec<String> = pointers.iter().take(MOST).map(part).collect();
    let more = pointers.len().saturating_sub(MOST);
    if more > 0 {
        parts.push(format!("{more} more mappings"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;

    fn said(counted: u64, found: u64, pointers: Option<&[(&str, u64)]>) -> String {
        let part = |(mapping, words): &(&str, u64)| PointersIn {
            mapping: (*mapping).into(),
            words: *words,
        };
        let pointers = pointers.map(|pointers| pointers.iter().map(part).collect());
        words(&OutsideReferences { address: Address(16), counted, found, pointers })
    }

    #[test]
    fn what_is_known_is_said() {
        assert_eq!(said(1, 0, None), "It counts 1 reference; 0 were found in Python objects.");
        let text = said(3, 1, Some(&[("[heap]", 2), ("_ext.so", 1)]));
        let expected = "It counts 3 references; 1 was found in Python objects. Its address is written in 2 words of \
                        [heap], 1 word of _ext.so, those that were found among them.";
        assert_eq!(text, expected);
        let lost = said(1, 0, Some(&[]));
        assert!(lost.ends_with("nowhere in the memory that can be searched: whoever took what was not found no longer has it, and cannot give it back."), "{lost}");
        assert!(said(1, 1, Some(&[])).contains("among objects that were missed"));
    }
}
