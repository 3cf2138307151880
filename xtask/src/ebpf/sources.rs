//! What the object is made from, as one hash.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::command::root;

/// Packages whose locked versions are part of the object.
const LOCKED: [&str; 2] = ["aya-ebpf", "aya-log-ebpf"];

/// Hash of the programs' sources, their manifest and the locked versions of what they use.
pub fn hash() -> Result<String> {
    let root = root();
    let package = root.join("tracer-ebpf");
    let mut files = Vec::new();
    collect(&package.join("src"), &mut files)?;
    files.push(package.join("Cargo.toml"));
    files.sort();

    let mut hash = Sha256::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().into_owned();
        let content =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        add(&mut hash, &name, without_tests(&content).as_bytes());
    }
    let lock = root.join("Cargo.lock");
    let lock =
        fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    for package in locked(&lock)? {
        add(&mut hash, "Cargo.lock", package.as_bytes());
    }
    Ok(hex(&hash.finalize()))
}

/// SHA-256 of `bytes` in hexadecimal digits.
pub fn hash_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// What comes before the tests of a file, which are last and no part of the object.
fn without_tests(source: &str) -> &str {
    source.split("\n#[cfg(test)]\nmod ").next().unwrap_or(source)
}

fn add(hash: &mut Sha256, name: &str, content: &[u8]) {
    hash.update(format!("{name} {}\n", content.len()));
    hash.update(content);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rust files below `folder`, except unit tests in files of their own.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The entries of `lock` for [`LOCKED`] and everything that they depend on, in order of name.
fn locked(lock: &str) -> Result<Vec<&str>> {
    let entries: Vec<(&str, &str)> = lock
        .split("[[package]]\n")
        .skip(1)
        .filter_map(|entry| Some((value(entry, "name")?, entry.trim_end())))
        .collect();
    let mut wanted: Vec<&str> = LOCKED.to_vec();
    let mut found = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        let of_name: Vec<&str> =
            entries.iter().filter(|(n, _)| *n == name).map(|(_, e)| *e).collect();
        if of_name.is_empty() {
            bail!("Cargo.lock has no package {name}");
        }
        for entry in of_name {
            if found.insert((name, entry)) {
                wanted.extend(dependencies(entry));
            }
        }
    }
    Ok(found.into_iter().map(|(_, entry)| entry).collect())
}

fn value<'a>(entry: &'a str, key: &str) -> Option<&'a str> {
    entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
}

fn dependencies(entry: &str) -> impl Iterator<Item = &str> {
    let list = entry.split_once("dependencies = [").map_or("", |(_, rest)| rest);
    list.lines()
        .take_while(|line| *line != "]")
        .filter_map(|line| line.trim().strip_prefix('"')?.trim_end_matches(',').strip_suffix('"'))
        // A version follows the name where the lock file has several.
        .filter_map(|name| name.split(' ').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"version = 4

[[package]]
name = "aya-ebpf"
version = "0.2.1"
dependencies = [
 "aya-ebpf-bindings",
 "other 1.0.0",
]

[[package]]
name = "aya-ebpf-bindings"
version = "0.2.1"

[[package]]
name = "aya-log-ebpf"
version = "0.2.0"

[[package]]
name = "clap"
version = "4.0.0"

[[package]]
name = "other"
version = "1.0.0"
"#;

    #[test]
    fn the_lock_entries_are_those_that_the_programs_reach() {
        let names: Vec<_> =
            locked(LOCK).expect("complete").into_iter().filter_map(|e| value(e, "name")).collect();
        assert_eq!(names, ["aya-ebpf", "aya-ebpf-bindings", "aya-log-ebpf", "other"]);
    }

    #[test]
    fn tests_are_no_source_of_the_object() {
        let source = "fn f() {}\n#[cfg(test)]\nextern crate std;\n";
        assert_eq!(without_tests(source), source);
        assert_eq!(without_tests(&format!("{source}\n#[cfg(test)]\nmod tests {{}}\n")), source);
    }

    #[test]
    fn a_missing_package_is_an_error() {
        assert!(locked("version = 4\n").is_err());
    }
}
