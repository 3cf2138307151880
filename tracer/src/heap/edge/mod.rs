//! References from an object to others, and what each is called.

mod container;
mod frame;
mod instance;
mod question;
#[cfg(test)]
mod tests;

use super::array::Array;
use super::class::{Class, Kind, flag};
use super::layout::FieldAt;
use super::view::View;
use crate::model::Address;

pub use frame::{
    code_of_frame, frame_code, frame_locals, frame_of, frame_room, frame_top, free_variable,
    is_finished, local_name,
};
pub use instance::{attributes, values};
pub use question::{digits, function_code, int_value, length, module_dict, module_made_as};

/// One reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// What it leads to.
    pub to: Address,
    /// What it is.
    pub label: EdgeLabel,
}

/// What a reference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeLabel {
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
    /// A field of a known struct, by the name that Python has for it: `__dict__`, `__closure__`,
    /// `cell_contents`.
    Field(&'static str),
    /// A local variable: index into the code's names; behind them the evaluation stack.
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
    /// A word of a block that a struct of unknown C leads to.
    Inside {
        /// Blocks on the way, at least one.
        hops: u8,
    },
    /// A word of a running frame that its evaluation stack may have left behind.
    Stack,
    /// A reference that was there a moment ago.
    Gone,
    /// A known reference that retains nothing: the referent of a weak reference.
    Weak,
}

impl EdgeLabel {
    /// Whether the layout says that it is a reference.
    pub const fn is_certain(self) -> bool {
        !matches!(self, Self::Word(_) | Self::Inside { .. } | Self::Stack | Self::Gone)
    }
}

/// Fields of structs that have not moved from 3.8 to 3.15.
mod same {
    use super::FieldAt;

    /// `PyMethodObject`
    pub const METHOD: &[FieldAt] = &[("__func__", 16), ("__self__", 24)];
    /// `PyCFunctionObject`
    pub const BUILTIN: &[FieldAt] = &[("__self__", 24), ("__module__", 32)];
    /// `PyCellObject`
    pub const CELL: &[FieldAt] = &[("cell_contents", 16)];
    /// `classmethod`, `staticmethod`
    pub const WRAPPED: &[FieldAt] = &[("__func__", 16), ("__dict__", 24)];
    /// `mappingproxyobject`
    pub const PROXY: &[FieldAt] = &[("mapping", 16)];
    /// `partialobject`
    pub const PARTIAL: &[FieldAt] =
        &[("func", 16), ("args", 24), ("keywords", 32), ("__dict__", 40)];
    /// `PyWeakReference`
    pub const CALLBACK: &[FieldAt] = &[("__callback__", 24)];
    /// `PyTypeObject`, and what is told of heap types alone follows in the layout.
    pub const TYPE: &[FieldAt] = &[
        ("__base__", 256),
        ("__dict__", 264),
        ("__bases__", 336),
        ("__mro__", 344),
        ("tp_cache", 352),
        ("tp_subclasses", 360),
    ];
}

/// Where the referent of a weak reference is (`wr_object`).
const REFERENT: u64 = 16;

/// Tells `out` every reference that the object at `object`, an instance of `class`, holds; each as
/// often as it counts in the reference count of what it leads to.
///
/// What cannot be read, makes no sense, or is more than the bounds allow is left out; the number of
/// such omissions is returned. Null pointers are never reported.
pub fn edges(view: &View<'_>, object: Address, class: &Class, out: &mut dyn FnMut(Edge)) -> u64 {
    let mut reader = Reader { view, object, class, out, left_out: 0 };
    reader.own();
    reader.instance();
    reader.left_out
}

/// Reads one object.
struct Reader<'a, 'v> {
    view: &'a View<'v>,
    object: Address,
    class: &'a Class,
    out: &'a mut dyn FnMut(Edge),
    left_out: u64,
}

impl Reader<'_, '_> {
    /// What the known struct at the begin of the object refers to.
    fn own(&mut self) {
        let objects = self.view.objects;
        match self.class.kind {
            Kind::Dict => self.dict(),
            Kind::OrderedDict => self.ordered_dict(),
            Kind::List => self.list(),
            Kind::Tuple => self.tuple(),
            Kind::Set => self.set(),
            Kind::Deque => self.deque(),
            Kind::Function => self.fields(objects.function),
            Kind::Method => self.fields(same::METHOD),
            Kind::BuiltinMethod => self.fields(same::BUILTIN),
            Kind::Cell => self.fields(same::CELL),
            Kind::Module => {
                self.fields(objects.module);
                // Its contents are known to the module alone.
                let state = objects.module_state;
                self.word(state.into(), EdgeLabel::Word(state.into()));
            }
            Kind::Code => self.fields(objects.code.fields),
            Kind::Property => self.fields(objects.property),
            Kind::Wrapped => self.fields(same::WRAPPED),
            Kind::MappingProxy => self.fields(same::PROXY),
            Kind::Partial => self.fields(same::PARTIAL),
            Kind::Type => self.class_object(),
            Kind::Frame => self.frame_object(),
            Kind::Generator => self.generator(),
            Kind::Weakref => {
                self.fields(same::CALLBACK);
                self.word(REFERENT, EdgeLabel::Weak);
            }
            Kind::Array => self.array(),
            Kind::TypedArray
            | Kind::Plain
            | Kind::Opaque
            | Kind::Str
            | Kind::Bytes
            | Kind::ByteArray
            | Kind::Int => {}
        }
    }

    /// An array of numpy; its items, too, where those are objects.
    fn array(&mut self) {
        self.fields(&[("base", 48), ("dtype", 56)]);
        let array = Array::read(self.view, self.object).filter(|array| array.kind == b'O');
        if let Some((first, bytes)) = array.and_then(|array| array.own) {
            self.words(first, bytes / 8, |reader, index, word| {
                reader.tell(word, EdgeLabel::Item(index));
            });
        }
    }

    fn class_object(&mut self) {
        self.fields(same::TYPE);
        let flags = self.view.word(self.object, super::classes::field::FLAGS).unwrap_or(0);
        if flags & flag::HEAP_TYPE != 0 {
            let heap = self.view.objects.heap_type;
            self.word(heap.name.into(), EdgeLabel::Field("__name__"));
            self.word(heap.slots.into(), EdgeLabel::Field("__slots__"));
            self.word(heap.qualified_name.into(), EdgeLabel::Field("__qualname__"));
            if let Some(module) = heap.module {
                self.word(module.into(), EdgeLabel::Field("ht_module"));
            }
        }
    }

    fn fields(&mut self, fields: &[FieldAt]) {
        for &(name, offset) in fields {
            self.word(offset.into(), EdgeLabel::Field(name));
        }
    }

    /// Tells what the word at an offset leads to.
    fn word(&mut self, offset: u64, label: EdgeLabel) {
        match self.view.word(self.object, offset) {
            Some(to) => self.tell(to, label),
            None => self.left_out += 1,
        }
    }

    #[inline]
    fn tell(&mut self, to: u64, label: EdgeLabel) {
        // Nothing lies in the first page; small numbers stand where an index is kept in place of a
        // pointer.
        if to >= 4096 {
            (self.out)(Edge { to: Address(to), label });
        }
    }
}
