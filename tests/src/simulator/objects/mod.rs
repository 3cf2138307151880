//! Heaps of Python objects whose every object is known: types that leak and types that only look
//! like it, judged as those of a real census are.
//!
//! | module | what it knows |
//! |---|---|
//! | [`heap`] | types with their objects |
//! | [`family`] | the kinds of types |
//! | [`snapshots`] | what snapshots of a heap see, also after a halt |
//! | [`trial`] | many heaps judged |
//! | [`table`] | all of them as a table |

pub mod family;
pub mod heap;
pub mod snapshots;
pub mod table;
pub mod trial;
