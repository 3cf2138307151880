//! What an object takes from the allocator: its shallow size, the values that lie beside it, and what
//! small blocks are rounded up by.

use super::class::{Class, flag};
use super::dict::KeysTable;
use super::edge;
use super::layout::Values;
use super::lists::HEAD;
use super::size;
use super::view::View;
use crate::model::Address;

/// Largest block of Python's small-object allocator, bytes (`SMALL_REQUEST_THRESHOLD` in `Objects/obmalloc.c`).
const SMALL: u64 = 512;
/// Sizes of its blocks are multiples of this (`ALIGNMENT`).
const ALIGNMENT: u64 = 16;

/// Bytes that would be free without the object; 0 when it makes no sense. Unlike `sys.getsizeof` with attributes that are
/// kept without a dict.
pub fn footprint(view: &View<'_>, object: Address, class: &Class) -> u64 {
    let shallow = size::shallow(view, object, class).unwrap_or(0);
    match view.objects.values {
        Values::Headed => {
            let embedded = embedded(view, object, class).unwrap_or(0);
            blocks(shallow.saturating_add(embedded), class)
        }
        Values::Array => {
            let apart = apart(view, object, class).unwrap_or(0);
            blocks(shallow, class).saturating_add(rounded(apart))
        }
    }
}

/// The table of a container is a block of its own.
fn blocks(shallow: u64, class: &Class) -> u64 {
    let table = match class.kind.grows() {
        true => shallow.saturating_sub(class.basic_size + HEAD),
        false => 0,
    };
    rounded(shallow - table) + rounded(table)
}

fn rounded(bytes: u64) -> u64 {
    if bytes > SMALL { bytes } else { bytes.next_multiple_of(ALIGNMENT) }
}

/// Values in the block of the object, with their head and order (`_PyInlineValuesSize` in `Objects/dictobject.c`, 3.13).
/// They stay there when a dict has taken them over.
fn embedded(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    if class.flags & flag::INLINE_VALUES == 0 {
        return Some(0);
    }
    let mut capacity = [0; 1];
    let head = object.offset(class.basic_size)?;
    view.memory.read(head, &mut capacity).then_some(())?;
    let capacity = u64::from(capacity[0]);
    Some(capacity.next_multiple_of(8) + 8 * (capacity + 1))
}

/// Values in a block of their own (`new_values` in `Objects/dictobject.c`, 3.11 and 3.12): before the first lies
/// a prefix, whose length is its last byte.
fn apart(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    let first = edge::values(view, object, class)?;
    let table = KeysTable::read(view, class.cached_keys)?;
    let mut prefix = [0; 1];
    view.memory.read(Address(first.0.checked_sub(1)?), &mut prefix).then_some(())?;
    Some(u64::from(prefix[0]) + 8 * table.room())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_blocks_are_rounded_up() {
        assert_eq!([0, 1, 16, 56, 512, 513].map(rounded), [0, 16, 16, 64, 512, 513]);
    }
}
