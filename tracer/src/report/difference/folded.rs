//! Collapsed stacks with two weights, as difffolded.pl of the FlameGraph scripts writes them:
//! frames separated by semicolons, the live bytes before, the live bytes after.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Change, DifferenceExporter, Pair, changes};
use crate::report::{Options, folded};

/// The format that tools for differential flame graphs read.
pub struct DifferenceFolded;

impl DifferenceExporter for DifferenceFolded {
    fn write(&self, pair: &Pair<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let mut changes = changes(pair, options);
        changes.truncate(options.top.unwrap_or(usize::MAX));
        for (stack, (before, after)) in weights(&changes) {
            writeln!(out, "{stack} {before} {after}")?;
        }
        Ok(())
    }
}

/// Live bytes before and after by the text of a stack, in the order of the text. Stacks of
/// different domains, and frames that differ only in what is not written, can have the same text.
pub fn weights(changes: &[Change<'_>]) -> BTreeMap<String, (u64, u64)> {
    let mut weights = BTreeMap::new();
    for change in changes {
        let weight: &mut (u64, u64) = weights.entry(folded::frames(&change.frames)).or_default();
        weight.0 = weight.0.saturating_add(change.before.bytes);
        weight.1 = weight.1.saturating_add(change.after.bytes);
    }
    weights.retain(|_, weight| *weight != (0, 0));
    weights
}
