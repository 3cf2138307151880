//! The operating system's side of a target: processes, their mappings, files and memory; who
//! provides Python and malloc in them; what we are allowed to do. The only room that names libc's
//! system calls and `/proc`.
//!
//! Parsing is pure and separate from reading; what is read of a target is hostile.

pub mod allocator;
pub mod arenas;
pub mod btf;
pub mod cgroup;
pub mod clock;
pub mod contents;
mod error;
mod file;
mod files;
pub mod interpreter;
pub mod interrupt;
mod kernel_pointers;
pub mod maps;
pub mod memory;
pub mod module;
pub mod own;
pub mod packages;
pub mod pages;
pub mod pause;
pub mod privilege;
pub mod process;
mod procfs;
pub mod sharing;
pub mod usage;

pub use contents::FileId;
pub use error::{Candidate, OsError};
pub use file::ModuleFile;
pub use files::Files;
pub use maps::Mapping;
pub use memory::ProcessMemory;
pub use module::{Module, Modules};
pub use pause::Pause;
pub use process::{Life, Process, Program};
