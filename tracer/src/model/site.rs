//! One place that allocates.

use serde::Serialize;

use super::fnv::Fnv;
use super::{Amount, CallStack, FrameKind, GrowthSite, StackNote};

/// Which allocator family a block came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Domain {
    /// malloc and its family.
    Malloc,
    /// Anonymous mappings: pymalloc's arenas, thread stacks, big arrays. Address space, not all
    /// resident.
    Mmap,
}

impl Domain {
    /// Every domain.
    pub const ALL: [Self; 2] = [Self::Malloc, Self::Mmap];

    /// The word in recordings and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malloc => "malloc",
            Self::Mmap => "mmap",
        }
    }

    /// The domain of this word, as read from a recording.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|domain| domain.name() == name)
    }
}

/// What one site (stack, size class, domain) has live and did since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Site {
    /// Stable for one stack of one program: eight hexadecimal digits.
    pub id: String,
    /// Asked for and not freed.
    #[serde(flatten, serialize_with = "Amount::live_json")]
    pub live: Amount,
    /// Allocated since the start.
    #[serde(flatten, serialize_with = "Amount::allocated_json")]
    pub allocated: Amount,
    /// Upper bound of the size class in bytes, a power of two.
    pub size_class: u64,
    /// Allocator family.
    pub domain: Domain,
    /// The traced function that was called (`malloc`, `mmap`, …).
    pub allocator: String,
    /// Root first, the allocator's caller last.
    pub stack: CallStack,
    /// Why the stack is less than whole; empty when it is whole.
    #[serde(skip)]
    pub notes: Vec<StackNote>,
}

impl Site {
    /// As what made a container grow.
    pub fn as_growth(&self) -> GrowthSite {
        GrowthSite { id: self.id.clone(), stack: self.stack.clone() }
    }

    /// The id of a site: a hash of what a reader of the report can see of it, so that it is the
    /// same in every run of the same program, whatever its addresses.
    pub fn identify(domain: Domain, size_class: u64, allocator: &str, stack: &CallStack) -> String {
        let mut hash = Fnv::new();
        hash.text(domain.name());
        hash.number(size_class);
        hash.text(allocator);
        for frame in stack.iter() {
            let (kind, function, file, line, module, offset) = frame.identity();
            hash.number(match kind {
                FrameKind::Python => 1,
                FrameKind::Native => 2,
            });
            for text in [function, file, module] {
                hash.optional(text);
            }
            for number in [line.map(u64::from), offset] {
                hash.number(number.map_or(0, |number| number.wrapping_add(1)));
            }
        }
        hash.short()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Frame;

    fn id(frames: &[Frame]) -> String {
        Site::identify(Domain::Malloc, 16384, "malloc", &frames.iter().cloned().collect())
    }

    #[test]
    fn ids_are_stable_and_tell_stacks_apart() {
        let keep = Frame::python("keep", "app.py", Some(12));
        assert_eq!(id(std::slice::from_ref(&keep)), "4e98a160");
        assert_ne!(id(std::slice::from_ref(&keep)), id(&[keep.clone(), keep.clone()]));
        assert_ne!(id(&[keep]), id(&[Frame::python("keep", "app.py", Some(13))]));
    }

    #[test]
    fn offsets_count_only_without_a_name() {
        let native = |function: Option<&str>, offset| Frame {
            kind: FrameKind::Native,
            function: function.map(Into::into),
            module: Some("libx.so".into()),
            offset: Some(offset),
            ..Frame::python("", "", None)
        };
        assert_eq!(id(&[native(Some("f"), 1)]), id(&[native(Some("f"), 2)]));
        assert_ne!(id(&[native(None, 1)]), id(&[native(None, 2)]));
    }

    #[test]
    fn domains_have_names() {
        for domain in Domain::ALL {
            assert_eq!(Domain::from_name(domain.name()), Some(domain));
        }
        assert_eq!(Domain::from_name("other"), None);
    }
}
