//! The probes: maps and programs in the kernel, attached to the target, and what comes out of them.
//! The only module that names aya.

mod attach;
mod bpf;
mod error;
#[cfg(test)]
pub mod fake;
mod front;
mod guard;
mod kernel;
mod load;
mod map;
mod mapping;
pub mod placement;
pub mod plan;
mod ring;
mod shared;
mod subprograms;
mod support;
mod sweep;
mod table;
mod timing;
mod trap;

pub use attach::FileProbes;
pub use error::ProbeError;
pub use guard::{Guard, GuardProgram, LinkGroup, serve_inherited};
pub use kernel::{
    AttachRequest, EndedBy, Kernel, Placed, ProgramTimes, Records, RunTime, Slot, Tables,
};
pub use load::{Capacity, working_bytes};
pub use ring::{Captured, Gone, Record, decode, is_site};
pub use shared::SharedTargets;
pub use support::{try_mappings, try_method};
