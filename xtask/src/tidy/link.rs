//! Prose that points nowhere: links and paths in documents must lead to something.

use std::path::{Component, Path, PathBuf};

use super::Finding;
use super::source::{Prose, Repository};
use crate::command::root;

/// A word in backticks that begins so is a path of the repository.
const PATH_STARTS: [&str; 6] = ["tracer/", "tracer-ebpf/", "xtask/", "tests/", "docs/", "demo/"];

/// Every link to a file or a heading of ours, and every path in backticks.
pub fn check(repository: &Repository) -> Vec<Finding> {
    repository.prose.iter().flat_map(|prose| prose_findings(prose, repository)).collect()
}

fn prose_findings(prose: &Prose, repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in outside_blocks(&prose.text) {
        for target in link_targets(line) {
            if let Some(message) = broken_link(prose, target, repository) {
                findings.push(Finding::new(&prose.path, index + 1, message));
            }
        }
        for path in line.split('`').skip(1).step_by(2).filter(|word| is_path(word)) {
            if !root().join(path).exists() {
                let message = format!("{path} does not exist");
                findings.push(Finding::new(&prose.path, index + 1, message));
            }
        }
    }
    findings
}

/// Numbered lines that are not in a fenced block.
fn outside_blocks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    })
}

/// What stands in the round brackets of `[text](target)`.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

fn is_path(word: &str) -> bool {
    PATH_STARTS.iter().any(|start| word.starts_with(start))
        && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter))
}

fn broken_link(prose: &Prose, target: &str, repository: &Repository) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(f, a)| (f, Some(a)));
    let path = if file.is_empty() {
        PathBuf::from(&prose.path)
    } else {
        let folder = Path::new(&prose.path).parent().unwrap_or(Path::new(""));
        resolved(&folder.join(file))
    };
    if !root().join(&path).exists() {
        return Some(format!("link to {target}: {} does not exist", path.display()));
    }
    let anchor = anchor?;
    let document = repository.prose.iter().find(|prose| Path::new(&prose.path) == path)?;
    let found = headings(&document.text).any(|heading| heading == anchor);
    (!found).then(|| format!("link to {target}: no such heading"))
}

/// The path without `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            part => resolved.push(part),
        }
    }
    resolved
}

/// Headings as they are in links: lower case, no punctuation, hyphens for blanks.
fn headings(text: &str) -> impl Iterator<Item = String> {
    outside_blocks(text).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|l| l.is_alphanumeric() || matches!(l, ' ' | '-' | '_'));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let page = || Prose { path: "docs/ledger.md".to_owned(), text: text.to_owned() };
        let repository = Repository { prose: vec![page()], ..Repository::default() };
        prose_findings(&page(), &repository).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn links_lead_to_files() {
        assert_eq!(found("[a](../README.md) [b](https://example.org/x)"), [""; 0]);
        assert_eq!(found("[a](gone.md)"), ["link to gone.md: docs/gone.md does not exist"]);
        assert_eq!(found("```\n[a](gone.md)\n```"), [""; 0]);
    }

    #[test]
    fn headings_are_found_by_their_link_form() {
        let text = "## What it *costs*, now\n[a](#what-it-costs-now) [b](#else)";
        assert_eq!(found(text), ["link to #else: no such heading"]);
    }

    #[test]
    fn paths_in_backticks_exist() {
        assert_eq!(
            found("`xtask/src/main.rs` and `tracer/src/gone.rs`"),
            ["tracer/src/gone.rs does not exist"]
        );
    }
}
