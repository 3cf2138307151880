//! `-p` again and again, and `--all`: which processes are meant.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::choice;
use super::exit::UsageError;
use super::options::ProcessesArgs;
use crate::os::{Process, Program};

/// What to do where a name means several.
const SEVERAL: &str = "choose one with -p PID, or take them all with --all";

/// The processes that a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// One, by a pid or a name that only it has.
    One(String),
    /// By pid, in the order in which they were named; each once.
    Several(Vec<u32>),
}

impl Selection {
    /// What `-p` says; with `--all` a name can mean several.
    ///
    /// # Errors
    /// Nothing runs under a name, or several processes do without `--all`.
    pub fn new(args: &ProcessesArgs) -> Result<Self> {
        let all = args.all;
        match &*args.pid {
            [] => Err(UsageError("give a process with -p".to_owned()).into()),
            [one] if !all => {
                choice::unambiguous(one, SEVERAL)?;
                Ok(Self::One(one.clone()))
            }
            named => {
                Ok(Self::Several(pids(named, |name| if all { every(name) } else { only(name) })?))
            }
        }
    }
}

/// Says of a single process that others do its work, unless nobody wants to know.
pub fn tell_of_workers(selector: &str, quiet: bool) {
    if !quiet && let Some(workers) = choice::unwatched_workers(selector) {
        eprintln!("leakspy: {workers}");
    }
}

fn every(name: &str) -> Result<Vec<u32>> {
    Ok(Process::matching(name)?)
}

fn only(name: &str) -> Result<Vec<u32>> {
    match name.parse() {
        Ok(pid) => Ok(vec![pid]),
        Err(_) => {
            choice::unambiguous(name, SEVERAL)?;
            Ok(vec![Process::select(name)?.pid()])
        }
    }
}

fn pids(named: &[String], meant: impl Fn(&str) -> Result<Vec<u32>>) -> Result<Vec<u32>> {
    let mut known = HashSet::new();
    let mut pids = Vec::new();
    for name in named {
        pids.extend(meant(name)?.into_iter().filter(|pid| known.insert(*pid)));
    }
    Ok(pids)
}

/// The recording of one of several processes: `app.leakspy` becomes `app.4711.leakspy`.
pub fn numbered(path: &Path, pid: u32) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{pid}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Puts workers of one program together: indices into `programs`, groups and members in the order
/// in which they come. Whoever has no program is alone.
pub fn groups(programs: &[Option<Program>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, program) in programs.iter().enumerate() {
        let sibling = |member: &usize| {
            programs[*member].as_ref().zip(program.as_ref()).is_some_and(|(a, b)| a.is_sibling(b))
        };
        match groups.iter_mut().find(|group| group.iter().any(sibling)) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(names: &[&str], all: bool) -> Result<Selection> {
        let pid = names.iter().map(|name| (*name).to_owned()).collect();
        Selection::new(&ProcessesArgs { pid, all })
    }

    #[test]
    fn one_is_one_and_several_are_pids_once() {
        let one = selected(&["no-such-process-here"], false).expect("a selection");
        assert_eq!(one, Selection::One("no-such-process-here".to_owned()));
        let two = selected(&["12", "11", "12"], false).expect("a selection");
        assert_eq!(two, Selection::Several(vec![12, 11]));
        assert_eq!(selected(&["12"], true).expect("a selection"), Selection::Several(vec![12]));
        assert!(selected(&["no-such-process-here", "1"], true).is_err());
        assert!(selected(&[], true).is_err());
    }

    #[test]
    fn names_of_recordings_get_the_pid() {
        let name = |path| numbered(Path::new(path), 4711).display().to_string();
        assert_eq!(name("app.leakspy"), "app.4711.leakspy");
        assert_eq!(name("/tmp/a.b/app"), "/tmp/a.b/app.4711");
        assert_eq!(name("day.1.leakspy"), "day.1.4711.leakspy");
    }

    #[test]
    fn workers_are_put_together() {
        let own = Program::of(std::process::id()).expect("a program");
        let programs = [Some(own.clone()), None, Some(own), None];
        assert_eq!(groups(&programs), [vec![0, 2], vec![1], vec![3]]);
    }
}
