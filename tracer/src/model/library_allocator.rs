//! Allocators that libraries bring along: by which symbols they are known, what their functions do,
//! and how the frames of their code are called. The only list of them.

use leakspy_ebpf::wire::key::Function;

use super::{Domain, FrameKind, Site};

/// An allocator that is known by name. Functions are named without the prefix that a library may
/// have given them all (`_rjem_` in Rust's jemalloc, `je_arrow_` in Arrow's).
#[derive(Debug, PartialEq, Eq)]
pub struct LibraryAllocator {
    /// What people call it.
    pub name: &'static str,
    /// The function that tells it: who defines this, with any prefix if `prefixed`, has it.
    pub mark: &'static str,
    /// Whether its functions may have a prefix.
    pub prefixed: bool,
    /// What its functions are like. None: its calls are not traced. Missing are functions that throw
    /// (`tc_new`, `mi_new`): there a return probe would break the unwinding.
    pub functions: &'static [(&'static str, Function)],
    /// Beginnings of the names of its own code: at the start of a name, or, when `prefixed`, after an
    /// underscore.
    frames: &'static [&'static str],
}

use Function::{
    AlignedAlloc, Calloc, Free, Malloc, Memalign, PosixMemalign, Pvalloc, Realloc, Reallocarray,
    Valloc,
};

/// All of them. Sources: jemalloc(3); mimalloc's `include/mimalloc.h`; `tcmalloc.h` of gperftools and
/// `libc_override.h` of google/tcmalloc; rpmalloc's `rpmalloc.h`; snmalloc's `override/rust.cc`;
/// `runtime/malloc.go`.
pub static LIBRARY_ALLOCATORS: [LibraryAllocator; 7] = [
    LibraryAllocator {
        name: "jemalloc",
        mark: "sdallocx",
        prefixed: true,
        functions: &[
            ("malloc", Malloc),
            ("calloc", Calloc),
            ("realloc", Realloc),
            ("posix_memalign", PosixMemalign),
            ("aligned_alloc", AlignedAlloc),
            ("memalign", Memalign),
            ("valloc", Valloc),
            ("pvalloc", Pvalloc),
            ("free", Free),
            ("free_sized", Free),
            ("free_aligned_sized", Free),
            ("mallocx", Malloc),
            ("rallocx", Realloc),
            ("dallocx", Free),
            ("sdallocx", Free),
        ],
        frames: &["je_pages_", "je_extent", "je_ehooks_", "je_base_", "je_arena_", "je_large_"],
    },
    LibraryAllocator {
        name: "mimalloc",
        mark: "mi_malloc",
        prefixed: false,
        functions: &[
            ("mi_malloc", Malloc),
            ("mi_zalloc", Malloc),
            ("mi_malloc_small", Malloc),
            ("mi_zalloc_small", Malloc),
            ("mi_malloc_aligned", Malloc),
            ("mi_zalloc_aligned", Malloc),
            ("mi_malloc_aligned_at", Malloc),
            ("mi_zalloc_aligned_at", Malloc),
            ("mi_calloc", Calloc),
            ("mi_mallocn", Calloc),
            ("mi_calloc_aligned", Calloc),
            ("mi_realloc", Realloc),
            ("mi_reallocf", Realloc),
            ("mi_rezalloc", Realloc),
            ("mi_realloc_aligned", Realloc),
            ("mi_rezalloc_aligned", Realloc),
            ("mi_realloc_aligned_at", Realloc),
            ("mi_rezalloc_aligned_at", Realloc),
            ("mi_reallocn", Reallocarray),
            ("mi_recalloc", Reallocarray),
            ("mi_reallocarray", Reallocarray),
            ("mi_posix_memalign", PosixMemalign),
            ("mi_aligned_alloc", AlignedAlloc),
            ("mi_memalign", Memalign),
            ("mi_heap_malloc", Memalign),
            ("mi_heap_zalloc", Memalign),
            ("mi_heap_malloc_small", Memalign),
            ("mi_heap_malloc_aligned", Memalign),
            ("mi_heap_zalloc_aligned", Memalign),
            ("mi_valloc", Valloc),
            ("mi_pvalloc", Pvalloc),
            ("mi_free", Free),
            ("mi_cfree", Free),
            ("mi_free_size", Free),
            ("mi_free_aligned", Free),
            ("mi_free_size_aligned", Free),
        ],
        frames: &["mi_", "_mi_"],
    },
    LibraryAllocator {
        name: "tcmalloc",
        mark: "tc_malloc",
        prefixed: false,
        functions: &[
            ("tc_malloc", Malloc),
            ("tc_calloc", Calloc),
            ("tc_realloc", Realloc),
            ("tc_memalign", Memalign),
            ("tc_posix_memalign", PosixMemalign),
            ("tc_valloc", Valloc),
            ("tc_pvalloc", Pvalloc),
            ("tc_free", Free),
            ("tc_free_sized", Free),
            ("tc_cfree", Free),
        ],
        frames: TCMALLOC_FRAMES,
    },
    LibraryAllocator {
        name: "tcmalloc",
        mark: "TCMallocInternalMalloc",
        prefixed: false,
        functions: &[
            ("TCMallocInternalMalloc", Malloc),
            ("TCMallocInternalCalloc", Calloc),
            ("TCMallocInternalRealloc", Realloc),
            ("TCMallocInternalReallocArray", Reallocarray),
            ("TCMallocInternalMemalign", Memalign),
            ("TCMallocInternalAlignedAlloc", AlignedAlloc),
            ("TCMallocInternalPosixMemalign", PosixMemalign),
            ("TCMallocInternalFree", Free),
            ("TCMallocInternalFreeSized", Free),
            ("TCMallocInternalFreeAlignedSized", Free),
            ("TCMallocInternalSdallocx", Free),
            ("TCMallocInternalCfree", Free),
        ],
        frames: TCMALLOC_FRAMES,
    },
    LibraryAllocator {
        name: "rpmalloc",
        mark: "rpmalloc",
        prefixed: false,
        functions: &[
            ("rpmalloc", Malloc),
            ("rpzalloc", Malloc),
            ("rpcalloc", Calloc),
            ("rprealloc", Realloc),
            ("rpaligned_alloc", AlignedAlloc),
            ("rpmemalign", Memalign),
            ("rpposix_memalign", PosixMemalign),
            ("rpfree", Free),
        ],
        frames: &["rpmalloc", "_rpmalloc", "rpaligned", "rprealloc", "rpcalloc", "rpzalloc"],
    },
    LibraryAllocator {
        name: "snmalloc",
        mark: "sn_rust_alloc",
        prefixed: false,
        functions: &[],
        frames: &["sn_rust_", "snmalloc::"],
    },
    LibraryAllocator {
        name: "the Go runtime",
        mark: "runtime.mallocgc",
        prefixed: false,
        // Goroutines move their stacks, return addresses and all.
        functions: &[],
        frames: &["runtime.", "runtime/internal/", "internal/runtime/"],
    },
];

const TCMALLOC_FRAMES: &[&str] =
    &["tcmalloc::", "TCMalloc", "tc_", "(anonymous namespace)::MmapSysAllocator"];

/// Longest name of a function of an allocator, bytes.
pub const LONGEST_NAME: usize = 64;

impl LibraryAllocator {
    /// The prefix under which a symbol is this allocator's mark.
    fn prefix_of<'a>(&self, symbol: &'a str) -> Option<&'a str> {
        let prefix = symbol.strip_suffix(self.mark)?;
        (prefix.is_empty() || self.prefixed && prefix.ends_with('_')).then_some(prefix)
    }

    /// What the function of this name, without its prefix, does.
    pub fn function(&self, name: &str) -> Option<Function> {
        self.functions.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    fn owns_frame(&self, function: &str) -> bool {
        let begins = |beginning: &&str| match self.prefixed {
            false => function.starts_with(beginning),
            true => function
                .match_indices(*beginning)
                .any(|(at, _)| at == 0 || function.as_bytes().get(at - 1) == Some(&b'_')),
        };
        // C's names only have no brackets; a template's arguments may be called anything.
        (!self.prefixed || !function.contains("::")) && self.frames.iter().any(begins)
    }
}

/// Whether a symbol may belong to an allocator: its mark or one of its functions.
pub fn may_be_of_allocator(symbol: &str) -> bool {
    LIBRARY_ALLOCATORS.iter().any(|allocator| {
        let is = |name: &str| match symbol.strip_suffix(name) {
            Some(prefix) => prefix.is_empty() || allocator.prefixed && prefix.ends_with('_'),
            None => false,
        };
        is(allocator.mark) || allocator.functions.iter().any(|(name, _)| is(name))
    })
}

/// The allocators that a file with these symbols brings, each with the prefix of its functions.
pub fn brought<'a>(symbols: &[&'a str]) -> Vec<(&'static LibraryAllocator, &'a str)> {
    let of = |allocator: &'static LibraryAllocator| {
        symbols.iter().filter_map(move |symbol| Some((allocator, allocator.prefix_of(symbol)?)))
    };
    let mut brought: Vec<_> = LIBRARY_ALLOCATORS.iter().flat_map(of).collect();
    brought.dedup();
    brought
}

/// An allocator in a library that mapped memory for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mapper<'a> {
    /// What people call it.
    pub name: &'static str,
    /// Path of the library.
    pub module: &'a str,
    /// Index in the stack of its outermost frame, root first.
    pub outermost: usize,
}

/// The allocator that a site of mappings belongs to: the one whose code is on the way from the
/// innermost Python frame to the mapping.
pub fn mapper(site: &Site) -> Option<Mapper<'_>> {
    if site.domain != Domain::Mmap {
        return None;
    }
    let native = site
        .stack
        .iter()
        .enumerate()
        .rev()
        .take_while(|(_, frame)| frame.kind == FrameKind::Native);
    let mut found: Option<Mapper<'_>> = None;
    for (index, frame) in native {
        let (Some(function), Some(module)) = (&frame.function, &frame.module) else { continue };
        match &mut found {
            Some(mapper) if mapper.module == &**module => {
                if is_of(mapper.name, function) {
                    mapper.outermost = index;
                }
            }
            Some(_) => {}
            none => {
                let owner = LIBRARY_ALLOCATORS.iter().find(|known| known.owns_frame(function));
                *none = owner.map(|known| Mapper { name: known.name, module, outermost: index });
            }
        }
    }
    found
}

fn is_of(name: &str, function: &str) -> bool {
    LIBRARY_ALLOCATORS.iter().any(|known| known.name == name && known.owns_frame(function))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Frame};

    fn names(symbols: &[&str]) -> Vec<(&'static str, String)> {
        let brought = brought(symbols).into_iter();
        brought.map(|(allocator, prefix)| (allocator.name, prefix.to_owned())).collect()
    }

    #[test]
    fn allocators_are_known_by_their_marks() {
        let found =
            names(&["_rjem_sdallocx", "mi_malloc", "je_arrow_sdallocx", "runtime.mallocgc"]);
        let expected = [
            ("jemalloc", "_rjem_"),
            ("jemalloc", "je_arrow_"),
            ("mimalloc", ""),
            ("the Go runtime", ""),
        ];
        assert_eq!(found, expected.map(|(name, prefix)| (name, prefix.to_owned())));
        assert_eq!(names(&["malloc", "my_mi_malloc", "xsdallocx", "parse_mi_mallocs"]), []);
    }

    #[test]
    fn functions_of_allocators_are_worth_a_symbol() {
        for name in ["_rjem_malloc", "mi_free", "tc_memalign", "sdallocx", "runtime.mallocgc"] {
            assert!(may_be_of_allocator(name), "{name}");
        }
        for name in ["printf", "xfree", "_Z6mallocv", "tc_new", "mi_new"] {
            assert!(!may_be_of_allocator(name), "{name}");
        }
    }

    #[test]
    fn nothing_that_throws_is_traced() {
        for allocator in &LIBRARY_ALLOCATORS {
            for (name, _) in allocator.functions {
                assert!(!name.contains("new"), "{name}");
                assert!(name.len() < LONGEST_NAME);
            }
            let releases = |(_, function): &(&str, Function)| function.releases();
            let none = allocator.functions.is_empty();
            assert!(none || allocator.functions.iter().any(releases), "{}", allocator.name);
        }
    }

    fn native(function: &str, module: &str) -> Frame {
        Frame {
            kind: FrameKind::Native,
            module: Some(module.into()),
            file: None,
            ..Frame::python(function, "", None)
        }
    }

    fn site(domain: Domain, frames: Vec<Frame>) -> Site {
        Site {
            id: "1".into(),
            live: Amount::default(),
            allocated: Amount::default(),
            size_class: 0,
            domain,
            allocator: "mmap".into(),
            stack: frames.into(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_mapping_through_an_allocator_is_the_allocators() {
        let frames = vec![
            native("mi_malloc", "/lib/outer.so"),
            Frame::python("control", "app.py", Some(1)),
            native("polars::fill", "/p.so"),
            native("_rjem_je_malloc_default", "/p.so"),
            native("_rjem_je_large_palloc", "/p.so"),
            native("pac_alloc_impl", "/p.so"),
            native("_rjem_je_pages_map", "/p.so"),
        ];
        let of_rust = site(Domain::Mmap, frames.clone());
        let found = Mapper { name: "jemalloc", module: "/p.so", outermost: 4 };
        assert_eq!(mapper(&of_rust), Some(found));
        assert_eq!(mapper(&site(Domain::Malloc, frames.clone())), None);
        assert_eq!(mapper(&site(Domain::Mmap, frames[..3].to_vec())), None);
    }

    #[test]
    fn names_that_only_look_alike_are_nobodys() {
        for name in ["obje_pages_map", "std::je_arena_", "remi_malloc", "go.runtime.x", "mmap"] {
            let site = site(Domain::Mmap, vec![native(name, "/x.so")]);
            assert_eq!(mapper(&site), None, "{name}");
        }
        for name in ["je_arrow_private_je_pages_map", "_mi_prim_alloc", "tcmalloc::X<a>::f"] {
            let site = site(Domain::Mmap, vec![native(name, "/x.so")]);
            assert!(mapper(&site).is_some(), "{name}");
        }
    }
}
