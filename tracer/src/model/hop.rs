//! References in words, taken apart again: recordings and leaks have paths as [`RetainerGroup::words`] writes
//! them. Names in them are data from outside.
//!
//! [`RetainerGroup::words`]: super::RetainerGroup::words

/// One reference of a path, and what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop<'a> {
    /// Whether it is a reference; else a word that looks like one.
    pub certain: bool,
    /// How: `.pages`, `[33]`, `local self`, `.next × 40`.
    pub via: &'a str,
    /// Type of what it leads to.
    pub class: &'a str,
    /// More of that: `412 items`, `update_plot (app.py:88)`.
    pub detail: Option<&'a str>,
}

/// Last names of types of objects that refer to others on purpose: who holds one holds what it is for.
const HOLDERS: [&str; 10] = [
    "method",
    "builtin_function_or_method",
    "function",
    "partial",
    "Task",
    "Future",
    "coroutine",
    "async_generator",
    "Watcher",
    "ReferenceType",
];
/// A container with so many items is no plain attribute.
const MANY: u64 = 100;

impl<'a> Hop<'a> {
    /// `.pages: list (2433 items)`; keys may hold any text, names of types do not.
    pub fn parse(words: &'a str) -> Option<Self> {
        let (certain, words) = match words.strip_prefix("perhaps ") {
            // That of a frame is part of how it refers.
            Some(rest) if !rest.starts_with("its evaluation stack") => (false, rest),
            _ => (true, words),
        };
        let colon = match words.starts_with('[') {
            true => {
                let end = words.rfind("]: ").max(words.rfind("] × "))?;
                end + words[end..].find(": ")?
            }
            false => words.find(": ")?,
        };
        let (via, rest) = (&words[..colon], &words[colon + 2..]);
        let (class, detail) = match rest.split_once(" (") {
            Some((class, detail)) => (class, detail.strip_suffix(')')),
            None => (rest, None),
        };
        Some(Self { certain, via, class, detail })
    }

    /// Items of what it leads to, where that is a container that says so.
    pub fn items(&self) -> Option<u64> {
        let detail = self.detail?;
        let number = detail.strip_suffix(" items").or_else(|| detail.strip_suffix(" item"));
        number?.parse().ok()
    }

    /// Whether it is an item, a key or a member of the container before it.
    pub fn is_item(&self) -> bool {
        self.via.starts_with('[') || matches!(self.normal(), "a key" | "a member")
    }

    /// Whether it was there when the heap was read, and gone when its name was asked for.
    pub fn is_gone(&self) -> bool {
        self.via == "a reference that is gone since"
    }

    /// Whether it repeats, as in a chain of nodes.
    pub fn repeats(&self) -> bool {
        self.via.contains(" × ")
    }

    /// How it refers, the same for all items of a container.
    pub fn normal(&self) -> &'a str {
        match self.via.starts_with('[') {
            true => "[]",
            false => self.via.split_once(" × ").map_or(self.via, |(via, _)| via),
        }
    }

    /// The name of a local variable.
    pub fn local(&self) -> Option<&'a str> {
        self.via.strip_prefix("local ")
    }

    /// The code that what it leads to runs, of a coroutine or another frame: `main (driver.py:30)`.
    pub fn runs(&self) -> Option<&'a str> {
        let runs = ["coroutine", "generator", "async_generator", "frame"].contains(&self.class);
        self.detail.filter(|_| runs)
    }

    /// What a task waits for: `job (app.py:30) → read (app.py:12) → _asyncio.Future`.
    pub fn awaits(&self) -> Option<&'a str> {
        self.detail.filter(|_| self.class.rsplit('.').next() == Some("Task"))
    }

    /// Whether it may be the reference that should have been let go, so that no shortened path may lack it: to a
    /// callback, a task, a container with many items, or what a closure or a frame holds.
    pub fn may_decide(&self) -> bool {
        let last = self.class.rsplit('.').next().unwrap_or(self.class);
        HOLDERS.contains(&last)
            || self.items().is_some_and(|items| items >= MANY)
            || self.local().is_some()
            || self.via.starts_with("closure cell")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Address, ObjectDetail, Reference, RetainerGroup, RootKind, Via};

    fn words(via: Via, times: u64, class: &str, detail: Option<ObjectDetail>) -> String {
        let step = Reference {
            via,
            times,
            certain: false,
            address: Address(9),
            class: class.into(),
            detail,
        };
        let group = RetainerGroup {
            count: 1,
            bytes: 1,
            root: RootKind::Module,
            root_name: "module a".into(),
            outside: None,
            path: vec![step],
        };
        group.words().remove(1)
    }

    #[test]
    fn what_may_have_to_be_let_go_is_known() {
        let may = |words: &str| Hop::parse(words).is_some_and(|hop| hop.may_decide());
        for words in [
            "[0]: functools.partial",
            "a member: _asyncio.Task",
            "closure cell session: app.Session",
            ".on_change: method",
            "['x']: param.parameterized.Watcher",
            ".rooms: dict (100 items)",
            "local self: app.Server",
        ] {
            assert!(may(words), "{words}");
        }
        for words in [".conf: dict (9 items)", ".server: app.Server", "['db']: app.Database"] {
            assert!(!may(words), "{words}");
        }
    }

    proptest! {
        /// What is written can be taken apart, whatever keys and names hold.
        #[test]
        fn words_are_understood(
            key in ".{0,20}",
            index: u64,
            times in 1_u64..50,
            items: u64,
            class in "[a-zA-Z_.]{1,20}",
        ) {
            let ways = [Via::Value { key }, Via::Item { index }, Via::Member, Via::Local { name: "x".into() }];
            for via in ways {
                let is_item = !matches!(via, Via::Local { .. });
                let text = words(via.clone(), times, &class, Some(ObjectDetail::Items { count: items }));
                let hop = Hop::parse(&text).expect("a reference");
                prop_assert_eq!((hop.class, hop.items(), hop.certain), (&*class, Some(items), false));
                prop_assert!(hop.repeats() || times == 1);
                prop_assert_eq!(hop.is_item(), is_item);
            }
        }

        #[test]
        fn any_words_can_be_parsed(words in ".{0,60}") {
            if let Some(hop) = Hop::parse(&words) {
                let _ = (hop.items(), hop.normal(), hop.may_decide(), hop.runs());
            }
        }
    }
}
