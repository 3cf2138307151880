//! Boundaries: which modules may name which foreign crate, touch `/proc`, print, be unsafe.

use super::Finding;
use super::source::{Repository, Rust};

/// A name in code, and the modules of `tracer/src` where it may stand.
pub const BOUNDARIES: [(&str, &[&str]); 34] = [
    ("aya", &["probe"]),
    ("aya_log", &["probe"]),
    ("aya_obj", &["probe"]),
    ("blazesym", &["symbolize"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("flate2", &["report"]),
    ("framehop", &["symbolize"]),
    ("gimli", &["elf", "symbolize"]),
    ("globset", &["judge"]),
    // Decoding instructions is pure: where to probe, what a caller calls, where a key is kept.
    ("iced_x86", &["probe", "python", "symbolize"]),
    ("inferno", &["report"]),
    ("jiff", &["report"]),
    ("libc", &["os", "probe"]),
    // Only to hand on what the eBPF programs say.
    ("log", &["probe"]),
    ("memmap2", &["os", "symbolize"]),
    ("notosans", &["plot"]),
    // `os` only implements its trait for sources of bytes.
    ("object", &["elf", "os", "symbolize"]),
    ("plotters", &["plot"]),
    ("png", &["plot"]),
    ("prost", &["report"]),
    ("rusqlite", &["store"]),
    ("tempfile", &["cli"]),
    ("tokio", &["probe", "session", "cli", "main"]),
    ("tracing", &["cli", "probe", "session"]),
    ("tracing_log", &["cli"]),
    ("tracing_subscriber", &["cli"]),
    ("unicode_width", &["report"]),
    ("println", &["cli", "main"]),
    ("print", &["cli", "main"]),
    ("eprintln", &["cli", "main"]),
    ("eprint", &["cli", "main"]),
    // In `session` it is tokio's way to watch a descriptor.
    ("unsafe", &["os", "probe", "session", "symbolize"]),
];

/// Every foreign name must stay inside its boundary.
pub fn check(repository: &Repository) -> Vec<Finding> {
    repository.rust.iter().flat_map(|file| file_findings(file).unwrap_or_default()).collect()
}

fn file_findings(file: &Rust) -> Option<Vec<Finding>> {
    let module = file.module()?;
    let mut findings = Vec::new();
    for (number, line) in file.code() {
        for (name, modules) in BOUNDARIES {
            if !modules.contains(&module) && names(&line.code, name) {
                let message =
                    format!("{module} may not use {name}; its boundary is {}", modules.join(", "));
                findings.push(Finding::new(&file.path, number, message));
            }
        }
        // What `probe` tries out on its own process is no question about a target.
        let tries = module == "probe" && line.text.starts_with("/proc/self/");
        if module != "os" && line.text.starts_with("/proc/") && !tries {
            let message = format!("{module} may not read /proc; its boundary is os");
            findings.push(Finding::new(&file.path, number, message));
        }
        if module != "main" && line.code.contains("process::exit(") {
            let message = format!("{module} may not end the program; only main does");
            findings.push(Finding::new(&file.path, number, message));
        }
    }
    Some(findings)
}

/// Whether `code` uses `name` as a crate, a macro or a keyword, and not as a field or a part of a
/// word.
fn names(code: &str, name: &str) -> bool {
    let part_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let whole = !before.is_some_and(|last| part_of_word(last) || matches!(last, '.' | ':'))
            && !after.starts_with(part_of_word);
        let used = after.starts_with("::") || after.starts_with("!(") || after.starts_with(";");
        whole && (used || name == "unsafe")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, source: &str) -> Vec<usize> {
        let file = Rust::new(path.to_owned(), source);
        file_findings(&file).unwrap_or_default().into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn foreign_names_stand_behind_their_door() {
        let source =
            "use libc::getpid;\nlet path = \"/proc/self\";\nunsafe { f() }\nprintln!(\"\");";
        assert_eq!(found("tracer/src/os/process.rs", source), [4]);
        assert_eq!(found("tracer/src/model/site.rs", source), [1, 2, 3, 4]);
        assert_eq!(found("tracer/src/probe/x.rs", "a(\"/proc/self/exe\");\nb(\"/proc/1\");"), [2]);
    }

    #[test]
    fn words_that_look_like_it_are_not_it() {
        let source =
            "self.object.read();\nlet object = 1;\nmodel::object::X;\nunsafely();\n// libc::x";
        assert_eq!(found("tracer/src/model/site.rs", source), [0; 0]);
    }

    #[test]
    fn tests_may() {
        assert_eq!(found("tracer/src/model/site.rs", "#[cfg(test)]\nuse libc::getpid;"), [0; 0]);
        assert_eq!(found("tracer/src/model/tests.rs", "use libc::getpid;"), [0; 0]);
    }

    #[test]
    fn only_main_ends_the_program() {
        assert_eq!(found("tracer/src/cli/mod.rs", "std::process::exit(1);"), [1]);
    }
}
