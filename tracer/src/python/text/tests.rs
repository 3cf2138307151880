use super::{MAX_CODE_POINTS, bytes, unicode};
use crate::model::{Address, Memory, NoText};
use crate::python::layout::{Layout, table};

/// One range of memory, and one more far away for text that is not compact.
struct TwoRanges {
    object: Vec<u8>,
    data: Vec<u8>,
}

const OBJECT: u64 = 0x1000;
const DATA: u64 = 0x10_0000;

impl Memory for TwoRanges {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let (base, bytes) =
            if address.0 < DATA { (OBJECT, &self.object) } else { (DATA, &self.data) };
        let start = usize::try_from(address.0 - base).unwrap();
        let Some(bytes) = bytes.get(start..start + into.len()) else { return false };
        into.copy_from_slice(bytes);
        true
    }
}

const COMPACT: u32 = 1 << 5;
const ASCII: u32 = 1 << 6;

/// A `str` with `characters` of `kind` bytes, as `layout` has it.
fn string(layout: &Layout, kind: u32, flags: u32, characters: &[u8]) -> TwoRanges {
    let header = match (flags & COMPACT != 0, flags & ASCII != 0) {
        (true, true) => layout.unicode.ascii_size,
        (true, false) => layout.unicode.compact_size,
        (false, _) => layout.unicode.compact_size + 8,
    };
    let mut object = vec![0; header.into()];
    let length = characters.len() as u64 / u64::from(kind);
    object[16..24].copy_from_slice(&length.to_le_bytes());
    object[32..36].copy_from_slice(&(kind << 2 | flags).to_le_bytes());
    if flags & COMPACT != 0 {
        object.extend(characters);
        return TwoRanges { object, data: Vec::new() };
    }
    let at = object.len() - 8;
    object[at..].copy_from_slice(&DATA.to_le_bytes());
    TwoRanges { object, data: characters.to_vec() }
}

fn read(layout: &Layout, kind: u32, flags: u32, characters: &[u8]) -> Result<String, NoText> {
    unicode(&string(layout, kind, flags, characters), layout, Address(OBJECT))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn utf32(text: &str) -> Vec<u8> {
    text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()
}

#[test]
fn every_kind_of_string_is_read() {
    for layout in [&table::CPYTHON_3_8, &table::CPYTHON_3_12] {
        let flags = COMPACT | ASCII;
        assert_eq!(read(layout, 1, flags, b"main").as_deref(), Ok("main"));
        assert_eq!(read(layout, 1, flags, b"").as_deref(), Ok(""));
        assert_eq!(read(layout, 1, COMPACT, b"gr\xf6\xdfe").as_deref(), Ok("größe"));
        assert_eq!(read(layout, 2, COMPACT, &utf16("данные")).as_deref(), Ok("данные"));
        assert_eq!(read(layout, 4, COMPACT, &utf32("字𠀀")).as_deref(), Ok("字𠀀"));
        assert_eq!(read(layout, 4, 0, &utf32("𠀀 far")).as_deref(), Ok("𠀀 far"));
        assert_eq!(read(layout, 1, 0, b"\xe9t\xe9").as_deref(), Ok("été"));
    }
}

#[test]
fn surrogates_and_impossible_code_points_are_replaced() {
    let surrogate = [0x61, 0, 0xe9, 0xdc];
    assert_eq!(read(&table::CPYTHON_3_12, 2, COMPACT, &surrogate).as_deref(), Ok("a\u{fffd}"));
    let beyond = 0x11_0000_u32.to_le_bytes();
    assert_eq!(read(&table::CPYTHON_3_12, 4, COMPACT, &beyond).as_deref(), Ok("\u{fffd}"));
}

#[test]
fn long_strings_are_cut_and_say_so() {
    let text = vec![b'x'; MAX_CODE_POINTS + 1];
    let read = read(&table::CPYTHON_3_12, 1, COMPACT | ASCII, &text).unwrap();
    assert_eq!(read.chars().count(), MAX_CODE_POINTS + 1);
    assert!(read.ends_with("x…"));
}

#[test]
fn a_string_saved_in_part_keeps_what_there_is() {
    let layout = &table::CPYTHON_3_12;
    let mut memory = string(layout, 1, COMPACT | ASCII, &[b'y'; 200]);
    memory.object.truncate(40 + 130);
    let read = unicode(&memory, layout, Address(OBJECT)).unwrap();
    assert_eq!(read, format!("{}…", "y".repeat(128)));
    memory.object.truncate(40);
    assert_eq!(unicode(&memory, layout, Address(OBJECT)), Err(NoText::Unreadable));
}

#[test]
fn other_objects_are_no_strings() {
    let layout = &table::CPYTHON_3_12;
    assert_eq!(read(layout, 3, COMPACT, b"abc"), Err(NoText::NotText));
    assert_eq!(read(layout, 2, COMPACT | ASCII, b"ab"), Err(NoText::NotText));
    let mut memory = string(layout, 1, COMPACT | ASCII, b"abc");
    memory.object[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(unicode(&memory, layout, Address(OBJECT)), Err(NoText::NotText));
    assert_eq!(unicode(&memory, layout, Address::NULL), Err(NoText::Null));
}

#[test]
fn bytes_objects_are_read() {
    let layout = &table::CPYTHON_3_8;
    let mut object = vec![0; 32];
    object[16..24].copy_from_slice(&3_u64.to_le_bytes());
    object.extend(b"\x01\x02\x03\x00");
    let mut memory = TwoRanges { object, data: Vec::new() };
    assert_eq!(bytes(&memory, layout, Address(OBJECT)), Ok(vec![1, 2, 3]));
    memory.object[16] = 0;
    assert_eq!(bytes(&memory, layout, Address(OBJECT)), Ok(vec![]));
    memory.object[23] = 0xff;
    assert_eq!(bytes(&memory, layout, Address(OBJECT)), Err(NoText::NotText));
    assert_eq!(bytes(&memory, layout, Address::NULL), Err(NoText::Null));
}
