//! What the paths of a file mean: a module or an item of its own crate, or something of another.

use std::collections::{BTreeMap, BTreeSet};

use super::path::{self, Named, Path, Usage};
use super::source::{Repository, Rust};

/// Imports of imports that are followed.
const DEPTH: usize = 16;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Inside of the crate, from its root.
    Inside(Path),
    /// To another crate, whose name is first; or to what the file itself or the language declares.
    Outside(Path),
}

/// A file's paths and what it imports.
pub struct Scope<'a> {
    /// The file.
    pub file: &'a Rust,
    /// Its module, from the root of the crate.
    pub module: Path,
    /// Its paths.
    pub paths: Vec<Named>,
    /// What it imports by name, tests left out.
    imports: BTreeMap<String, Named>,
}

impl<'a> Scope<'a> {
    /// Of a file below `root`, the folder of its crate's sources.
    pub fn new(file: &'a Rust, root: &str) -> Option<Self> {
        let module = module(file.path.strip_prefix(root)?);
        let paths = path::all(file);
        let mut imports = BTreeMap::new();
        for named in paths.iter().filter(|named| !named.test) {
            if let Usage::Import(name) = &named.usage {
                imports.entry(name.clone()).or_insert_with(|| named.clone());
            }
        }
        Some(Self { file, module, paths, imports })
    }

    /// Where a path of this file leads. `modules` are those of the crate.
    pub fn target(&self, named: &Named, modules: &BTreeSet<Path>) -> Target {
        self.target_of(&named.path, &named.inline, modules, DEPTH)
    }

    fn target_of(
        &self,
        path: &[String],
        inline: &[String],
        modules: &BTreeSet<Path>,
        depth: usize,
    ) -> Target {
        let Some((first, rest)) = path.split_first() else { return Target::Outside(Vec::new()) };
        let here = || [&self.module[..], inline].concat();
        match first.as_str() {
            "crate" | "leakspy" => return Target::Inside(rest.to_vec()),
            "self" => return Target::Inside([&here()[..], rest].concat()),
            "super" => {
                let above = path.iter().take_while(|word| *word == "super").count();
                let mut base = here();
                base.truncate(base.len().saturating_sub(above));
                return Target::Inside([&base[..], &path[above..]].concat());
            }
            _ => {}
        }
        let child = [&here()[..], std::slice::from_ref(first)].concat();
        if modules.contains(&child) {
            return Target::Inside([&child[..], rest].concat());
        }
        match self.imports.get(first).filter(|import| import.path != [first.clone()] && depth > 0) {
            Some(import) if import.path.as_slice() != path => {
                let whole = [&import.path[..], rest].concat();
                self.target_of(&whole, &import.inline, modules, depth - 1)
            }
            _ => Target::Outside(path.to_vec()),
        }
    }

    /// What is imported here under `name`, also for those who name it through this module.
    pub fn import(&self, name: &str, modules: &BTreeSet<Path>) -> Option<Target> {
        let import = self.imports.get(name)?;
        Some(self.target_of(&import.path, &import.inline, modules, DEPTH))
    }
}

/// All files of a crate, by module.
pub struct Crate<'a> {
    /// Its files.
    pub scopes: BTreeMap<Path, Scope<'a>>,
    /// Its modules.
    pub modules: BTreeSet<Path>,
}

impl<'a> Crate<'a> {
    /// The crate whose sources are below `root`.
    pub fn new(repository: &'a Repository, root: &str) -> Self {
        let scopes = repository.rust.iter().filter_map(|file| Scope::new(file, root));
        let scopes: BTreeMap<Path, Scope<'_>> =
            scopes.map(|scope| (scope.module.clone(), scope)).collect();
        let modules = scopes.keys().cloned().collect();
        Self { scopes, modules }
    }

    /// The module in which that is what a path from the root names: modules that only pass it on, by
    /// an import of their own, are followed.
    pub fn home(&self, path: &[String]) -> Option<&Path> {
        let mut path = path.to_vec();
        for _ in 0..DEPTH {
            let length =
                (0..=path.len()).rev().find(|length| self.modules.contains(&path[..*length]))?;
            let passed_on = path
                .get(length)
                .and_then(|name| self.scopes.get(&path[..length])?.import(name, &self.modules));
            match passed_on {
                Some(Target::Inside(target)) if target[..] != path[..=length] => {
                    path = [&target[..], &path[length + 1..]].concat();
                }
                _ => return self.modules.get(&path[..length]),
            }
        }
        None
    }
}

/// The module of a file, given from the root of its crate.
fn module(file: &str) -> Path {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|name| !matches!(*name, "lib" | "main")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(words: &str) -> Path {
        words.split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn targets(source: &str) -> Vec<String> {
        let file = Rust::new("tracer/src/a/b.rs".to_owned(), source);
        let scope = Scope::new(&file, "tracer/src/").expect("a file below the root");
        let modules = BTreeSet::from([path("a"), path("a::b"), path("a::b::child")]);
        let shown =
            scope.paths.iter().filter(|named| named.path.len() > 1).map(|named| {
                match scope.target(named, &modules) {
                    Target::Inside(path) => format!("/{}", path.join("/")),
                    Target::Outside(path) => path.join("/"),
                }
            });
        shown.collect()
    }

    #[test]
    fn paths_are_followed_to_the_root_and_to_other_crates() {
        assert_eq!(
            targets("crate::x; self::y; super::z; super::super::w"),
            ["/x", "/a/b/y", "/a/z", "/w"]
        );
        assert_eq!(targets("child::X; other::X"), ["/a/b/child/X", "other/X"]);
        assert_eq!(targets("mod c { super::x }"), ["/a/b/x"]);
        assert_eq!(targets("use libc as c; c::getpid()"), ["libc/getpid"]);
        assert_eq!(
            targets("use std::process; use process::exit; process::abort()"),
            ["std/process", "std/process/exit", "std/process/abort"]
        );
        assert_eq!(targets("use a::b as a; a::c()")[0], "a/b");
    }

    #[test]
    fn what_a_module_passes_on_is_at_home_elsewhere() {
        let file = |path: &str, source: &str| Rust::new(format!("tracer/src/{path}"), source);
        let rust = vec![
            file("a/mod.rs", "pub use one::X;\npub use self::one::Y as Z;\npub use X as W;"),
            file("a/one.rs", ""),
        ];
        let repository = Repository { rust, ..Repository::default() };
        let all = Crate::new(&repository, "tracer/src/");
        let home = |words| all.home(&path(words)).map(|home| home.join("::"));
        assert_eq!(home("a::X::new").as_deref(), Some("a::one"));
        assert_eq!(home("a::Z").as_deref(), Some("a::one"));
        assert_eq!(home("a::W").as_deref(), Some("a::one"));
        assert_eq!(home("a::Other").as_deref(), Some("a"));
        assert_eq!(home("b").as_deref(), None);
    }
}
