//! The types of a heap, each read once.

use std::rc::Rc;

use super::class::{Class, ClassId, Kind, flag, kind_of_c_type};
use super::dict;
use super::index::AddressMap;
use super::layout::{FieldAt, ObjectLayout, c_struct};
use super::view::View;
use crate::model::{Address, without_ids};
use crate::python::text;

/// Types that are kept; more than these are no types.
const TYPES: usize = 1 << 20;
/// Addresses that are remembered to be no types.
const STRANGERS: usize = 1 << 18;
/// Longest way from a type over its types to `type`, and from a type over its bases to `object`.
const DEPTH: usize = 64;
/// Bytes of a `tp_name` that are read.
const NAME: usize = 512;
/// Most slots of a type.
const SLOTS: u64 = 1024;
/// Largest `tp_basicsize`.
const LARGEST: u64 = 1 << 24;

/// Where `PyTypeObject` keeps its fields; they have not moved since Python 3.0
/// (`Include/cpython/object.h`).
pub mod field {
    /// `ob_type`
    pub const CLASS: u64 = 8;
    /// `tp_name`
    pub const NAME: u64 = 24;
    /// `tp_basicsize`
    pub const BASIC_SIZE: u64 = 32;
    /// `tp_itemsize`
    pub const ITEM_SIZE: u64 = 40;
    /// `tp_flags`
    pub const FLAGS: u64 = 168;
    /// `tp_weaklistoffset`
    pub const WEAK_OFFSET: u64 = 208;
    /// `tp_members`
    pub const MEMBERS: u64 = 240;
    /// `tp_base`
    pub const BASE: u64 = 256;
    /// `tp_dict`
    pub const DICT: u64 = 264;
    /// `tp_dictoffset`
    pub const DICT_OFFSET: u64 = 288;
}

/// Types by address.
#[derive(Clone, Debug, Default)]
pub struct Classes {
    known: Vec<Rc<Class>>,
    numbers: AddressMap<Option<ClassId>>,
    strangers: usize,
}

impl Classes {
    /// The type at an address, read if it is new; `None` when there is none.
    pub fn at(&mut self, view: &View<'_>, address: Address) -> Option<ClassId> {
        self.find(view, address, 0)
    }

    /// The type at an address, if it was read before.
    pub fn known(&self, address: Address) -> Option<ClassId> {
        self.numbers.get(&address.0).copied().flatten()
    }

    /// A type.
    pub fn get(&self, id: ClassId) -> &Rc<Class> {
        &self.known[id.0 as usize]
    }

    /// All of them, in the order of their numbers.
    pub fn all(&self) -> &[Rc<Class>] {
        &self.known
    }

    fn find(&mut self, view: &View<'_>, address: Address, depth: usize) -> Option<ClassId> {
        if let Some(&known) = self.numbers.get(&address.0) {
            return known;
        }
        let read = match depth < DEPTH && self.known.len() < TYPES {
            true => self.read(view, address, depth),
            false => None,
        };
        if read.is_some() || self.strangers < STRANGERS {
            self.strangers += usize::from(read.is_none());
            self.numbers.insert(address.0, read);
        }
        read
    }

    fn read(&mut self, view: &View<'_>, address: Address, depth: usize) -> Option<ClassId> {
        if !address.0.is_multiple_of(8) || !is_type(view, address) {
            return None;
        }
        let word = |offset| view.word(address, offset);
        let base = word(field::BASE)?;
        // Every type but `object` has a base.
        let base = match base {
            0 => None,
            _ => Some(self.find(view, Address(base), depth + 1)?),
        };
        let basic_size = word(field::BASIC_SIZE).filter(|&size| size < LARGEST)?;
        let flags = word(field::FLAGS)?;
        let mut class = Class {
            address,
            name: String::new(),
            flags,
            basic_size,
            item_size: word(field::ITEM_SIZE).filter(|&size| size < LARGEST)?,
            dict_offset: word(field::DICT_OFFSET)?.cast_signed(),
            weak_offset: word(field::WEAK_OFFSET)?.cast_signed(),
            base,
            kind: Kind::Plain,
            known_size: basic_size,
            slots: base.map(|base| self.get(base).slots.clone()).unwrap_or_default(),
            cached_keys: Address::NULL,
        };
        class.name = name(view, &class)?;
        self.arrange(view, &mut class);
        let id = ClassId(u32::try_from(self.known.len()).ok()?);
        self.known.push(Rc::new(class));
        Some(id)
    }

    /// How the instances are laid out: a known struct, or that of the base with more behind it.
    fn arrange(&self, view: &View<'_>, class: &mut Class) {
        let short =
            view.word(class.address, field::NAME).and_then(|at| c_string(view, Address(at)));
        let short = short.unwrap_or_default();
        let heap_type = class.flags & flag::HEAP_TYPE != 0;
        let base = class.base.map(|base| self.get(base));
        // A class statement gives its name without the module, C gives it with.
        let of_c = !heap_type || short.contains('.');
        let own = if of_c { kind_of_c_type(&short) } else { Kind::Opaque };
        class.kind = own;
        if let (Kind::Opaque, Some(base)) = (own, base) {
            (class.kind, class.known_size) = (base.kind, base.known_size);
            if of_c && base.kind == Kind::Plain {
                class.kind = Kind::Opaque;
            }
        }
        if own == Kind::Opaque {
            if of_c {
                known_fields(view, class, &short);
            }
            slots(view, class);
            class.slots.sort_unstable();
        }
        if heap_type {
            let keys = view.word(class.address, view.objects.heap_type.cached_keys.into());
            class.cached_keys = Address(keys.unwrap_or(0));
        }
    }
}

/// Whether there is a type: following `ob_type` must soon lead to a type that is its own, as `type`
/// alone is, and all on the way must say that their instances are types
/// (`Py_TPFLAGS_TYPE_SUBCLASS`).
fn is_type(view: &View<'_>, address: Address) -> bool {
    let mut at = address;
    for _ in 0..DEPTH {
        let Some(meta) = view.word(at, field::CLASS).map(Address) else { return false };
        let Some(flags) = view.word(meta, field::FLAGS) else { return false };
        if meta.0 % 8 != 0 || flags & flag::TYPE_SUBCLASS == 0 {
            return false;
        }
        if meta == at {
            return true;
        }
        at = meta;
    }
    false
}

/// `module.qualified`; `builtins.` is left out.
fn name(view: &View<'_>, class: &Class) -> Option<String> {
    if class.flags & flag::HEAP_TYPE != 0
        && let Some(name) = heap_name(view, class.address, view.objects)
    {
        return Some(name);
    }
    let at = Address(view.word(class.address, field::NAME)?);
    let name = c_string(view, at).filter(|name| !name.is_empty())?;
    Some(name.strip_prefix("builtins.").map(str::to_owned).unwrap_or(name))
}

fn heap_name(view: &View<'_>, address: Address, objects: &ObjectLayout) -> Option<String> {
    let qualified = Address(view.word(address, objects.heap_type.qualified_name.into())?);
    let qualified = text::unicode(view.memory, view.layout, qualified).ok()?;
    let dict = Address(view.word(address, field::DICT)?);
    let module = dict::lookup(view, dict, "__module__")
        .and_then(|module| text::unicode(view.memory, view.layout, module).ok());
    Some(match module {
        Some(module) if module != "builtins" => format!("{}.{qualified}", without_ids(&module)),
        _ => qualified,
    })
}

/// Text up to a null byte, at most [`NAME`] bytes.
fn c_string(view: &View<'_>, at: Address) -> Option<String> {
    let mut bytes = Vec::new();
    while bytes.len() < NAME {
        let next = at.offset(bytes.len() as u64)?;
        match view.memory.u8(next)? {
            0 => break,
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// The slots that a Python class adds (`__slots__`), and fields of a C struct that are attributes:
/// `PyMemberDef`s of the kinds `T_OBJECT` and `T_OBJECT_EX` (`Objects/typeobject.c`,
/// `type_new_slots`).
fn slots(view: &View<'_>, class: &mut Class) {
    const MEMBER: u64 = 40;
    const OBJECT: [u32; 2] = [6, 16];
    let Some(members) = view.word(class.address, field::MEMBERS).map(Address) else { return };
    if members.is_null() {
        return;
    }
    for index in 0..SLOTS {
        let Some(member) = members.offset(index * MEMBER) else { return };
        let word = |offset| view.word(member, offset);
        let (Some(name), Some(kind), Some(offset)) = (word(0), word(8), word(16)) else { return };
        let Some(name) = c_string(view, Address(name)).filter(|_| name != 0) else { return };
        let Ok(offset) = u32::try_from(offset) else { return };
        let inside = u64::from(offset) + 8 <= class.basic_size && offset >= 16;
        let object = u32::try_from(kind & 0xffff_ffff).is_ok_and(|kind| OBJECT.contains(&kind));
        if inside && object && !class.slots.iter().any(|slot| slot.0 == offset) {
            class.slots.push((offset, name));
        }
    }
}

/// Fields of a C struct that its type does not publish.
fn known_fields(view: &View<'_>, class: &mut Class, name: &str) {
    let Some((fields, whole)) = c_struct(name, view.objects.minor) else { return };
    let inside = |field: &&FieldAt| u64::from(field.1) + 8 <= class.basic_size;
    let fields = fields.iter().filter(inside);
    class.slots.extend(fields.map(|&(name, offset)| (offset.into(), name.to_owned())));
    if whole {
        class.known_size = class.basic_size;
    }
}
