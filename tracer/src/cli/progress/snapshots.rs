//! What somebody who waits for a census of several processes sees: a line for each, redrawn on a
//! terminal.

use std::io::Write;

use super::block::{Block, named};
use super::{Manner, snapshot_line};
use crate::model::HeapSnapshot;

/// Shows the scans of several processes.
pub struct ManySnapshots<W> {
    block: Block<W>,
    targets: Vec<Target>,
}

struct Target {
    pid: u32,
    first: Option<f64>,
    state: String,
}

impl<W: Write> ManySnapshots<W> {
    /// Shows scans on `out`.
    pub fn new(out: W, manner: Manner, pids: &[u32]) -> Self {
        let target = |&pid| Target { pid, first: None, state: "waiting …".to_owned() };
        Self { block: Block::new(out, manner), targets: pids.iter().map(target).collect() }
    }

    /// Shows one, of the process of that index.
    pub fn snapshot(&mut self, index: usize, snapshot: &HeapSnapshot) {
        let Some(target) = self.targets.get_mut(index) else { return };
        let first = *target.first.get_or_insert(snapshot.at);
        target.state = snapshot_line(snapshot, snapshot.at - first);
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
        let mut lines = ManySnapshots::new(&mut out, Manner::Redrawn, &[11, 12]);
        lines.snapshot(
            1,
            &HeapSnapshot { at: 5.0, snapshots: 1, objects: 7, ..HeapSnapshot::default() },
        );
        lines.clear();
        let text = String::from_utf8(out).expect("text");
        assert!(text.starts_with("11                     waiting …\n12"), "{text}");
        assert!(text.contains("0 s: snapshot 1, 7 objects"), "{text}");
        assert!(text.ends_with("\x1b[J"), "{text:?}");
    }
}
