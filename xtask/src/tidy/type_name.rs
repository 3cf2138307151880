//! One name, one meaning: no two public types of the program and its contract share a name.

use std::collections::BTreeMap;

use super::Finding;
use super::line::Line;
use super::source::{Repository, SOURCES};

/// Where the contract and the programs are.
const CONTRACT: &str = "tracer-ebpf/src/";
const KINDS: [&str; 5] = ["struct", "enum", "union", "trait", "type"];

/// No public type may have the name of another.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mut first: BTreeMap<&str, String> = BTreeMap::new();
    let mut findings = Vec::new();
    for file in &repository.rust {
        if !file.path.starts_with(SOURCES) && !file.path.starts_with(CONTRACT) {
            continue;
        }
        for (number, line) in file.code() {
            let Some(name) = declared_type(line) else { continue };
            match first.get(name) {
                Some(place) => {
                    let message = format!("{place} has another public type called {name}");
                    findings.push(Finding::new(&file.path, number, message));
                }
                None => {
                    first.insert(name, format!("{}:{number}", file.path));
                }
            }
        }
    }
    findings
}

/// The public type that a line declares.
fn declared_type(line: &Line) -> Option<&str> {
    let code = line.code.trim_start().strip_prefix("pub")?;
    let code = match code.strip_prefix('(') {
        Some(inside) => inside.split_once(')')?.1,
        None => code,
    };
    let code = code.strip_prefix(' ')?;
    let code = code.strip_prefix("unsafe ").unwrap_or(code);
    let (kind, rest) = code.split_once(' ')?;
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    KINDS.contains(&kind).then(|| &rest[..end.unwrap_or(rest.len())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::Rust;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let rust = files.iter().map(|(path, source)| Rust::new((*path).to_owned(), source));
        let repository = Repository { rust: rust.collect(), ..Repository::default() };
        let findings = check(&repository);
        findings.iter().map(|found| format!("{}:{}", found.file, found.line)).collect()
    }

    #[test]
    fn a_name_is_given_once_in_both_crates() {
        let one = ("tracer/src/a.rs", "pub struct Row<'a> {}\npub(super) enum Kind {}");
        let other = ("tracer-ebpf/src/b.rs", "\npub struct Row;\npub trait Kind {}");
        assert_eq!(found(&[one, other]), ["tracer-ebpf/src/b.rs:2", "tracer-ebpf/src/b.rs:3"]);
        assert_eq!(found(&[one, one])[0], "tracer/src/a.rs:1");
    }

    #[test]
    fn private_types_tests_and_other_programs_may() {
        let one = ("tracer/src/a.rs", "pub struct Row;");
        let private = "struct Row;\nimpl X { type Row = u8; }\npub fn row() {}";
        assert_eq!(found(&[one, ("tracer/src/b.rs", private)]), [""; 0]);
        assert_eq!(found(&[one, ("tracer/src/b/tests.rs", one.1)]), [""; 0]);
        assert_eq!(found(&[one, ("xtask/src/b.rs", one.1)]), [""; 0]);
    }
}
