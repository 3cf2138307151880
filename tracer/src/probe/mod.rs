//! Where to put probes.

pub mod placement;
pub mod plan;
