//! What can go wrong between us and the kernel.

use std::io;

use thiserror::Error;

/// Why tracing cannot start or go on.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// The maps could not be made.
    #[error("cannot create the eBPF maps; run as root or grant CAP_BPF and CAP_PERFMON")]
    Maps {
        /// aya's reason.
        #[source]
        source: aya::EbpfError,
    },
    /// The kernel refused a program.
    #[error(
        "the kernel refused the eBPF program `{program}`; run as root or grant CAP_BPF and CAP_PERFMON{}",
        last_line(log)
    )]
    Program {
        /// Its name.
        program: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
        /// The verifier's log.
        log: String,
    },
    /// Probes could not be placed.
    #[error("cannot put probes into {path}; {}", remedy(source))]
    Attach {
        /// The library as the target sees it.
        path: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel put the probe elsewhere than where the target runs.
    #[error(
        "the probe of {symbol} did not appear in the target's memory: {path} was replaced after the \
         target mapped it; restart the target or wait for its next start"
    )]
    NotInTarget {
        /// The function.
        symbol: &'static str,
        /// The library as the target sees it.
        path: String,
    },
    /// The embedded object is not what this program expects.
    #[error(
        "the embedded eBPF object lacks or mangles `{what}`; rebuild leakspy with `cargo xtask ebpf`"
    )]
    Object {
        /// What is missing.
        what: &'static str,
    },
    /// The kernel's map and this program's types do not fit one another.
    #[error(
        "the eBPF map `{map}` has keys and values of {theirs:?} bytes, and this program expects {ours:?}; \
         rebuild leakspy with `cargo xtask ebpf`"
    )]
    MapLayout {
        /// The map.
        map: &'static str,
        /// Bytes of a key and a value here.
        ours: (usize, usize),
        /// The same in the kernel.
        theirs: (usize, usize),
    },
    /// There is no room for another target.
    #[error(
        "no more than {most} targets can be traced at once; start another leakspy for the rest"
    )]
    TooManyTargets {
        /// How many there can be.
        most: u32,
    },
    /// A map could not be read or written.
    #[error("cannot access the eBPF map `{map}`")]
    Map {
        /// Its name.
        map: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Another kernel interface failed.
    #[error("cannot {what}")]
    Kernel {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl ProbeError {
    /// Whether the kernel does not know this kind of link or program, so that another may work.
    pub fn is_unsupported(&self) -> bool {
        let source = match self {
            Self::Attach { source, .. } | Self::Program { source, .. } => source,
            _ => return false,
        };
        matches!(source.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP))
    }

    /// Whether a privilege or a feature of the kernel is missing.
    pub fn is_refused(&self) -> bool {
        match self {
            Self::Maps { .. } | Self::Program { .. } => true,
            Self::Attach { source, .. } => {
                self.is_unsupported() || source.kind() == io::ErrorKind::PermissionDenied
            }
            _ => false,
        }
    }

    /// Whether the target ended meanwhile.
    pub fn is_target_gone(&self) -> bool {
        matches!(self, Self::Attach { source, .. } if source.raw_os_error() == Some(libc::ESRCH))
    }
}

fn last_line(log: &str) -> String {
    log.lines()
        .rev()
        .find(|line| !line.is_empty() && !line.starts_with("processed "))
        .map_or_else(String::new, |line| format!(" (verifier: {line})"))
}

fn remedy(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "run as root, or grant CAP_BPF and CAP_PERFMON (and CAP_SYS_ADMIN on kernels before 6.10)"
        }
        Some(libc::ESRCH) => "the target is gone",
        _ => "see `leakspy doctor -p PID`",
    }
}
