//! leakspy finds what a live Python server leaks.
//!
//! The modules, from the bottom up; names point only downwards (see `ARCHITECTURE.md`).
//!
//! *Pure, no I/O:* [`model`] [`aggregate`] [`elf`] [`python`] [`growth`] [`heap`] [`plot`]
//! [`glibc`] [`leak_scan`] [`report`]
//!
//! *Outside world:* [`os`] [`probe`] [`symbolize`] [`store`]
//!
//! *The running program:* [`session`] [`cli`]

pub mod aggregate;
pub mod cli;
pub mod elf;
pub mod glibc;
pub mod governor;
pub mod growth;
pub mod heap;
pub mod history;
pub mod judge;
pub mod leak_scan;
pub mod model;
pub mod os;
pub mod plot;
pub mod probe;
pub mod python;
pub mod report;
pub mod session;
pub mod store;
pub mod symbolize;

#[cfg(test)]
mod golden;
