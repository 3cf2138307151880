//! The whole of a heap, read from saved processes of every version, against what the interpreter
//! itself says of them.
//!
//! `python/fixtures/make.py heaps` starts an interpreter on `fixtures/target.py`, which builds
//! objects of every kind, prints its own count of them and stands still; `examples/python/heap.rs`
//! saves the memory that reading touches. All that was not touched is zero here.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::ZlibDecoder;
use serde_json::Value;

use super::{
    Budget, Cache, Depth, Heap, Mapped, NoHeapSubject, Ranges, Refcount, Retainers, View, find,
    frames, histogram, modules, name_threads, objects, read_heap, sessions, without_names,
};
use crate::heap::{Named, retainers_of};
use crate::model::{Address, Memory, Reference, RootKind, SessionCount, TypeCount};
use crate::python::images::Image;
use crate::python::{Collector, Python, attach};

/// A saved process.
struct Saved {
    image: Image,
    ranges: Ranges,
}

impl Memory for Saved {
    /// Zeros wherever there was memory that nobody read.
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let Some(end) = address.0.checked_add(into.len() as u64) else { return false };
        into.fill(0);
        let mut saved = false;
        let before = self.image.ranges.range(..=address.0).next_back();
        for (&start, bytes) in before.into_iter().chain(self.image.ranges.range(address.0 + 1..end))
        {
            let (from, to) = (start.max(address.0), end.min(start + bytes.len() as u64));
            if from < to {
                let at = |place: u64, origin: u64| usize::try_from(place - origin).unwrap();
                into[at(from, address.0)..at(to, address.0)]
                    .copy_from_slice(&bytes[at(from, start)..at(to, start)]);
                saved = true;
            }
        }
        let mut there = self.ranges.there.iter().chain(&self.ranges.files);
        saved || there.any(|range| range.0 <= address.0 && end <= range.1)
    }
}

impl Saved {
    fn parse(packed: &[u8]) -> Self {
        let mut bytes = Vec::new();
        ZlibDecoder::new(packed).read_to_end(&mut bytes).unwrap();
        let image = Image::parse(&bytes);
        let ranges = |name: &str| serde_json::from_value(image.header[name].clone()).unwrap();
        let ranges = Ranges { there: ranges("there"), files: ranges("files"), mapped: Vec::new() };
        Self { image, ranges }
    }

    fn mapped(&self) -> Mapped {
        Mapped::new(self.ranges.there.iter().chain(&self.ranges.files).copied())
    }

    fn answer(&self) -> &Value {
        &self.image.header["answer"]
    }

    /// Numbers by type that are not zero; modules of sessions are one kind to a census.
    fn numbers(&self, name: &str) -> BTreeMap<String, u64> {
        let rows = self.answer()[name].as_object().unwrap().iter();
        let rows =
            rows.map(|(name, number)| (crate::model::without_ids(name), number.as_u64().unwrap()));
        rows.filter(|(_, number)| *number > 0).collect()
    }

    /// Reads it as `who --sessions` would, and has something made of it.
    fn read<T>(&self, make: impl FnOnce(&View<'_>, &mut Heap, Vec<Named>, &Python) -> T) -> T {
        self.read_through(self, make)
    }

    /// The same, through a memory that changes what is read of it.
    fn read_through<T>(
        &self,
        memory: &dyn Memory,
        make: impl FnOnce(&View<'_>, &mut Heap, Vec<Named>, &Python) -> T,
    ) -> T {
        let python = attach(&self.image, &self.image.symbols()).unwrap();
        let collector = Collector::find(&self.image, &python).unwrap();
        let survey = || self.ranges.clone();
        let cache = Cache::new(memory, &survey);
        let budget = Budget::for_heap_bytes(cache.size());
        let (layout, objects) = (&python.layout, objects(python.version).unwrap());
        let refcount = Refcount::for_minor(python.version.minor);
        let mapped = self.mapped();
        let view =
            View { memory: &cache, layout, objects, refcount, mapped: &mapped, budget: &budget };
        let mut roots = frames(&view, &python);
        let more: Vec<Address> =
            roots.iter().flat_map(|root| &root.edges).map(|edge| edge.to).collect();
        let depth = Depth { graph: true, sums: true, pools: true, ..Depth::default() };
        let mut heap = read_heap(&view, &cache, collector.heads(), &more, depth);
        without_names(&heap, &view, &mut roots);
        name_threads(&view, &heap, &mut roots);
        let frames = std::mem::replace(&mut roots, modules(&view, &heap));
        roots.extend(frames);
        make(&view, &mut heap, roots, &python)
    }
}

macro_rules! images {
    ($($name:ident $file:literal)+) => {
        /// Every image, by version.
        fn all() -> Vec<(&'static str, Saved)> {
            vec![$(($file, Saved::parse(include_bytes!(concat!("fixtures/", $file, ".image"))))),+]
        }

        $(
            mod $name {
                fn saved() -> super::Saved {
                    super::Saved::parse(include_bytes!(concat!("fixtures/", $file, ".image")))
                }

                #[test]
                fn histogram() {
                    super::counts_what_the_interpreter_counts(&saved());
                }

                #[test]
                fn retainers() {
                    super::every_retainer_has_a_name(&saved());
                    super::torn_lists_prove_no_garbage(&saved());
                    super::garbage_is_told_apart(&saved());
                }

                #[test]
                fn sessions() {
                    super::sessions_are_told(&saved());
                }

                #[test]
                fn pools() {
                    super::nearly_empty_pools_are_found(&saved());
                }
            }
        )+
    };
}

images! {
    python_3_8 "3.8" python_3_9 "3.9" python_3_10 "3.10" python_3_11 "3.11" python_3_12 "3.12" python_3_13 "3.13"
    python_3_14 "3.14" python_3_15 "3.15"
}

/// Types written in C whose own `__sizeof__` counts buffers that are known to them alone.
const OWN_BUFFERS: [&str; 2] = ["_io.BufferedReader", "_io.BufferedWriter"];

fn counts_what_the_interpreter_counts(saved: &Saved) {
    let (types, skipped) = saved.read(|_, heap, _, _| (histogram(heap), heap.skipped));
    assert_eq!((skipped.torn_lists, skipped.sizes, skipped.pools), (0, 0, 0));
    let tracked: BTreeMap<String, u64> = types
        .iter()
        .filter(|row| row.tracked > 0)
        .map(|row| (row.name.clone(), row.tracked))
        .collect();
    assert_eq!(tracked, saved.numbers("counts"));
    for (name, bytes) in saved.numbers("sizes") {
        let row: &TypeCount = types.iter().find(|row| row.name == name).unwrap();
        if row.count == row.tracked && !OWN_BUFFERS.contains(&name.as_str()) {
            assert_eq!(row.bytes, bytes, "{name}");
        }
    }
}

/// The class, how many, the kind of root, the end of the root's name, and how the path ends.
const HELD: [(&str, u64, RootKind, &str, &str); 17] = [
    (
        "Model",
        12,
        RootKind::Module,
        "module __main__",
        ".REGISTRY ['plot 0'] [0] closure cell document .models [0]",
    ),
    ("ByMethod", 1, RootKind::Module, "module __main__", ".SUBSCRIBERS [0] [1] .__self__ .held"),
    ("InSlot", 1, RootKind::Module, "module __main__", ".KEPT [0] .below × 49 .below .held"),
    ("InPartial", 1, RootKind::Module, "module __main__", ".KEPT [2] .args [0]"),
    ("InDeque", 1, RootKind::Module, "module __main__", ".KEPT [3] [0]"),
    ("InKey", 1, RootKind::Module, "module __main__", ".KEPT [4] a key"),
    ("InSet", 1, RootKind::Module, "module __main__", ".KEPT [5] a member"),
    ("InModule", 1, RootKind::Module, "module __main__", ".KEPT [6] closure cell module .inside"),
    (
        "bokeh_app_fedcba9876543210fedcba9876543210",
        1,
        RootKind::Module,
        "module __main__",
        ".KEPT [10] closure cell module",
    ),
    ("InDefault", 1, RootKind::Module, "module __main__", ".default .__defaults__ [0]"),
    ("InClass", 1, RootKind::Module, "module __main__", ".WithAttribute .attribute"),
    ("InCause", 1, RootKind::Module, "module __main__", ".IN_C [0] .__cause__ .args [0]"),
    ("InCache", 1, RootKind::Module, "module __main__", ".IN_C [1] .cache ['argument'] .result"),
    ("InIterator", 1, RootKind::Module, "module __main__", ".IN_C [2] .seq [0]"),
    ("InFrame", 1, RootKind::Frame, "frame stand", "local inside"),
    ("OnlyCycle", 8, RootKind::Garbage, "OnlyCycle", ".other × 2"),
    ("InGenerator", 1, RootKind::Module, "module __main__", "local local"),
];

fn every_retainer_has_a_name(saved: &Saved) {
    saved.read(|view, heap, roots, python| {
        let held = Retainers::new(view, heap, roots, python.code_type);
        for (asked, count, kind, root, words) in HELD {
            let subject = find(view, heap, asked).unwrap();
            let objects: Vec<(u32, u64)> =
                subject.objects.iter().map(|&number| (number, 1)).collect();
            let (groups, _) = held.groups(&objects, 50);
            let first = &groups[0];
            assert_eq!((objects.len() as u64, first.count), (count, count), "{asked}");
            assert_eq!(first.root, kind, "{asked}: {first:?}");
            assert!(first.root_name.contains(root), "{asked}: {first:?}");
            let path: Vec<String> = first.path.iter().map(Reference::notation).collect();
            assert!(path.join(" ").ends_with(words), "{asked}: {path:?}");
            assert!(first.path.iter().all(|link| link.certain), "{asked}: {first:?}");
        }
        let subject = find(view, heap, "traceback").unwrap();
        let objects: Vec<(u32, u64)> = subject.objects.iter().map(|&number| (number, 1)).collect();
        let path: Vec<String> =
            held.groups(&objects, 1).0[0].path.iter().map(Reference::notation).collect();
        assert!(
            path.join(" ").ends_with(".Failing .error .__traceback__ .tb_next × 99"),
            "{path:?}"
        );
        // A weak reference holds nothing.
        assert!(matches!(find(view, heap, "OnlyWeak"), Err(NoHeapSubject::Unknown { .. })));
    });
}

/// Garbage is told as that, and only where nearly all objects of a type are.
fn garbage_is_told_apart(saved: &Saved) {
    saved.read(|view, heap, roots, python| {
        let held = Retainers::new(view, heap, roots, python.code_type);
        let types = ["OnlyCycle", "Model", "list"].map(|name| {
            let class = find(view, heap, name).unwrap().objects[0];
            heap.classes.get(heap.objects.object(class).class).name.clone()
        });
        let told = retainers_of(heap, &held, &types, |_| Some(0));
        let root = |name: &String| {
            told.iter().find(|(found, _)| found == name).map(|(_, group)| group.root)
        };
        let roots: Vec<Option<RootKind>> = types.iter().map(root).collect();
        assert_eq!(roots[..2], [Some(RootKind::Garbage), Some(RootKind::Module)]);
        assert_ne!(roots[2], Some(RootKind::Garbage));
    });
}

/// Where a list was torn, what leads to an object may be among those that were missed.
fn torn_lists_prove_no_garbage(saved: &Saved) {
    saved.read(|view, heap, roots, python| {
        let mut torn = heap.clone();
        torn.skipped.torn_lists = 1;
        let held = Retainers::new(view, &torn, roots, python.code_type);
        let subject = find(view, &torn, "OnlyCycle").unwrap();
        let objects: Vec<(u32, u64)> = subject.objects.iter().map(|&number| (number, 1)).collect();
        let (groups, _) = held.groups(&objects, 50);
        assert!(groups.iter().all(|group| group.root == RootKind::Native), "{groups:?}");
    });
}

fn sessions_are_told(saved: &Saved) {
    let found =
        saved.read(|view, heap, roots, python| sessions(view, heap, roots, python.code_type));
    let row = |name: &str| -> &SessionCount { found.iter().find(|row| row.name == name).unwrap() };
    let served = row("bokeh.server.session.ServerSession");
    assert_eq!((served.alive, served.open), (3, Some(1)));
    // Two of them are not served any more, each with a thousand bytes.
    assert!((2000..4000).contains(&served.retained_bytes.unwrap()), "{served:?}");
    assert_eq!(served.retainers[0].count, 2);
    let module = row("modules bokeh_app_*");
    // One that is served, one that is forgotten, and one that Bokeh has cleared.
    assert_eq!((module.alive, module.open), (3, Some(1)));
}

fn nearly_empty_pools_are_found(saved: &Saved) {
    let truth = saved.answer()["sparse_pools"].as_u64().unwrap();
    let pools = saved.read(|_, heap, _, _| heap.pools.clone()).unwrap();
    let first = &pools.retained_by[0];
    assert_eq!(first.name, "__main__.Sparse");
    // One may be shared with other objects at each end.
    assert!((truth - 2..=truth).contains(&first.pools), "{} of {truth}", first.pools);
}

/// A memory in which whoever reads much at a time gets a pointer that leads nowhere any more.
struct Replaced<'a> {
    saved: &'a Saved,
    pointer: u64,
    stale: u64,
}

impl Memory for Replaced<'_> {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let read = Memory::read(self.saved, address, into);
        if into.len() >= 4096 {
            for word in into
                .as_chunks_mut()
                .0
                .iter_mut()
                .filter(|word| **word == self.pointer.to_le_bytes())
            {
                *word = self.stale.to_le_bytes();
            }
        }
        read
    }
}

/// An attribute that is replaced again and again led to what is freed by now.
#[test]
fn what_was_replaced_meanwhile_is_looked_at_again() {
    for (version, saved) in all() {
        let [of_name, nowhere] = saved.read(|view, heap, _, _| {
            let subject = find(view, heap, "InClass").unwrap();
            let address = heap.objects.object(subject.objects[0]).address.0;
            // Within an object is none.
            [address, address + 8]
        });
        let memory = Replaced { saved: &saved, pointer: of_name, stale: nowhere };
        let root = saved.read_through(&memory, |view, heap, roots, python| {
            let held = Retainers::new(view, heap, roots, python.code_type);
            let subject = find(view, heap, "InClass").unwrap();
            held.groups(&[(subject.objects[0], 1)], 50).0[0].root
        });
        assert_eq!(root, RootKind::Module, "{version}");
    }
}

/// Bits that flip, as in objects that change while they are read, make up no bytes: all objects
/// together are not larger than what is mapped.
#[test]
fn flipped_bits_make_up_no_bytes() {
    let mut state = 1_u64;
    let mut chance = |below: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    for (version, mut saved) in all() {
        let python = attach(&saved.image, &saved.image.symbols());
        let whole = saved.image.ranges.clone();
        for _ in 0..4 {
            for bytes in saved.image.ranges.values_mut() {
                for _ in 0..bytes.len().div_ceil(256) {
                    let at = chance(bytes.len());
                    bytes[at] ^= 1 << chance(8);
                }
            }
            if attach(&saved.image, &saved.image.symbols()) == python
                && Collector::find(&saved.image, python.as_ref().unwrap()).is_some()
            {
                let all = saved.read(|view, heap, _, _| {
                    let numbers: Vec<u32> = (0..).take(heap.objects.len()).collect();
                    let each = heap.bytes_of(view, &numbers).iter().map(|of| of.1).sum::<u64>();
                    (each, histogram(heap).iter().map(|row| row.bytes).sum::<u64>())
                });
                let mapped = saved.mapped().bytes();
                assert!(all.0.max(all.1) <= mapped, "{version}: {all:?} bytes of {mapped}");
            }
            saved.image.ranges.clone_from(&whole);
        }
    }
}

/// Memory that turned to zeros costs objects, and never makes any up, panics or goes on for ever.
#[test]
fn missing_memory_makes_up_nothing() {
    for (version, mut saved) in all() {
        let whole = saved.read(|_, heap, _, _| heap.objects.len());
        let (python, starts) =
            (attach(&saved.image, &saved.image.symbols()), saved.image.ranges.clone());
        let step = starts.len() / 4;
        for part in 0..4 {
            // What attaching needs must stay.
            for start in starts.keys().skip(part).step_by(step.max(1) / 40 + 1) {
                saved.image.ranges.remove(start);
            }
            if attach(&saved.image, &saved.image.symbols()) == python
                && Collector::find(&saved.image, python.as_ref().unwrap()).is_some()
            {
                let found = saved.read(|_, heap, _, _| heap.objects.len());
                assert!(found <= whole, "{version}: {found} of {whole}");
            }
            saved.image.ranges.clone_from(&starts);
        }
    }
}
