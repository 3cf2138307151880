//! The files that the rules are about.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::item;
use super::lexer;
use super::line::Line;
use crate::command::root;

/// Folders that are looked into, besides the files of the root.
const FOLDERS: [&str; 6] = ["demo", "docs", "tests", "tracer", "tracer-ebpf", "xtask"];

/// Where the sources of the program are.
pub const SOURCES: &str = "tracer/src/";

/// A Rust file.
pub struct Rust {
    /// From the root of the repository.
    pub path: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Whether the whole file is tests.
    pub test: bool,
}

impl Rust {
    /// Of the file at `path` from the root, which has this content.
    pub fn new(path: String, source: &str) -> Self {
        let test = path.ends_with("/tests.rs") || path.contains("/tests/");
        Self { path, lines: lexer::lines(source), test }
    }

    /// The module of `tracer/src` that it belongs to; `main` and `lib` are modules of one file.
    pub fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix(SOURCES)?;
        let module = inside.split_once('/').map_or(inside, |(module, _)| module);
        Some(module.strip_suffix(".rs").unwrap_or(module))
    }

    /// Paths, without `.rs`, of the modules in files of their own that are compiled for tests only.
    fn test_modules(&self) -> impl Iterator<Item = String> {
        let (folder, file) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let folder = match file.trim_end_matches(".rs") {
            "mod" | "lib" | "main" => folder.to_owned(),
            name => format!("{folder}/{name}"),
        };
        let marked = self.lines.iter().filter(|line| line.test);
        marked.filter_map(item::declared_module).map(move |name| format!("{folder}/{name}"))
    }

    /// Numbered lines that are not tests.
    pub fn code(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines
            .iter()
            .enumerate()
            .filter(|(_, line)| !self.test && !line.test)
            .map(|(index, line)| (index + 1, line))
    }
}

/// A Markdown file.
pub struct Prose {
    /// From the root of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Everything that the rules check.
#[derive(Default)]
pub struct Repository {
    /// Rust files, in order of path.
    pub rust: Vec<Rust>,
    /// Markdown files, in order of path.
    pub prose: Vec<Prose>,
}

impl Repository {
    /// The one that this program belongs to.
    pub fn read() -> Result<Self> {
        let mut repository = Self::default();
        let root = root();
        repository.folder(&root, "", false)?;
        for folder in FOLDERS {
            if root.join(folder).is_dir() {
                repository.folder(&root, folder, true)?;
            }
        }
        repository.rust.sort_by(|a, b| a.path.cmp(&b.path));
        repository.mark_test_files();
        repository.prose.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(repository)
    }

    /// How many.
    pub fn files(&self) -> usize {
        self.rust.len() + self.prose.len()
    }

    /// A file is tests too where its module is declared behind `#[cfg(test)]`, and so is all below
    /// it.
    fn mark_test_files(&mut self) {
        let modules: Vec<String> = self.rust.iter().flat_map(Rust::test_modules).collect();
        for file in &mut self.rust {
            let below = |module: &String| {
                file.path
                    .strip_prefix(module.as_str())
                    .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            };
            file.test |= modules.iter().any(below);
        }
    }

    fn folder(&mut self, root: &Path, folder: &str, deep: bool) -> Result<()> {
        let path = root.join(folder);
        let entries =
            fs::read_dir(&path).with_context(|| format!("cannot list {}", path.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if entry.file_type()?.is_dir() {
                if deep && entry.file_name() != "target" {
                    self.folder(root, &path, deep)?;
                }
            } else {
                self.file(root, path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, root: &Path, path: String) -> Result<()> {
        let read =
            || fs::read_to_string(root.join(&path)).with_context(|| format!("cannot read {path}"));
        match path.rsplit_once('.').map(|(_, end)| end) {
            Some("rs") => {
                let source = read()?;
                self.rust.push(Rust::new(path, &source));
            }
            Some("md") => {
                let text = read()?;
                self.prose.push(Prose { path, text });
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_behind_the_attribute_are_tests() {
        let file = |path: &str, source| Rust::new(path.to_owned(), source);
        let declares = "#[cfg(test)]\nmod samples;\nmod place;";
        let mut repository = Repository {
            rust: vec![
                file("tracer/src/a/mod.rs", declares),
                file("tracer/src/a/place.rs", ""),
                file("tracer/src/a/samples.rs", ""),
                file("tracer/src/a/samples/more.rs", ""),
                file("tracer/src/b.rs", declares),
                file("tracer/src/b/samples.rs", ""),
                file("tracer/src/b/samples_of.rs", ""),
            ],
            ..Repository::default()
        };
        repository.mark_test_files();
        let test: Vec<bool> = repository.rust.iter().map(|file| file.test).collect();
        assert_eq!(test, [false, false, true, true, false, true, false]);
    }
}
