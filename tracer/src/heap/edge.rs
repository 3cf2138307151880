//! References from an object to others, and what each is called.

use super::class::Class;
use super::view::View;
use crate::model::Address;

/// One reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// What it leads to.
    pub to: Address,
    /// What it is.
    pub label: Label,
}

/// What a reference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// An item of a list, tuple or deque.
    Item(u64),
    /// A key of a dict.
    Key,
    /// The value under a key of a dict.
    Value {
        /// The key object.
        key: Address,
    },
    /// An attribute that is kept in the object itself, by the string object with its name.
    Attribute {
        /// The string object.
        name: Address,
    },
    /// A slot of the type: index into [`Class::slots`].
    Slot(u32),
    /// A member of a set.
    Member,
    /// A field of a known struct, by the name that Python has for it: `__dict__`, `__closure__`, `cell_contents`.
    Field(&'static str),
    /// A local variable: index into the code's names.
    Local {
        /// The code object.
        code: Address,
        /// Which.
        index: u32,
    },
    /// The type of an instance of a heap type.
    Class,
    /// A word of an unknown struct, by its offset: it may be a reference.
    Word(u32),
    /// Known and not holding: the referent of a weak reference.
    Weak,
}

impl Label {
    /// Whether the layout says that it is a reference.
    pub const fn is_certain(self) -> bool {
        !matches!(self, Self::Word(_))
    }
}

/// Tells `out` every reference that the object at `object`, an instance of `class`, holds; each as often as it
/// counts in the reference count of what it leads to.
///
/// What cannot be read, makes no sense, or is more than the bounds allow is left out; the number of such
/// omissions is returned. Null pointers are never told.
pub fn edges(view: &View<'_>, object: Address, class: &Class, out: &mut dyn FnMut(Edge)) -> u64 {
    let _ = (view, object, class, out);
    0
}

/// Tells `out` what a running frame refers to: `_PyInterpreterFrame` (3.11 on) or `PyFrameObject`. STUB of the lead:
/// keep yours in a merge.
pub fn frame_locals(view: &View<'_>, frame: Address, out: &mut dyn FnMut(Edge)) {
    let _ = (view, frame, out);
}

/// The name of a local variable of a code object, by its index. STUB.
pub fn local_name(_: &View<'_>, _code: Address, _index: u32) -> Option<String> {
    None
}

/// The name of a variable that a closure has from around it (`co_freevars`), by its index. STUB.
pub fn free_variable(_: &View<'_>, _code: Address, _index: u32) -> Option<String> {
    None
}

/// `__code__` of a function. STUB.
pub fn function_code(_: &View<'_>, _function: Address) -> Option<Address> {
    None
}

/// The code of a frame object or a generator. STUB.
pub fn frame_code(_: &View<'_>, _object: Address, _class: &Class) -> Option<Address> {
    None
}

/// `__dict__` of a module. STUB.
pub fn module_dict(_: &View<'_>, _module: Address) -> Option<Address> {
    None
}

/// The dict with the attributes of an object: `__dict__` of an instance however it is kept, of a module, of a type; not
/// attributes that are kept inline. STUB.
pub fn attributes(_: &View<'_>, _object: Address, _class: &Class) -> Option<Address> {
    None
}

/// The value of an `int`, if it is small enough. STUB.
pub fn int_value(_: &View<'_>, _object: Address) -> Option<i64> {
    None
}

/// Items of a list, tuple, set or deque. STUB.
pub fn length(_: &View<'_>, _object: Address, _class: &Class) -> Option<u64> {
    None
}
