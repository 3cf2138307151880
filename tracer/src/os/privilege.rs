//! What this process may do, and which capability is missing for what.
//!
//! The table of needs is measured (see the design notes on privileges): kernel 6.18, uid without
//! any other right, target of another uid.

use std::fmt;
use std::fs;

use super::{OsError, Process, procfs};
use crate::model::{KernelRelease, Lockdown, Need};

/// A capability, by its number in `include/uapi/linux/capability.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Capability {
    /// Read files of others.
    DacReadSearch = 2,
    /// Look into processes of others.
    SysPtrace = 19,
    /// Almost everything.
    SysAdmin = 21,
    /// Raise limits.
    SysResource = 24,
    /// Observe the system's performance.
    Perfmon = 38,
    /// Load eBPF programs.
    Bpf = 39,
    /// Open `/proc/PID/map_files`.
    CheckpointRestore = 40,
}

impl Capability {
    /// Its usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DacReadSearch => "CAP_DAC_READ_SEARCH",
            Self::SysPtrace => "CAP_SYS_PTRACE",
            Self::SysAdmin => "CAP_SYS_ADMIN",
            Self::SysResource => "CAP_SYS_RESOURCE",
            Self::Perfmon => "CAP_PERFMON",
            Self::Bpf => "CAP_BPF",
            Self::CheckpointRestore => "CAP_CHECKPOINT_RESTORE",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Need {
    /// Every need, in the order in which they arise.
    pub const ALL: [Self; 6] = [
        Self::ReadTarget,
        Self::OpenMappedFiles,
        Self::LoadPrograms,
        Self::LockMemory,
        Self::AttachMulti,
        Self::AttachPerf,
    ];

    /// Whether a kernel has this need at all.
    pub fn applies_to(self, kernel: KernelRelease) -> bool {
        match self {
            Self::LockMemory => kernel < KernelRelease::new(5, 11),
            _ => true,
        }
    }

    /// Capabilities that it takes together.
    pub const fn capabilities(self) -> &'static [Capability] {
        match self {
            Self::LoadPrograms | Self::AttachMulti => &[Capability::Bpf, Capability::Perfmon],
            Self::LockMemory => &[Capability::SysResource],
            // Since CVE-2025-38466, in all stable series.
            Self::AttachPerf => &[Capability::SysAdmin],
            Self::ReadTarget => &[Capability::SysPtrace, Capability::DacReadSearch],
            Self::OpenMappedFiles => {
                &[Capability::SysPtrace, Capability::CheckpointRestore, Capability::DacReadSearch]
            }
        }
    }
}

/// The effective capabilities of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privileges {
    effective: u64,
    initial_user_namespace: bool,
}

impl Privileges {
    /// Asks the kernel.
    pub fn of_this_process() -> Result<Self, OsError> {
        let status = procfs::read_text(std::process::id(), "status")?;
        let effective = procfs::field(&status, "CapEff")
            .and_then(|text| u64::from_str_radix(text, 16).ok())
            .ok_or_else(|| OsError::Unreadable { what: "/proc/self/status".to_owned() })?;
        let ids = procfs::read_text(std::process::id(), "uid_map").unwrap_or_default();
        Ok(Self { effective, initial_user_namespace: maps_all_ids(&ids) })
    }

    /// Whether it is held. `CAP_SYS_ADMIN` includes those that were split off it.
    pub fn has(self, capability: Capability) -> bool {
        let bit = |capability: Capability| self.effective & (1 << (capability as u8)) != 0;
        let split_off = [Capability::Bpf, Capability::Perfmon, Capability::CheckpointRestore]
            .contains(&capability);
        bit(capability) || (split_off && bit(Capability::SysAdmin))
    }

    /// What is missing for a need; empty when nothing is.
    pub fn missing(self, need: Need) -> Vec<Capability> {
        let all = need.capabilities().iter().copied();
        all.filter(|capability| !self.has(*capability)).collect()
    }

    /// Whether capabilities count for the whole machine, and not only inside a user namespace (an
    /// unprivileged container), where eBPF and probes are refused whatever they are.
    pub fn is_global(self) -> bool {
        self.initial_user_namespace
    }
}

/// One line `0 0 4294967295`: the map of the first user namespace.
fn maps_all_ids(map: &str) -> bool {
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

/// The person behind `sudo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvokingUser {
    /// User id.
    pub user: u32,
    /// Group id.
    pub group: u32,
}

/// Who called us through `sudo` (or a tool that speaks like it): files that we make should be
/// theirs. `None` when nobody did, or when we are not root and can give nothing away.
pub fn invoking_owner() -> Option<InvokingUser> {
    let number = |name| std::env::var(name).ok()?.parse().ok();
    let status = procfs::read_text(std::process::id(), "status").ok()?;
    let is_root = procfs::field(&status, "Uid")?.split_ascii_whitespace().nth(1)? == "0";
    let user = InvokingUser { user: number("SUDO_UID")?, group: number("SUDO_GID")? };
    is_root.then_some(user)
}

/// Raises the number of files that we may have open to what the administrator allows, and gives it:
/// each module of the target is one, and servers have hundreds.
pub fn raise_file_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid, and the call only writes to it.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return 0;
    }
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
    // SAFETY: `raised` is valid, and the call only reads it.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } {
        0 => raised.rlim_cur,
        _ => limit.rlim_cur,
    }
}

/// Version of the running kernel.
pub fn kernel_release() -> Result<KernelRelease, OsError> {
    const RELEASE: &str = "/proc/sys/kernel/osrelease";
    let text = fs::read_to_string(RELEASE)
        .map_err(|source| OsError::Io { what: format!("read {RELEASE}"), source })?;
    KernelRelease::parse(&text).ok_or_else(|| OsError::Unreadable { what: RELEASE.to_owned() })
}

/// Reads the lockdown state; a kernel without that file is not locked.
pub fn lockdown() -> Lockdown {
    parse_lockdown(&fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default())
}

/// The state in force stands in brackets: `none [integrity] confidentiality`.
fn parse_lockdown(text: &str) -> Lockdown {
    let current = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    match current.map(|(state, _)| state) {
        Some("integrity") => Lockdown::Integrity,
        Some("confidentiality") => Lockdown::Confidentiality,
        _ => Lockdown::None,
    }
}

/// Whether we are in the first pid namespace, whose ids eBPF programs see.
pub fn in_initial_pid_namespace() -> bool {
    // PROC_PID_INIT_INO of include/uapi/linux/nsfs.h, fixed since 3.8.
    fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.as_os_str() == "pid:[4026531836]")
}

/// The id of a process as eBPF programs see it, when that can be known from here.
pub fn host_pid(process: &Process) -> Option<u32> {
    in_initial_pid_namespace().then(|| process.namespace_pids().first().copied())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(capabilities: &[Capability]) -> Privileges {
        let effective = capabilities.iter().fold(0, |mask, c| mask | 1 << (*c as u8));
        Privileges { effective, initial_user_namespace: true }
    }

    #[test]
    fn the_recommended_set_attaches_but_not_by_perf() {
        let granted = with(&[
            Capability::Bpf,
            Capability::Perfmon,
            Capability::SysPtrace,
            Capability::CheckpointRestore,
            Capability::DacReadSearch,
        ]);
        for need in [Need::LoadPrograms, Need::AttachMulti, Need::ReadTarget, Need::OpenMappedFiles]
        {
            assert_eq!(granted.missing(need), [], "{need:?}");
        }
        assert_eq!(granted.missing(Need::AttachPerf), [Capability::SysAdmin]);
    }

    #[test]
    fn the_old_capability_includes_the_new_ones() {
        let granted = with(&[Capability::SysAdmin]);
        assert_eq!(granted.missing(Need::LoadPrograms), []);
        assert_eq!(
            granted.missing(Need::OpenMappedFiles),
            [Capability::SysPtrace, Capability::DacReadSearch]
        );
        assert_eq!(with(&[]).missing(Need::AttachMulti).len(), 2);
    }

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(parse_lockdown("[none] integrity confidentiality\n"), Lockdown::None);
        assert_eq!(parse_lockdown("none [integrity] confidentiality\n"), Lockdown::Integrity);
        assert_eq!(parse_lockdown("none integrity [confidentiality]\n"), Lockdown::Confidentiality);
        assert_eq!(parse_lockdown(""), Lockdown::None);
        assert!(maps_all_ids("         0          0 4294967295\n"));
        assert!(!maps_all_ids("         0     100000      65536\n"));
        assert!(kernel_release().unwrap() >= KernelRelease::new(5, 0));
        assert!(Privileges::of_this_process().is_ok());
        assert!(raise_file_limit() >= 256);
    }
}
