//! Offsets of kernel structures, from the kernel's own type information (BTF).
//!
//! The programs read `task_struct.thread.fsbase` to find the current thread's Python state; where
//! it lies depends on how the kernel was configured. Format: kernel `Documentation/bpf/btf.rst`: a
//! header, one section of types that are numbered from 1 in order, one of names.

use std::fs;
use std::path::Path;

use super::OsError;

/// Where the running kernel shows its types.
const KERNEL: &str = "/sys/kernel/btf/vmlinux";
const MAGIC: [u8; 2] = [0x9f, 0xeb];
/// Steps through typedefs, qualifiers and anonymous members before the types are taken for
/// circular.
const DEPTH: usize = 16;

/// Byte offset of `thread.fsbase` in `task_struct` of the running kernel.
pub fn task_fsbase() -> Result<u32, OsError> {
    let bytes = fs::read(Path::new(KERNEL)).map_err(|source| OsError::Io {
        what: format!("read the kernel's types in {KERNEL}"),
        source,
    })?;
    Types::parse(&bytes)
        .and_then(|types| types.member_offset("task_struct", &["thread", "fsbase"]))
        .ok_or_else(|| OsError::Unreadable { what: KERNEL.to_owned() })
}

/// Kinds that matter here; numbers of `include/uapi/linux/btf.h`.
mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const RESTRICT: u32 = 11;
    pub(super) const FUNCTION_PROTOTYPE: u32 = 13;
    pub(super) const VARIABLE: u32 = 14;
    pub(super) const DATA_SECTION: u32 = 15;
    pub(super) const DECLARATION_TAG: u32 = 17;
    pub(super) const TYPE_TAG: u32 = 18;
    pub(super) const ENUM64: u32 = 19;
    pub(super) const LAST: u32 = 19;
}

/// All types of a blob.
struct Types<'data> {
    types: &'data [u8],
    names: &'data [u8],
    /// Where type number n + 1 begins in `types`.
    starts: Vec<usize>,
}

/// The fixed part of a type: name, kind and number of members, size or other type.
#[derive(Clone, Copy)]
struct Type {
    at: usize,
    name: u32,
    kind: u32,
    members: usize,
    /// Whether member offsets carry bit-field sizes in their top byte.
    flag: bool,
    other: u32,
}

impl<'data> Types<'data> {
    fn parse(bytes: &'data [u8]) -> Option<Self> {
        if bytes.get(..2)? != MAGIC {
            return None;
        }
        let part = |offset_at: usize, length_at: usize| {
            let start = word(bytes, 4)?.checked_add(word(bytes, offset_at)?)?;
            let end = start.checked_add(word(bytes, length_at)?)?;
            bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
        };
        let mut types = Self { types: part(8, 12)?, names: part(16, 20)?, starts: Vec::new() };
        let mut at = 0;
        while at < types.types.len() {
            types.starts.push(at);
            at = at.checked_add(types.at(at)?.bytes()?)?;
        }
        Some(types)
    }

    fn at(&self, at: usize) -> Option<Type> {
        let info = word(self.types, at.checked_add(4)?)?;
        Some(Type {
            at,
            name: word(self.types, at)?,
            kind: (info >> 24) & 0x1f,
            members: usize::try_from(info & 0xffff).ok()?,
            flag: info >> 31 == 1,
            other: word(self.types, at.checked_add(8)?)?,
        })
    }

    fn numbered(&self, number: u32) -> Option<Type> {
        self.at(*self.starts.get(usize::try_from(number).ok()?.checked_sub(1)?)?)
    }

    fn is_named(&self, name: u32, wanted: &str) -> bool {
        usize::try_from(name)
            .ok()
            .and_then(|at| self.names.get(at..)?.strip_prefix(wanted.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    /// Byte offset of a member of a member (and so on) of a structure.
    fn member_offset(&self, structure: &str, path: &[&str]) -> Option<u32> {
        let mut current = self
            .starts
            .iter()
            .filter_map(|at| self.at(*at))
            .find(|found| found.kind == kind::STRUCT && self.is_named(found.name, structure))?;
        let mut bits = 0_u32;
        for (step, name) in path.iter().enumerate() {
            let (offset, number) = self.member(current, name, DEPTH)?;
            bits = bits.checked_add(offset)?;
            if step + 1 < path.len() {
                current = self.structure(number)?;
            }
        }
        bits.is_multiple_of(8).then_some(bits / 8)
    }

    /// Bit offset and type number of a member, also when it stands in an anonymous structure or
    /// union inside.
    fn member(&self, parent: Type, name: &str, depth: usize) -> Option<(u32, u32)> {
        let depth = depth.checked_sub(1)?;
        let members = (0..parent.members).filter_map(|index| {
            let at = parent.at.checked_add(12 + index * 12)?;
            let offset = word(self.types, at + 8)?;
            let offset = if parent.flag { offset & 0x00ff_ffff } else { offset };
            Some((word(self.types, at)?, word(self.types, at + 4)?, offset))
        });
        let mut anonymous = Vec::new();
        for (member_name, number, offset) in members {
            if self.is_named(member_name, name) {
                return Some((offset, number));
            }
            if self.is_named(member_name, "") {
                anonymous.push((number, offset));
            }
        }
        anonymous.into_iter().find_map(|(number, offset)| {
            let (inner, found) = self.member(self.structure(number)?, name, depth)?;
            Some((offset.checked_add(inner)?, found))
        })
    }

    /// The structure or union behind typedefs and qualifiers.
    fn structure(&self, mut number: u32) -> Option<Type> {
        for _ in 0..DEPTH {
            let found = self.numbered(number)?;
            match found.kind {
                kind::STRUCT | kind::UNION => return Some(found),
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    number = found.other;
                }
                _ => return None,
            }
        }
        None
    }
}

impl Type {
    /// Bytes of the whole description.
    fn bytes(&self) -> Option<usize> {
        let rest = match self.kind {
            0 => return None,
            kind::INT | kind::VARIABLE | kind::DECLARATION_TAG => 4,
            kind::ARRAY => 12,
            kind::STRUCT | kind::UNION | kind::DATA_SECTION | kind::ENUM64 => self.members * 12,
            kind::ENUM | kind::FUNCTION_PROTOTYPE => self.members * 8,
            // Unknown kinds cannot be stepped over.
            unknown if unknown > kind::LAST => return None,
            _ => 0,
        };
        Some(12 + rest)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Builds a blob from descriptions given as words, with names found in `names` by their offset.
    fn blob(types: &[&[u32]], names: &[u8]) -> Vec<u8> {
        let types: Vec<u8> = types.concat().iter().flat_map(|word| word.to_le_bytes()).collect();
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let mut blob = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, length(&types), length(&types), length(names)] {
            blob.extend(word.to_le_bytes());
        }
        blob.extend([&types, names].concat());
        blob
    }

    const NAMES: &[u8] = b"\0task_struct\0thread\0fsbase\0thread_t\0";
    const TASK: u32 = 1;
    const THREAD: u32 = 13;
    const FSBASE: u32 = 20;
    const THREAD_T: u32 = 27;
    const fn info(kind: u32, members: u32) -> u32 {
        kind << 24 | members
    }

    fn sample(flag: u32) -> Vec<u8> {
        let size = 8 << 24; // bit-field size in the top byte of an offset, to be masked
        blob(
            &[
                &[0, info(kind::INT, 0), 8, 64],
                // struct task_struct { int; struct { const thread_t thread; } /* anonymous */ }
                &[TASK, info(kind::STRUCT, 2), 128, 0, 1, 0, 0, 4, 256],
                &[0, info(kind::ENUM, 1), 4, 0, 7],
                &[0, info(kind::STRUCT, 1), 96, THREAD, 5, 64],
                &[0, info(kind::CONST, 0), 6],
                &[THREAD_T, info(kind::TYPEDEF, 0), 7],
                &[0, info(kind::STRUCT, 1) | flag << 31, 64, FSBASE, 1, 320 | (flag * size)],
            ],
            NAMES,
        )
    }

    #[test]
    fn follows_anonymous_members_typedefs_and_qualifiers() {
        for flag in [0, 1] {
            let blob = sample(flag);
            let types = Types::parse(&blob).unwrap();
            let offset = types.member_offset("task_struct", &["thread", "fsbase"]);
            assert_eq!(offset, Some((256 + 64 + 320) / 8));
            assert_eq!(types.member_offset("task_struct", &["thread"]), Some(40));
            assert_eq!(types.member_offset("task_struct", &["thread", "gsbase"]), None);
            assert_eq!(types.member_offset("thread", &["fsbase"]), None);
        }
    }

    #[test]
    fn circular_types_end() {
        let circle = blob(
            &[
                &[TASK, info(kind::STRUCT, 2), 8, 0, 1, 0, THREAD, 2, 0],
                &[THREAD_T, info(kind::TYPEDEF, 0), 2],
            ],
            NAMES,
        );
        let types = Types::parse(&circle).unwrap();
        assert_eq!(types.member_offset("task_struct", &["thread", "fsbase"]), None);
        assert_eq!(types.member_offset("task_struct", &["fsbase"]), None);
    }

    #[test]
    fn the_running_kernel_says_where() {
        let offset = task_fsbase().unwrap();
        assert!((500..20_000).contains(&offset) && offset.is_multiple_of(8), "{offset}");
    }

    proptest! {
        #[test]
        fn damaged_blobs_never_panic(at in 0..200_usize, byte: u8, cut in 0..300_usize) {
            let mut blob = sample(1);
            let length = blob.len();
            blob[at % length] = byte;
            blob.truncate(length.saturating_sub(cut % 64));
            if let Some(types) = Types::parse(&blob) {
                let _ = types.member_offset("task_struct", &["thread", "fsbase"]);
            }
        }
    }
}
