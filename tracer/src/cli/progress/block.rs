//! Lines that are redrawn in place, as many as there are targets.

use std::io::Write;

use super::{COLUMNS, Manner, folded};
use crate::report::{escape, width};

/// Lines that are redrawn; hardly any terminal has less.
pub const LINES: usize = 20;
/// Columns for the name of a target.
const NAME: usize = 22;

/// Some lines at the end of what was printed.
pub struct Block<W> {
    out: W,
    manner: Manner,
    /// Lines on the terminal that are to be redrawn.
    drawn: usize,
}

impl<W: Write> Block<W> {
    /// Nothing on `out` yet.
    pub fn new(out: W, manner: Manner) -> Self {
        Self { out, manner, drawn: 0 }
    }

    /// How progress is shown.
    pub fn manner(&self) -> Manner {
        self.manner
    }

    /// Clears the lines, so that something else can be printed.
    pub fn clear(&mut self) {
        if self.drawn > 0 {
            // To the first of the lines, and all below it gone.
            self.put(&format!("\x1b[{}F\x1b[J", self.drawn));
            self.drawn = 0;
        }
    }

    /// A line that stays, whatever the manner.
    pub fn say(&mut self, text: &str) {
        self.clear();
        self.put(&format!("{}\n", escape::terminal(text)));
    }

    /// Text that stays, unless nobody wants to see any: in lines that fit on a terminal, in one line
    /// elsewhere.
    pub fn words(&mut self, text: &str) {
        match self.manner {
            Manner::Quiet => {}
            Manner::Plain => self.say(text),
            Manner::Redrawn => {
                self.clear();
                self.put(&format!("{}\n", folded(text).join("\n")));
            }
        }
    }

    /// Draws these lines in place of those before, where lines can be redrawn.
    pub fn draw(&mut self, lines: impl ExactSizeIterator<Item = String>) {
        if self.manner != Manner::Redrawn {
            return;
        }
        self.clear();
        let hidden = lines.len().saturating_sub(LINES);
        let mut shown: Vec<String> = lines.take(LINES).collect();
        if hidden > 0 {
            shown.push(format!("and {hidden} more"));
        }
        if !shown.is_empty() {
            shown.push("(Ctrl-C ends)".to_owned());
        }
        self.drawn = shown.len();
        self.put(&shown.iter().map(|line| format!("{line}\n")).collect::<String>());
    }

    fn put(&mut self, text: &str) {
        // Progress that cannot be shown is no reason to stop the work.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// The line of a target, at most [`COLUMNS`] wide: one that is wrapped cannot be redrawn.
pub fn named(name: &str, state: &str) -> String {
    let name = width::cut_end(&escape::terminal(name), NAME);
    let padding = NAME.saturating_sub(width::columns(&name));
    width::cut_end(&format!("{name}{:padding$} {state}", ""), COLUMNS)
}
