//! Dependencies: which module may name which, only downwards.

use super::Finding;
use super::scope::{Crate, Scope, Target};
use super::source::{Repository, SOURCES};

/// Each module of `tracer/src`, and the modules that it may name besides itself.
pub const DEPENDENCIES: [(&str, &[&str]); 21] = [
    // Pure: no I/O, no clock.
    ("model", &[]),
    ("aggregate", &["model"]),
    ("elf", &["model"]),
    ("python", &["elf", "model"]),
    ("glibc", &["model"]),
    ("governor", &[]),
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
            "glibc",
            "governor",
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

/// Every path into another module must be an allowed dependency.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let whole = Crate::new(repository, SOURCES);
    whole.scopes.values().flat_map(|scope| file_findings(scope, &whole)).collect()
}

fn file_findings(scope: &Scope<'_>, whole: &Crate<'_>) -> Vec<Finding> {
    let file = scope.file;
    let Some(module) = file.module().filter(|module| !OF_TESTS.contains(module)) else {
        return Vec::new();
    };
    let Some((_, allowed)) = DEPENDENCIES.iter().find(|(name, _)| *name == module) else {
        let message = format!("the module {module} has no row in xtask/src/tidy/dependencies.rs");
        return vec![Finding::new(&file.path, 0, message)];
    };
    let mut findings = Vec::new();
    for named in &scope.paths {
        let Target::Inside(path) = scope.target(named, &whole.modules) else { continue };
        // A type or function of the crate's root is no module.
        let other =
            path.first().filter(|name| name.starts_with(|first: char| first.is_lowercase()));
        let Some(other) = other.map(String::as_str) else { continue };
        let for_tests = OF_TESTS.contains(&other) && named.test;
        if other != module && !allowed.contains(&other) && !for_tests {
            let message =
                format!("{module} may not name {other} (dependencies point only downwards)");
            findings.push(Finding::new(&file.path, named.line, message));
        }
    }
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::Rust;

    /// Lines and what they name, of a file that is alone.
    fn found(path: &str, source: &str) -> Vec<(usize, String)> {
        let rust = vec![Rust::new(path.to_owned(), source)];
        let findings = check(&Repository { rust, ..Repository::default() });
        findings.into_iter().map(|found| (found.line, found.message)).collect()
    }

    #[test]
    fn names_point_only_downwards() {
        assert_eq!(found("tracer/src/session/run.rs", "use crate::probe::Probes;"), []);
        let up = "// crate::os\nfn f() -> crate::os::Pid {}\nuse leakspy::{\n    cli,\n};";
        let found = found("tracer/src/model/site.rs", up);
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4]);
        assert!(found[0].1.starts_with("model may not name os"));
    }

    #[test]
    fn ways_through_the_module_above_are_followed() {
        let up = "use super::super::os;\nmod inner { use super::super::super::{os, Thing}; }";
        let lines: Vec<usize> =
            found("tracer/src/model/site.rs", up).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 2]);
        assert_eq!(found("tracer/src/model/site.rs", "use super::super::{Thing, model};"), []);
        assert_eq!(found("tracer/src/model/site.rs", "use mycrate::os; use a::crate_::b;"), []);
    }

    #[test]
    fn a_new_module_needs_a_row() {
        assert!(found("tracer/src/utils/mod.rs", "")[0].1.contains("has no row"));
    }

    #[test]
    fn dependencies_make_no_circle() {
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
