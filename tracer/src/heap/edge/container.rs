//! What containers hold.

use super::{EdgeLabel, Reader};
use crate::heap::dict::{self, KeysTable, SplitValues};
use crate::model::Address;

/// Most items of a container that are followed.
const MOST: u64 = 1 << 27;
/// Words that are read at once.
const BATCH: u64 = 1024;

/// `ob_size`, the length of a list, tuple or deque.
const SIZE: u64 = 16;
/// `PyListObject.ob_item`
const LIST_ITEMS: u64 = 24;
/// `PySetObject`
mod set {
    /// `mask`
    pub const MASK: u64 = 32;
    /// `table`: entries of an object and its hash.
    pub const TABLE: u64 = 40;
    /// Hash of an entry that was taken out.
    pub const GONE: u64 = u64::MAX;
}
/// `dequeobject` and its blocks (`Modules/_collectionsmodule.c`)
mod deque {
    /// `leftblock`
    pub const LEFT: u64 = 24;
    /// `leftindex`
    pub const LEFT_INDEX: u64 = 40;
    /// `BLOCKLEN`
    pub const LENGTH: u64 = 64;
    /// `data` in a block.
    pub const DATA: u64 = 8;
    /// `rightlink` in a block.
    pub const NEXT: u64 = DATA + 8 * LENGTH;
}
/// `PyODictObject` and its nodes (`Objects/odictobject.c`)
mod ordered {
    /// `od_first`
    pub const FIRST: u64 = 48;
    /// `key` in a node.
    pub const KEY: u64 = 0;
    /// `next` in a node.
    pub const NEXT: u64 = 16;
    /// `od_inst_dict`
    pub const ATTRIBUTES: u64 = 96;
}

/// Detects that a linked list comes back to where it was, as a torn or a hostile one can, before
/// that costs more than a few times its length (R. P. Brent, An improved Monte Carlo factorization
/// algorithm, 1980).
struct CycleCheck {
    mark: u64,
    steps: u64,
    until: u64,
}

impl CycleCheck {
    /// A list of which nothing was seen yet.
    const fn new() -> Self {
        Self { mark: 0, steps: 0, until: 1 }
    }

    /// Whether the node at an address was there before.
    fn comes_back(&mut self, node: u64) -> bool {
        if node == self.mark {
            return true;
        }
        self.steps += 1;
        if self.steps == self.until {
            *self = Self { mark: node, steps: 0, until: self.until.saturating_mul(2) };
        }
        false
    }
}

impl Reader<'_, '_> {
    pub(super) fn dict(&mut self) {
        let word = |offset| self.view.word(self.object, offset);
        let (Some(keys), Some(values)) = (word(dict::field::KEYS), word(dict::field::VALUES))
        else {
            self.left_out += 1;
            return;
        };
        // The keys of a split table belong to the type.
        if values == 0 {
            let (view, dict) = (*self.view, self.object);
            let whole = dict::entries(&view, dict, &mut |key, value| {
                self.tell(key.0, EdgeLabel::Key);
                self.tell(value.0, EdgeLabel::Value { key });
            });
            self.left_out += u64::from(!whole);
        } else if let Some(split) = SplitValues::read(self.view, Address(values)) {
            if !split.embedded || self.view.objects.dict_owns_embedded {
                self.split(Address(keys), &split, |key| EdgeLabel::Value { key });
            }
        } else {
            self.left_out += 1;
        }
    }

    /// Values beside a table.
    pub(super) fn split(
        &mut self,
        keys: Address,
        values: &SplitValues,
        label: impl Fn(Address) -> EdgeLabel,
    ) {
        let view = *self.view;
        let whole = KeysTable::read(&view, keys).is_some_and(|table| {
            dict::split(&view, &table, values, &mut |key, value| self.tell(value.0, label(key)))
        });
        self.left_out += u64::from(!whole);
    }

    pub(super) fn ordered_dict(&mut self) {
        self.dict();
        self.word(ordered::ATTRIBUTES, EdgeLabel::Field("__dict__"));
        let most = self.view.word(self.object, dict::field::USED).unwrap_or(0).min(MOST);
        let mut node = self.view.word(self.object, ordered::FIRST).unwrap_or(0);
        let mut nodes = CycleCheck::new();
        for _ in 0..most {
            let at = Address(node);
            if node != 0 && (nodes.comes_back(node) || !self.view.budget.take(3)) {
                self.left_out += 1;
                return;
            }
            let (Some(key), Some(next)) =
                (self.view.word(at, ordered::KEY), self.view.word(at, ordered::NEXT))
            else {
                self.left_out += u64::from(node != 0);
                return;
            };
            self.tell(key, EdgeLabel::Key);
            node = next;
        }
    }

    pub(super) fn list(&mut self) {
        let word = |offset| self.view.word(self.object, offset);
        let (Some(count), Some(items)) = (word(SIZE), word(LIST_ITEMS)) else {
            self.left_out += 1;
            return;
        };
        self.items(Address(items), count, 0);
    }

    pub(super) fn tuple(&mut self) {
        let count = self.view.word(self.object, SIZE);
        let items = self.object.offset(self.view.objects.tuple_items.into());
        match (count, items) {
            (Some(count), Some(items)) => self.items(items, count, 0),
            _ => self.left_out += 1,
        }
    }

    /// `count` items from an address on, of which the first has the number `number`.
    fn items(&mut self, first: Address, count: u64, number: u64) {
        if count > MOST {
            self.left_out += 1;
            return;
        }
        self.words(first, count, |reader, index, word| {
            reader.tell(word, EdgeLabel::Item(number + index));
        });
    }

    /// `count` words from an address on.
    pub(super) fn words(
        &mut self,
        first: Address,
        count: u64,
        mut each: impl FnMut(&mut Self, u64, u64),
    ) {
        let mut bytes = [0; 8 * 1024];
        let mut at = 0;
        while at < count {
            let now = (count - at).min(BATCH);
            let wanted = usize::try_from(8 * now).unwrap_or(0).min(bytes.len());
            let from = first.offset(8 * at);
            let may = self.view.budget.take(now);
            if !may || !from.is_some_and(|from| self.view.memory.read(from, &mut bytes[..wanted])) {
                self.left_out += 1;
                return;
            }
            for (index, word) in (at..).zip(bytes[..wanted].as_chunks::<8>().0) {
                each(self, index, u64::from_le_bytes(*word));
            }
            at += now;
        }
    }

    pub(super) fn set(&mut self) {
        let word = |offset| self.view.word(self.object, offset);
        let (Some(mask), Some(table)) = (word(set::MASK), word(set::TABLE)) else {
            self.left_out += 1;
            return;
        };
        if mask >= MOST || !(mask + 1).is_power_of_two() {
            self.left_out += 1;
            return;
        }
        let mut key = 0;
        self.words(Address(table), 2 * (mask + 1), |reader, index, word| {
            if index % 2 == 0 {
                key = word;
            } else if word != set::GONE {
                reader.tell(key, EdgeLabel::Member);
            }
        });
    }

    pub(super) fn deque(&mut self) {
        let word = |offset| self.view.word(self.object, offset);
        let (Some(count), Some(left), Some(index)) =
            (word(SIZE), word(deque::LEFT), word(deque::LEFT_INDEX))
        else {
            self.left_out += 1;
            return;
        };
        if count > MOST || index > deque::LENGTH {
            self.left_out += 1;
            return;
        }
        let (mut block, mut index, mut number) = (Address(left), index, 0);
        let mut nodes = CycleCheck::new();
        while number < count && !nodes.comes_back(block.0) {
            let here = (count - number).min(deque::LENGTH - index);
            let Some(first) = block.offset(deque::DATA + 8 * index) else { break };
            self.items(first, here, number);
            number += here;
            index = 0;
            match self.view.word(block, deque::NEXT) {
                Some(next @ 1..) => block = Address(next),
                _ => break,
            }
        }
        self.left_out += u64::from(number < count);
    }
}
