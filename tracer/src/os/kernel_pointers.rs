//! Pointers of a process that only the kernel holds for it: what it gave to `epoll_ctl` as user
//! data, and the arguments of the system calls that its threads wait in.
//!
//! A server that finds its connections by `epoll_data.ptr` may have no other pointer to them.

use std::fs;

use super::procfs;

/// Most descriptors and most threads that are looked at.
const MOST: usize = 65_536;

/// All of them that `/proc` shows right now; what it does not show is left out.
pub fn words(pid: u32) -> Vec<u64> {
    let mut words = Vec::new();
    for descriptor in names(pid, "fd") {
        let link = fs::read_link(procfs::path(pid, format!("fd/{descriptor}")));
        if link.is_ok_and(|link| link.as_os_str() == "anon_inode:[eventpoll]") {
            let info = procfs::read_text(pid, &format!("fdinfo/{descriptor}"));
            words.extend(info.iter().flat_map(|info| epoll_data(info)));
        }
    }
    for thread in names(pid, "task") {
        let call = procfs::read_text(pid, &format!("task/{thread}/syscall"));
        words.extend(call.iter().flat_map(|call| arguments(call)));
    }
    words
}

/// Names in a directory of the process.
pub(super) fn names(pid: u32, directory: &str) -> Vec<String> {
    let entries = fs::read_dir(procfs::path(pid, directory));
    let names = entries.into_iter().flatten().flatten();
    names.filter_map(|entry| entry.file_name().into_string().ok()).take(MOST).collect()
}

/// Lines `tfd: 5 events: 19 data: 7f0c2a400010 pos:0 ino:61 sdev:5` (kernel `fs/eventpoll.c`,
/// `ep_show_fdinfo`).
fn epoll_data(info: &str) -> impl Iterator<Item = u64> {
    info.lines().filter(|line| line.starts_with("tfd:")).filter_map(|line| {
        let data = line.split_once("data:")?.1.split_ascii_whitespace().next()?;
        u64::from_str_radix(data, 16).ok()
    })
}

/// `0 0x3 0x7f0c2a400010 …`, or `running` (kernel `fs/proc/base.c`, `proc_pid_syscall`): number,
/// six arguments, stack pointer and instruction.
fn arguments(call: &str) -> impl Iterator<Item = u64> {
    let words = call.split_ascii_whitespace();
    words.filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok())
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

    use super::*;

    #[test]
    fn files_of_the_kernel_are_understood() {
        let info = "pos:\t0\nflags:\t02\ntfd:        5 events:       19 data:     7f0c2a400010  pos:0\n\
                    tfd: 6 events: 1 data: ffffffffffffffff\ntfd: broken\n";
        assert_eq!(epoll_data(info).collect::<Vec<_>>(), [0x7f0c_2a40_0010, u64::MAX]);
        assert_eq!(
            arguments("0 0x3 0x7f0c2a400010 0x0\n").collect::<Vec<_>>(),
            [3, 0x7f0c_2a40_0010, 0]
        );
        assert_eq!(arguments("running\n").count() + arguments("-1 zz").count(), 0);
    }

    #[test]
    fn own_epoll_data_is_found() {
        const SECRET: u64 = 0x1234_5678_9abc_def0;
        // SAFETY: plain system calls; the descriptor is new and owned by nobody else.
        let epoll = unsafe { OwnedFd::from_raw_fd(libc::epoll_create1(libc::EPOLL_CLOEXEC)) };
        let (reader, _writer) = std::io::pipe().unwrap();
        let mut event = libc::epoll_event { events: 1, u64: SECRET };
        // SAFETY: `event` lives through the call, which only reads it.
        let added = unsafe {
            libc::epoll_ctl(
                epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                reader.as_raw_fd(),
                &raw mut event,
            )
        };
        assert_eq!(added, 0);
        assert!(words(std::process::id()).contains(&SECRET));
    }
}
