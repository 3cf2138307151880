//! Readers of objects over hostile memory: no panic, no endless walk, no reference that is not
//! there.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::heap::layout::{Keys, ROWS};
use crate::heap::refcount::Refcount;
use crate::heap::{Budget, Mapped, dict, shallow};
use crate::model::Memory;
use crate::python::layout::table;
use crate::python::{Layout, Version};

const BASE: u64 = 0x7f00_0000_0000;
/// Words of an image.
const WORDS: usize = 512;
/// Where the object is in it, with room for what lies before.
const OBJECT: Address = Address(BASE + 64);
/// Most references for each word of an image. Blocks of a hostile deque can overlap: 64 items for
/// each, and a chain that comes back is noticed within three times its length.
const PER_WORD: u64 = 256;

const KINDS: &[Kind] = &[
    Kind::Plain,
    Kind::Opaque,
    Kind::Type,
    Kind::Dict,
    Kind::OrderedDict,
    Kind::List,
    Kind::Tuple,
    Kind::Set,
    Kind::Str,
    Kind::Bytes,
    Kind::ByteArray,
    Kind::Int,
    Kind::Function,
    Kind::Method,
    Kind::BuiltinMethod,
    Kind::Cell,
    Kind::Module,
    Kind::Code,
    Kind::Frame,
    Kind::Generator,
    Kind::Weakref,
    Kind::Deque,
    Kind::Partial,
    Kind::Property,
    Kind::Wrapped,
    Kind::MappingProxy,
    Kind::Array,
    Kind::TypedArray,
];

/// Bytes from [`BASE`] on; counts what is read of them.
struct Image {
    bytes: Vec<u8>,
    read: Cell<u64>,
}

impl Image {
    fn from_words(words: &[u64]) -> Self {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        Self { bytes, read: Cell::new(0) }
    }

    fn mapped(&self) -> Mapped {
        Mapped::new([(BASE, BASE + self.bytes.len() as u64)])
    }
}

impl Memory for Image {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        self.read.set(self.read.get() + 1);
        let from = address.0.checked_sub(BASE).and_then(|from| usize::try_from(from).ok());
        let chunk = from.and_then(|from| self.bytes.get(from..)?.get(..into.len()));
        chunk.is_some_and(|chunk| {
            into.copy_from_slice(chunk);
            true
        })
    }
}

/// The layout of frames and strings that goes with a row, with tags where the version has them.
/// From 3.13 on the process publishes it; for lies that of 3.12 is as good.
fn frames(minor: u8) -> Layout {
    let mut found = *table::layout(Version::new(3, minor.min(12), 0)).unwrap();
    if minor >= 14 {
        found.frame.code_tag_mask = 3;
    }
    found
}

/// What `read` makes of the object in an image under each version.
fn each_version(image: &Image, mut read: impl FnMut(&View<'_>)) {
    for objects in ROWS {
        let layout = frames(objects.minor);
        let refcount = Refcount::for_minor(objects.minor);
        // More than any chain below needs: what ends a walk is not that the budget is spent.
        let budget = Budget::for_heap_bytes(1 << 40);
        let (memory, mapped) = (image, image.mapped());
        read(&View {
            memory,
            layout: &layout,
            objects,
            refcount,
            mapped: &mapped,
            budget: &budget,
        });
    }
}

/// A class of a kind whose instances have nothing but their struct.
fn bare(kind: Kind) -> Class {
    Class { kind, basic_size: 256, known_size: 256, ..Class::nothing() }
}

/// A generator has what lay in its memory before where a coroutine has its origin.
#[test]
fn only_coroutines_have_an_origin() {
    let image = Image::from_words(&[BASE + 2048; WORDS]);
    for (name, wanted) in [("generator", false), ("coroutine", true)] {
        let class = Class { name: name.into(), ..bare(Kind::Generator) };
        each_version(&image, |view| {
            let mut found = false;
            edges(view, OBJECT, &class, &mut |edge| {
                found |= edge.label == EdgeLabel::Field("cr_origin");
            });
            let has = view.objects.generator.fields.iter().any(|(name, _)| *name == "cr_origin");
            assert_eq!(found, has && wanted, "{name} of 3.{}", view.objects.minor);
        });
    }
}

/// Of a large heap not everything can be read again to name paths; a length is one word.
#[test]
fn lengths_of_dicts_are_known_when_the_budget_is_spent() {
    const TABLE: u64 = BASE + 512;
    for (used, expected) in [(5, Some(5)), (9, None)] {
        let mut words = vec![0; WORDS];
        let object = usize::try_from((OBJECT.0 - BASE) / 8).unwrap();
        (words[object + 2], words[object + 4]) = (used, TABLE);
        // Eight slots, as a number (to 3.10) or its logarithm; five entries.
        let table = usize::try_from((TABLE - BASE) / 8).unwrap();
        (words[table + 1], words[table + 4]) = (8, 5);
        let sized = Image::from_words(&words);
        (words[table + 1], words[table + 3], words[table + 4]) = (0x0303, 5, 0);
        let logarithmic = Image::from_words(&words);
        for (keys, image) in [(Keys::Sized, sized), (Keys::Logarithmic, logarithmic)] {
            each_version(&image, |view| {
                view.budget.take(u64::MAX);
                let found = dict::length(view, OBJECT);
                assert!(view.objects.keys != keys || found == expected, "{found:?}");
            });
        }
    }
}

/// Small numbers, masks, pointers into the image, pairs of 32 bits, and anything.
fn word() -> impl Strategy<Value = u64> {
    let places = BASE..BASE + 8 * WORDS as u64;
    prop_oneof![
        4 => places.clone().prop_map(|place| place & !7),
        1 => places,
        2 => 0_u64..100,
        1 => (0_u32..64).prop_map(|bits| (1 << bits) - 1),
        1 => (0_u32..64).prop_map(|bits| 1 << bits),
        1 => (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(a, b, c, d)| u64::from_le_bytes([a % 12, b % 12, c % 3, d % 3, 0, 0, 0, 0])),
        1 => any::<u64>(),
    ]
}

/// Classes as `classes.rs` lets them pass: sizes below 16 MiB, everything else as the target likes.
fn class() -> impl Strategy<Value = Class> {
    let size = || prop_oneof![0_u64..600, 0_u64..1 << 24];
    let offset = || prop_oneof![Just(0), -64_i64..600, any::<i64>()];
    let slots = proptest::collection::vec(16_u32..600, 0..8);
    let sizes = (size(), size(), size());
    (any::<u64>(), sizes, offset(), offset(), slots, word()).prop_map(
        |(flags, sizes, dict_offset, weak_offset, mut slots, keys)| {
            slots.sort_unstable();
            Class {
                address: Address(BASE),
                flags,
                basic_size: sizes.0,
                item_size: sizes.1,
                known_size: sizes.2,
                dict_offset,
                weak_offset,
                slots: slots.into_iter().map(|slot| (slot, String::new())).collect(),
                cached_keys: Address(keys),
                ..Class::nothing()
            }
        },
    )
}

proptest! {
    #[test]
    fn lies_neither_panic_nor_go_on_for_ever(
        words in proptest::collection::vec(word(), WORDS),
        class in class(),
    ) {
        let image = Image::from_words(&words);
        let most = PER_WORD * WORDS as u64;
        each_version(&image, |view| {
            for &kind in KINDS {
                let class = Class { kind, ..class.clone() };
                let mut told = 0_u64;
                image.read.set(0);
                edges(view, OBJECT, &class, &mut |edge| {
                    assert!(!edge.to.is_null());
                    told += 1;
                });
                assert!(told <= most, "3.{} {kind:?}: {told} references", view.objects.minor);
                let bytes = shallow(view, OBJECT, &class);
                assert!(bytes.is_none_or(|bytes| bytes <= view.mapped.bytes()), "{kind:?}");
                let _ = length(view, OBJECT, &class);
                let _ = (attributes(view, OBJECT, &class), frame_code(view, OBJECT, &class));
                let reads = image.read.get();
                assert!(reads <= most, "3.{} {kind:?}: {reads} reads", view.objects.minor);
            }
        });
    }

    #[test]
    fn tables_and_frames_that_lie_end(words in proptest::collection::vec(word(), WORDS), index in any::<u32>()) {
        let image = Image::from_words(&words);
        each_version(&image, |view| {
            let mut told = 0;
            dict::entries(view, OBJECT, &mut |_, _| told += 1);
            frame_locals(view, OBJECT, &mut |_| told += 1);
            assert!(told <= 2 * WORDS, "3.{}: {told}", view.objects.minor);
            let _ = (dict::lookup(view, OBJECT, "name"), function_code(view, OBJECT));
            let _ = (int_value(view, OBJECT), frame_room(view, OBJECT), module_dict(view, OBJECT));
            let _ = (local_name(view, OBJECT, index), local_name(view, OBJECT, index % 64));
            let _ = (free_variable(view, OBJECT, index), free_variable(view, OBJECT, index % 64));
        });
    }
}

/// An object with the given words from [`OBJECT`] on, and behind it 400 words that all lead to
/// `link`.
fn linked(object: &[(usize, u64)], link: u64) -> Image {
    let mut words = vec![link; WORDS];
    words[..40].fill(0);
    for (index, word) in object {
        words[8 + index] = *word;
    }
    Image::from_words(&words)
}

#[test]
fn a_deque_whose_blocks_go_round_is_told_once_and_left() {
    let block = BASE + 8 * 100;
    // `ob_size`, `leftblock`, `leftindex`
    let image = linked(&[(2, 1 << 27), (3, block), (5, 0)], block);
    each_version(&image, |view| {
        let mut told = 0;
        let left_out = edges(view, OBJECT, &bare(Kind::Deque), &mut |_| told += 1);
        assert_eq!((told, left_out), (64, 1), "3.{}", view.objects.minor);
    });
}

#[test]
fn an_ordered_dict_whose_nodes_go_round_is_told_once_and_left() {
    let node = BASE + 8 * 100;
    // `ma_used`, `od_first`; there is no table.
    let image = linked(&[(2, 1 << 27), (6, node)], node);
    each_version(&image, |view| {
        let mut told = 0;
        let left_out = edges(view, OBJECT, &bare(Kind::OrderedDict), &mut |edge| {
            told += usize::from(edge.label == EdgeLabel::Key);
        });
        assert_eq!((told, left_out), (1, 2), "3.{}", view.objects.minor);
    });
}

#[test]
fn paths_that_end_are_told_whole() {
    let mut words = vec![0; WORDS];
    // A deque of three blocks, and behind them an ordered dict of 40 nodes.
    let block = |number: usize| 100 + 66 * number;
    let at = |index: usize| BASE + 8 * index as u64;
    (words[10], words[11]) = (150, at(block(0)));
    words[block(0)..block(3)].fill(BASE);
    (words[block(0) + 65], words[block(1) + 65], words[block(2) + 65]) =
        (at(block(1)), at(block(2)), 0);
    let node = |number: usize| block(3) + 4 * number;
    words[14] = at(node(0));
    for number in 0..40 {
        (words[node(number)], words[node(number) + 2]) = (BASE, at(node(number + 1)));
    }
    each_version(&Image::from_words(&words), |view| {
        let mut told = 0;
        let left_out = edges(view, OBJECT, &bare(Kind::Deque), &mut |_| told += 1);
        assert_eq!((told, left_out), (150, 0), "3.{}", view.objects.minor);
    });
    words[10] = 40;
    each_version(&Image::from_words(&words), |view| {
        let mut keys = 0;
        edges(view, OBJECT, &bare(Kind::OrderedDict), &mut |edge| {
            keys += usize::from(edge.label == EdgeLabel::Key);
        });
        assert_eq!(keys, 40, "3.{}", view.objects.minor);
    });
}

/// What was torn: lengths that no memory has room for are none.
#[test]
fn absurd_lengths_are_no_lengths() {
    const ABSURD: u64 = 140_263_752_244_096;
    let block = BASE + 8 * 100;
    // `ob_size`; items or `used`; allocated or `mask`; the table of a set.
    let image = |count, used, room| linked(&[(2, count), (3, used), (4, room), (5, block)], block);
    let sizes = [
        (Kind::List, image(ABSURD, block, ABSURD)),
        (Kind::List, image(3, block, ABSURD)),
        (Kind::Tuple, image(ABSURD, 0, 0)),
        (Kind::Set, image(0, ABSURD, ABSURD - 1)),
        (Kind::Deque, image(ABSURD, block, block)),
    ];
    for (kind, image) in &sizes {
        each_version(image, |view| {
            let class = Class { item_size: 8 * u64::from(*kind == Kind::Tuple), ..bare(*kind) };
            let minor = view.objects.minor;
            assert_eq!(length(view, OBJECT, &class), None, "3.{minor} {kind:?}");
            assert_eq!(shallow(view, OBJECT, &class), None, "3.{minor} {kind:?}");
        });
    }
    // Digits, or their number above three bits; characters of a str; bytes.
    for (kind, item_size) in [(Kind::Int, 4), (Kind::Bytes, 1), (Kind::Str, 0)] {
        each_version(&linked(&[(2, ABSURD), (4, 0xe4)], block), |view| {
            let class = Class { item_size, ..bare(kind) };
            assert_eq!(shallow(view, OBJECT, &class), None, "3.{} {kind:?}", view.objects.minor);
        });
    }
    let three = linked(&[(2, 3), (3, block), (4, 4)], block);
    each_version(&three, |view| {
        assert_eq!(length(view, OBJECT, &bare(Kind::List)), Some(3));
        assert_eq!(shallow(view, OBJECT, &bare(Kind::List)), Some(256 + 32));
    });
}
