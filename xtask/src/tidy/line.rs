//! A line of Rust source, as the rules look at it.

/// One line of a Rust file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The code, comments and the inside of literals left out.
    pub code: String,
    /// The inside of string literals, each ended by a line feed.
    pub text: String,
    /// Part of an item behind `#[cfg(test)]`.
    pub test: bool,
}
