//! What changed between two recordings, or between two moments of one.
//!
//! Stacks are the same when a reader sees the same: the domain, and function, file, line and
//! library of every frame that is shown. Addresses say nothing, because they differ in every run.

mod folded;
mod json;
mod moment;
mod note;
mod svg;
mod text;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use serde::Serialize;

use super::stacks::{self, Stack};
use super::{Format, Options};
use crate::model::{Amount, Document, Domain, Frame, FrameIdentity};

pub use moment::document_at;

/// Two documents to compare.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The earlier one, or the one that is held against.
    pub before: Side<'a>,
    /// The later one.
    pub after: Side<'a>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// What the reader calls it, such as the name of its file: data from outside.
    pub name: &'a str,
    /// What it holds.
    pub document: &'a Document,
}

/// A way to print what changed.
pub trait DifferenceExporter: Sync {
    /// Writes all that changed within `pair` and that `options` ask for.
    ///
    /// # Errors
    /// Only those of `out`: every two documents can be compared.
    fn write(&self, pair: &Pair<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()>;
}

/// A row of the table of formats for differences.
pub type DifferenceFormat = Format<dyn DifferenceExporter>;

/// Every format for differences, the default first.
pub static DIFFERENCES: &[DifferenceFormat] = &[
    Format {
        name: "text",
        suffix: "txt",
        help: "A page to read: which stacks grew and which shrank, largest change first",
        exporter: &text::DifferenceText,
    },
    Format {
        name: "json",
        suffix: "json",
        help: "Every stack before and after, as one JSON object (schema 1)",
        exporter: &json::DifferenceJson,
    },
    Format {
        name: "folded",
        suffix: "folded",
        help: "One line per stack, its live bytes before and after, for flame graph tools",
        exporter: &folded::DifferenceFolded,
    },
    Format {
        name: "diff-svg",
        suffix: "svg",
        help: "A flame graph of live bytes after, red where they grew, blue where they shrank",
        exporter: &svg::DifferenceSvg,
    },
];

/// What became of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It had nothing live before.
    New,
    /// It has more bytes, or as many in more blocks.
    Grew,
    /// It has fewer bytes, or as many in fewer blocks.
    Shrank,
    /// It has nothing live any more.
    Gone,
    /// It has what it had.
    Same,
}

/// One stack before and after.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// The frames to show, root first.
    pub frames: Vec<&'a Frame>,
    /// Allocator family.
    pub domain: Domain,
    /// What it had live.
    pub before: Amount,
    /// What it has live.
    pub after: Amount,
    /// The allocator functions that were called.
    pub allocators: BTreeSet<&'a str>,
    /// Ids of the sites that look like this.
    pub sites: BTreeSet<&'a str>,
}

impl Change<'_> {
    /// What became of it.
    pub fn fate(&self) -> Fate {
        match self.after.cmp(&self.before) {
            std::cmp::Ordering::Equal => Fate::Same,
            _ if self.before.is_nothing() => Fate::New,
            _ if self.after.is_nothing() => Fate::Gone,
            std::cmp::Ordering::Greater => Fate::Grew,
            std::cmp::Ordering::Less => Fate::Shrank,
        }
    }

    /// By how much, whatever the direction: bytes, then blocks.
    fn size(&self) -> (u64, u64) {
        let Self { before, after, .. } = self;
        (before.bytes.abs_diff(after.bytes), before.count.abs_diff(after.count))
    }
}

/// Every stack that has something live on either side, largest change first. The order depends on
/// the contents alone.
pub fn changes<'a>(pair: &Pair<'a>, options: &Options) -> Vec<Change<'a>> {
    let mut known: HashMap<StackAppearance<'a>, Change<'a>> = HashMap::new();
    for (is_after, side) in [(false, pair.before), (true, pair.after)] {
        for stack in stacks::ranked(side.document, options) {
            let change = known.entry(appearance(&stack)).or_insert_with(|| Change::unknown(&stack));
            change.allocators.extend(&stack.allocators);
            change.sites.extend(&stack.sites);
            *(if is_after { &mut change.after } else { &mut change.before }) = stack.live;
        }
    }
    let mut changes: Vec<(StackAppearance<'a>, Change<'a>)> = known.into_iter().collect();
    changes.sort_by(|(a_appearance, a), (b_appearance, b)| {
        Reverse(a.size()).cmp(&Reverse(b.size())).then_with(|| a_appearance.cmp(b_appearance))
    });
    changes.into_iter().map(|(_, change)| change).collect()
}

/// What a reader sees of a stack.
type StackAppearance<'a> = (Domain, Vec<FrameIdentity<'a>>);

fn appearance<'a>(stack: &Stack<'a>) -> StackAppearance<'a> {
    (stack.domain, stack.frames.iter().map(|frame| frame.identity()).collect())
}

impl<'a> Change<'a> {
    /// A stack of which nothing is known yet.
    fn unknown(stack: &Stack<'a>) -> Self {
        Self {
            frames: stack.frames.clone(),
            domain: stack.domain,
            before: Amount::default(),
            after: Amount::default(),
            allocators: BTreeSet::new(),
            sites: BTreeSet::new(),
        }
    }
}

/// What all of `changes` had and have.
fn totals(changes: &[Change<'_>]) -> (Amount, Amount) {
    changes.iter().fold(<(Amount, Amount)>::default(), |(before, after), change| {
        (before.plus(change.before), after.plus(change.after))
    })
}
