//! The files that the rules are about.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::lexer::{self, Line};
use crate::command::root;

/// Folders that are looked into, besides the files of the root.
const FOLDERS: [&str; 6] = ["demo", "docs", "tests", "tracer", "tracer-ebpf", "xtask"];

/// A Rust file.
pub struct Rust {
    /// From the root of the repository.
    pub path: String,
    /// Its lines.
    pub lines: Vec<Line>,
}

impl Rust {
    /// The room of `tracer/src` that it belongs to; `main` and `lib` are rooms of one file.
    pub fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("tracer/src/")?;
        let room = inside.split_once('/').map_or(inside, |(room, _)| room);
        Some(room.strip_suffix(".rs").unwrap_or(room))
    }

    /// Whether the whole file is tests.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Numbered lines that are not tests.
    pub fn code(&self) -> impl Iterator<Item = (usize, &Line)> {
        let test = self.is_test();
        self.lines
            .iter()
            .enumerate()
            .filter(move |(_, line)| !test && !line.test)
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

/// Everything that the rules look at.
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
        repository.prose.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(repository)
    }

    /// How many.
    pub fn files(&self) -> usize {
        self.rust.len() + self.prose.len()
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
                let lines = lexer::lines(&read()?);
                self.rust.push(Rust { path, lines });
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
