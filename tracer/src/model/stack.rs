//! Stacks, each kept once: thousands of sites share most of their frames, and those most of their
//! texts.

use std::collections::HashSet;
use std::hash::Hash;
use std::ops::Index;
use std::sync::Arc;

use serde::Serialize;

use super::Frame;

/// The frames of one stack, root first, the allocator's caller last; empty when there is none. A
/// clone shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CallStack(Arc<[Arc<Frame>]>);

impl CallStack {
    /// The frames, root first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Frame> + ExactSizeIterator + Clone + '_ {
        self.0.iter().map(AsRef::as_ref)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The innermost one: the allocator's caller.
    pub fn last(&self) -> Option<&Frame> {
        self.iter().next_back()
    }

    /// The frames as they are shared.
    pub fn shared(&self) -> &[Arc<Frame>] {
        &self.0
    }
}

impl Index<usize> for CallStack {
    type Output = Frame;

    fn index(&self, place: usize) -> &Frame {
        &self.0[place]
    }
}

impl From<Vec<Frame>> for CallStack {
    fn from(frames: Vec<Frame>) -> Self {
        frames.into_iter().collect()
    }
}

impl FromIterator<Frame> for CallStack {
    fn from_iter<I: IntoIterator<Item = Frame>>(frames: I) -> Self {
        Self(frames.into_iter().map(Arc::new).collect())
    }
}

impl FromIterator<Arc<Frame>> for CallStack {
    fn from_iter<I: IntoIterator<Item = Arc<Frame>>>(frames: I) -> Self {
        Self(frames.into_iter().collect())
    }
}

/// What is known already, so that equal texts, frames and stacks are in memory once. Exact: by
/// contents, not by a hash that stands for them.
#[derive(Debug, Default)]
pub struct Interner {
    texts: HashSet<Arc<str>>,
    frames: HashSet<Arc<Frame>>,
    stacks: HashSet<CallStack>,
}

impl Interner {
    /// A stack of these frames, root first.
    pub fn stack(&mut self, frames: impl IntoIterator<Item = Frame>) -> CallStack {
        let stack = frames.into_iter().map(|frame| self.frame(frame)).collect();
        once(&mut self.stacks, stack)
    }

    /// A frame.
    pub fn frame(&mut self, frame: Frame) -> Arc<Frame> {
        if let Some(known) = self.frames.get(&frame) {
            return Arc::clone(known);
        }
        let Frame { function, file, module, .. } = frame;
        let [function, file, module] =
            [function, file, module].map(|text| Some(once(&mut self.texts, text?)));
        let frame = Arc::new(Frame { function, file, module, ..frame });
        self.frames.insert(Arc::clone(&frame));
        frame
    }
}

/// The one that is known, or this one from now on.
fn once<T: Clone + Eq + Hash>(known: &mut HashSet<T>, new: T) -> T {
    if let Some(same) = known.get(&new) {
        return same.clone();
    }
    known.insert(new.clone());
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(line: u32) -> Vec<Frame> {
        vec![Frame::python("run", "app.py", Some(1)), Frame::python("keep", "app.py", Some(line))]
    }

    #[test]
    fn what_is_equal_is_kept_once() {
        let mut interner = Interner::default();
        let [one, again, other] = [2, 2, 3].map(|line| interner.stack(frames(line)));
        assert_eq!((&one, &other), (&frames(2).into(), &frames(3).into()));
        assert!(std::ptr::eq(one.shared(), again.shared()) && one != other);
        assert!(std::ptr::eq(&one[0], &other[0]) && !std::ptr::eq(&one[1], &other[1]));
        let text = |frame: &Frame| frame.file.clone().expect("a file");
        assert!(Arc::ptr_eq(&text(&one[0]), &text(&one[1])));
        assert!(Arc::ptr_eq(&text(&one[1]), &text(&other[1])));
    }

    #[test]
    fn a_stack_is_written_as_its_frames() {
        let stack = CallStack::from(frames(2));
        assert_eq!(serde_json::to_value(&stack).ok(), serde_json::to_value(frames(2)).ok());
    }
}
