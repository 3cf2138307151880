//! Control groups: what they allow a process and use, in both generations.

mod level;

use std::path::{Path, PathBuf};

use super::{OsError, procfs, usage};
use level::Level;

/// What the control groups of a process say about memory, bytes. Both are of what is resident and
/// what is swapped out: something is killed when neither can grow any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupMemory {
    /// The tightest limit on the way up; `None` without one.
    pub limit: Option<u64>,
    /// Used by the group that has this limit, or by the process's own group without one.
    pub usage: Option<u64>,
}

/// Reads limit and usage of the control groups that process `pid` is in.
pub fn memory(pid: u32) -> Result<GroupMemory, OsError> {
    let swap_free = usage::swap_free().unwrap_or(0);
    let found = of_process(pid)?.into_iter().map(|levels| tightest(&levels, swap_free));
    // Only one hierarchy counts memory; the other has nothing to say.
    Ok(found
        .min_by_key(|memory| (memory.limit.unwrap_or(u64::MAX), memory.usage.is_none()))
        .unwrap_or_default())
}

/// How much more of process `pid` could become resident before one of its control groups would have
/// to swap or kill, bytes; `None` where none of them has a limit.
pub fn room(pid: u32) -> Result<Option<u64>, OsError> {
    Ok(of_process(pid)?.iter().flatten().filter_map(Level::room).min())
}

/// The groups of a process, from its own up, in each hierarchy that can be seen.
fn of_process(pid: u32) -> Result<Vec<Vec<Level>>, OsError> {
    let groups = parse_groups(&procfs::read_text(pid, "cgroup")?);
    let mounts = parse_mounts(&procfs::read_text(std::process::id(), "mountinfo")?);
    let found = groups.iter().filter_map(|group| {
        let mount = mounts.iter().find(|mount| mount.version == group.version)?;
        levels(mount, &group.path)
    });
    Ok(found.collect())
}

/// The two generations of control groups; both can be mounted at once, but only one of them counts
/// memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    version: Version,
    path: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    version: Version,
    /// The group that is seen at the mount point.
    root: PathBuf,
    point: PathBuf,
}

/// Lines `id:controllers:path`; the unified hierarchy is `0::path`.
fn parse_groups(text: &str) -> Vec<Group> {
    let line = |line: &str| {
        let (id, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let version = match (id, controllers) {
            ("0", "") => Version::Two,
            _ if controllers.split(',').any(|name| name == "memory") => Version::One,
            _ => return None,
        };
        Some(Group { version, path: PathBuf::from(path) })
    };
    text.lines().filter_map(line).collect()
}

/// Lines `id parent device root point options … - type source superoptions`.
fn parse_mounts(text: &str) -> Vec<Mount> {
    let line = |line: &str| {
        let (mount, system) = line.split_once(" - ")?;
        let mount: Vec<&str> = mount.split(' ').collect();
        let system: Vec<&str> = system.split(' ').collect();
        let version = match *system.first()? {
            "cgroup2" => Version::Two,
            "cgroup" if system.get(2)?.split(',').any(|name| name == "memory") => Version::One,
            _ => return None,
        };
        let (root, point) = (PathBuf::from(mount.get(3)?), PathBuf::from(mount.get(4)?));
        Some(Mount { version, root, point })
    };
    text.lines().filter_map(line).collect()
}

/// The groups from a process's own up to the mount point; nothing where they cannot be seen.
fn levels(mount: &Mount, group: &Path) -> Option<Vec<Level>> {
    let inside = inside(mount, group)?;
    let folders = inside.ancestors();
    Some(folders.map(|folder| Level::read(mount.version, &mount.point.join(folder))).collect())
}

/// The least limit on the way up, and what is used of it.
fn tightest(levels: &[Level], swap_free: u64) -> GroupMemory {
    let limited =
        levels.iter().filter_map(|level| Some((level.limit_with_swap(swap_free)?, level)));
    match limited.min_by_key(|(limit, _)| *limit) {
        Some((limit, level)) => GroupMemory { limit: Some(limit), usage: level.usage_with_swap() },
        None => GroupMemory { limit: None, usage: levels.first().and_then(Level::usage_with_swap) },
    }
}

/// The group's path below the mount point. A group outside the part that we see (`/..`) has none.
fn inside(mount: &Mount, group: &Path) -> Option<PathBuf> {
    let inside = group.strip_prefix(&mount.root).ok()?;
    let goes_up = inside.components().any(|part| part.as_os_str() == "..");
    (!goes_up).then(|| inside.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn both_generations_are_recognised() {
        let groups = parse_groups("5:cpu,cpuacct:/x\n4:memory:/docker/1\n0::/user.slice/a:b\n");
        assert_eq!(
            groups,
            [
                Group { version: Version::One, path: "/docker/1".into() },
                Group { version: Version::Two, path: "/user.slice/a:b".into() },
            ]
        );
        let mounts = parse_mounts(
            "36 32 0:31 /docker /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n\
             37 32 0:32 / /sys/fs/cgroup/cpu rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n\
             38 32 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
             39 32 8:1 / /home rw - ext4 /dev/sda1 rw\n",
        );
        assert_eq!(mounts.len(), 2);
        assert_eq!(inside(&mounts[0], Path::new("/docker/1")), Some("1".into()));
        assert_eq!(inside(&mounts[0], Path::new("/other")), None);
        assert_eq!(inside(&mounts[1], Path::new("/../up")), None);
    }

    #[test]
    fn the_tightest_limit_on_the_way_up_counts() {
        let top = tempfile::tempdir().unwrap();
        let deep = top.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("memory.max"), "max\n").unwrap();
        fs::write(top.path().join("a/memory.max"), "1048576\n").unwrap();
        fs::write(top.path().join("memory.max"), "4096000\n").unwrap();
        fs::write(top.path().join("a/memory.current"), "7000\n").unwrap();
        fs::write(top.path().join("memory.current"), "9000\n").unwrap();
        let mount = Mount { version: Version::Two, root: "/".into(), point: top.path().to_owned() };
        let memory = |limit, usage| Some(GroupMemory { limit, usage });
        let of = |group: &str| Some(tightest(&levels(&mount, Path::new(group))?, 0));
        assert_eq!(of("/a/b"), memory(Some(1_048_576), Some(7000)));
        assert_eq!(of("/"), memory(Some(4_096_000), Some(9000)));
        assert_eq!(of("/../a"), None);
        fs::write(top.path().join("a/memory.max"), "max\n").unwrap();
        fs::write(top.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(of("/a"), memory(None, Some(7000)));
    }
}
