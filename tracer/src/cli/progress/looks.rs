//! What somebody who waits for a census of several processes sees: a line for each, redrawn on a terminal.

use std::io::Write;

use super::block::{Block, named};
use super::{Manner, look_line};
use crate::model::HeapSnapshot;

/// Shows the scans of several processes.
pub struct ManyLooks<W> {
    block: Block<W>,
    targets: Vec<Target>,
}

struct Target {
    pid: u32,
    first: Option<f64>,
    state: String,
}

impl<W: Write> ManyLooks<W> {
    /// Shows scans on `out`.
    pub fn new(out: W, manner: Manner, pids: &[u32]) -> Self {
        let target = |&pid| Target { pid, first: None, state: "waiting …".to_owned() };
        Self { block: Block::new(out, manner), targets: pids.iter().map(target).collect() }
    }

    /// Shows one, of the process of that index.
    pub fn look(&mut self, index: usize, look: &HeapSnapshot) {
        let Some(target) = self.targets.get_mut(index) else { return };
        let first = *target.first.get_or_insert(look.at);
        target.state = look_line(look, look.at - first);
        let line = target.line();
        if self.block.manner() == Manner::Plain {
            self.block.say(&line);
        }
        let lines: Vec<String> = self.targets.iter().map(Target::line).collect();
        self.block.draw(lines.into_iter());
    }

    /// Clears the lines, so that something else can be printed.
    pub fn clear(&mut self) {
        self.block.clear();
    }
}

impl Target {
    fn line(&self) -> String {
        named(&self.pid.to_string(), &self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_has_its_line() {
        let mut out = Vec::new();
        let mut lines = ManyLooks::new(&mut out, Manner::Redrawn, &[11, 12]);
        lines.look(1, &HeapSnapshot { at: 5.0, looks: 1, objects: 7, ..HeapSnapshot::default() });
        lines.clear();
        let text = String::from_utf8(out).expect("text");
        assert!(text.starts_with("11                     waiting …\n12"), "{text}");
        assert!(text.contains("0 s: look 1, 7 objects"), "{text}");
        assert!(text.ends_with("\x1b[J"), "{text:?}");
    }
}
