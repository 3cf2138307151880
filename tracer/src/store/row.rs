//! How the file of a recording is made.

/// What to do when the file is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Refuse.
    Never,
    /// Remove it first, when it is a regular file.
    Always,
}

/// The owner of the file: the user who called `sudo`, so that reading it needs no root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileOwner {
    /// User id.
    pub user: u32,
    /// Group id.
    pub group: u32,
}
