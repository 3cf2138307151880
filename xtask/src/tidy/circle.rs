//! No circles between neighbours: of two modules in one folder, at most one may lead to the other.
//!
//! A module and those inside it may name each other, as they do everywhere: they are one thing in
//! several files. Between folders of the first level `arrow` watches.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::source::{Repository, Rust};

/// Where modules begin in a repository of several programs.
const ROOTS: [&str; 3] = ["tracer/src/", "xtask/src/", "tests/src/"];

/// A path of modules, from the root of the program.
type Path = Vec<String>;

/// A use of one neighbour by another, at a place.
struct Use<'a> {
    file: &'a str,
    line: usize,
    folder: Path,
    from: String,
    to: String,
}

/// Neighbours must not lead back to each other.
pub fn check(repository: &Repository) -> Vec<Finding> {
    ROOTS.iter().flat_map(|root| check_root(root, &repository.rust)).collect()
}

fn check_root(root: &str, files: &[Rust]) -> Vec<Finding> {
    let inside = |file: &Rust| Some(module(file.path.strip_prefix(root)?));
    let modules: BTreeSet<Path> = files.iter().filter_map(inside).collect();
    let mut uses = Vec::new();
    for file in files {
        if let Some(module) = inside(file) {
            uses.extend(uses_in(file, &module, &modules));
        }
    }
    let mut next: BTreeMap<(&[String], &str), BTreeSet<&str>> = BTreeMap::new();
    for one in &uses {
        next.entry((&one.folder, &one.from)).or_default().insert(&one.to);
    }
    let back = |one: &&Use<'_>| leads(&next, &one.folder, &one.to, &one.from);
    let finding = |one: &Use<'_>| {
        let Use { from, to, .. } = one;
        let message = format!(
            "{from} names {to}, which leads back to {from}; what both need goes below them"
        );
        Finding::new(one.file, one.line, message)
    };
    let mut findings: Vec<Finding> = uses.iter().filter(back).map(finding).collect();
    // One line may name several things of the same neighbour.
    findings.dedup();
    findings
}

/// Whether one neighbour leads to another, by any way.
fn leads<'a>(
    next: &BTreeMap<(&'a [String], &'a str), BTreeSet<&'a str>>,
    folder: &'a [String],
    from: &'a str,
    to: &str,
) -> bool {
    let (mut seen, mut open) = (BTreeSet::from([from]), vec![from]);
    while let Some(at) = open.pop() {
        for &target in next.get(&(folder, at)).into_iter().flatten() {
            if target == to {
                return true;
            }
            if seen.insert(target) {
                open.push(target);
            }
        }
    }
    false
}

/// The module of a file, given from the root of its program.
fn module(file: &str) -> Path {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|name| !matches!(*name, "lib" | "main")).map(str::to_owned).collect()
}

fn uses_in<'a>(file: &'a Rust, module: &Path, modules: &BTreeSet<Path>) -> Vec<Use<'a>> {
    let mut code = String::new();
    let mut starts = Vec::new();
    for (number, line) in file.code() {
        starts.push((code.len(), number));
        code.push_str(&line.code);
        code.push('\n');
    }
    let mut uses = Vec::new();
    for (at, path) in paths(&code, module) {
        let named = (0..=path.len()).rev().find_map(|length| modules.get(&path[..length]));
        let Some(named) = named else { continue };
        let common = module.iter().zip(named).take_while(|(one, other)| one == other).count();
        // One is inside the other; or the folders of the first level differ.
        let (Some(from), Some(to)) = (module.get(common), named.get(common)) else { continue };
        if common == 0 && ROOTS.first().is_some_and(|root| file.path.starts_with(root)) {
            continue;
        }
        let line = starts.partition_point(|(start, _)| *start <= at);
        let line = starts.get(line.saturating_sub(1)).map_or(0, |(_, number)| *number);
        let folder = module[..common].to_vec();
        uses.push(Use { file: &file.path, line, folder, from: from.clone(), to: to.clone() });
    }
    uses
}

/// Every path in `code` that begins at the root, at the module above or at this one, from the root;
/// with its place.
fn paths(code: &str, module: &Path) -> Vec<(usize, Path)> {
    let mut found = Vec::new();
    for word in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(word) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|last| last == ':' || last == '_' || last.is_alphanumeric()) {
                continue;
            }
            let mut rest = &code[at + word.len()..];
            let mut base = match word {
                "crate::" => Vec::new(),
                "super::" => module[..module.len().saturating_sub(1)].to_vec(),
                _ => module.clone(),
            };
            while let Some(above) = rest.strip_prefix("super::") {
                base.pop();
                rest = above;
            }
            let mut ends = Vec::new();
            tree(rest, base, &mut ends);
            found.extend(ends.into_iter().map(|path| (at, path)));
        }
    }
    found
}

/// Reads `a::b::{c, d::e}` behind `base`; what is left of the text.
fn tree<'a>(text: &'a str, mut base: Path, found: &mut Vec<Path>) -> &'a str {
    let mut text = text.trim_start();
    loop {
        if let Some(mut group) = text.strip_prefix('{') {
            while !group.is_empty() && !group.starts_with('}') {
                let rest = tree(group, base.clone(), found);
                // An alias, a lifetime or whatever else stands before the next member.
                let end = rest.find([',', '}']).unwrap_or(rest.len());
                group = rest[end..].trim_start_matches(',').trim_start();
            }
            return group.strip_prefix('}').unwrap_or(group);
        }
        let end = text.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        if word != "self" {
            base.push(word.to_owned());
        }
        match rest.strip_prefix("::") {
            Some(deeper) => text = deeper,
            None => {
                found.push(base);
                return rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, source): &(&str, &str)| Rust::new(format!("tracer/src/{path}"), source);
        let rust = files.iter().map(file).collect();
        let repository = Repository { rust, ..Repository::default() };
        let findings = check(&repository);
        findings.iter().map(|found| format!("{}:{}", found.file, found.line)).collect()
    }

    #[test]
    fn neighbours_that_name_each_other_are_found() {
        let one = ("a/one.rs", "use super::{\n    b::C,\n    two::{D, E},\n};");
        assert_eq!(found(&[one, ("a/two.rs", ""), ("a/mod.rs", "")]), [""; 0]);
        let two = ("a/two.rs", "\nfn f() -> super::one::T {}");
        let both = ["tracer/src/a/one.rs:1", "tracer/src/a/two.rs:2"];
        assert_eq!(found(&[one, two, ("a/mod.rs", "")]), both);
    }

    #[test]
    fn a_way_back_may_be_long_and_go_through_folders() {
        let files = [
            ("a/one.rs", "use crate::a::two::X;"),
            ("a/two/deep.rs", "use super::super::three;"),
            ("a/two/mod.rs", ""),
            ("a/three.rs", "use crate::{a::one::Y, model};"),
            ("a/mod.rs", ""),
        ];
        assert_eq!(found(&files).len(), 3);
        assert_eq!(found(&files[..3]), [""; 0]);
    }

    #[test]
    fn what_is_inside_belongs_together_and_tests_may() {
        let inside = [("a/mod.rs", "use self::one::X;"), ("a/one.rs", "use super::Y;")];
        assert_eq!(found(&inside), [""; 0]);
        let one = ("a/one.rs", "use super::two::X;");
        let two = ("a/two.rs", "#[cfg(test)]\nmod tests {\n    use super::super::one::X;\n}");
        assert_eq!(found(&[one, two, ("a/mod.rs", "")]), [""; 0]);
    }
}
