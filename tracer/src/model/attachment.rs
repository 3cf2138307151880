//! What was attached to.

/// A process that is being recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its pid.
    pub pid: u32,
    /// Its short name: data from outside.
    pub comm: String,
    /// Version of its CPython, `None` where none is understood: then there are native stacks only.
    pub python: Option<String>,
    /// Probes that are in place.
    pub probes: usize,
    /// How the kernel attaches them.
    pub method: &'static str,
}
