//! The contract between the eBPF programs and user space, and the pure logic that both need.
//!
//! Everything here is `no_std` and free of dependencies, so that the walk over CPython's frames is
//! the same code in the kernel and in tests that replay saved process memory.
//!
//! | module | what crosses | who writes |
//! |---|---|---|
//! | [`wire::target`] | how to read this target | user space, once, before loading |
//! | [`wire::key`] | map keys and values | the programs |
//! | [`wire::record`] | ring-buffer records | the programs |
//! | [`wire::counter`] | every way to count or lose something | the programs |
//! | [`walk`] | frames of the current thread | pure |
//! | [`code_value`] | the same code at another address | pure |
//! | [`hash`] | site keys | pure |
//! | [`sampling`] | which blocks are recorded, and for how many each stands | pure |
#![no_std]

#[cfg(test)]
extern crate std;

pub mod code_value;
pub mod hash;
pub mod sampling;
pub mod walk;
pub mod wire;
