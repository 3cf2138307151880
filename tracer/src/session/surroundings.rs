//! Memory of the process around its traced blocks.

mod sharing;

use std::time::Duration;

use super::target::TracedTarget;
use crate::model::{Note, ProcessPoint};
use crate::os::cgroup;
use crate::os::usage::{self, Resident};
use sharing::SharedPages;

/// Reading all mappings takes the lock that the target's page faults need, for longer the more
/// there are.
const BETWEEN_MAPPINGS: Duration = Duration::from_secs(60);

/// What is not read at every tick, as it was last read.
#[derive(Debug, Default)]
pub struct Surroundings {
    group: cgroup::GroupMemory,
    heap: Option<u64>,
    heap_read: Option<Duration>,
    shared: SharedPages,
}

impl Surroundings {
    /// Reads again what is due at `now`, counted from the start.
    pub fn refresh(&mut self, target: &TracedTarget, now: Duration) {
        if let Ok(group) = cgroup::memory(target.pid()) {
            self.group = group;
        }
        if self.heap_read.is_none_or(|read| now.saturating_sub(read) >= BETWEEN_MAPPINGS) {
            self.heap_read = Some(now);
            self.heap = target.mappings().map(|mappings| usage::heap_bytes(&mappings));
        }
    }

    /// Reads again how much of its memory the target shares, if that is due at `now`, when
    /// `live_bytes` are live; `last` if the recording ends.
    pub fn refresh_sharing(&mut self, pid: u32, now: Duration, live_bytes: u64, last: bool) {
        self.shared.refresh(pid, now, live_bytes, last);
    }

    /// What is to be said at the end.
    pub fn note(&self) -> Option<Note> {
        self.shared.note()
    }

    /// The process at `now`, with its memory unless it is gone; what the counters say of it is left to
    /// the caller.
    pub fn point(&self, resident: Option<Resident>, now: Duration) -> ProcessPoint {
        let process = ProcessPoint { t: now.as_secs_f64(), ..ProcessPoint::default() };
        let Some(resident) = resident else { return process };
        ProcessPoint {
            rss_bytes: Some(resident.total),
            rss_anon_bytes: Some(resident.anonymous),
            rss_file_bytes: resident.file,
            rss_shmem_bytes: resident.shmem,
            swap_bytes: resident.swap,
            cgroup_bytes: self.group.usage,
            cgroup_limit_bytes: self.group.limit,
            heap_bytes: self.heap,
            ..process
        }
    }
}
