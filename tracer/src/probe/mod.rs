//! The probes: maps and programs in the kernel, attached to the target, and what comes out of them.
//! aya's only door.

mod attach;
mod bpf;
mod error;
mod guard;
mod load;
pub mod placement;
pub mod plan;
mod ring;
mod support;
mod table;

pub use attach::{Attached, FileProbes, Method, attach};
pub use error::ProbeError;
pub use guard::{Group, Guard, GuardProgram, serve_inherited};
pub use load::{Capacity, Diagnostics, Loaded, working_bytes};
pub use ring::{Captured, Gone, Queue, Record, Ring, decode};
pub use support::try_method;
pub use table::Tables;
