//! What every instance can have besides its struct: attributes, slots, its type, and unknown fields
//! of C structs.

use super::{EdgeLabel, Reader};
use crate::heap::class::{Class, Kind, flag};
use crate::heap::dict::SplitValues;
use crate::heap::layout::Attributes;
use crate::heap::view::View;
use crate::model::Address;

/// Most bytes of an unknown struct that are looked at.
const MOST: u64 = 64 << 10;
/// Words before an object, counted back.
mod before {
    /// Values (3.11).
    pub const VALUES: u64 = 32;
    /// Dict, or dict or values (3.12).
    pub const DICT: u64 = 24;
}

/// Where the attributes of an object are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A word with the address of a dict, by its own address.
    Dict(Address),
    /// Values in or beside the object.
    Values(Address),
}

impl Reader<'_, '_> {
    pub(super) fn instance(&mut self) {
        if self.class.flags & flag::HEAP_TYPE != 0 {
            self.tell(self.class.address.0, EdgeLabel::Class);
        }
        if self.class.kind != Kind::Type {
            for place in places(self.view, self.object, self.class).into_iter().flatten() {
                self.place(place);
            }
            for (index, slot) in (0..).zip(&self.class.slots) {
                self.word(slot.0.into(), EdgeLabel::Slot(index));
            }
            self.unknown();
        }
    }

    fn place(&mut self, place: Place) {
        match place {
            Place::Dict(at) => match self.view.memory.u64(at) {
                // Some structs have this reference among their fields, and it was given already.
                Some(dict) if !self.has_own_dict() => self.tell(dict, EdgeLabel::Field("__dict__")),
                Some(_) => {}
                None => self.left_out += 1,
            },
            Place::Values(at) => {
                let values = SplitValues::read(self.view, at);
                if let Some(values) = values.filter(|values| values.valid) {
                    self.split(self.class.cached_keys, &values, |name| EdgeLabel::Attribute {
                        name,
                    });
                }
            }
        }
    }

    fn has_own_dict(&self) -> bool {
        let own = [Kind::Function, Kind::Module, Kind::Partial, Kind::Wrapped, Kind::OrderedDict];
        own.contains(&self.class.kind)
            && self.class.dict_offset >= 0
            && (self.class.dict_offset.unsigned_abs() < self.class.known_size)
    }

    /// Words behind the known struct that nothing else tells.
    fn unknown(&mut self) {
        let known = match self.class.kind {
            // Its items are no words.
            Kind::Str | Kind::Bytes | Kind::Int => return,
            _ => self.class.known_size,
        };
        let mut end = self.class.basic_size;
        if self.class.kind == Kind::Opaque
            && self.class.item_size.is_multiple_of(8)
            && self.class.item_size > 0
        {
            let items = self.view.word(self.object, 16).unwrap_or(0);
            let items = items.cast_signed().unsigned_abs().min(MOST);
            end = end.saturating_add(self.class.item_size.saturating_mul(items));
        }
        let end = end.min(MOST) & !7;
        let begin = known.next_multiple_of(8);
        let Some(first) = self.object.offset(begin).filter(|_| begin < end) else { return };
        self.words(first, (end - begin) / 8, |reader, index, word| {
            let offset = begin + 8 * index;
            if !reader.is_told(offset) && word % 8 == 0 {
                reader.tell(word, EdgeLabel::Word(u32::try_from(offset).unwrap_or(u32::MAX)));
            }
        });
    }

    /// Whether the word at an offset is the dict, the list of weak references, or a slot.
    fn is_told(&self, offset: u64) -> bool {
        let is = |at: i64| u64::try_from(at).is_ok_and(|at| at == offset && at > 0);
        let slots = &self.class.slots;
        is(self.class.dict_offset)
            || is(self.class.weak_offset)
            || slots.binary_search_by(|slot| u64::from(slot.0).cmp(&offset)).is_ok()
    }
}

/// Where the attributes of an instance are: at most a dict and values.
fn places(view: &View<'_>, object: Address, class: &Class) -> [Option<Place>; 2] {
    if class.flags & flag::MANAGED_DICT != 0 && view.objects.attributes != Attributes::Offset {
        return managed(view, object, class);
    }
    let offset = match class.dict_offset {
        0 => return [None; 2],
        offset if offset > 0 => offset.unsigned_abs(),
        // Counted from the end of an object of variable length (`_PyObject_GetDictPtr`).
        offset => {
            let items = view.word(object, 16).map_or(0, |size| size.cast_signed().unsigned_abs());
            let items = match (class.kind, view.objects.minor) {
                // `lv_tag` has the digits above three bits since 3.12.
                (Kind::Int, 12..) => view.word(object, 16).unwrap_or(0) >> 3,
                _ => items,
            };
            let size = items
                .checked_mul(class.item_size)
                .and_then(|size| size.checked_add(class.basic_size));
            let size = size.and_then(|size| size.checked_next_multiple_of(8));
            match size.and_then(|size| size.checked_sub(offset.unsigned_abs())) {
                Some(offset) => offset,
                None => return [None; 2],
            }
        }
    };
    [object.offset(offset).map(Place::Dict), None]
}

/// Where the values of an instance begin that has them in a block of their own (3.11, 3.12).
pub fn values(view: &View<'_>, object: Address, class: &Class) -> Option<Address> {
    places(view, object, class).into_iter().flatten().find_map(|place| match place {
        Place::Values(at) => Some(at),
        Place::Dict(_) => None,
    })
}

fn managed(view: &View<'_>, object: Address, class: &Class) -> [Option<Place>; 2] {
    let back = |bytes: u64| object.0.checked_sub(bytes).map(Address);
    let pointer =
        |at: Option<Address>| at.and_then(|at| view.memory.u64(at)).filter(|word| *word != 0);
    let dict = back(before::DICT);
    match view.objects.attributes {
        Attributes::Offset => [None; 2],
        Attributes::Pair => {
            let values = pointer(back(before::VALUES));
            [dict.map(Place::Dict), values.map(|values| Place::Values(Address(values)))]
        }
        Attributes::Tagged => match pointer(dict) {
            Some(word) if word & 1 == 1 => {
                [Some(Place::Values(Address(word.wrapping_add(1)))), None]
            }
            _ => [dict.map(Place::Dict), None],
        },
        Attributes::Embedded => {
            let inline = class.flags & flag::INLINE_VALUES != 0;
            let by_dict = view.objects.dict_owns_embedded && pointer(dict).is_some();
            let values = object.offset(class.basic_size).filter(|_| inline && !by_dict);
            [dict.map(Place::Dict), values.map(Place::Values)]
        }
    }
}

/// The dict with the attributes of an object: `__dict__` of an instance however it is kept, of a
/// module, of a type; not attributes that are kept inline.
pub fn attributes(view: &View<'_>, object: Address, class: &Class) -> Option<Address> {
    let found = match class.kind {
        Kind::Module => view.word(object, 16),
        Kind::Type => view.word(object, crate::heap::classes::field::DICT),
        _ => places(view, object, class).into_iter().flatten().find_map(|place| match place {
            Place::Dict(at) => view.memory.u64(at).filter(|dict| *dict != 0),
            Place::Values(_) => None,
        }),
    };
    found.filter(|dict| *dict != 0).map(Address)
}
