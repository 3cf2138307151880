//! Where a CPython runtime was found.

use super::Address;

/// Where things are in the target, as far as the symbols of the ELF file that holds the interpreter say. All
/// addresses are those of the process, load bias included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimeSymbols {
    /// `_PyRuntime` (3.7 on): by symbol, by section `.PyRuntime`, or by the debug-offset cookie.
    pub runtime: Option<Address>,
    /// `PyCode_Type`; learnt from a frame when it is not exported.
    pub code_type: Option<Address>,
    /// `Py_Version` (3.11 on), a `u32`.
    pub version_word: Option<Address>,
    /// `Py_GetVersion`, whose code leads to the version where there is no word.
    pub version_function: Option<Address>,
    /// `PyGILState_GetThisThreadState`, whose code says where threads keep their state (3.15 on, in programs that hold
    /// the interpreter themselves).
    pub thread_state_function: Option<Address>,
    /// A version found in other ways, such as the text that `Py_GetVersion` returns.
    pub version_text: Option<String>,
    /// `interp_head` (3.6, static, so only in files that are not stripped).
    pub interpreters_head: Option<Address>,
    /// `PyInterpreterState_Head` (3.6), whose code leads to `interp_head`.
    pub interpreters_head_function: Option<Address>,
    /// `_PyThreadState_Current` (3.6).
    pub thread_current: Option<Address>,
}
