//! Memory and its limits: the target's, and our own.

use std::fs;
use std::path::{Path, PathBuf};

use super::{OsError, clock, procfs};

/// Resident memory of a process, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// All of it.
    pub total: u64,
    /// Heap, stacks and other memory without a file.
    pub anonymous: u64,
}

/// What this process uses itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnUsage {
    /// CPU time of all threads since the start, nanoseconds.
    pub cpu_ns: u64,
    /// Resident memory, bytes.
    pub resident: u64,
}

/// Resident memory of process `pid`. From `status`, not `smaps_rollup`: that is exact to the page, but
/// walks all page tables under the lock that the target's own page faults need.
pub fn resident(pid: u32) -> Result<Resident, OsError> {
    parse_resident(&procfs::read_text(pid, "status")?).ok_or(OsError::Vanished { pid })
}

/// A process that is ending shows a status without memory.
fn parse_resident(status: &str) -> Option<Resident> {
    let total = procfs::field_bytes(status, "VmRSS")?;
    Some(Resident { total, anonymous: procfs::field_bytes(status, "RssAnon")? })
}

/// CPU and memory of this process.
pub fn own() -> Result<OwnUsage, OsError> {
    Ok(OwnUsage { cpu_ns: clock::own_cpu_ns(), resident: resident(std::process::id())?.total })
}

/// Makes the calling thread the last in line for a processor.
pub fn yield_to_others() {
    // SAFETY: takes numbers, no pointers. On Linux, who 0 of `PRIO_PROCESS` is the calling thread alone. It
    // cannot fail: everybody may become less important.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
}

/// The tightest memory limit of the control groups that process `pid` is in, bytes; `None` without one.
pub fn memory_limit(pid: u32) -> Result<Option<u64>, OsError> {
    let groups = parse_groups(&procfs::read_text(pid, "cgroup")?);
    let mounts = parse_mounts(&procfs::read_text(std::process::id(), "mountinfo")?);
    let limits = groups.iter().filter_map(|group| {
        let mount = mounts.iter().find(|mount| mount.version == group.version)?;
        tightest(mount, &group.path)
    });
    Ok(limits.min())
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

/// The least limit on the way from the group up to the mount point.
fn tightest(mount: &Mount, group: &Path) -> Option<u64> {
    let file = match mount.version {
        Version::One => "memory.limit_in_bytes",
        Version::Two => "memory.max",
    };
    let inside = inside(mount, group)?;
    let limits = inside.ancestors().filter_map(|folder| {
        parse_limit(&fs::read_to_string(mount.point.join(folder).join(file)).ok()?)
    });
    limits.min()
}

/// The group's path below the mount point. A group outside the part that we see (`/..`) has none.
fn inside(mount: &Mount, group: &Path) -> Option<PathBuf> {
    let inside = group.strip_prefix(&mount.root).ok()?;
    let goes_up = inside.components().any(|part| part.as_os_str() == "..");
    (!goes_up).then(|| inside.to_owned())
}

/// `max`, or a number; the first generation says "none" by a number near the largest.
fn parse_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|limit| *limit < 1 << 60)
}

#[cfg(test)]
mod tests {
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
        let mount = Mount { version: Version::Two, root: "/".into(), point: top.path().to_owned() };
        assert_eq!(tightest(&mount, Path::new("/a/b")), Some(1_048_576));
        assert_eq!(tightest(&mount, Path::new("/")), Some(4_096_000));
        assert_eq!(tightest(&mount, Path::new("/../a")), None);
    }

    #[test]
    fn no_limit_has_two_spellings() {
        assert_eq!(parse_limit("max\n"), None);
        assert_eq!(parse_limit("9223372036854771712\n"), None);
        assert_eq!(parse_limit("536870912\n"), Some(536_870_912));
    }

    #[test]
    fn status_is_read_in_bytes() {
        let status = "Name:\tx\nVmRSS:\t    1024 kB\nRssAnon:\t     512 kB\n";
        let resident = parse_resident(status).unwrap();
        assert_eq!((resident.total, resident.anonymous), (1 << 20, 1 << 19));
        assert_eq!(parse_resident("Name:\tVmRSS: 1 kB\n"), None);
        let own = own().unwrap();
        assert!(own.resident > 0 && own.cpu_ns > 0);
    }
}
