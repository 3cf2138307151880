//! Paths to retainers as reports have them in words (`.pages: list (2433 items)`), taken apart: which hop is
//! the container that grows, and what two paths have in common. Names in them are data from outside: a path
//! that makes no sense has no container.

use crate::model::{Hop, without_ids};

/// A path from a root, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<'a> {
    words: &'a [String],
    hops: Vec<Hop<'a>>,
}

/// A path as it is the same in every run: without threads, indices, keys and lengths.
pub type PlaceKey = Vec<String>;

/// Where a path in words leads to; `None` for one that is none.
pub fn place_of(words: &[String]) -> Option<PlaceKey> {
    Path::parse(words).map(|path| path.place())
}

impl<'a> Path<'a> {
    /// Of a path in words, root first; `None` of one that begins nowhere, or at no root.
    pub fn parse(words: &'a [String]) -> Option<Self> {
        let (root, hops) = words.split_first()?;
        let is_root = !root.starts_with("C code") && !root.starts_with("garbage");
        let hops: Option<Vec<Hop<'a>>> = hops.iter().map(|hop| Hop::parse(hop)).collect();
        Some(Self { words, hops: hops.filter(|_| is_root)? })
    }

    /// The hops behind the root.
    pub fn hops(&self) -> &[Hop<'a>] {
        &self.hops
    }

    /// The words behind the hop at `end`.
    pub fn words_after(&self, end: usize) -> &'a [String] {
        self.words.get(end + 2..).unwrap_or_default()
    }

    /// The words up to the hop at `end`, included.
    pub fn words_to(&self, end: usize) -> &'a [String] {
        &self.words[..(end + 2).min(self.words.len())]
    }

    /// The place of the hop at `end`.
    pub fn place_to(&self, end: usize) -> PlaceKey {
        let hops = self.hops.iter().take(end + 1).map(Hop::normal);
        std::iter::once(normal_root(&self.words[0])).chain(hops.map(str::to_owned)).collect()
    }

    /// The place of the whole path.
    pub fn place(&self) -> PlaceKey {
        self.place_to(self.hops.len())
    }

    /// The hop whose items are what grew, when about `count` more of them came: the outermost container
    /// that has room for half of them (then `true`); without one that with most items. `None` where
    /// nothing on the way is a container.
    pub fn container(&self, count: f64) -> Option<(usize, bool)> {
        let containers: Vec<usize> =
            (0..self.hops.len()).filter(|at| self.is_container(*at)).collect();
        let items = |at: &usize| self.hops[*at].items().unwrap_or(0);
        let roomy = containers.iter().find(|at| items(at) > 1 && items(at) as f64 >= count / 2.0);
        let most = || containers.iter().rev().max_by_key(|at| items(at));
        roomy.map(|at| (*at, true)).or_else(|| Some((*most()?, false)))
    }

    /// Whether the hop at a place is a container of the next one. What was there when the heap was read, and is gone
    /// since, was in it.
    pub fn is_container(&self, at: usize) -> bool {
        let (Some(hop), Some(next)) = (self.hops.get(at), self.hops.get(at + 1)) else {
            return false;
        };
        next.is_item() || (next.is_gone() && hop.items().is_some())
    }

    /// Where it ends in a chain of objects of one type that refer to one another, the first of them.
    pub fn chain(&self) -> Option<usize> {
        self.hops.iter().position(|hop| hop.repeats())
    }
}

/// A root, the same in every run: which frame of which thread has a variable, and at which line, is chance, and
/// so are the names of modules that are made for each session.
fn normal_root(root: &str) -> String {
    if root.starts_with("thread ") { "thread".to_owned() } else { without_ids(root) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(path: &[&str]) -> Vec<String> {
        path.iter().map(|step| (*step).to_owned()).collect()
    }

    #[test]
    fn the_container_that_grows_is_found() {
        let path = words(&[
            "module logging",
            ".manager: logging.Manager",
            ".loggerDict: dict (5505 items)",
            "['jobs: 1']: logging.Logger",
            ".handlers: list (1 item)",
            "[0]: __main__.JobLog",
        ]);
        let path = Path::parse(&path).expect("a path");
        assert_eq!(path.container(4700.0), Some((1, true)));
        assert_eq!(path.hops()[1].items(), Some(5505));
        assert_eq!(
            path.hops()[2],
            Hop { certain: true, via: "['jobs: 1']", class: "logging.Logger", detail: None }
        );
        assert_eq!(path.place_to(2), ["module logging", ".manager", ".loggerDict", "[]"]);
        assert_eq!(path.words_to(1).len(), 3);
        assert_eq!(path.container(1e9), Some((1, false)), "that with most items");
    }

    #[test]
    fn what_is_gone_since_was_in_the_container() {
        let path = words(&[
            "module a",
            "._refs: list (900 items)",
            "perhaps a reference that is gone since: weakref",
        ]);
        assert_eq!(Path::parse(&path).and_then(|path| path.container(800.0)), Some((0, true)));
        let path =
            words(&["module a", ".owner: app.Owner", "a reference that is gone since: dict"]);
        assert_eq!(Path::parse(&path).and_then(|path| path.container(800.0)), None);
    }

    #[test]
    fn threads_are_one_place() {
        let one = words(&["thread 12 (work), frame run (a.py:7)", "local self: App"]);
        let other = words(&["thread 13 (work), frame _bootstrap (t.py:1)", "local self: App"]);
        assert_eq!(place_of(&one), place_of(&other));
        assert_eq!(place_of(&one), Some(words(&["thread", "local self"])));
    }

    #[test]
    fn modules_of_sessions_are_one_place() {
        let place = |id: &str| {
            let path = words(&[&format!("module bokeh_app_{id}"), ".seen: list (9 items)"]);
            place_of(&path)
        };
        let one = place("0b6d1ca64ac34e1f9d4ed02f2e1dbd33");
        assert_eq!(one, place("f1a7c2a64ac34e1f9d4ed02f2e1dbd34"));
        assert_eq!(one, Some(words(&["module bokeh_app_*", ".seen"])));
    }

    #[test]
    fn what_no_root_leads_to_has_no_path() {
        for root in
            ["garbage that waits for the collector: dict", "C code, or what was not found: x"]
        {
            assert_eq!(Path::parse(&words(&[root, ".a: dict"])), None);
        }
        assert_eq!(Path::parse(&[]), None);
        assert_eq!(Path::parse(&words(&["module a", "no class"])), None);
    }

    proptest! {
        #[test]
        fn any_words_can_be_parsed(path in prop::collection::vec(".{0,40}", 0..6), count: f64) {
            if let Some(path) = Path::parse(&path) {
                let container = path.container(count);
                prop_assert!(container.is_none_or(|(at, _)| at + 1 < path.hops().len()));
                prop_assert_eq!(path.place().len(), path.hops().len() + 1);
            }
        }
    }
}
