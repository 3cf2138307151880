//! From a copied stack to named frames: native unwinding, the merge with Python frames, names.
//!
//! | module | knows |
//! |---|---|
//! | [`image`] | one loaded ELF file, and where it lies in the target |
//! | [`code`] | what is known of one file, for all targets that have it mapped |
//! | `parts` | segments and unwind tables of a file |
//! | `cfi` | call frame information: function ranges and the rule at an address |
//! | `call` | what a call instruction looks like from behind |
//! | [`stack`] | a stack as it is copied, and as it is unwound |
//! | [`unwind`] | the walk over a copied stack |
//! | [`fragment`] | all address ranges of one function that the compiler split |
//! | [`activation`] | which native frame hosts which run of Python frames |
//! | [`merge`] | one stack out of two, in true order |
//! | [`native`] | names of native code (the only module that names blazesym) |
//! | [`runtime_frames`] | which native frames are the interpreter's own |
//! | [`resolve`] | finished frames, root first |
//!
//! The order of work follows the life of the target: a stack is unwound and merged at once, while
//! its modules are known ([`unwind`], [`merge`]); names of native code wait for the end and are
//! looked up module by module in one batch ([`native`]), because debug information is the largest
//! thing that this program ever reads.

pub mod activation;
mod call;
mod cfi;
pub mod code;
pub mod fragment;
pub mod image;
pub mod merge;
pub mod native;
mod parts;
pub mod resolve;
pub mod runtime_frames;
pub mod stack;
pub mod unwind;

pub use activation::{Activations, CodeRanges};
pub use code::{CodeFile, Detail};
pub use image::{ModuleId, ModuleImage};
pub use merge::{MergeNote, Merged, MixedStack};
pub use native::NativeNames;
pub use parts::ImageBytes;
pub use resolve::{PythonNames, Resolver};
pub use stack::{NativeFrame, NativeStack, Place, Registers, StackCopy, WalkEnd};
pub use unwind::Unwinder;
