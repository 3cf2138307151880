//! Single facts of objects.

use crate::heap::blocks::fitting;
use crate::heap::class::{Class, Kind};
use crate::heap::dict;
use crate::heap::view::View;
use crate::model::Address;

/// Bits of a digit of an `int` (`PyLong_SHIFT`).
const DIGIT: u32 = 30;

/// `__code__` of a function.
pub fn function_code(view: &View<'_>, function: Address) -> Option<Address> {
    let row = view.objects.function.iter().find(|row| row.0 == "__code__")?;
    view.word(function, row.1.into()).filter(|code| *code != 0).map(Address)
}

/// `__dict__` of a module.
pub fn module_dict(view: &View<'_>, module: Address) -> Option<Address> {
    view.word(module, 16).filter(|dict| *dict != 0).map(Address)
}

/// The name that a module was made with (`md_name`), which it has to the end: `__name__` is gone when
/// its dict was cleared.
pub fn module_made_as(view: &View<'_>, module: Address) -> Option<Address> {
    let row = view.objects.module.iter().find(|row| row.0 == "__name__")?;
    view.word(module, row.1.into()).filter(|name| *name != 0).map(Address)
}

/// Items of a dict, list, tuple, set or deque; `None` when it cannot have so many.
pub fn length(view: &View<'_>, object: Address, class: &Class) -> Option<u64> {
    if matches!(class.kind, Kind::Dict | Kind::OrderedDict) {
        return dict::length(view, object);
    }
    let word = |offset| view.word(object, offset);
    let (count, used) = (word(16)?, word(24)?);
    match class.kind {
        Kind::List => {
            fitting(view, Address(used), word(32)?.checked_mul(8)?)?;
            (count <= word(32)?).then_some(count)
        }
        Kind::Tuple => {
            let items = object.offset(view.objects.tuple_items.into())?;
            fitting(view, items, count.checked_mul(8)?).map(|_| count)
        }
        Kind::Set => {
            let slots = word(32)?.checked_add(1)?;
            fitting(view, Address(word(40)?), slots.checked_mul(16)?)?;
            (used <= slots).then_some(used)
        }
        _ => count.checked_mul(8).filter(|bytes| *bytes <= view.mapped.bytes()).map(|_| count),
    }
}

/// Digits of an `int` and its sign.
pub fn digits(view: &View<'_>, object: Address) -> Option<(u64, bool)> {
    let word = view.word(object, 16)?;
    Some(match view.objects.minor {
        // `lv_tag`: three bits of sign and flags (2: negative), then the number of digits.
        12.. => (word >> 3, word & 3 == 2),
        _ => (word.cast_signed().unsigned_abs(), word.cast_signed() < 0),
    })
}

/// The value of an `int`, if it has two digits at most.
pub fn int_value(view: &View<'_>, object: Address) -> Option<i64> {
    let (count, negative) = digits(view, object)?;
    let digit = |index: u64| view.memory.u32(object.offset(24 + 4 * index)?).map(i64::from);
    let value = match count {
        0 => 0,
        1 => digit(0)?,
        2 => digit(0)? | digit(1)? << DIGIT,
        _ => return None,
    };
    Some(if negative { -value } else { value })
}
