//! A name that several processes have, and a process whose work others do: what is said, so that the
//! right ones can be named.

use anyhow::{Result, anyhow};

use crate::os::{Candidate, Process};
use crate::report::escape;
use crate::report::quantity::{bytes, counted};
use crate::report::width::{columns, cut_end};
use crate::session::python_version;

/// What to do where only one can be meant.
pub const ONE: &str = "choose one with -p PID";
/// Rows of a list.
const MOST: usize = 30;
/// Columns of a command line.
const COMMAND: usize = 100;

/// Refuses a name that several processes have, after a list of them on standard error. A pid, and a
/// name that one process has or none, is left to whoever opens it.
///
/// # Errors
/// Several processes have the name; or they cannot be listed.
pub fn unambiguous(name: &str, advice: &str) -> Result<()> {
    if name.parse::<u32>().is_ok() {
        return Ok(());
    }
    let candidates = Process::candidates(name)?;
    if candidates.len() < 2 {
        return Ok(());
    }
    let rows: Vec<[String; 6]> = candidates
        .iter()
        .take(MOST)
        .map(|one| row(one, &candidates, python_version(one.pid)))
        .collect();
    for line in table(&rows) {
        eprintln!("{line}");
    }
    if candidates.len() > MOST {
        eprintln!("and {} more", candidates.len() - MOST);
    }
    Err(anyhow!("{} processes are called {name:?}: {advice}", candidates.len()))
}

const HEADINGS: [&str; 6] = ["PID", "PARENT", "ROLE", "MEMORY", "PYTHON", "COMMAND"];

fn row(one: &Candidate, all: &[Candidate], python: Option<String>) -> [String; 6] {
    [
        one.pid.to_string(),
        one.parent.to_string(),
        role(one, all),
        bytes(one.rss_bytes),
        python.unwrap_or_else(|| "-".to_owned()),
        cut_end(&escape::terminal(brief(&one.command)), COMMAND),
    ]
}

/// A command line without the folder of its program, which is rarely what tells two apart.
fn brief(command: &str) -> &str {
    let program = command.split(' ').next().unwrap_or_default();
    let folder = program.rfind('/').map_or(0, |slash| slash + 1);
    &command[folder..]
}

/// `parent of 3` for whoever has started others of the list, `worker` for those.
fn role(one: &Candidate, all: &[Candidate]) -> String {
    let workers = all.iter().filter(|other| other.parent == one.pid).count();
    let has_parent = all.iter().any(|other| other.pid == one.parent);
    match (workers, has_parent) {
        (0, false) => "-".to_owned(),
        (0, true) => "worker".to_owned(),
        (workers, _) => format!("parent of {workers}"),
    }
}

/// Rows below their headings, in columns as wide as they need.
fn table(rows: &[[String; 6]]) -> Vec<String> {
    let headings = HEADINGS.map(str::to_owned);
    let all = || std::iter::once(&headings).chain(rows);
    let width = |column: usize| all().map(|row| columns(&row[column])).max().unwrap_or(0);
    let line = |row: &[String; 6]| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            format!("{cell}{:1$}", "", width(column).saturating_sub(columns(cell)))
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all().map(line).collect()
}

/// What to say of a single process that has forked Python workers: they do the work, and are not
/// watched. Nothing where there are none.
pub fn unwatched_workers(selector: &str) -> Option<String> {
    let [pid] = Process::matching(selector).ok()?[..] else { return None };
    let mut workers = Process::forked_by(pid).ok()?;
    workers.truncate(MOST);
    workers.retain(|worker| python_version(*worker).is_some());
    told_of_workers(pid, &workers)
}

fn told_of_workers(pid: u32, workers: &[u32]) -> Option<String> {
    if workers.is_empty() {
        return None;
    }
    let list = |begin: &str, between: &str| {
        workers.iter().map(|pid| format!("{begin}{pid}")).collect::<Vec<_>>().join(between)
    };
    let number = u64::try_from(workers.len()).unwrap_or(u64::MAX);
    Some(format!(
        "{pid} has {}: {}; only {pid} itself is watched. To watch them, too, add {}",
        counted(number, "Python worker", "Python workers"),
        list("", ", "),
        list("-p ", " "),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(pid: u32, parent: u32, command: &str) -> Candidate {
        let command = command.to_owned();
        Candidate { pid, comm: "gunicorn".to_owned(), command, parent, rss_bytes: 32 << 20 }
    }

    #[test]
    fn a_list_tells_the_parent_from_its_workers() {
        let all = [
            candidate(10, 1, "gunicorn app"),
            candidate(11, 10, "gunicorn app"),
            candidate(12, 10, "gunicorn \x1b[31mapp"),
            candidate(900, 7, "/srv/bin/gunicorn /etc/other"),
        ];
        let rows: Vec<[String; 6]> =
            all.iter().map(|one| row(one, &all, Some("3.11.7".to_owned()))).collect();
        assert_eq!(
            table(&rows),
            [
                "PID  PARENT  ROLE         MEMORY    PYTHON  COMMAND",
                "10   1       parent of 2  32.0 MiB  3.11.7  gunicorn app",
                "11   10      worker       32.0 MiB  3.11.7  gunicorn app",
                "12   10      worker       32.0 MiB  3.11.7  gunicorn \\x1b[31mapp",
                "900  7       -            32.0 MiB  3.11.7  gunicorn /etc/other",
            ]
        );
    }

    #[test]
    fn workers_that_nobody_watches_are_named() {
        assert_eq!(told_of_workers(10, &[]), None);
        assert_eq!(
            told_of_workers(10, &[11, 12]).as_deref(),
            Some(
                "10 has 2 Python workers: 11, 12; only 10 itself is watched. To watch them, too, add -p 11 -p 12"
            )
        );
    }

    #[test]
    fn pids_and_names_of_nobody_are_left_alone() {
        assert!(unambiguous("4711", "").is_ok());
        assert!(unambiguous("no-process-has-this-name", "").is_ok());
        assert_eq!(unwatched_workers("no-process-has-this-name"), None);
    }
}
