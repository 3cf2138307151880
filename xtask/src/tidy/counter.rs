//! The table of counters in `docs/ledger.md` is the list in the code.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use leakspy_ebpf::wire::counter::{Counter, CounterClass};

use super::Finding;
use super::source::{Repository, Rust};
use crate::command::root;

const FILE: &str = "docs/ledger.md";
/// Where the equations are in code, and the heading under which they are in the document.
const EQUATIONS: &str = "tracer/src/report/ledger.rs";
const HEADING: &str = "## The equations\n";
const BEGIN: &str = "<!-- counters: written by `cargo xtask golden` -->\n";
const END: &str = "<!-- end of counters -->\n";

/// The document must hold the table that the code makes, and name no other counter.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let Some(prose) = repository.prose.iter().find(|prose| prose.path == FILE) else {
        return vec![Finding::new(FILE, 0, "the counters must be documented here")];
    };
    let table = match with_table(&prose.text) {
        None => Some("the marks around the table of counters are gone"),
        Some(wanted) if prose.text != wanted => {
            Some("the table differs from tracer-ebpf/src/wire/counter.rs; run `cargo xtask golden`")
        }
        Some(_) => None,
    };
    let table = table.map(|message| Finding::new(FILE, 0, message));
    let equations = repository.rust.iter().find(|file| file.path == EQUATIONS);
    let forgotten = equations.map_or_else(Vec::new, |code| forgotten_terms(code, &prose.text));
    table.into_iter().chain(unknown_names(&prose.text)).chain(forgotten).collect()
}

/// Counters in the equations of the code that the document's equations do not name.
fn forgotten_terms(code: &Rust, text: &str) -> Vec<Finding> {
    let section = text.split_once(HEADING).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    let terms = code.code().flat_map(|(_, line)| line.text.lines());
    terms
        .filter(|term| Counter::ALL.iter().any(|counter| counter.name() == *term))
        .filter(|term| !section.contains(&format!("`{term}`")))
        .map(|term| Finding::new(FILE, 0, format!("the equations lack {term}, see {EQUATIONS}")))
        .collect()
}

/// Words in backticks that look like a counter and are none.
fn unknown_names(text: &str) -> Vec<Finding> {
    let looks_like_one = |word: &str| {
        word.contains('_')
            && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
    };
    let is_none = |word: &str| Counter::ALL.iter().all(|counter| counter.name() != word);
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for word in line.split('`').skip(1).step_by(2) {
            if looks_like_one(word) && is_none(word) {
                findings.push(Finding::new(FILE, index + 1, format!("{word} is no counter")));
            }
        }
    }
    findings
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
            CounterClass::Seen => "seen",
            CounterClass::Accounted => "accounted",
            CounterClass::Loss => "**loss**",
            CounterClass::Quality => "quality",
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
    fn a_counter_that_is_gone_is_noticed() {
        let found =
            unknown_names("`alloc_calls` and\n`alloc_hopes`, `cargo xtask`, `tracer/x_y.rs`");
        assert_eq!(found, [Finding::new(FILE, 2, "alloc_hopes is no counter")]);
    }

    #[test]
    fn a_term_that_the_document_forgot_is_noticed() {
        let source = "const E: [&str; 2] = [\"alloc_calls\", \"free_calls\"];";
        let code = Rust::new(EQUATIONS.to_owned(), source);
        let found =
            forgotten_terms(&code, &format!("{HEADING}`alloc_calls`\n## More\n`free_calls`"));
        assert_eq!(found.len(), 1);
        assert!(found[0].message.starts_with("the equations lack free_calls"));
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
