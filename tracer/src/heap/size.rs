//! Shallow sizes: what `sys.getsizeof` says, from outside.

use super::array::Array;
use super::blocks::fitting;
use super::class::{Class, Kind, flag};
use super::dict::{self, KeysTable, SplitValues};
use super::edge;
use super::layout::{GeneratorFrame, Keys, VariableNames};
use super::lists::HEAD;
use super::view::View;
use crate::model::Address;

/// Words of a managed dict and of weak references before an object.
const PREHEADER: u64 = 16;

/// Bytes of the object with the tables and buffers that it owns, as `sys.getsizeof` counts them in
/// this version (headers of the garbage collector included); for `numpy.ndarray` with data of its
/// own, that too. `None` when the object cannot be read, makes no sense, or has more than is mapped.
pub fn shallow(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    fitting(view, object, class.basic_size)?;
    let own = match class.kind {
        Kind::Dict => dict_bytes(view, object, class),
        Kind::OrderedDict => ordered_dict(view, object, class),
        Kind::List => list(view, object, class),
        Kind::Set => set(view, object, class),
        Kind::Deque => deque(view, object, class),
        Kind::Str => text(view, object, class),
        Kind::ByteArray => bytearray(view, object, class),
        Kind::TypedArray => typed_array(view, object, class),
        Kind::Int => int(view, object),
        Kind::Type => type_object(view, object),
        Kind::Array => array(view, object, class),
        // `_PyCode_SIZE`
        Kind::Code => plain(view, object, class).map(|size| size.next_multiple_of(8)),
        Kind::Frame | Kind::Generator => frame(view, object, class),
        _ => plain(view, object, class),
    }?;
    let header = match class.kind {
        // A type that is written in C lies in no list (`type_is_gc`).
        Kind::Type if view.objects.static_types_bare && !is_heap_type(view, object)? => 0,
        _ => header(view, class),
    };
    own.checked_add(header).filter(|size| *size <= view.mapped.bytes())
}

/// What lies before an object (`_PySys_GetSizeOf`, `_PyType_PreHeaderSize`).
fn header(view: &View<'_>, class: &Class) -> u64 {
    let collected = if class.flags & flag::GC == 0 { 0 } else { HEAD };
    let managed = match view.objects.minor {
        ..11 => 0,
        11 => flag::MANAGED_DICT,
        _ => flag::MANAGED_DICT | flag::MANAGED_WEAKREF,
    };
    collected + if class.flags & managed == 0 { 0 } else { PREHEADER }
}

/// `object.__sizeof__`
fn plain(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    if class.item_size == 0 {
        return Some(class.basic_size);
    }
    let items = view.word(object, 16)?.cast_signed().unsigned_abs();
    let size = class.basic_size.checked_add(items.checked_mul(class.item_size)?)?;
    fitting(view, object, size)
}

fn list(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    let (items, allocated) = (Address(view.word(object, 24)?), view.word(object, 32)?);
    class.basic_size.checked_add(fitting(view, items, allocated.checked_mul(8)?)?)
}

fn dict_bytes(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    let keys = Address(view.word(object, dict::field::KEYS)?);
    let table = KeysTable::read(view, keys)?;
    let values = view.word(object, dict::field::VALUES)?;
    let values = match values {
        0 => 0,
        _ => {
            let embedded = SplitValues::read(view, Address(values))?.embedded;
            if embedded { 0 } else { values_bytes(view, &table) }
        }
    };
    let own = if table.references == 1 { fitting(view, keys, table.bytes())? } else { 0 };
    class.basic_size.checked_add(values)?.checked_add(own)
}

fn values_bytes(view: &View<'_>, table: &KeysTable) -> u64 {
    match view.objects.keys {
        // `USABLE_FRACTION`
        Keys::Sized => 8 * (2 * table.slots / 3),
        Keys::Logarithmic => 8 * table.room(),
    }
}

fn ordered_dict(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    const FAST_NODES: u64 = 72;
    const NODE: u64 = 32;
    let nodes = view.word(object, FAST_NODES)?.checked_mul(8)?;
    let entries = view.word(object, dict::field::USED)?.checked_mul(NODE)?;
    dict_bytes(view, object, class)?.checked_add(nodes)?.checked_add(entries)
}

fn set(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    const SMALL: u64 = 64;
    let (mask, table) = (view.word(object, 32)?, view.word(object, 40)?);
    let own = object.offset(SMALL)? != Address(table);
    let entries = mask.checked_add(1)?.checked_mul(16)?;
    class.basic_size.checked_add(if own { fitting(view, Address(table), entries)? } else { 0 })
}

fn deque(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    const BLOCK: u64 = 64 * 8 + 16;
    let (length, left) = (view.word(object, 16)?, view.word(object, 40)?);
    let blocks = left.checked_add(length)?.checked_add(63)? / 64;
    class.basic_size.checked_add(blocks.checked_mul(BLOCK)?)
}

/// `unicode_sizeof` (`Objects/unicodeobject.c`)
fn text(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    let unicode = &view.layout.unicode;
    let length = unicode.length.read(view.memory, object)?;
    let state = unicode.state.read(view.memory, object)?;
    let (width, compact, ascii) =
        (u64::from(state >> 2 & 7), state & 1 << 5 != 0, state & 1 << 6 != 0);
    let characters = length.checked_add(1)?.checked_mul(width)?;
    let (ascii_size, compact_size) =
        (u64::from(unicode.ascii_size), u64::from(unicode.compact_size));
    let mut size = match (compact, ascii) {
        (true, true) => fitting(view, object, ascii_size.checked_add(characters)?)?,
        (true, false) => fitting(view, object, compact_size.checked_add(characters)?)?,
        (false, _) => {
            let data = unicode.data.read(view.memory, object)?;
            let base = if view.objects.minor >= 14 { class.basic_size } else { compact_size + 8 };
            base.checked_add(if data.is_null() { 0 } else { fitting(view, data, characters)? })?
        }
    };
    let (utf8, utf8_length) = match view.objects.minor {
        12.. => (48, 40),
        _ => (56, 48),
    };
    if !(compact && ascii) {
        let cached = view.word(object, utf8)?;
        let data = unicode.data.read(view.memory, object)?.0;
        // Of an ASCII string that is not compact it is the text itself.
        if cached != 0 && (compact || cached != data) {
            let length = view.word(object, utf8_length)?.checked_add(1)?;
            size = size.checked_add(fitting(view, Address(cached), length)?)?;
        }
    }
    size.checked_add(wide(view, object, compact, ascii, width)?)
}

/// A copy as `wchar_t` that old interfaces made (to 3.11).
fn wide(view: &View<'_>, object: Address, compact: bool, ascii: bool, width: u64) -> Option<u64> {
    const WIDE: u64 = 40;
    const WIDE_LENGTH: u64 = 64;
    if view.objects.minor >= 12 {
        return Some(0);
    }
    let pointer = view.word(object, WIDE)?;
    let length = match (compact, ascii) {
        (true, true) => view.layout.unicode.length.read(view.memory, object)?,
        _ => view.word(object, WIDE_LENGTH)?,
    };
    let data = view.layout.unicode.data.read(view.memory, object)?.0;
    let inside = compact && pointer.wrapping_sub(object.0) < 128;
    let shared = inside || (!compact && pointer == data && width == 4);
    match pointer == 0 || shared {
        true => Some(0),
        false => fitting(view, Address(pointer), length.checked_add(1)?.checked_mul(4)?),
    }
}

fn bytearray(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    /// `ob_bytes`
    const START: u64 = 32;
    /// `ob_bytes_object`
    const BYTES: u64 = 56;
    /// What a bytes object has beside its bytes.
    const SPLIT: u64 = 33;
    let bytes = Address(view.word(object, START)?);
    let room = class.basic_size.checked_add(fitting(view, bytes, view.word(object, 24)?)?)?;
    // Since 3.15 its room is a bytes object, which is nobody else's.
    let is_object = view.objects.minor >= 15 && view.word(object, BYTES)? != 0;
    room.checked_add(if is_object { SPLIT } else { 0 })
}

/// `array___sizeof__` (`Modules/arraymodule.c`)
fn typed_array(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    // `ob_item`, `allocated`, `ob_descr`
    const ITEMS: u64 = 24;
    const ROOM: u64 = 32;
    const DESCRIPTION: u64 = 40;
    /// `itemsize` of `struct arraydescr`, behind one character.
    const ITEM_SIZE: u64 = 4;
    let description = Address(view.word(object, DESCRIPTION)?);
    let size = view.memory.u32(description.offset(ITEM_SIZE)?)?;
    let bytes = view.word(object, ROOM)?.checked_mul(size.into())?;
    class.basic_size.checked_add(fitting(view, Address(view.word(object, ITEMS)?), bytes)?)
}

fn int(view: &View<'_>, object: Address) -> Option<u64> {
    let (digits, _) = edge::digits(view, object)?;
    let digits = if view.objects.minor >= 11 { digits.max(1) } else { digits };
    fitting(view, object, 24_u64.checked_add(digits.checked_mul(4)?)?)
}

fn is_heap_type(view: &View<'_>, object: Address) -> Option<bool> {
    let flags = view.word(object, super::classes::field::FLAGS)?;
    Some(flags & flag::HEAP_TYPE != 0)
}

fn type_object(view: &View<'_>, object: Address) -> Option<u64> {
    let heap = &view.objects.heap_type;
    if !is_heap_type(view, object)? {
        return Some(heap.type_size.into());
    }
    let keys = Address(view.word(object, heap.cached_keys.into())?);
    let keys = if keys.is_null() { 0 } else { KeysTable::read(view, keys)?.bytes() };
    u64::from(heap.size).checked_add(keys)
}

/// A frame object, or a generator with the frame in it: the struct with room for variables and
/// stack (`frame_sizeof` in `Objects/frameobject.c`, `gen_sizeof` in `Objects/genobject.c`).
fn frame(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    let place = match (class.kind, view.objects.generator.frame, view.objects.code.names) {
        (Kind::Generator, GeneratorFrame::Object { .. }, _) => return plain(view, object, class),
        (Kind::Generator, GeneratorFrame::Embedded { frame, .. }, _) => u64::from(frame),
        (_, _, VariableNames::Apart { .. }) => 0,
        (_, _, VariableNames::Together { .. }) => view.objects.frame_data.into(),
    };
    let room = edge::frame_room(view, edge::frame_code(view, object, class)?)?;
    let before = place.checked_add(view.objects.frame.locals.into())?;
    fitting(view, object, before.checked_add(room.checked_mul(8)?)?)
}

/// `array_sizeof` of numpy: the struct, with data if it is its own.
fn array(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    let array = Array::read(view, object)?;
    let axes = u64::try_from(array.shape.len()).ok()?;
    let own = array.own.map_or(0, |own| own.1);
    class.basic_size.checked_add(16 * axes)?.checked_add(own)
}
