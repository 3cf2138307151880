//! No file hides its code from the rules: each rule about code finds a breach that is planted
//! behind the declaration of the file's tests.

use std::fs;

use super::source::{Repository, Rust};
use super::{Finding, boundary, dependencies};
use crate::command::root;

/// One breach for each rule about code, the name in [`boundary::BOUNDARIES`] that it is about, and
/// what its finding says.
const BREACHES: [(&str, &str, &str); 6] = [
    ("use leakspy::main::planted;\n", "", "may not name main"),
    ("fn planted() { inferno::planted(); }\n", "inferno", "may not use inferno"),
    ("fn planted() { println!(\"planted\"); }\n", "println", "may not use println"),
    ("fn planted() { unsafe { f() } }\n", "unsafe", "may not use unsafe"),
    ("const PLANTED: &str = \"/proc/1/maps\";\n", "", "may not read /proc"),
    ("fn planted() { std::process::exit(1); }\n", "", "may not end the program"),
];
/// Who may do what has no row of its own there.
const ALLOWED: [(&str, &str); 2] =
    [("os", "may not read /proc"), ("main", "may not end the program")];

#[test]
fn a_breach_behind_the_declaration_of_tests_is_found() {
    let repository = Repository::read().expect("a readable repository");
    let files = repository.rust.iter().filter(|file| file.module().is_some() && !file.test);
    let mut tried = 0;
    for file in files {
        let source = fs::read_to_string(root().join(&file.path)).expect("a readable file");
        let Some(declared) = end_of_declaration(&source) else { continue };
        tried += 1;
        for at in [declared, source.len()] {
            for (planted, name, message) in BREACHES {
                if !allowed(file.module().unwrap_or_default(), name, message) {
                    finds(&file.path, &source, at, planted, message);
                }
            }
        }
    }
    assert!(tried >= 23, "only {tried} files declare their tests before their code");
}

/// The byte behind the first `#[cfg(test)] mod …;`.
fn end_of_declaration(source: &str) -> Option<usize> {
    let from = source.find("\n#[cfg(test)]\n")? + "\n#[cfg(test)]\n".len();
    let line = source[from..].split_inclusive('\n').next()?;
    (line.contains("mod ") && line.ends_with(";\n")).then_some(from + line.len())
}

/// Whether this is no breach in the module `module`.
fn allowed(module: &str, name: &str, message: &str) -> bool {
    boundary::BOUNDARIES
        .iter()
        .any(|(foreign, modules)| *foreign == name && modules.contains(&module))
        || ALLOWED.contains(&(module, message))
}

/// Plants a breach at byte `at`, and fails unless it is found on its line.
fn finds(path: &str, source: &str, at: usize, planted: &str, message: &str) {
    let mut broken = source.to_owned();
    broken.insert_str(at, planted);
    let rust = vec![Rust::new(path.to_owned(), &broken)];
    let repository = Repository { rust, ..Repository::default() };
    let line = source[..at].lines().count() + 1;
    let found = |finding: &Finding| finding.line == line && finding.message.contains(message);
    let mut findings =
        [dependencies::check, boundary::check].into_iter().flat_map(|rule| rule(&repository));
    assert!(findings.any(|finding| found(&finding)), "{path}:{line}: not found: {planted}");
}
