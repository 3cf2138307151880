//! Tables of dicts.

use super::layout::{Keys, Values};
use super::view::{View, word_at};
use crate::model::Address;
use crate::python::text;

/// `PyDictObject`
pub mod field {
    /// `ma_used`
    pub const USED: u64 = 16;
    /// `ma_keys`
    pub const KEYS: u64 = 32;
    /// `ma_values`
    pub const VALUES: u64 = 40;
}

/// Most entries of a table that are read.
const MOST: u64 = 1 << 26;
/// Entries that are read at once.
const BATCH: u64 = 512;
/// Most values beside a table (`SHARED_KEYS_MAX_SIZE` is 30).
const SHARED: u64 = 256;

/// `PyDictKeysObject`, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysTable {
    /// `dk_refcnt`
    pub references: u64,
    /// Slots of the hash table, a power of two.
    pub slots: u64,
    /// Bytes before the first entry.
    pub before: u64,
    /// Bytes of an entry: 16 without a hash, 24 with.
    pub entry: u64,
    /// `dk_nentries`
    pub entries: u64,
    /// `dk_usable`
    pub usable: u64,
    /// Where the entries begin.
    pub first: Address,
}

impl KeysTable {
    /// Reads the table at `keys`; `None` when it makes no sense.
    pub fn read(view: &View<'_>, keys: Address) -> Option<Self> {
        if keys.is_null() || !keys.0.is_multiple_of(8) {
            return None;
        }
        let mut head = [0; 40];
        let wanted = match view.objects.keys {
            Keys::Sized => 40,
            Keys::Logarithmic => 32,
        };
        if !view.memory.read(keys, &mut head[..wanted]) {
            return None;
        }
        let word = |index: usize| word_at(&head, 8 * index);
        let (slots, before, entry, usable, entries) = match view.objects.keys {
            Keys::Sized => {
                let slots = word(1);
                let index = match slots {
                    0..=0xff => 1,
                    0x100..=0xffff => 2,
                    0x1_0000..=0xffff_ffff => 4,
                    _ => 8,
                };
                (slots, slots.checked_mul(index)?.checked_add(40)?, 24, word(3), word(4))
            }
            Keys::Logarithmic => {
                let (slots, index, kind) = (head[8], head[9], head[10]);
                let entry = if kind == 0 { 24 } else { 16 };
                let (slots, index) =
                    (1_u64.checked_shl(slots.into())?, 1_u64.checked_shl(index.into())?);
                (slots, index.checked_add(32)?, entry, word(2), word(3))
            }
        };
        let sane = slots.is_power_of_two() && slots <= MOST && entries <= slots && usable <= slots;
        let first = keys.offset(before)?;
        sane.then_some(Self { references: word(0), slots, before, entry, entries, usable, first })
    }

    /// Bytes of it (`_PyDict_KeysSize`).
    pub fn bytes(&self) -> u64 {
        self.before + self.entry * (2 * self.slots / 3)
    }

    /// Values that an object with this table has room for (`shared_keys_usable_size`).
    pub fn room(&self) -> u64 {
        self.entries.saturating_add(self.usable).min(SHARED)
    }

    /// Tells key and value of every entry that has a key; the value may be null.
    fn entries(&self, view: &View<'_>, out: &mut dyn FnMut(Address, Address)) -> bool {
        let mut bytes = vec![0; usize::try_from(self.entry * self.entries.min(BATCH)).unwrap_or(0)];
        let width = usize::try_from(self.entry).unwrap_or(24);
        let mut at = 0;
        while at < self.entries {
            let count = (self.entries - at).min(BATCH);
            let wanted = usize::try_from(count * self.entry).unwrap_or(0).min(bytes.len());
            let from = self.first.offset(at * self.entry);
            let may = view.budget.take(count * self.entry / 8);
            if !may || !from.is_some_and(|from| view.memory.read(from, &mut bytes[..wanted])) {
                return false;
            }
            for entry in bytes[..wanted].chunks_exact(width) {
                let pair = &entry[width - 16..];
                let (key, value) = (word_at(pair, 0), word_at(pair, 8));
                if key != 0 {
                    out(Address(key), Address(value));
                }
            }
            at += count;
        }
        true
    }
}

/// The values of a split table: where they begin, how many there can be, and whether they lie in an
/// object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitValues {
    /// The first.
    pub first: Address,
    /// Whether an object has them behind it, which owns the references.
    pub embedded: bool,
    /// Whether they are in use.
    pub valid: bool,
}

impl SplitValues {
    /// What `PyDictValues` at `values` says.
    pub fn read(view: &View<'_>, values: Address) -> Option<Self> {
        match view.objects.values {
            Values::Array => Some(Self { first: values, embedded: false, valid: true }),
            Values::Headed => {
                let head = view.memory.u64(values)?.to_le_bytes();
                let (embedded, valid) = (head[2] != 0, head[3] != 0);
                Some(Self { first: values.offset(8)?, embedded, valid })
            }
        }
    }
}

/// Tells every name in `table` with the value that `values` has for it.
pub fn split(
    view: &View<'_>,
    table: &KeysTable,
    values: &SplitValues,
    out: &mut dyn FnMut(Address, Address),
) -> bool {
    let mut index = 0;
    let shared = KeysTable { entries: table.entries.min(SHARED), ..*table };
    shared.entries(view, &mut |key, _| {
        let value = values.first.offset(8 * index).and_then(|at| view.memory.u64(at));
        if let Some(value @ 1..) = value {
            out(key, Address(value));
        }
        index += 1;
    })
}

/// Tells every key and value of the dict at `dict`; false when not all could be read.
pub fn entries(view: &View<'_>, dict: Address, out: &mut dyn FnMut(Address, Address)) -> bool {
    let (Some(keys), Some(values)) = (view.word(dict, field::KEYS), view.word(dict, field::VALUES))
    else {
        return false;
    };
    let Some(table) = KeysTable::read(view, Address(keys)) else { return false };
    if values == 0 {
        return table.entries(view, &mut |key, value| {
            if !value.is_null() {
                out(key, value);
            }
        });
    }
    match SplitValues::read(view, Address(values)) {
        Some(values) => split(view, &table, &values, out),
        None => false,
    }
}

/// How many entries the dict at `dict` has, without reading them; `None` when its table cannot have so many.
pub fn length(view: &View<'_>, dict: Address) -> Option<u64> {
    let table = KeysTable::read(view, Address(view.word(dict, field::KEYS)?))?;
    view.word(dict, field::USED).filter(|used| *used <= table.slots)
}

/// The value under a string key.
pub fn lookup(view: &View<'_>, dict: Address, wanted: &str) -> Option<Address> {
    let length = u64::try_from(wanted.len()).ok()?;
    let mut found = None;
    entries(view, dict, &mut |key, value| {
        // Most keys differ in length: no text is made of those.
        let fits = found.is_none()
            && view.layout.unicode.length.read(view.memory, key) == Some(length)
            && text::unicode(view.memory, view.layout, key).is_ok_and(|text| text == wanted);
        if fits {
            found = Some(value);
        }
    });
    found
}
