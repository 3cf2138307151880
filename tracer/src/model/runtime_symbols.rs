//! Where a CPython runtime was found.

use super::Address;

/// What the symbols of the ELF file that holds the interpreter say, before anything is read from
/// it. All addresses are those of the process, load bias included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimeSymbols {
    /// `_PyRuntime` (3.7 on): by symbol, by section `.PyRuntime`, or by the debug-offset cookie.
    pub runtime: Option<Address>,
    /// `PyCode_Type`; learnt from a frame when it is not exported.
    pub code_type: Option<Address>,
    /// `Py_Version`, the `u32` with the version (3.11 on).
    pub version_word: Option<Address>,
    /// `Py_GetVersion`, whose code leads to the version where there is no word.
    pub version_function: Option<Address>,
    /// What `Py_GetVersion` returns, as found in the interpreter's data when neither of them is
    /// exported: for example `3.8.18 (default, …) \n[GCC 12.2.0]`.
    pub version_text: Option<String>,
    /// `PyGILState_GetThisThreadState`, whose code says where threads keep their state (3.15 on, in
    /// programs that hold the interpreter themselves).
    pub thread_state_function: Option<Address>,
    /// `PyInterpreterState_Head`, whose code leads to the list of interpreters where there is no
    /// `_PyRuntime` (3.6).
    pub interpreters_head_function: Option<Address>,
    /// `_PyThreadState_Current`, which names the retainer of the GIL where there is no `_PyRuntime`
    /// (3.6).
    pub thread_current: Option<Address>,
}
