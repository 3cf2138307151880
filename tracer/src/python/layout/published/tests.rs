use super::{COOKIE, SHAPES, Unbelieved, is_published, layout};
use crate::model::{Address, Memory};
use crate::python::Version;
use crate::python::layout::{Field, FrameAnchor, Instruction, Layout, StateLocation, table};

const AT: Address = Address(0x1000);

struct Bytes(Vec<u8>);

impl Memory for Bytes {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let start = usize::try_from(address.0 - AT.0).unwrap();
        let Some(bytes) = self.0.get(start..start + into.len()) else { return false };
        into.copy_from_slice(bytes);
        true
    }
}

impl Bytes {
    /// A table of `minor` with the offsets of the real 3.14, where it has a say.
    fn table(minor: u8) -> Self {
        let shape = SHAPES.iter().find(|shape| shape.minor == minor).unwrap();
        let mut bytes = COOKIE.to_vec();
        bytes.extend((0x0300_00f0 | u64::from(minor) << 16).to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        for group in shape.groups {
            for member in group.members {
                bytes.extend(known(group.name, member).to_le_bytes());
            }
        }
        Self(bytes)
    }

    fn set(&mut self, index: usize, value: u64) {
        self.0[8 * index..8 * index + 8].copy_from_slice(&value.to_le_bytes());
    }

    fn index(minor: u8, group: &str, member: &str) -> usize {
        let shape = SHAPES.iter().find(|shape| shape.minor == minor).unwrap();
        let all = shape.groups.iter().flat_map(|g| g.members.iter().map(|m| (g.name, *m)));
        3 + all.into_iter().position(|name| name == (group, member)).unwrap()
    }
}

fn known(group: &str, member: &str) -> u64 {
    match (group, member) {
        ("runtime_state", "size") => 300_000,
        ("interpreter_state", "size") => 200_000,
        (_, "size") => 400,
        ("runtime_state", "interpreters_head") => 808,
        ("interpreter_state", "next") => 7272,
        ("interpreter_state", "threads_head") => 7344,
        ("thread_state" | "pyobject", "next" | "ob_type") => 8,
        ("thread_state", "interp") => 16,
        ("thread_state", "current_frame") => 72,
        ("thread_state", "thread_id") => 152,
        ("thread_state", "native_thread_id") => 160,
        ("interpreter_frame", "previous") => 8,
        ("interpreter_frame", "instr_ptr") => 56,
        ("interpreter_frame", "owner") => 74,
        ("code_object", "filename") => 112,
        ("code_object", "name") => 120,
        ("code_object", "qualname") => 128,
        ("code_object", "linetable") => 136,
        ("code_object", "firstlineno") => 68,
        ("code_object", "co_code_adaptive") => 208,
        ("type_object", "tp_name") => 24,
        ("bytes_object", "ob_size") | ("unicode_object", "length") => 16,
        ("bytes_object", "ob_sval") | ("unicode_object", "state") => 32,
        ("unicode_object", "asciiobject_size") => 40,
        ("unicode_object", "compactunicodeobject_size") => 56,
        _ => 0,
    }
}

fn parse(bytes: &Bytes) -> Result<(Version, Layout), Unbelieved> {
    assert!(is_published(bytes, AT));
    layout(bytes, AT)
}

#[test]
fn every_shape_is_read_where_its_members_are() {
    for minor in [13, 14, 15] {
        let (version, layout) = parse(&Bytes::table(minor)).unwrap();
        assert_eq!(version, Version::new(3, minor, 0));
        assert_eq!(layout.thread.anchor, FrameAnchor::Frame(Field::at(72)), "3.{minor}");
        assert_eq!(layout.frame.instruction, Instruction::Pointer(Field::at(56)));
        assert_eq!(layout.code.instructions, Some(208));
        assert_eq!(layout.unicode, table::CPYTHON_3_12.unicode);
        assert_eq!(layout.bytes, table::CPYTHON_3_12.bytes);
        assert_eq!(layout.class, table::CPYTHON_3_12.class);
    }
}

#[test]
fn what_no_table_says_comes_with_the_shape() {
    let walk = |minor| parse(&Bytes::table(minor)).unwrap().1.walk();
    let masks = [13, 14, 15].map(|minor| walk(minor).code_tag_mask);
    assert_eq!(masks, [0, 3, 3]);
    let state_location = |minor| parse(&Bytes::table(minor)).unwrap().1.thread.state_location;
    let state_locations =
        [StateLocation::PthreadKey, StateLocation::PthreadKey, StateLocation::ThreadLocal];
    assert_eq!([13, 14, 15].map(state_location), state_locations);
}

/// Positions of groups as gdb and `offsetof` give them for 3.13.0 and 3.14.
#[test]
fn groups_begin_where_the_headers_put_them() {
    let at = |minor, group| 8 * Bytes::index(minor, group, "size");
    assert_eq!(at(13, "thread_state"), 152);
    assert_eq!(at(13, "interpreter_frame"), 224);
    assert_eq!(at(13, "code_object"), 272);
    assert_eq!(at(13, "bytes_object"), 512);
    assert_eq!(at(13, "unicode_object"), 536);
    assert_eq!(at(14, "thread_state"), 176);
    assert_eq!(at(14, "interpreter_frame"), 248);
    assert_eq!(at(14, "code_object"), 312);
    assert_eq!(at(14, "bytes_object"), 592);
    assert_eq!(at(14, "unicode_object"), 616);
}

#[test]
fn free_threaded_builds_are_refused_by_name() {
    let mut bytes = Bytes::table(14);
    bytes.set(2, 1);
    let refusal = parse(&bytes).unwrap_err();
    assert_eq!(refusal, Unbelieved::FreeThreaded { version: Version::new(3, 14, 0) });
    assert!(refusal.to_string().contains("3.14.0 was built without a GIL"));
}

#[test]
fn versions_without_a_shape_are_refused() {
    let mut bytes = Bytes::table(15);
    bytes.set(1, 0x0310_00f0);
    assert_eq!(parse(&bytes), Err(Unbelieved::UnknownShape { version: Version::new(3, 16, 0) }));
    bytes.set(1, 0x030f_00b1);
    assert!(matches!(parse(&bytes), Err(Unbelieved::UnknownShape { .. })));
    bytes.set(1, 7);
    assert_eq!(parse(&bytes), Err(Unbelieved::NoVersion { word: 7 }));
}

#[test]
fn absurd_sizes_and_offsets_are_refused() {
    let mut bytes = Bytes::table(14);
    bytes.set(Bytes::index(14, "code_object", "size"), 1 << 40);
    assert_eq!(parse(&bytes), Err(Unbelieved::Size { group: "code_object", size: 1 << 40 }));

    let mut bytes = Bytes::table(14);
    bytes.set(Bytes::index(14, "thread_state", "current_frame"), 393);
    let outside =
        Unbelieved::Outside { group: "thread_state", member: "current_frame", offset: 393 };
    assert_eq!(parse(&bytes), Err(outside));

    let mut bytes = Bytes::table(14);
    bytes.set(Bytes::index(14, "interpreter_state", "next"), 70_000);
    assert!(matches!(parse(&bytes), Err(Unbelieved::Outside { offset: 70_000, .. })));

    let mut bytes = Bytes::table(14);
    bytes.0.truncate(500);
    assert_eq!(parse(&bytes), Err(Unbelieved::Unreadable));
}
