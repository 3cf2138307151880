//! What somebody asks `who` for, and what else the name could have meant.

use super::coded::coded;

coded! {
    /// What is in a heap under a name or an address. Names are data from outside.
    #[derive(Eq)]
    pub enum HeapSubject {
        /// An object.
        "object" => Object {
            /// Its address, as `0x…`.
            address: String,
            /// Its type.
            class: String,
        },
        /// Objects of a type.
        "type" => Type {
            /// The type.
            class: String,
        },
        /// A module.
        "module" => Module {
            /// Its name.
            name: String,
        },
        /// The names that a module left behind which itself is gone.
        "gone-module" => GoneModule {
            /// Its name.
            name: String,
        },
    }
}

/// Another subject of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namesake {
    /// What the answer is about.
    pub answered: HeapSubject,
    /// What else has that name.
    pub other: HeapSubject,
    /// What to ask for instead.
    pub ask: String,
}
