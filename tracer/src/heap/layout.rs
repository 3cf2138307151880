//! Where the objects of each version keep their fields.

/// Offsets of the objects of one minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectLayout {
    /// Minor version.
    pub minor: u8,
}
