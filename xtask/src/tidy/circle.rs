//! No circles between neighbours: of two modules in one folder, at most one may lead to the other.
//!
//! A module and those inside it may name each other, as they do everywhere: they are one thing in
//! several files. Between folders of the first level `dependencies` watches.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::path::Path;
use super::scope::{Crate, Scope, Target};
use super::source::{Repository, SOURCES};

/// Where modules begin in a repository of several programs.
const ROOTS: [&str; 3] = [SOURCES, "xtask/src/", "tests/src/"];

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
    ROOTS.iter().flat_map(|root| check_root(root, repository)).collect()
}

fn check_root(root: &str, repository: &Repository) -> Vec<Finding> {
    let whole = Crate::new(repository, root);
    let uses: Vec<Use<'_>> =
        whole.scopes.values().flat_map(|scope| uses_in(scope, &whole, root)).collect();
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
    findings.sort_by(|a, b| (&a.file, a.line, &a.message).cmp(&(&b.file, b.line, &b.message)));
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

fn uses_in<'a>(scope: &Scope<'a>, whole: &Crate<'_>, root: &str) -> Vec<Use<'a>> {
    let module = &scope.module;
    let mut uses = Vec::new();
    for named in scope.paths.iter().filter(|named| !named.test) {
        let Target::Inside(path) = scope.target(named, &whole.modules) else { continue };
        let Some(home) = whole.home(&path) else { continue };
        let common = module.iter().zip(home).take_while(|(one, other)| one == other).count();
        // One is inside the other; or the folders of the first level differ.
        let (Some(from), Some(to)) = (module.get(common), home.get(common)) else { continue };
        if common == 0 && root == SOURCES {
            continue;
        }
        let folder = module[..common].to_vec();
        let (from, to) = (from.clone(), to.clone());
        uses.push(Use { file: &scope.file.path, line: named.line, folder, from, to });
    }
    uses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::Rust;

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
        let both = ["tracer/src/a/one.rs:3", "tracer/src/a/two.rs:2"];
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
    fn what_a_module_passes_on_is_where_it_is_made() {
        let above = ("a/mod.rs", "pub use one::X;\npub use two::Y;");
        let files = [above, ("a/one.rs", "use super::Y;"), ("a/two.rs", "use crate::a::X;")];
        assert_eq!(found(&files), ["tracer/src/a/one.rs:1", "tracer/src/a/two.rs:1"]);
        assert_eq!(found(&files[..2]), [""; 0]);
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
