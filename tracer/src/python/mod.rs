//! What CPython looks like from outside, over the [`Memory`](crate::model::Memory) trait.
//!
//! Nothing here does I/O: a live process, a saved image and the saved chunks of a dead code object
//! are all the same to it. [`attach()`] is the way in; everything it returns was read from the
//! target and held against what CPython's own headers say, and when they disagree the answer is a
//! [`PythonRefusal`], never a guess.
//!
//! | module | knows |
//! |---|---|
//! | [`version`] | which CPython this is |
//! | [`layout`] | where its fields are: a row of our table, or the target's own debug offsets |
//! | `check` | why a layout is believed |
//! | [`runtime`] | interpreters and thread states |
//! | [`slot`] | where a thread keeps the pointer to its own state |
//! | [`frame`] | frames of a thread, by the same walk that the kernel runs |
//! | [`code`], [`mod@line`], [`text`] | what a code object is called and which line an instruction is on |
//! | [`saved`] | code objects that are gone |
//! | [`Collector`] | how often the garbage collector has run over everything |

mod attach;
mod check;
pub mod code;
mod collector;
pub mod frame;
pub mod layout;
pub mod line;
mod machine;
mod running;
pub mod runtime;
pub mod saved;
pub mod slot;
pub mod text;
pub mod version;

pub use attach::{Python, PythonRefusal, attach};
pub use code::CodeInfo;
pub use collector::{CollectionOff, Collector};
pub use layout::{Layout, LayoutSource};
pub use line::LineTable;
pub use running::running_line;
pub use saved::SavedCode;
pub use version::Version;

#[cfg(test)]
pub(crate) mod images;
#[cfg(test)]
mod properties;
