//! Where a CPython runtime was found.

use super::Address;

/// What the symbols of the interpreter say, before anything is read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeSymbols {
    /// `_PyRuntime`.
    pub runtime: Address,
    /// `PyCode_Type`, when it is exported.
    pub code_type: Option<Address>,
    /// `Py_Version`, the `u32` with the version (CPython 3.11 on), when it is exported.
    pub version_word: Option<Address>,
    /// What `Py_GetVersion` returns, as found in the interpreter's data, when there is no
    /// `version_word`: for example `3.8.18 (default, …) \n[GCC 12.2.0]`.
    pub version_text: Option<String>,
}
