//! Processes that leak, and processes that only look like it, without a process: families of random
//! series with a known truth, judged by the detector at many moments. `cargo xtask simulate` prints
//! the table.
//!
//! | module | what it knows |
//! |---|---|
//! | [`random`] | seeded distributions |
//! | [`world`] | a process whose every block is known |
//! | [`recording`] | what a recording of it holds at a moment |
//! | [`stalled`] | the same where leakspy, the target or both came to a halt |
//! | [`family`] | the kinds of processes |
//! | [`objects`] | the same for types of Python objects |
//! | [`trial`] | one process judged over time |
//! | [`table`] | all of them as a table |

pub mod family;
pub mod objects;
pub mod random;
pub mod recording;
pub mod stalled;
pub mod table;
pub mod trial;
pub mod world;
