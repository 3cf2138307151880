//! Arbitrary bytes for memory: nothing panics, nothing runs long, nothing reads or keeps more than
//! its bounds.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};

use super::layout::published::{self, COOKIE};
use super::layout::{Layout, LineEncoding, table};
use super::text::{MAX_BYTES, MAX_CODE_POINTS};
use super::{CodeInfo, LineTable, SavedCode, Version, attach, images, text};
use crate::model::{Address, Memory, RuntimeSymbols};

/// Memory in which every address is readable and repeats the same bytes: the worst for whatever
/// follows pointers.
struct Noise {
    bytes: Vec<u8>,
    reads: Cell<usize>,
    largest: Cell<usize>,
}

impl Noise {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, reads: Cell::new(0), largest: Cell::new(0) }
    }
}

impl Memory for Noise {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        self.reads.set(self.reads.get() + 1);
        self.largest.set(self.largest.get().max(into.len()));
        let period = self.bytes.len() as u64;
        for (index, byte) in into.iter_mut().enumerate() {
            let at = address.0.wrapping_add(index as u64) % period;
            *byte = self.bytes[usize::try_from(at).unwrap()];
        }
        true
    }
}

/// Words that look like pointers as often as they do not.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        any::<u64>(),
        (0_u64..1 << 12).prop_map(|word| word * 8),
        Just(0),
        any::<u8>().prop_map(u64::from),
    ];
    vec(word, 1..600).prop_map(|words| words.into_iter().flat_map(u64::to_le_bytes).collect())
}

fn layouts() -> impl Strategy<Value = &'static Layout> {
    (0..table::ROWS.len()).prop_map(|row| &table::ROWS[row].layout)
}

/// Reads that any attempt on any process may take: lists are bounded, and each element takes a few
/// reads.
const READS: usize = 8 * 5 * 70_000;

proptest! {
    #[test]
    fn attaching_to_noise_ends(bytes in noise(), minor in 6_u8..16, symbol in any::<u64>()) {
        let memory = Noise::new(bytes);
        let address = Some(Address(symbol));
        let symbols = RuntimeSymbols {
            runtime: address,
            version_text: Some(Version::new(3, minor, 9).to_string()),
            interpreters_head_function: address,
            thread_current: address,
            thread_state_function: address,
            ..RuntimeSymbols::default()
        };
        prop_assert!(attach(&memory, &symbols).is_err());
        prop_assert!(memory.reads.get() < READS, "{} reads", memory.reads.get());
        prop_assert!(memory.largest.get() <= MAX_BYTES);
    }

    #[test]
    fn published_noise_is_refused_or_inside_its_structs(
        bytes in noise(), minor in 13_u8..17, threaded in 0_u8..2,
    ) {
        let mut bytes = bytes;
        bytes.splice(..0, [0; 24]);
        bytes[..8].copy_from_slice(&COOKIE);
        bytes[8..16].copy_from_slice(&[0xf0, 0, minor, 3, 0, 0, 0, 0]);
        bytes[16] = threaded;
        let memory = Noise::new(bytes);
        if let Ok((version, layout)) = published::layout(&memory, Address::NULL) {
            prop_assert!(version.minor == minor && threaded == 0);
            prop_assert!(layout.thread.thread_id.end() <= 64 << 10);
        }
    }

    #[test]
    fn any_corruption_of_a_process_is_survived(
        image in 0_usize..11, spoils in vec((any::<u64>(), any::<u8>()), 1..40),
    ) {
        let (_, mut image) = images::all().swap_remove(image);
        let count = image.ranges.len() as u64;
        for (place, byte) in spoils {
            let range = usize::try_from(place % count).unwrap();
            let bytes = image.ranges.values_mut().nth(range).unwrap();
            let at = usize::try_from(place / count).unwrap() % bytes.len();
            bytes[at] = byte;
        }
        let _ = attach(&image, &image.symbols());
    }

    #[test]
    fn text_of_noise_is_bounded(bytes in noise(), layout in layouts(), at in any::<u64>()) {
        let memory = Noise::new(bytes);
        if let Ok(text) = text::unicode(&memory, layout, Address(at)) {
            prop_assert!(text.chars().count() <= MAX_CODE_POINTS + 1);
        }
        if let Ok(bytes) = text::bytes(&memory, layout, Address(at)) {
            prop_assert!(bytes.len() <= MAX_BYTES);
        }
        prop_assert!(memory.largest.get() <= MAX_BYTES && memory.reads.get() < 10);
    }

    #[test]
    fn code_of_noise_is_bounded(bytes in noise(), layout in layouts(), at in 0_u64..4096) {
        let memory = Noise::new(bytes);
        let class = layout.object.class.read(&memory, Address(at)).unwrap();
        if let Ok(code) = CodeInfo::read(&memory, layout, class, Address(at)) {
            let _ = code.lines.line(100);
        }
        prop_assert!(memory.largest.get() <= MAX_BYTES && memory.reads.get() < 40);
    }

    #[test]
    fn saved_noise_is_survived(
        addresses in vec(prop_oneof![any::<u64>(), 0_u64..4096], 5), bytes in vec(noise(), 5),
        code in 0_u64..4096,
    ) {
        let parts: Vec<_> = addresses.into_iter().zip(bytes).collect();
        let saved = SavedCode::new(&parts);
        for row in table::ROWS {
            let class = row.layout.object.class.read(&saved, Address(code));
            let class = class.unwrap_or(Address::NULL);
            let _ = CodeInfo::read(&saved, &row.layout, class, Address(code));
        }
    }

    #[test]
    fn line_tables_of_noise_have_an_end(
        bytes in vec(any::<u8>(), 0..3000), first in any::<i32>(), index in any::<u32>(),
    ) {
        for encoding in [LineEncoding::Increments, LineEncoding::Ranges, LineEncoding::Locations] {
            let table = LineTable::new(encoding, first, bytes.clone());
            for index in [0, index & 0x3_ffff, index] {
                let line = table.line(index);
                prop_assert!(line != Some(0));
            }
        }
    }

    #[test]
    fn version_texts_come_back(text in "[0-9]{1,2}\\.[0-9]{1,3}\\.[0-9]{1,3}((a|b|rc)[0-9]{1,2})?") {
        if let Some(version) = Version::from_text(&text) {
            prop_assert!(Version::from_text(&version.to_string()) == Some(version));
        }
    }

    #[test]
    fn version_noise_is_survived(text in any::<String>(), hex in any::<u64>()) {
        let _ = Version::from_text(&text);
        let _ = Version::from_hex(hex);
    }
}
