//! Files and names that have grown out of shape.

use super::Finding;
use super::source::Repository;

const LINES: usize = 400;
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "common", "helpers", "manager"];

/// Rust files of more than [`LINES`] lines, the longest first. A place to look, not a fault.
pub fn long_files(repository: &Repository) -> Vec<(usize, &str)> {
    let mut long: Vec<_> = repository
        .rust
        .iter()
        .map(|file| (file.lines.len(), file.path.as_str()))
        .filter(|(lines, _)| *lines > LINES)
        .collect();
    long.sort_by(|a, b| b.cmp(a));
    long
}

/// A file is named for what it knows.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let named = |path: &str| {
        path.split('/')
            .find(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs")))
            .map(str::to_owned)
    };
    repository
        .rust
        .iter()
        .filter_map(|file| Some((file, named(&file.path)?)))
        .map(|(file, name)| {
            Finding::new(&file.path, 0, format!("{name} says nothing; name it for what it knows"))
        })
        .collect()
}
