//! Collapsed stacks: one line per stack, frames separated by semicolons, then the live bytes.

use std::io::{self, Write};

use super::stacks::{self, Stack};
use super::{Exporter, Options, label};
use crate::model::{Document, Frame};

/// The format that flame graph tools read.
pub struct Folded;

impl Exporter for Folded {
    fn write(&self, document: &Document, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let stacks = stacks::ranked(document, options);
        for line in lines(options.shown(&stacks)) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

/// One line per stack that holds any bytes.
pub(super) fn lines(stacks: &[Stack<'_>]) -> Vec<String> {
    stacks
        .iter()
        .filter(|stack| stack.live.bytes > 0)
        .map(|stack| format!("{} {}", frames(&stack.frames), stack.live.bytes))
        .collect()
}

/// The frames of one line.
pub(super) fn frames(frames: &[&Frame]) -> String {
    if frames.is_empty() {
        return "(no stack)".to_owned();
    }
    let labels: Vec<String> = frames.iter().map(|frame| label::folded(frame)).collect();
    labels.join(";")
}
