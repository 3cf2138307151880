//! Why something of a process is not there to be read: facts, worded by `report`.

use super::coded::coded;

coded! {
    /// Why there are no Python frames.
    #[derive(Eq)]
    pub enum NoPython {
        /// No symbol led to a version.
        "no-version" => NoVersion,
        /// Two sources disagree.
        "two-versions" => TwoVersions {
            /// One.
            version: String,
            /// The other.
            other: String,
        },
        /// The layout of this version is not known.
        "unknown-version" => UnknownVersion {
            /// The version.
            version: String,
        },
        /// It was built without a GIL.
        "free-threaded" => FreeThreaded {
            /// The version.
            version: String,
        },
        /// The offsets that it publishes are not believed.
        "offsets-not-believed" => OffsetsNotBelieved {
            /// What is wrong with them, as the reader found it.
            detail: String,
        },
        /// It should publish its offsets, and they were not found.
        "no-offsets" => NoOffsets {
            /// The version.
            version: String,
        },
        /// Nothing leads to the list of interpreters.
        "no-interpreters" => NoInterpreters {
            /// The version.
            version: String,
        },
        /// Interpreters and threads could not be listed.
        "no-threads" => NoThreads {
            /// The version.
            version: String,
            /// What is wrong with the lists, as the reader found it.
            detail: String,
        },
        /// Thread states could not be found from threads.
        "no-thread-states" => NoThreadStates {
            /// The version.
            version: String,
            /// What was found instead.
            detail: String,
        },
        /// The layout does not hold for this process.
        "layout-misfit" => LayoutMisfit {
            /// The version.
            version: String,
            /// What does not fit.
            detail: String,
        },
    }
}

coded! {
    /// Why a code object has no name.
    #[derive(Copy, Eq, Hash)]
    pub enum NoCode {
        /// Memory is gone.
        "unreadable" => Unreadable,
        /// The address was reused for something else.
        "not-code" => NotCode,
        /// No function name.
        "no-function" => Function {
            /// Why.
            reason: NoText,
        },
        /// No file name.
        "no-file" => File {
            /// Why.
            reason: NoText,
        },
    }
}

coded! {
    /// Why a string cannot be read.
    #[derive(Copy, Eq, Hash)]
    pub enum NoText {
        /// Memory is gone.
        "unreadable" => Unreadable,
        /// A pointer that is null.
        "null" => Null,
        /// What is there is no string: another kind of object, or reused memory.
        "not-text" => NotText,
    }
}

coded! {
    /// Why Python objects were not read, or not to the end.
    #[derive(Eq)]
    pub enum NoObjects {
        /// It took longer than the end of a recording may be delayed.
        "too-slow" => TooSlow,
        /// The thread that read them ended.
        "ended-early" => EndedEarly,
        /// The process ended.
        "target-gone" => TargetGone,
        /// It runs no CPython.
        "not-python" => NotPython,
        /// Its CPython is not understood.
        "python-not-understood" => PythonNotUnderstood {
            /// Why not.
            reason: NoPython,
        },
        /// How its CPython lays out objects is not known.
        "unknown-objects" => UnknownObjects {
            /// The version.
            version: String,
        },
        /// The lists of its garbage collector were not found.
        "no-collector" => NoCollector,
        /// Its interpreters and threads could not be listed again.
        "no-threads" => NoThreads {
            /// What is wrong with the lists, as the reader found it.
            detail: String,
        },
        /// There are more than this machine has memory for.
        "no-memory" => NoMemory {
            /// How many there is memory for.
            most: u64,
        },
        /// There are more than are read during a recording.
        "too-many" => TooMany {
            /// How many are.
            most: u64,
        },
        /// The system refused something.
        "refused" => Refused {
            /// In its words.
            error: String,
        },
    }
}
