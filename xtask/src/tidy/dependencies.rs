//! Dependencies: which module may name which, only downwards.

use super::Finding;
use super::source::{Repository, Rust};

/// Each module of `tracer/src`, and the modules that it may name besides itself.
pub const DEPENDENCIES: [(&str, &[&str]); 19] = [
    // Pure: no I/O, no clock.
    ("model", &[]),
    ("aggregate", &["model"]),
    ("elf", &["model"]),
    ("python", &["elf", "model"]),
    ("growth", &["model"]),
    ("heap", &["python", "model"]),
    ("history", &["model"]),
    ("plot", &["model"]),
    ("leak_scan", &["model"]),
    ("report", &["plot", "model"]),
    // Patterns are compared with names as reports write them.
    ("judge", &["report", "growth", "model"]),
    // The outside world.
    ("os", &["elf", "model"]),
    ("probe", &["os", "elf", "model"]),
    ("symbolize", &["os", "python", "elf", "model"]),
    ("store", &["history", "model"]),
    // The running program.
    (
        "session",
        &[
            "probe",
            "symbolize",
            "store",
            "os",
            "heap",
            "leak_scan",
            "history",
            "python",
            "elf",
            "aggregate",
            "model",
        ],
    ),
    (
        "cli",
        &[
            "session",
            "report",
            "plot",
            "history",
            "judge",
            "probe",
            "symbolize",
            "store",
            "os",
            "python",
            "elf",
            "model",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// Modules that only tests use; any test may name them.
const OF_TESTS: [&str; 1] = ["golden"];

/// Every `crate::MODULE` must be an allowed dependency.
pub fn check(repository: &Repository) -> Vec<Finding> {
    repository.rust.iter().flat_map(|file| file_findings(file).unwrap_or_default()).collect()
}

fn file_findings(file: &Rust) -> Option<Vec<Finding>> {
    let module = file.module()?;
    if OF_TESTS.contains(&module) {
        return None;
    }
    let Some((_, allowed)) = DEPENDENCIES.iter().find(|(name, _)| *name == module) else {
        let message = format!("the module {module} has no row in xtask/src/tidy/dependencies.rs");
        return Some(vec![Finding::new(&file.path, 0, message)]);
    };
    let mut findings = Vec::new();
    for (index, line) in file.lines.iter().enumerate() {
        for named in named_modules(&line.code) {
            let for_tests = OF_TESTS.contains(&named) && (line.test || file.test);
            if named != module && !allowed.contains(&named) && !for_tests {
                let message =
                    format!("{module} may not name {named} (dependencies point only downwards)");
                findings.push(Finding::new(&file.path, index + 1, message));
            }
        }
    }
    Some(findings)
}

/// First segments after `crate::` or, in the program, `leakspy::`; also in groups.
fn named_modules(code: &str) -> Vec<&str> {
    let mut modules = Vec::new();
    for start in ["crate::", "leakspy::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|last| last.is_alphanumeric() || last == '_' || last == ':') {
                continue;
            }
            let rest = &code[at + start.len()..];
            match rest.strip_prefix('{') {
                Some(group) => modules.extend(group_members(group)),
                None => modules.push(word(rest)),
            }
        }
    }
    // A type or function of the crate's root is no module.
    modules.retain(|module| module.starts_with(|first: char| first.is_ascii_lowercase()));
    modules
}

/// First segments of the members of a `{…}` group whose opening brace is already read.
fn group_members(group: &str) -> Vec<&str> {
    let mut members = vec![word(group.trim_start())];
    let mut depth = 0;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => members.push(word(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    members
}

fn word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, source: &str) -> Rust {
        Rust::new(path.to_owned(), source)
    }

    #[test]
    fn names_point_only_downwards() {
        let down = file("tracer/src/session/run.rs", "use crate::probe::Probes;");
        assert_eq!(file_findings(&down).map(|found| found.len()), Some(0));
        let up = file("tracer/src/model/site.rs", "// crate::os\nfn f() -> crate::os::Pid {}");
        let found = file_findings(&up).expect("a module");
        assert_eq!(found[0].line, 2);
        assert!(found[0].message.starts_with("model may not name os"));
    }

    #[test]
    fn groups_are_read() {
        assert_eq!(named_modules("use crate::{model::{a, b}, os, Thing};"), ["model", "os"]);
        assert_eq!(named_modules("use mycrate::os; use a::crate_::b;"), [""; 0]);
    }

    #[test]
    fn a_new_room_needs_a_row() {
        let found = file_findings(&file("tracer/src/utils/mod.rs", "")).expect("a module");
        assert!(found[0].message.contains("has no row"));
    }

    #[test]
    fn arrows_make_no_circle() {
        for (index, (module, allowed)) in DEPENDENCIES.iter().enumerate() {
            for named in *allowed {
                let at = DEPENDENCIES
                    .iter()
                    .position(|(name, _)| name == named)
                    .expect("a known module");
                assert!(at < index, "{module} names {named}, which is above it");
            }
        }
    }
}
