//! Arenas that are made up: sound ones, and every way in which they may contradict themselves.

mod image;

use std::ops::Range;

use image::{BRK, Chunk, DATA, FIRST_HEAP, HEAP, Image, MAIN};
use proptest::prelude::*;

use super::state::BINS;
use super::{MainArena, find};
use crate::model::{Address, FreeMemory, MallocUse};

const PAGE: u64 = 4096;
/// 64 bytes that are in use, two pages that are free, 32 bytes in use.
const SOME: [Chunk; 3] = [(64, true), (2 * PAGE, false), (32, true)];

fn free(bytes: u64, page_bytes: u64) -> FreeMemory {
    FreeMemory { bytes, resident_bytes: bytes, page_bytes }
}

#[test]
fn the_main_arena_is_read_in_all_versions() {
    for bins in BINS {
        let image = Image::new(bins, &SOME, PAGE);
        assert_eq!(image.find(), Some(MainArena { address: Address(MAIN), bins }));
        let expected = MallocUse {
            arenas: 1,
            system_bytes: 3 * PAGE + 96,
            used_bytes: 96,
            holes: free(2 * PAGE, PAGE),
            // Its page is shared with what is in use.
            top: free(PAGE, 0),
            trimmable_bytes: PAGE,
            ..MallocUse::default()
        };
        assert_eq!(image.read(), Some(expected), "{bins}");
    }
}

#[test]
fn arenas_of_threads_have_several_heaps() {
    for (bins, info) in [(24, 48), (112, 48), (112, 32)] {
        let mut image = Image::new(bins, &SOME, PAGE);
        let large = [(PAGE, true), (HEAP / 2, false), (48, true)];
        image.thread(info, &[&SOME, &large, &SOME], 3 * PAGE);
        image.thread(info, &[&SOME], 2 << 20);
        let found = image.read().expect("arenas");
        assert_eq!((found.arenas, found.unread_bytes), (3, 0), "{bins} {info}");
        assert_eq!(found.retaining_arenas, 2, "the main one retains two pages");
        let all = found.used_bytes + found.holes.bytes + found.top.bytes;
        // The rest are headers of heaps and arenas, and fences.
        assert!((found.system_bytes - all) < 8000, "{found:?}");
        assert!(found.holes.bytes > HEAP / 2 && found.top.bytes >= (2 << 20) + 4 * PAGE);
        let main = 3 * PAGE;
        let retained = found.holes.resident_bytes + found.top.resident_bytes;
        assert_eq!(found.of_threads_bytes, retained - main);
        // Trimming leaves the tops of threads alone.
        assert!(found.trimmable_bytes <= found.holes.page_bytes + PAGE);
    }
}

#[test]
fn pages_that_are_not_there_are_not_retained() {
    let mut image = Image::new(112, &[(64, true), (64 * PAGE, false), (32, true)], 64 * PAGE);
    image.absent = vec![BRK + 2 * PAGE..BRK + 60 * PAGE, BRK + 70 * PAGE..BRK + 200 * PAGE];
    let found = image.read().expect("an arena");
    assert_eq!(found.unread_bytes, 0);
    assert_eq!(found.holes.bytes, 64 * PAGE);
    assert_eq!(found.holes.resident_bytes, 6 * PAGE);
    assert_eq!(found.holes.page_bytes, 5 * PAGE);
    // From the end of the hole to page 70.
    assert_eq!(found.top.resident_bytes, 6 * PAGE - 96);
    // What holds headers is swapped out: it is not brought in.
    image.absent.clear();
    image.absent.push(BRK + 64 * PAGE..BRK + 65 * PAGE);
    assert_eq!(image.read().expect("an arena").unread_bytes, 128 * PAGE + 32);
}

#[test]
fn chunks_of_fast_bins_are_free_although_nobody_marked_them() {
    for combined in [false, true] {
        let mut image = Image::new(112, &[(64, true), (48, true), (48, true), (64, true)], PAGE);
        let (first, second) = (BRK + 64, BRK + 112);
        image.put(MAIN + 16 + 8, first);
        let place = if combined { (first + 16) >> 12 } else { 0 };
        image.put(first + 16, second ^ place);
        image.put(second + 16, if combined { (second + 16) >> 12 } else { 0 });
        let found = image.read().expect("an arena");
        assert_eq!((found.cached_bytes, found.used_bytes), (96, 128));
        // A list that comes back to itself ends.
        image.put(second + 16, first);
        assert!(image.read().is_some());
    }
}

/// What a chunk of a fast bin holds is left over; nothing is claimed of a list that has no end.
#[test]
fn what_is_in_fast_bins_is_free() {
    const SIZE: u64 = 96;
    for combined in [false, true] {
        let mut image =
            Image::new(112, &[(64, true), (SIZE, true), (SIZE, true), (64, true)], PAGE);
        let (first, second) = (BRK + 64, BRK + 64 + SIZE);
        let place = |at: u64| if combined { (at + 16) >> 12 } else { 0 };
        image.put(MAIN + 16 + 8 * 4, first);
        image.put(first + 16, second ^ place(first));
        image.put(second + 16, place(second));
        let expected = [first, second].map(|at| at + 16..at + SIZE + 8);
        let free = |image: &Image| {
            let free = image.free().into_iter();
            free.filter(|part| part.start < second + SIZE).collect::<Vec<_>>()
        };
        assert_eq!(free(&image), expected, "{combined}");
        for (what, at, word) in [
            ("it comes back to itself", second + 16, first ^ place(second)),
            ("it leads elsewhere", second + 16, MAIN ^ place(second)),
            ("a chunk of another size", second + 8, 112 | 1),
            ("the other notation at the end", second + 16, (second + 16) >> 12 ^ place(second)),
        ] {
            let mut image = image.clone();
            image.put(at, word);
            assert!(free(&image).is_empty(), "{combined}: {what}");
        }
    }
}

/// Nothing of an arena that contradicts itself is said to be free; of others it is.
#[test]
fn unread_arenas_have_nothing_free() {
    let mut image = Image::new(112, &SOME, PAGE);
    image.thread(48, &[&[(64, true), (4 * PAGE, false), (32, true)]], PAGE);
    let all = image.free();
    assert_eq!(all.first(), Some(&(BRK + 64 + 16..BRK + 64 + 2 * PAGE)));
    assert!(all.iter().any(|part| part.end - part.start == 4 * PAGE - 16), "{all:?}");
    // The size that stands behind the free chunk is another one.
    image.put(BRK + 64 + 2 * PAGE, 64);
    let others = image.free();
    assert!(others.iter().all(|part| part.start >= FIRST_HEAP), "{others:?}");
    assert!(!others.is_empty());
}

/// A thread's cache of five chunks of 96 bytes, after the struct that has it.
fn cached(combined: bool) -> Image {
    const STRUCT: u64 = 0x290;
    let mut chunks = vec![(STRUCT, true)];
    chunks.extend([(96, true); 5]);
    let mut image = Image::new(112, &chunks, PAGE);
    let first = BRK + STRUCT + 16;
    let (counts, lists) = (BRK + 16, BRK + 16 + 128);
    image.put(counts + 8, 5);
    image.put(lists + 8 * 4, first);
    for at in (0..5).map(|index| first + 96 * index) {
        let next = if at == first + 96 * 4 { 0 } else { at + 96 };
        image.put(at, if combined { next ^ at >> 12 } else { next });
        image.put(at + 8, 0x1234_5678_9abc_def0);
    }
    image
}

/// The same as glibc has it from 2.42 on: the struct counts free places, of 16, in more lists.
#[test]
fn what_threads_have_cached_is_free_where_room_is_counted() {
    const STRUCT: u64 = 0x300;
    let mut chunks = vec![(STRUCT, true)];
    chunks.extend([(96, true); 5]);
    let first = BRK + STRUCT + 16;
    let image = |counted: u64| {
        let mut image = Image::new(24, &chunks, PAGE);
        for index in 0..19 {
            image.put(BRK + 16 + 8 * index, 0x0010_0010_0010_0010);
        }
        image.put(BRK + 16 + 8, 0x0010_0010_0010_0000 | counted);
        image.put(BRK + 16 + 152 + 8 * 4, first);
        for at in (0..5).map(|index| first + 96 * index) {
            let next = if at == first + 96 * 4 { 0 } else { at + 96 };
            image.put(at, next ^ at >> 12);
            image.put(at + 8, 0x1234_5678_9abc_def0);
        }
        image
    };
    let of_cache = |image: Image| {
        let free = image.free();
        free.into_iter().filter(|part| part.start < first + 5 * 96).collect::<Vec<_>>()
    };
    let expected = (0..5).map(|index| first + 96 * index).map(|at| at..at + 88);
    assert_eq!(of_cache(image(16 - 5)), expected.collect::<Vec<_>>());
    for wrong in [5, 10, 12, 16] {
        assert!(of_cache(image(wrong)).is_empty(), "{wrong}");
    }
}

#[test]
fn what_threads_have_cached_is_free() {
    let first = BRK + 0x290 + 16;
    let of_cache = |image: &Image| {
        let free = image.free();
        free.into_iter().filter(|part| part.start < first + 5 * 96).collect::<Vec<_>>()
    };
    for combined in [false, true] {
        let image = cached(combined);
        let expected = (0..5).map(|index| first + 96 * index).map(|at| at..at + 88);
        assert_eq!(of_cache(&image), expected.collect::<Vec<_>>(), "{combined}");
    }
    for (what, at, word) in [
        ("fewer in the list than are counted", BRK + 16 + 8, 6),
        ("more in the list", BRK + 16 + 8, 4),
        ("a count without a list", BRK + 16 + 16, 1),
        ("a count that is none", BRK + 16 + 16, 0x8000),
        ("a list without a count", BRK + 16 + 128 + 8, first),
        ("another key", first + 96 + 8, 7),
        ("no key", first + 8, 0),
        ("a link to elsewhere", first, MAIN),
        ("a chunk of another size", first - 8 + 2 * 96, 112 | 1),
    ] {
        let mut image = cached(true);
        image.put(at, word);
        assert!(of_cache(&image).is_empty(), "{what}");
    }
}

/// Changes one word of a sound process with two arenas.
fn with(at: u64, word: u64) -> Option<MallocUse> {
    let mut image = Image::new(112, &SOME, PAGE);
    image.thread(48, &[&SOME, &SOME], PAGE);
    assert_eq!(image.read().map(|found| found.unread_bytes), Some(0));
    image.put(at, word);
    image.read()
}

#[test]
fn an_arena_that_contradicts_itself_is_unread() {
    let arena = FIRST_HEAP + 16 * HEAP + 48;
    let (top, system) = (arena + 96, arena + 112 + 2048 + 24);
    let heap = FIRST_HEAP + 17 * HEAP;
    for (what, at, word) in [
        ("a heap of another arena", heap, MAIN),
        ("a heap before at an odd place", heap + 8, heap - HEAP + 16),
        ("no heap before the second", heap + 8, 0),
        ("heaps in a circle", heap + 8, heap),
        ("a heap larger than itself", heap + 16, HEAP + PAGE),
        ("another size than its heaps", system, 2 * PAGE),
        ("a top elsewhere", top, BRK + 64),
    ] {
        let found = with(at, word).unwrap_or_else(|| panic!("{what}: the ring is sound"));
        assert!(found.unread_bytes > 0, "{what}: {found:?}");
        assert_eq!(found.used_bytes, 96, "{what}: of the main arena alone");
    }
    // A state that makes no sense says nothing of its size either.
    let heads = arena + 112;
    for (what, at, word) in [
        ("a list with one end", heads + 32, BRK),
        ("a list without an end", heads + 48, 0),
        ("more than the address space", system, 1 << 50),
        ("an odd top", top, FIRST_HEAP + 3),
    ] {
        assert_eq!(with(at, word), None, "{what}");
    }
}

#[test]
fn chunks_without_sense_end_a_walk() {
    for (what, offset, word) in [
        ("no size", 64 + 8, 1),
        ("an odd size", 64 + 8, 2 * PAGE + 8 + 1),
        ("less than a chunk", 64 + 8, 16 + 1),
        ("more than the heap", 64 + 8, (1 << 40) + 1),
        ("sizes that overflow", 64 + 8, !15 + 1),
        ("a mapping of its own", 64 + 8, 2 * PAGE + 3),
        ("past the top", 64 + 8, 2 * PAGE + 64 + 1),
        ("another size at its end", 64 + 2 * PAGE, PAGE),
        ("32-bit sizes", 64 + 8, (2 * PAGE) << 32 | 0x11),
    ] {
        let found = with(BRK + offset, word).expect("a ring");
        assert!(found.unread_bytes >= 2 * PAGE, "{what}: {found:?}");
        assert!(found.unread_bytes <= 3 * PAGE + 96, "{what}: {found:?}");
    }
}

#[test]
fn a_ring_that_does_not_close_is_none() {
    let arena = FIRST_HEAP + 16 * HEAP + 48;
    let next = |of: u64| of + 112 + 2048;
    for (at, word) in [
        (next(MAIN), 0),
        (next(MAIN), MAIN + 8),
        (next(MAIN), BRK),
        (next(arena), arena),
        (next(arena), arena + HEAP),
        (next(arena), u64::MAX),
    ] {
        assert_eq!(with(at, word), None, "{at:x} {word:x}");
    }
}

#[test]
fn other_data_is_no_arena() {
    let image = Image::new(112, &SOME, PAGE);
    let of = |range: Range<u64>| find(&image, std::slice::from_ref(&range));
    assert_eq!(find(&image, &[]), None);
    assert_eq!(of(DATA.start..MAIN), None);
    assert_eq!(of(BRK..BRK + 2 * PAGE), None);
    assert_eq!(of(0..u64::MAX), None);
    // Pointers of 32 bits.
    let mut image = image;
    for at in image.places().into_iter().filter(|at| DATA.contains(at)) {
        let word = image.word(at);
        image.put(at, word & 0xffff_ffff);
    }
    assert_eq!(image.find(), None);
}

/// A heap of chunks, free ones never side by side.
fn chunks() -> impl Strategy<Value = Vec<Chunk>> {
    let chunk = (2..3000_u64, any::<bool>()).prop_map(|(size, used)| (16 * size, used));
    proptest::collection::vec(chunk, 0..60).prop_map(|mut chunks| {
        chunks.dedup_by(|next, last| !next.1 && !last.1);
        chunks.push((32, true));
        chunks
    })
}

proptest! {
    /// What is used and what is free is found again, whatever the order.
    #[test]
    fn sums_are_those_of_the_chunks(main in chunks(), thread in chunks(), top in 2..10_000_u64) {
        let mut image = Image::new(24, &main, 16 * top);
        image.thread(48, &[&thread], 16 * top);
        let found = image.read().expect("arenas");
        let sum = |used| main.iter().chain(&thread).filter(|one| one.1 == used).map(|one| one.0).sum::<u64>();
        prop_assert_eq!(found.unread_bytes, 0);
        prop_assert_eq!((found.used_bytes, found.holes.bytes), (sum(true), sum(false)));
        prop_assert!(found.holes.page_bytes <= found.holes.resident_bytes);
    }

    /// What is said to be free is all that is, and nothing else.
    #[test]
    fn free_memory_is_that_of_the_free_chunks(main in chunks(), thread in chunks(), top in 8..10_000_u64) {
        let mut image = Image::new(24, &main, 16 * top);
        image.thread(48, &[&thread], 16 * top);
        let found = image.free();
        let sum = found.iter().map(|part| part.end - part.start).sum::<u64>();
        let used = image.read().expect("arenas");
        let large = main.iter().chain(&thread).filter(|one| !one.1 && one.0 >= 80);
        let contents = large.map(|one| one.0 - 16).sum::<u64>() + used.top.bytes - 2 * 16;
        prop_assert_eq!(sum, contents);
        prop_assert!(found.is_sorted_by(|one, next| one.end < next.start));
    }

    /// Words that are written over never make it panic, run long, or claim more than there is.
    #[test]
    fn nonsense_is_bounded(
        thread in chunks(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u64>(), 0..6), 1..20),
    ) {
        let mut image = Image::new(112, &thread, PAGE);
        image.thread(48, &[&thread, &thread], PAGE);
        let places = image.places();
        for (place, word, kind) in changes {
            let (at, other) = (*place.get(&places), places[usize::try_from(word % 97).unwrap() % places.len()]);
            let old = image.word(at);
            image.put(at, match kind {
                0 => word,
                1 => old ^ 1 << (word % 64),
                2 => image.word(other),
                3 => other,
                4 => old.wrapping_add(16),
                _ => word % 10_000,
            });
        }
        if let Some(found) = image.read() {
            let most = 4 * HEAP;
            prop_assert!(found.holes.bytes + found.top.bytes <= most, "{:?}", found);
            prop_assert!(found.trimmable_bytes <= found.holes.bytes + found.top.bytes);
        }
        prop_assert!(image.reads.get() < 100_000, "{} reads", image.reads.get());
    }
}
