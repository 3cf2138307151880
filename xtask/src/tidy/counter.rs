//! The table of counters in `docs/ledger.md` is the list in the code.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use leakspy_ebpf::wire::counter::{Class, Counter};

use super::Finding;
use super::source::Repository;
use crate::command::root;

const FILE: &str = "docs/ledger.md";
const BEGIN: &str = "<!-- counters: written by `cargo xtask golden` -->\n";
const END: &str = "<!-- end of counters -->\n";

/// The document must hold the table that the code makes.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let text = repository.prose.iter().find(|prose| prose.path == FILE).map(|prose| &prose.text);
    let message = match text.map(|text| (text, with_table(text))) {
        None => "the counters must be documented here",
        Some((_, None)) => "the marks around the table of counters are gone",
        Some((text, Some(wanted))) if *text != wanted => {
            "the table differs from tracer-ebpf/src/wire/counter.rs; run `cargo xtask golden`"
        }
        Some(_) => return Vec::new(),
    };
    vec![Finding::new(FILE, 0, message)]
}

/// Writes the table into the document.
pub fn bless() -> Result<()> {
    let path = root().join(FILE);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
    let wanted = with_table(&text).with_context(|| format!("{FILE} has no marks for the table"))?;
    fs::write(&path, wanted).with_context(|| format!("cannot write {FILE}"))
}

fn with_table(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{}{END}{after}", table()))
}

fn table() -> String {
    let mut table = String::from("\n| counter | class | what it counts |\n|---|---|---|\n");
    for counter in Counter::ALL {
        let class = match counter.class() {
            Class::Seen => "seen",
            Class::Accounted => "accounted",
            Class::Loss => "**loss**",
            Class::Quality => "quality",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{}` | {class} | {} |", counter.name(), counter.sentence());
    }
    table.push('\n');
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_row() {
        let table = table();
        for counter in Counter::ALL {
            assert!(table.contains(&format!("| `{}` |", counter.name())));
        }
    }

    #[test]
    fn only_the_marked_part_is_replaced() {
        let text = format!("a\n{BEGIN}stale\n{END}b\n");
        let new = with_table(&text).expect("marks");
        assert!(new.starts_with(&format!("a\n{BEGIN}\n| counter")) && new.ends_with("b\n"));
        assert!(!new.contains("stale"));
        assert_eq!(with_table("no marks"), None);
    }
}
