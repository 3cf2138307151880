//! The collector's lists, walked while the process may change them.
//!
//! A list is doubly linked through the 16 bytes before each object (`PyGC_Head`: next, previous,
//! with flags in the low bits). A link is followed when it leads to something with a known type and
//! a reference; where one is torn, the list is taken up from its other end, and if both ends are
//! torn, read again.

use super::cache::Cache;
use super::classes::Classes;
use super::refcount::Refcount;
use super::view::{Object, View, word_at};
use crate::model::Address;

/// `sizeof(PyGC_Head)`
pub const HEAD: u64 = 16;
/// Low bits of a link that are flags, in any version (`_PyGC_PREV_SHIFT`); a list head is no further aligned.
const FLAGS: u64 = 3;
/// Most objects that are followed, over all lists.
const MOST: usize = 1 << 28;
/// How often a list is read that was torn at both ends.
const ATTEMPTS: usize = 6;

/// How a walk in one direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Back at the head.
    Whole,
    /// At something that is no object.
    Torn,
}

/// Walks every list, in the order of `heads`. `met` is reported each object as often as it is met,
/// and says whether it is new. Gives the number of lists that were torn at both ends every time.
pub fn walk(
    view: &View<'_>,
    cache: &Cache<'_>,
    classes: &mut Classes,
    heads: impl Iterator<Item = Address>,
    met: &mut dyn FnMut(Object) -> bool,
) -> u64 {
    let mut torn = 0;
    let mut walker = Walker { view, classes, met, known: 0, refcount: view.refcount };
    for head in heads {
        for attempt in 1..=ATTEMPTS {
            if walker.walk(head, NEXT) == End::Whole {
                break;
            }
            walker.walk(head, PREVIOUS);
            torn += u64::from(attempt == ATTEMPTS);
            cache.forget();
        }
    }
    torn
}

/// Which word of a `PyGC_Head` leads on.
type Direction = usize;
const NEXT: Direction = 0;
const PREVIOUS: Direction = 1;

struct Walker<'a, 'v> {
    view: &'a View<'v>,
    classes: &'a mut Classes,
    met: &'a mut dyn FnMut(Object) -> bool,
    /// Different objects that were met.
    known: usize,
    refcount: Refcount,
}

/// A `PyGC_Head` and the begin of what follows it.
struct Node {
    links: [Address; 2],
    object: Option<Object>,
}

impl Walker<'_, '_> {
    /// Every object from the head on. A list that leads into itself ends when more was met again
    /// than there is.
    fn walk(&mut self, head: Address, direction: Direction) -> End {
        let (mut at, mut stale, mut end) = (head, 0_usize, End::Whole);
        loop {
            let Some(node) = self.node(at) else { return End::Torn };
            match node.object.filter(|_| at != head) {
                Some(object) if (self.met)(object) => self.known += 1,
                Some(_) => stale += 1,
                None if at == head => {}
                // The head of another list, perhaps one of the collector's own at work: what is in
                // it counts, and nothing else may lead there now.
                None if end == End::Whole => end = End::Torn,
                None => return End::Torn,
            }
            at = node.links[direction];
            if at == head {
                return end;
            }
            if stale > self.known || self.known > MOST {
                return End::Torn;
            }
        }
    }

    fn node(&mut self, at: Address) -> Option<Node> {
        let mut bytes = [0; 32];
        if !at.0.is_multiple_of(4) || at.is_null() || !self.view.memory.read(at, &mut bytes) {
            return None;
        }
        let word = |index: usize| word_at(&bytes, 8 * index);
        let links = [Address(word(0) & !FLAGS), Address(word(1) & !FLAGS)];
        let class = match self.refcount.is_alive(word(2)) {
            true => self.classes.at(self.view, Address(word(3))),
            false => None,
        };
        let object = class.and_then(|class| Some(Object { address: at.offset(HEAD)?, class }));
        Some(Node { links, object })
    }
}
