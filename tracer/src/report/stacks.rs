//! Sites as readers want them: one entry per stack that looks the same, largest first.

use std::collections::{BTreeSet, HashMap};

use super::Options;
use super::notes;
use crate::model::{Amount, Document, Domain, Frame, FrameIdentity, FrameKind, Site};

/// Everything that was allocated by stacks that look the same.
#[derive(Clone, Debug)]
pub struct Stack<'a> {
    /// The frames to show, root first.
    pub frames: Vec<&'a Frame>,
    /// Allocator family.
    pub domain: Domain,
    /// Asked for and not freed.
    pub live: Amount,
    /// Allocated since the start.
    pub allocated: Amount,
    /// Upper bounds of the smallest and largest size class with live blocks.
    pub size_classes: (u64, u64),
    /// The allocator functions that were called.
    pub allocators: BTreeSet<&'a str>,
    /// Why the stack is less than whole.
    pub notes: BTreeSet<String>,
    /// Ids of the sites that were taken together.
    pub sites: BTreeSet<&'a str>,
}

/// The stacks of `document` that have something live, frames that `options` hide left out, and
/// stacks that then look the same taken together. The order depends on the contents alone.
pub fn ranked<'a>(document: &'a Document, options: &Options) -> Vec<Stack<'a>> {
    let live = document.sites.iter().filter(|site| !site.live.is_nothing());
    grouped(live, options)
}

/// As [`ranked`], and also the stacks whose blocks are all freed.
pub fn all<'a>(document: &'a Document, options: &Options) -> Vec<Stack<'a>> {
    grouped(document.sites.iter(), options)
}

fn grouped<'a>(sites: impl Iterator<Item = &'a Site>, options: &Options) -> Vec<Stack<'a>> {
    let mut stacks: HashMap<(Domain, Vec<FrameIdentity<'a>>), Stack<'a>> = HashMap::new();
    for site in sites {
        let frames = shown_frames(site, options);
        let appearance = frames.iter().map(|frame| frame.identity()).collect();
        stacks
            .entry((site.domain, appearance))
            .and_modify(|stack| stack.add(site))
            .or_insert_with(|| Stack::from_site(site, frames));
    }
    let mut stacks: Vec<(_, Stack<'a>)> = stacks.into_iter().collect();
    stacks.sort_by(|(a_appearance, a), (b_appearance, b)| {
        let rank = |stack: &Stack<'_>| (stack.live, stack.allocated.bytes);
        rank(b).cmp(&rank(a)).then_with(|| a_appearance.cmp(b_appearance))
    });
    stacks.into_iter().map(|(_, stack)| stack).collect()
}

/// The frames of `site` that `options` do not hide, root first.
pub fn shown_frames<'a>(site: &'a Site, options: &Options) -> Vec<&'a Frame> {
    site.stack.iter().filter(|frame| is_shown(frame, options)).collect()
}

/// What all stacks have live.
pub fn total_live(stacks: &[Stack<'_>]) -> Amount {
    stacks.iter().map(|stack| stack.live).fold(Amount::default(), Amount::plus)
}

/// Whether `options` want to see this frame.
pub fn is_shown(frame: &Frame, options: &Options) -> bool {
    (options.runtime_frames || !frame.is_runtime)
        && (options.native || frame.kind == FrameKind::Python)
}

impl<'a> Stack<'a> {
    fn from_site(site: &'a Site, frames: Vec<&'a Frame>) -> Self {
        Self {
            frames,
            domain: site.domain,
            live: site.live,
            allocated: site.allocated,
            size_classes: (site.size_class, site.size_class),
            allocators: BTreeSet::from([site.allocator.as_str()]),
            notes: site.notes.iter().map(notes::of_stack).collect(),
            sites: BTreeSet::from([site.id.as_str()]),
        }
    }

    fn add(&mut self, site: &'a Site) {
        self.live = self.live.plus(site.live);
        self.allocated = self.allocated.plus(site.allocated);
        let (least, most) = self.size_classes;
        self.size_classes = (least.min(site.size_class), most.max(site.size_class));
        self.allocators.insert(&site.allocator);
        self.notes.extend(site.notes.iter().map(notes::of_stack));
        self.sites.insert(&site.id);
    }

    /// The one size that all live blocks have, when the sums leave little doubt: a whole mean that
    /// is also the mean of all blocks ever allocated here. Blocks of varying size have a whole mean
    /// in one of `live_count` cases, so fewer than ten blocks say nothing, except a single one.
    pub fn block_size(&self) -> Option<u64> {
        let mean = self.live.bytes.checked_div(self.live.count)?;
        let all_of = |amount: Amount| mean.checked_mul(amount.count) == Some(amount.bytes);
        let whole = all_of(self.live) && all_of(self.allocated);
        let one_class = self.size_classes.0 == self.size_classes.1;
        (self.live.count == 1 || (whole && one_class && self.live.count >= 10)).then_some(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn size_classes_of_one_stack_are_one_entry() {
        let document = samples::size_classes();
        let stacks = ranked(&document, &Options::default());
        assert_eq!(stacks.len(), 1);
        assert_eq!(stacks[0].live.bytes, 300);
        assert_eq!(stacks[0].live.count, 3);
        assert_eq!(stacks[0].size_classes, (64, 256));
        assert_eq!(stacks[0].block_size(), None);
        assert_eq!(stacks[0].sites.len(), 3);
    }

    #[test]
    fn stacks_without_anything_live_are_there_on_request() {
        let mut document = samples::one_site();
        document.sites[0].live = Amount::default();
        assert!(ranked(&document, &Options::default()).is_empty());
        assert_eq!(all(&document, &Options::default())[0].allocated.count, 1_000);
    }

    #[test]
    fn runtime_frames_are_shown_on_request() {
        let document = samples::one_site();
        let shown = |runtime_frames, native| {
            let options = Options { runtime_frames, native, ..Options::default() };
            ranked(&document, &options)[0].frames.len()
        };
        assert_eq!(shown(false, true), 4);
        assert_eq!(shown(true, true), 6);
        assert_eq!(shown(false, false), 3);
    }

    #[test]
    fn one_size_is_claimed_only_with_evidence() {
        let document = samples::one_site();
        let mut stack = ranked(&document, &Options::default()).remove(0);
        assert_eq!(stack.block_size(), Some(10_000));
        stack.allocated.bytes += 1;
        assert_eq!(stack.block_size(), None);
        stack.allocated.bytes -= 1;
        stack.live = Amount { bytes: 20_000, count: 2 };
        assert_eq!(stack.block_size(), None);
        stack.live = Amount::block(10_000);
        assert_eq!(stack.block_size(), Some(10_000));
        stack.live.count = 0;
        assert_eq!(stack.block_size(), None);
    }
}
