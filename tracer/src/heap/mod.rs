//! The objects of a CPython heap, read from outside over the [`Memory`](crate::model::Memory) trait: a live
//! process, a saved image and a core file are the same to it. Nothing here does I/O.
//!
//! What is read can be torn (the process runs on), stale or hostile: every length is bounded, every pointer is
//! looked at before it is followed, and what makes no sense is left out and counted.

mod cache;
mod class;
mod edge;
mod layout;
mod size;
mod view;

pub use cache::Cache;
pub use class::{Class, ClassId, Kind};
pub use edge::{Edge, Label};
pub use view::View;
