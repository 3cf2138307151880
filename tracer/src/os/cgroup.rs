//! Control groups: what they allow a process and use, in both generations.

use std::fs;
use std::path::{Path, PathBuf};

use super::{OsError, procfs};

/// What the control groups of a process say about memory, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupMemory {
    /// The tightest limit on the way up; `None` without one.
    pub limit: Option<u64>,
    /// Used by the group that has this limit, or by the process's own group without one.
    pub usage: Option<u64>,
}

/// Reads limit and usage of the control groups that process `pid` is in.
pub fn memory(pid: u32) -> Result<GroupMemory, OsError> {
    let groups = parse_groups(&procfs::read_text(pid, "cgroup")?);
    let mounts = parse_mounts(&procfs::read_text(std::process::id(), "mountinfo")?);
    let found = groups.iter().filter_map(|group| {
        let mount = mounts.iter().find(|mount| mount.version == group.version)?;
        group_memory(mount, &group.path)
    });
    // Only one hierarchy counts memory; the other has nothing to say.
    Ok(found
        .min_by_key(|memory| (memory.limit.unwrap_or(u64::MAX), memory.usage.is_none()))
        .unwrap_or_default())
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

/// The least limit on the way from the group up to the mount point, and what is used of it.
fn group_memory(mount: &Mount, group: &Path) -> Option<GroupMemory> {
    let [limit, usage] = match mount.version {
        Version::One => ["memory.limit_in_bytes", "memory.usage_in_bytes"],
        Version::Two => ["memory.max", "memory.current"],
    };
    let inside = inside(mount, group)?;
    let number = |folder: &Path, file: &str| {
        parse_number(&fs::read_to_string(mount.point.join(folder).join(file)).ok()?)
    };
    let limits = inside.ancestors().filter_map(|folder| Some((number(folder, limit)?, folder)));
    // Cached files that nobody used lately go before anything is killed, so they are no use of the
    // limit.
    let working = |folder: &Path| {
        let used = number(folder, usage)?;
        let statistics = fs::read_to_string(mount.point.join(folder).join("memory.stat"));
        Some(used.saturating_sub(inactive_file(&statistics.unwrap_or_default()).unwrap_or(0)))
    };
    Some(match limits.min_by_key(|(limit, _)| *limit) {
        Some((limit, folder)) => GroupMemory { limit: Some(limit), usage: working(folder) },
        None => GroupMemory { limit: None, usage: working(&inside) },
    })
}

/// `inactive_file` of a `memory.stat`, in the first generation that of the group with those below
/// it.
fn inactive_file(statistics: &str) -> Option<u64> {
    let field = |wanted: &str| {
        let mut lines = statistics.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(name, _)| *name == wanted).and_then(|(_, number)| parse_number(number))
    };
    field("total_inactive_file").or_else(|| field("inactive_file"))
}

/// The group's path below the mount point. A group outside the part that we see (`/..`) has none.
fn inside(mount: &Mount, group: &Path) -> Option<PathBuf> {
    let inside = group.strip_prefix(&mount.root).ok()?;
    let goes_up = inside.components().any(|part| part.as_os_str() == "..");
    (!goes_up).then(|| inside.to_owned())
}

/// `max`, or a number; the first generation says "none" by a number near the largest.
fn parse_number(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|limit| *limit < 1 << 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_files_that_nobody_uses_are_no_use_of_the_limit() {
        assert_eq!(inactive_file("anon 7\ninactive_file 4096\nactive_file 1\n"), Some(4096));
        assert_eq!(inactive_file("inactive_file 1\ntotal_inactive_file 9\n"), Some(9));
        assert_eq!(inactive_file(""), None);
        let group = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(group.path().join(name), text).unwrap();
        write("memory.max", "max\n");
        write("memory.current", "10000\n");
        write("memory.stat", "inactive_file 4000\n");
        let mount =
            Mount { version: Version::Two, root: "/".into(), point: group.path().to_owned() };
        let memory = group_memory(&mount, Path::new("/")).unwrap();
        assert_eq!((memory.limit, memory.usage), (None, Some(6000)));
    }

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
        let of = |group: &str| group_memory(&mount, Path::new(group));
        assert_eq!(of("/a/b"), memory(Some(1_048_576), Some(7000)));
        assert_eq!(of("/"), memory(Some(4_096_000), Some(9000)));
        assert_eq!(of("/../a"), None);
        fs::write(top.path().join("a/memory.max"), "max\n").unwrap();
        fs::write(top.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(of("/a"), memory(None, Some(7000)));
    }

    #[test]
    fn no_limit_has_two_spellings() {
        assert_eq!(parse_number("max\n"), None);
        assert_eq!(parse_number("9223372036854771712\n"), None);
        assert_eq!(parse_number("536870912\n"), Some(536_870_912));
    }
}
