//! A differential flame graph: the width of a frame is what is live after, its colour is what
//! changed. After Brendan Gregg, "Differential Flame Graphs" (2014).

use std::io::{self, Write};

use super::{Change, DifferenceExporter, Fate, Pair, changes, folded, totals};
use crate::report::{Options, escape, quantity, svg};

/// A differential flame graph.
pub struct DifferenceSvg;

/// inferno multiplies a difference by 150 in 64 bits with a sign; this leaves room for it.
const MOST_BITS: u32 = 55;

impl DifferenceExporter for DifferenceSvg {
    fn write(&self, pair: &Pair<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let mut changes = changes(pair, options);
        let subtitle = subtitle(&changes);
        changes.truncate(options.top.unwrap_or(usize::MAX));
        let (before, after) = (pair.before.name, pair.after.name);
        let title = format!("Live memory of {after}, against {before}");
        let title = escape::terminal(&title);
        let weights = folded::weights(&changes);
        let shift = shift(weights.values().copied());
        let lines: Vec<String> = weights
            .iter()
            .map(|(stack, (before, after))| {
                format!("{stack} {} {}", before >> shift, after >> shift)
            })
            .collect();
        if weights.values().all(|(_, after)| after >> shift == 0) {
            return svg::write_empty(&title, "Nothing is live after.", out);
        }
        svg::write_difference(&title, &subtitle, &lines, shift, options, out)
    }
}

/// By how many bits the weights must be shifted so that all of them together have [`MOST_BITS`].
fn shift(weights: impl Iterator<Item = (u64, u64)>) -> u32 {
    let all: u128 = weights.map(|(before, after)| u128::from(before) + u128::from(after)).sum();
    (u128::BITS - all.leading_zeros()).saturating_sub(MOST_BITS)
}

fn subtitle(changes: &[Change<'_>]) -> String {
    let (before, after) = totals(changes);
    let change = quantity::change(before.bytes, after.bytes);
    let sizes = quantity::span(before.bytes, after.bytes);
    let mut subtitle = format!(
        "{change} ({sizes}); red: grew, blue: shrank, by the innermost frame; width: live bytes after"
    );
    let gone: Vec<&Change<'_>> =
        changes.iter().filter(|change| change.fate() == Fate::Gone).collect();
    if !gone.is_empty() {
        let bytes = gone.iter().map(|change| change.before.bytes);
        let bytes = quantity::bytes(bytes.fold(0, u64::saturating_add));
        subtitle.push_str(&format!("; gone and without width: {bytes}"));
    }
    subtitle
}
