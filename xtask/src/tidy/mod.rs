//! The rules that a machine can check. They run as an ordinary test too.

mod boundary;
mod circle;
mod counter;
mod dependencies;
mod item;
mod lexer;
mod line;
mod link;
mod path;
#[cfg(test)]
mod planted;
mod scope;
mod size;
mod source;
mod type_name;

use std::fmt;

use anyhow::{Result, bail};

use source::Repository;

/// Options of `cargo xtask tidy`.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Also list files of more than 400 lines, which is no fault by itself.
    #[arg(long)]
    long_files: bool,
}

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// From the root of the repository.
    file: String,
    /// Counted from 1; 0 where the whole file is meant.
    line: usize,
    /// What is wrong, and what to do.
    message: String,
}

impl Finding {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Runs the task.
pub fn run_task(options: &Options) -> Result<()> {
    let repository = Repository::read()?;
    if options.long_files {
        for (lines, file) in size::long_files(&repository) {
            println!("{file}: {lines} lines");
        }
    }
    let findings = findings(&repository);
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} broken rules", findings.len());
    }
    println!("tidy: {} files follow the rules", repository.files());
    Ok(())
}

/// Writes the parts of documents that are made from code.
pub fn bless() -> Result<()> {
    counter::bless()
}

fn findings(repository: &Repository) -> Vec<Finding> {
    let rules = [
        dependencies::check,
        circle::check,
        boundary::check,
        link::check,
        counter::check,
        size::check,
        type_name::check,
    ];
    rules.iter().flat_map(|rule| rule(repository)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_keeps_its_rules() {
        let findings = findings(&Repository::read().expect("a readable repository"));
        let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(shown.is_empty(), "\n{}", shown.join("\n"));
    }
}
