//! Who holds objects of a process.

use super::census::not_yet;
use super::error::SessionError;
use crate::model::Holders;

/// How the answer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhoOptions {
    /// Whether the process stands still meanwhile.
    pub pause: bool,
    /// Whether strings of the process are told in full.
    pub values: bool,
    /// Most kinds of chains that are told.
    pub top: usize,
}

/// Finds what keeps the objects that `asked` means: a type, an address (`0x…`) or a module.
///
/// # Errors
/// Always: the heap cannot be read yet.
pub fn find(selector: &str, _asked: &str, _options: &WhoOptions) -> Result<Holders, SessionError> {
    Err(not_yet(selector)?)
}
