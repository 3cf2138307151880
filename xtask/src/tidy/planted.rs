//! No file hides its code from the rules: each rule about code finds a breach that is planted
//! behind the declaration of the file's tests.

use std::fs;

use super::source::{Repository, Rust, SOURCES};
use super::{Finding, boundary, dependencies};
use crate::command::root;

/// Breaches in every form in which they can be written: code, the module or crate that it is about,
/// and what its finding says. `SUPER` stands for as many `super` as lead to the root of the crate.
const BREACHES: [(&str, &str, &str); 25] = [
    ("use leakspy::main::planted;\n", "", "may not name main"),
    ("use crate::{\n    main,\n    planted::{a, b},\n};\n", "", "may not name main"),
    ("use SUPER::main as planted;\n", "", "may not name main"),
    ("use SUPER::{\n    main::{self, planted},\n};\n", "", "may not name main"),
    ("fn planted() -> SUPER::main::Planted {}\n", "", "may not name main"),
    ("fn planted() { inferno::planted(); }\n", "inferno", "may not use inferno"),
    ("fn planted() { ::inferno::planted::<u8>(); }\n", "inferno", "may not use inferno"),
    ("use inferno as planted;\n", "inferno", "may not use inferno"),
    ("use {\n    planted,\n    inferno,\n};\n", "inferno", "may not use inferno"),
    ("extern crate inferno as planted;\n", "inferno", "may not use inferno"),
    ("fn planted() { tracing::info!(); }\n", "tracing", "may not use tracing"),
    ("fn planted() { println!(\"planted\"); }\n", "println", "may not use println"),
    ("fn planted() { println![\"planted\"]; }\n", "println", "may not use println"),
    ("fn planted() { std::eprint! {} }\n", "eprint", "may not use eprint"),
    ("use std::println as planted;\n", "println", "may not use println"),
    ("fn planted() { unsafe { f() } }\n", "unsafe", "may not use unsafe"),
    ("const PLANTED: &str = \"/proc/1/maps\";\n", "", "may not read /proc"),
    ("fn planted() { f(\"planted\", Path::new(\"/proc\")); }\n", "", "may not read /proc"),
    ("fn planted() { std::process::exit(1); }\n", "", "may not end the program"),
    ("use std::process::exit;\n", "", "may not end the program"),
    ("use std::{fmt, process as planted};\nfn g() { planted::exit(1) }\n", "", "may not end the"),
    ("fn planted() { std::time::Instant::now(); }\n", "", "is pure"),
    ("use std::{fmt, time::SystemTime as Planted};\n", "", "is pure"),
    ("use std::fs;\n", "", "is pure"),
    ("fn planted() { std::env::var(\"planted\"); }\n", "", "is pure"),
];
/// Who may do what has no row of its own there.
const ALLOWED: [(&str, &str); 4] = [
    ("os", "may not read /proc"),
    ("main", "may not name main"),
    ("main", "may not end the program"),
    ("main", "may not end the"),
];

#[test]
fn a_breach_is_found_in_each_file_and_behind_the_declaration_of_its_tests() {
    let repository = Repository::read().expect("a readable repository");
    let files = repository.rust.iter().filter(|file| file.module().is_some() && !file.test);
    let mut declaring = 0;
    for file in files {
        let source = fs::read_to_string(root().join(&file.path)).expect("a readable file");
        let declared = end_of_declaration(&source);
        declaring += usize::from(declared.is_some());
        for at in declared.into_iter().chain([source.len()]) {
            for (planted, name, message) in BREACHES {
                if !allowed(file.module().unwrap_or_default(), name, message) {
                    finds(&file.path, &source, at, planted, message);
                }
            }
        }
    }
    assert!(declaring >= 23, "only {declaring} files declare their tests before their code");
}

/// The byte behind the first `#[cfg(test)] mod …;`.
fn end_of_declaration(source: &str) -> Option<usize> {
    let from = source.find("\n#[cfg(test)]\n")? + "\n#[cfg(test)]\n".len();
    let line = source[from..].split_inclusive('\n').next()?;
    (line.contains("mod ") && line.ends_with(";\n")).then_some(from + line.len())
}

/// Whether this is no breach in the module `module`.
fn allowed(module: &str, name: &str, message: &str) -> bool {
    let inside =
        |(foreign, modules): &(&str, &[&str])| *foreign == name && modules.contains(&module);
    boundary::BOUNDARIES.iter().any(inside)
        || ALLOWED.contains(&(module, message))
        || (message == "is pure" && !boundary::PURE.contains(&module))
}

/// Plants a breach at byte `at`, and fails unless it is found on one of its lines.
fn finds(path: &str, source: &str, at: usize, planted: &str, message: &str) {
    let mut broken = source.to_owned();
    let inside = path.trim_start_matches(SOURCES).trim_end_matches("/mod.rs");
    let root = vec!["super"; inside.split('/').count()].join("::");
    broken.insert_str(at, &planted.replace("SUPER", &root));
    let rust = vec![Rust::new(path.to_owned(), &broken)];
    let repository = Repository { rust, ..Repository::default() };
    let first = source[..at].lines().count() + 1;
    let lines = first..first + planted.lines().count();
    let found =
        |finding: &Finding| lines.contains(&finding.line) && finding.message.contains(message);
    let mut findings =
        [dependencies::check, boundary::check].into_iter().flat_map(|rule| rule(&repository));
    assert!(findings.any(|finding| found(&finding)), "{path}:{first}: not found: {planted}");
}
