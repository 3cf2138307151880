//! Finding the one process that a name means.

use std::fs;
use std::path::Path;

use super::super::{Candidate, OsError, procfs};
use super::stat::Stat;

/// Longest short name that the kernel keeps (`TASK_COMM_LEN` without the terminator).
const COMM_BYTES: usize = 15;
/// How much of a command line is shown.
const SHOWN_CHARS: usize = 200;

/// Pid of the only process called `name`.
pub(super) fn unique(name: &str) -> Result<u32, OsError> {
    let mut candidates = candidates(name)?;
    match candidates.len() {
        0 => Err(OsError::NoMatch { name: name.to_owned() }),
        1 => Ok(candidates.remove(0).pid),
        _ => Err(OsError::Ambiguous { name: name.to_owned(), candidates }),
    }
}

/// Pids of all processes called `name`; at least one.
pub(super) fn all(name: &str) -> Result<Vec<u32>, OsError> {
    let candidates = candidates(name)?;
    match candidates.is_empty() {
        true => Err(OsError::NoMatch { name: name.to_owned() }),
        false => Ok(candidates.iter().map(|candidate| candidate.pid).collect()),
    }
}

/// All processes called `name`, by pid; perhaps none.
pub(super) fn candidates(name: &str) -> Result<Vec<Candidate>, OsError> {
    let others = everybody()?.into_iter().filter(|pid| *pid != std::process::id());
    Ok(others.filter_map(|pid| candidate(pid, name)).collect())
}

/// Pids of the children of a process that run the same executable: those that it has forked.
pub(super) fn forked_by(parent: u32) -> Result<Vec<u32>, OsError> {
    let exe = |pid| fs::read_link(procfs::path(pid, "exe")).ok();
    let Some(own) = exe(parent) else { return Ok(Vec::new()) };
    let is_child = |pid: &u32| {
        Stat::read(*pid).is_ok_and(|stat| stat.parent == parent && !stat.is_dead())
            && exe(*pid).as_ref() == Some(&own)
    };
    Ok(everybody()?.into_iter().filter(is_child).collect())
}

fn everybody() -> Result<Vec<u32>, OsError> {
    let entries = fs::read_dir("/proc")
        .map_err(|source| OsError::Io { what: "list the processes in /proc".into(), source })?;
    let pid = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let mut pids: Vec<u32> = entries.flatten().filter_map(pid).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// A process that ends meanwhile is no candidate.
fn candidate(pid: u32, name: &str) -> Option<Candidate> {
    let stat = Stat::read(pid).ok()?;
    if stat.is_kernel_thread() || stat.is_dead() {
        return None;
    }
    let arguments = arguments(&procfs::read(pid, "cmdline").ok()?);
    let exe = fs::read_link(procfs::path(pid, "exe")).ok();
    let exe = exe.as_deref().and_then(file_name).unwrap_or_default();
    if !is_called(name, &stat.comm, &exe, &arguments) {
        return None;
    }
    let command: String = arguments.join(" ").chars().take(SHOWN_CHARS).collect();
    let command = if command.is_empty() { stat.comm.clone() } else { command };
    Some(Candidate {
        pid,
        comm: stat.comm,
        command,
        parent: stat.parent,
        rss_bytes: stat.rss_bytes,
    })
}

fn arguments(cmdline: &[u8]) -> Vec<String> {
    let mut arguments: Vec<String> = cmdline
        .split(|byte| *byte == 0)
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect();
    // Each argument is terminated, so the last chunk is empty.
    arguments.pop_if(|last| last.is_empty());
    arguments
}

fn is_called(name: &str, comm: &str, exe: &str, arguments: &[String]) -> bool {
    let first = arguments.first().and_then(|argument| file_name(Path::new(argument)));
    let first = first.unwrap_or_default();
    if name == first || name == exe {
        return true;
    }
    // A short name of full length is a cut one; the first argument above has the whole.
    if name == comm && comm.len() <= COMM_BYTES {
        return true;
    }
    let is_python = [comm, exe, &first].iter().any(|text| text.starts_with("python"));
    is_python && program(arguments).is_some_and(|program| program_matches(name, program))
}

/// The script or module that a Python command line runs.
fn program(arguments: &[String]) -> Option<&str> {
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-c" => return None,
            "-m" => return rest.next().map(String::as_str),
            // Options that take their value as the next argument.
            "-W" | "-X" | "--check-hash-based-pycs" => drop(rest.next()),
            option if option.starts_with('-') => {}
            script => return Some(script),
        }
    }
    None
}

fn program_matches(name: &str, program: &str) -> bool {
    let file = file_name(Path::new(program)).unwrap_or_default();
    name == program || name == file || file.strip_suffix(".py") == Some(name)
}

fn file_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(name: &str, comm: &str, exe: &str, command: &str) -> bool {
        let arguments: Vec<String> = command.split(' ').map(str::to_owned).collect();
        is_called(name, comm, exe, &arguments)
    }

    #[test]
    fn names_match_whole() {
        assert!(called("nginx", "nginx", "nginx", "nginx: worker process"));
        assert!(called("python3", "python3", "python3.11", "/usr/bin/python3 app.py"));
        assert!(called("python3.11", "python3", "python3.11", "/usr/bin/python3 app.py"));
        assert!(!called("python", "python3", "python3.11", "/usr/bin/python3 app.py"));
        assert!(called(
            "gunicorn",
            "gunicorn",
            "python3.11",
            "/srv/bin/python /srv/bin/gunicorn app"
        ));
    }

    #[test]
    fn a_python_is_known_by_its_script_or_module() {
        let python = |name, command| called(name, "python3", "python3.11", command);
        assert!(python("app.py", "python3 -u -X dev /srv/app.py --port 80"));
        assert!(python("app", "python3 /srv/app.py"));
        assert!(python("/srv/app.py", "python3 /srv/app.py"));
        assert!(python("panel", "python3 -m panel serve app.py"));
        assert!(!python("app.py", "python3 -m panel serve app.py"));
        assert!(!python("app", "python3 -c app"));
        assert!(!called("app.py", "vim", "vim.basic", "vim app.py"));
    }

    #[test]
    fn arguments_keep_empty_ones_inside() {
        assert_eq!(arguments(b"a\0\0b\0"), ["a", "", "b"]);
        assert_eq!(arguments(b""), [""; 0]);
    }
}
