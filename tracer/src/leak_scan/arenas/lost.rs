//! What is lost of the blocks that nothing leads to, and what is garbage that waits for the collector.
//!
//! An object is lost when it counts more references than there are words in such blocks that lead to it: somebody
//! took a reference, has it nowhere, and cannot give it back. So is a block that is no object when no word leads
//! to it at all. What lost blocks lead to is lost with them, if all that refers to it is told: an object that counts as
//! many references as lead to it, a block that is no object and has one owner. More words than that are left over from
//! something else, and may lead to garbage. The rest is in cycles that the collector will free.

use super::pool::OVERHEAD;
use super::scan::Unmarked;
use super::{ObjectExtent, SmallObject, SmallTypes, word};
use crate::model::{Address, Amount, Memory};

const WORD: usize = 8;
/// Bits of `PyASCIIObject.state` that say that a string is interned.
const INTERNED: u64 = 3;
/// Most references between such blocks; what has more is not judged.
const LINKS: usize = 16 << 20;

/// What is lost, of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostGroup {
    /// The type's number; `None` of memory that is no object.
    pub class: Option<u32>,
    /// The size of the blocks, of memory that is no object; else 0.
    pub block: u32,
    /// Blocks that are old.
    pub old: Amount,
    /// Blocks that are not.
    pub young: Amount,
    /// What is lost with both.
    pub within: Amount,
    /// All these blocks, in no order.
    pub blocks: Vec<Unmarked>,
}

/// What is lost, most bytes first.
pub type LostTypes = Vec<LostGroup>;

/// The blocks that nothing leads to, with their objects and references.
#[derive(Debug, Default)]
struct LostBlocks {
    nodes: Vec<Node>,
    /// From which to which, and whether it is to its begin, as references are.
    links: Vec<(u32, u32, bool)>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    block: Unmarked,
    object: Option<SmallObject>,
    /// References that the object counts; `None` when it is never to be freed, or no object.
    count: Option<u64>,
    /// Words in such blocks that lead to it.
    within: u64,
    /// Such blocks that lead to it.
    referrers: u32,
    /// Whether it must not be claimed.
    exempt: bool,
}

/// What is lost of blocks that two passes found, in any order; `is_old` says of which one knows that they
/// were there long ago.
pub fn lost(
    memory: &dyn Memory,
    types: &mut dyn SmallTypes,
    mut blocks: Vec<Unmarked>,
    is_old: &dyn Fn(&Unmarked) -> bool,
) -> LostTypes {
    blocks.sort_unstable_by_key(|block| block.start);
    blocks.dedup_by_key(|block| block.start);
    let Some(blocks) = LostBlocks::read(memory, types, &blocks) else { return Vec::new() };
    blocks.groups(is_old)
}

impl LostBlocks {
    /// Reads them. `None` when they have more references than can be known.
    fn read(memory: &dyn Memory, types: &mut dyn SmallTypes, blocks: &[Unmarked]) -> Option<Self> {
        let mut found = Self::default();
        let mut content = Vec::new();
        for block in blocks {
            found.nodes.push(Node::read(memory, types, *block, &mut content));
        }
        for from in 0..found.nodes.len() {
            found.nodes[from].block.read(memory, &mut content);
            let object = found.nodes[from].object;
            for (index, value) in content.chunks_exact(WORD).enumerate() {
                let counts = object.is_none_or(|object| !object.is_no_reference(WORD * index));
                let value = word(value, 0).unwrap_or(0);
                if let Some(to) = found.find(value).filter(|_| counts) {
                    found.enter(from, to, value)?;
                }
            }
        }
        found.links.sort_unstable();
        found.links.dedup();
        for (_, to, _) in &found.links {
            found.nodes[*to as usize].referrers += 1;
        }
        Some(found)
    }

    /// The block that a word leads to.
    fn find(&self, value: u64) -> Option<usize> {
        let next = self.nodes.partition_point(|node| node.block.start.0 <= value);
        let number = next.checked_sub(1)?;
        let block = self.nodes.get(number)?.block;
        (value - block.start.0 < u64::from(block.size)).then_some(number)
    }

    fn enter(&mut self, from: usize, to: usize, value: u64) -> Option<()> {
        let node = &mut self.nodes[to];
        let offset = node.object.map_or(0, |object| object.offset as u64);
        let is_exact = node.object.is_none() || node.block.start.0 + offset == value;
        // What a block of no known shape says of itself is no reference from elsewhere.
        if is_exact && (from != to || node.object.is_some()) {
            node.within += 1;
        }
        if from != to {
            self.links.push((u32::try_from(from).ok()?, u32::try_from(to).ok()?, is_exact));
        }
        (self.links.len() <= LINKS).then_some(())
    }

    fn groups(&self, is_old: &dyn Fn(&Unmarked) -> bool) -> LostTypes {
        let mut seen = vec![false; self.nodes.len()];
        let numbers = || 0..self.nodes.len();
        for exempt in numbers().filter(|number| self.nodes[*number].exempt) {
            self.spread(exempt, &mut seen, |_, _| true);
        }
        // An object that another lost one leads to as well still is one of its own.
        let roots: Vec<usize> =
            numbers().filter(|number| !seen[*number] && self.nodes[*number].is_root()).collect();
        roots.iter().for_each(|root| seen[*root] = true);
        let mut groups: LostTypes = Vec::new();
        for root in roots {
            let Node { block, object, .. } = self.nodes[root];
            let class = object.map(|object| object.class.number);
            let size = if class.is_none() { block.size } else { 0 };
            let known = groups.iter().position(|group| (group.class, group.block) == (class, size));
            let at = known.unwrap_or_else(|| {
                groups.push(LostGroup { class, block: size, ..LostGroup::default() });
                groups.len() - 1
            });
            let group = &mut groups[at];
            add(if is_old(&block) { &mut group.old } else { &mut group.young }, block.size);
            group.blocks.push(block);
            seen[root] = false;
            for with in self.spread(root, &mut seen, |to, exact| exact && to.is_told()) {
                let block = self.nodes[with].block;
                add(&mut group.within, block.size);
                group.blocks.push(block);
            }
        }
        let bytes = |group: &LostGroup| group.old.bytes + group.young.bytes + group.within.bytes;
        groups.sort_by_key(|group| (std::cmp::Reverse(bytes(group)), group.class, group.block));
        groups
    }

    /// All that a block leads to by links that are `wanted` and that was not seen before, without itself.
    fn spread(
        &self,
        from: usize,
        seen: &mut [bool],
        wanted: impl Fn(&Node, bool) -> bool,
    ) -> Vec<usize> {
        seen[from] = true;
        let (mut open, mut found) = (vec![from], Vec::new());
        while let Some(from) = open.pop() {
            let first = self.links.partition_point(|link| (link.0 as usize) < from);
            let links = self.links[first..].iter().take_while(|link| link.0 as usize == from);
            for &(_, to, exact) in links {
                let to = to as usize;
                if wanted(&self.nodes[to], exact) && !std::mem::replace(&mut seen[to], true) {
                    open.push(to);
                    found.push(to);
                }
            }
        }
        found
    }
}

fn add(sum: &mut Amount, bytes: u32) {
    sum.count = sum.count.saturating_add(1);
    sum.bytes = sum.bytes.saturating_add(bytes.into());
}

impl Node {
    fn read(
        memory: &dyn Memory,
        types: &mut dyn SmallTypes,
        block: Unmarked,
        content: &mut Vec<u8>,
    ) -> Self {
        let (object, count) = (None, None);
        let mut node = Self { block, object, count, within: 0, referrers: 0, exempt: false };
        if !block.read(memory, content) {
            node.exempt = true;
            return node;
        }
        let Some(object) = SmallObject::find(content, types) else { return node };
        let at = |offset: usize| word(content, object.offset + offset).unwrap_or(0);
        node.object = Some(object);
        node.count = types.count(at(0));
        let interned = object.class.text && at(ObjectExtent::STATE) & INTERNED != 0;
        node.exempt = node.count.is_none()
            || interned
            || object.class.is_type
            || !links_agree(memory, block.start, object, content);
        node
    }

    /// Whether all that leads to it is a reference, and known.
    fn is_told(&self) -> bool {
        match (self.object, self.count) {
            (Some(_), Some(count)) => count == self.within,
            (Some(_), None) => false,
            (None, _) => self.referrers == 1,
        }
    }

    /// Whether it is lost by itself.
    fn is_root(&self) -> bool {
        match (self.object, self.count) {
            (Some(_), Some(count)) => count > self.within,
            (Some(_), None) => false,
            (None, _) => self.within == 0,
        }
    }
}

/// Whether the collector's header of an object is one: in no list, or in one whose next knows it. Other memory
/// that happens to look like an object has none.
fn links_agree(memory: &dyn Memory, start: Address, object: SmallObject, content: &[u8]) -> bool {
    const FLAGS: u64 = 3;
    let Some(head) = object.head() else { return true };
    let Some(next) = word(content, head).map(|next| next & !FLAGS) else { return false };
    let own = start.0.checked_add(head as u64);
    let previous = Address(next).offset(8).and_then(|at| memory.u64(at));
    next == 0 || previous.map(|previous| previous & !FLAGS) == own
}

impl Unmarked {
    /// Reads its bytes.
    fn read(&self, memory: &dyn Memory, content: &mut Vec<u8>) -> bool {
        const LARGEST: usize = 512;
        content.clear();
        content.resize((self.size as usize).min(LARGEST), 0);
        self.start.0 % 16 == OVERHEAD as u64 % 16 && memory.read(self.start, content)
    }
}
