//! What a session needs of the kernel, and no more: probes in, probes out, tables, records. A
//! session can be tested against anything that has this.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use leakspy_ebpf::wire::key::{LiveValue, Pending, SiteValue};
use leakspy_ebpf::wire::target::ProgramTarget;

use super::attach::FileProbes;
use super::error::ProbeError;
use super::load::Capacity;
use crate::model::AttachMethod;

/// An attached target, by a number that is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// A target to be attached, by one method.
pub struct AttachRequest<'a> {
    /// In our pid namespace.
    pub pid: u32,
    /// Where its probes go.
    pub files: &'a [FileProbes],
    /// What programs must know of it.
    pub target: ProgramTarget,
    /// How probes are placed.
    pub method: AttachMethod,
    /// What it may take of the tables.
    pub capacity: Capacity,
    /// Whether the probes are where the target runs; asked when all are placed.
    pub in_place: &'a dyn Fn() -> Result<(), ProbeError>,
}

/// What ended the accounting of a target in the kernel, at the very moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// Its interpreter tears itself down.
    Finalizing,
    /// It became another program by `exec`.
    Replaced,
}

/// Processor time of programs, and how often they ran; both are only ever added to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunTime {
    /// Nanoseconds.
    pub ns: u64,
    /// Runs.
    pub runs: u64,
}

/// What programs took so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramTimes {
    /// At allocation functions, entry and return.
    pub alloc: RunTime,
    /// At functions that only release.
    pub free: RunTime,
}

/// A target that is attached; counting is off.
pub struct Placed {
    /// For [`Kernel::detach`]; records name it.
    pub slot: Slot,
    /// Its numbers; they can be read until they are dropped, also after the probes are out.
    pub tables: Arc<dyn Tables>,
    /// Nanoseconds of a trap on this machine, as measured; none where that failed.
    pub trap_ns: Option<f64>,
}

/// Places probes and takes them out. Both block, for milliseconds and more.
pub trait Kernel: Send {
    /// The methods that are worth trying, best first.
    fn methods(&self) -> &'static [AttachMethod] {
        &AttachMethod::ALL
    }

    /// Places all probes of a target.
    ///
    /// # Errors
    /// [`ProbeError::is_unsupported`] when there is no such method here. No probe is left in place.
    fn attach(&mut self, request: &AttachRequest<'_>) -> Result<Placed, ProbeError>;

    /// Counts, from now on and until it is detached, the mappings that a target makes by system calls
    /// of its own. Meanwhile each process of this machine pays for that when it maps memory. Twice is no
    /// error.
    ///
    /// # Errors
    /// The kernel has no way to do that, or allows none.
    fn see_mappings(&mut self, slot: Slot) -> Result<(), ProbeError>;

    /// Takes the probes of one target out; those of others stay. Twice is no error.
    ///
    /// # Errors
    /// They are gone already.
    fn detach(&mut self, slot: Slot) -> Result<(), ProbeError>;

    /// Takes out the probes on the allocator that a library of a target has for itself (see
    /// [`FileProbes::library`]): what that maps is counted as mappings from then on. Twice is no error.
    ///
    /// # Errors
    /// All probes are gone already.
    fn release_library(&mut self, slot: Slot, library: u32) -> Result<(), ProbeError>;

    /// Sees to it that a hit costs a busy target as little as it can among so many. To be called about
    /// once a second; where nothing is to be gained, nothing is done. How many targets were moved.
    fn arrange(&mut self) -> usize {
        0
    }

    /// The records of all targets. There is one reader of them.
    ///
    /// # Errors
    /// They have a reader already, or the system has no descriptors left.
    fn records(&mut self) -> Result<Box<dyn Records>, ProbeError>;

    /// Becomes readable when the process that holds the probes is gone, and the probes with it.
    ///
    /// # Errors
    /// The system has no descriptors left.
    fn guard(&self) -> io::Result<OwnedFd>;
}

/// Records as they come, of all targets. Its descriptor becomes readable when there are new ones,
/// provided that all before them were fetched.
pub trait Records: AsFd + Send {
    /// Hands out what is there, at most about `most` bytes; whether there may be more.
    fn fetch(&mut self, most: usize, each: &mut dyn FnMut(Slot, &[u8])) -> bool;
}

/// The numbers of one target.
pub trait Tables: Send + Sync {
    /// Turns accounting on or off.
    fn set_recording(&self, on: bool) -> Result<(), ProbeError>;

    /// From now on, blocks of fewer bytes are recorded by chance, about one in each so many bytes (see
    /// [`leakspy_ebpf::sampling`]); 0: all are recorded.
    fn set_period(&self, bytes: u32) -> Result<(), ProbeError>;

    /// Has the kernel time its programs from now on, or not any more. Each run costs some 50 ns more meanwhile.
    ///
    /// # Errors
    /// The kernel does not allow it.
    fn time_programs(&self, on: bool) -> Result<(), ProbeError>;

    /// What the programs took while they were timed, of all targets with the same interpreter together.
    fn program_times(&self) -> Result<ProgramTimes, ProbeError>;

    /// What has turned accounting off, if it was not [`Self::set_recording`].
    fn ended(&self) -> Result<Option<EndedBy>, ProbeError>;

    /// All counters, in the order of [`leakspy_ebpf::wire::counter::Counter::ALL`].
    fn counters(&self) -> Result<Vec<u64>, ProbeError>;

    /// Key and totals of every site.
    fn sites(&self) -> Result<Vec<(u64, SiteValue)>, ProbeError>;

    /// Address and block of every live block.
    fn live(&self, each: &mut dyn FnMut(u64, LiveValue)) -> Result<(), ProbeError>;

    /// The live block at an address.
    fn block(&self, address: u64) -> Result<Option<LiveValue>, ProbeError>;

    /// Calls that have not returned.
    fn pending(&self) -> Vec<Pending>;

    /// The generation with which the code object at this address was first seen, while it lives.
    fn code_seen(&self, code: u64) -> Option<u32>;

    /// Says that the code object first seen with this generation has been read, so that its parts
    /// need not be saved at its end.
    fn code_read(&self, code: u64, first_seen: u32);
}
