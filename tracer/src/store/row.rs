//! How the file of a recording is made.

/// What to do when the file is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Refuse.
    Never,
    /// Remove it first, when it is a regular file.
    Always,
}

/// Who shall own the file: the person behind `sudo`, so that the report needs no root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileOwner {
    /// User id.
    pub user: u32,
    /// Group id.
    pub group: u32,
}
