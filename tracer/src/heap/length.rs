//! How many items a container has, read from its own struct.

use super::class::Kind;
use super::dict;
use super::view::View;
use crate::model::Address;

/// Items of a container, and where its table is.
pub fn measure(view: &View<'_>, object: Address, kind: Kind) -> Option<(u64, Address)> {
    /// `ob_size`
    const SIZE: u64 = 16;
    let last_table = |offset| view.word(object, offset).map(Address);
    let (length, table) = match kind {
        Kind::List => (view.word(object, SIZE)?, last_table(24)?),
        Kind::Dict | Kind::OrderedDict => {
            (view.word(object, dict::field::USED)?, last_table(dict::field::KEYS)?)
        }
        // `used`, `table`
        Kind::Set => (view.word(object, 24)?, last_table(40)?),
        // `rightblock`: where items are appended.
        Kind::Deque => (view.word(object, SIZE)?, last_table(32)?),
        Kind::TypedArray => (view.word(object, SIZE)?, last_table(24)?),
        // Since 3.15 its room is a bytes object.
        Kind::ByteArray if view.objects.minor >= 15 => (view.word(object, SIZE)?, last_table(56)?),
        Kind::ByteArray => (view.word(object, SIZE)?, last_table(32)?),
        _ => return None,
    };
    // An item has a byte at least.
    (length <= view.mapped.bytes()).then_some((length, table))
}
