//! The objects of a CPython heap, read from outside over the [`Memory`](crate::model::Memory)
//! trait: a live process, a saved image and a core file are the same to it. Nothing here does I/O.
//!
//! What is read can be torn (the process runs on), stale or hostile: every length is bounded, every
//! pointer is looked at before it is followed, and what makes no sense is left out and counted.

mod array;
mod attribute;
mod awaits;
mod below;
mod blocks;
mod bound;
mod cache;
mod class;
mod classes;
mod containers;
mod contrast;
mod dict;
mod dominators;
mod edge;
mod eviction;
mod footprint;
mod graph;
mod histogram;
mod holders;
#[cfg(test)]
mod images;
mod index;
mod join;
mod label;
mod layout;
mod length;
mod lists;
mod mapped;
mod module;
mod objects;
mod owners;
mod paths;
mod pool;
mod pools;
mod read;
mod refcount;
mod retained;
mod retainers;
mod roots;
mod sessions;
mod shape;
mod size;
mod subject;
mod surplus;
mod threads;
mod view;

pub use cache::{Cache, Ranges};
pub use class::{Class, ClassId, Kind};
pub use classes::Classes;
pub use containers::{ContainerTable, ContainerWatch};
pub use contrast::FieldWatch;
pub use edge::{Edge, EdgeLabel, edges};
pub use graph::Graph;
pub use histogram::{HeapWatch, histogram};
pub use index::AddressMap;
pub use join::{Joined, LiveBlock, join, retainers_of, retainers_of_growth};
pub use layout::{ObjectLayout, objects};
pub use mapped::Mapped;
pub use objects::{Heap, Objects, Skipped, Sum};
pub use owners::BlockRange;
pub use paths::{PathStep, Paths, Root};
pub use read::{Depth, read_heap};
pub use refcount::Refcount;
pub use retained::RetainedSizes;
pub use retainers::Retainers;
pub use roots::{Named, frames, modules, without_names};
pub use sessions::sessions;
pub use size::shallow;
pub use subject::{FoundSubject, NoHeapSubject, find};
pub use surplus::SurplusWatch;
pub use threads::name_threads;
pub use view::{Budget, Object, View};
