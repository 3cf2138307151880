//! What was noticed while a process was watched, and limits what a report says: facts, worded by
//! `report`.

use super::coded::coded;
use super::refusal::{NoCode, NoObjects, NoPython};
use super::{ArenaPoint, ArenaUse};

coded! {
    /// What was noticed on a recording.
    pub enum Note {
        /// The target ended.
        "target-exited" => TargetExited,
        /// The target became another program by `exec`.
        "target-replaced" => TargetReplaced,
        /// The target's interpreter ended, or the target with it; what that freed is not counted.
        "interpreter-ended" => InterpreterEnded,
        /// The target's first thread ended, the others run.
        "leader-exited" => LeaderExited,
        /// The target's first thread ended, the others run, and its probes ended with it.
        "probes-ended-with-leader" => ProbesEndedWithLeader,
        /// leakspy did not run for a while, and the target did: what it allocated is counted, when
        /// is not.
        "not-watched" => NotWatched {
            /// Seconds from the start.
            from: f64,
            /// Seconds from the start.
            to: f64,
        },
        /// The target did not run for a while: stopped by a signal, frozen, or its machine halted.
        /// Growth is judged without that time.
        "target-stood-still" => TargetStoodStill {
            /// Seconds from the start.
            from: f64,
            /// Seconds from the start.
            to: f64,
        },
        /// The machine was suspended; times do not count that.
        "machine-slept" => MachineSlept {
            /// How long, in all.
            seconds: f64,
        },
        /// The process that held the probes was killed.
        "probes-lost" => ProbesLost,
        /// The recording was never finished, or is not yet.
        "recording-unfinished" => RecordingUnfinished,
        /// There is an interpreter, and no way to its frames.
        "python-not-understood" => PythonNotUnderstood {
            /// Why not.
            reason: NoPython,
        },
        /// Calls of an allocation function are not counted.
        "function-not-seen" => FunctionNotSeen {
            /// The function's symbol.
            function: String,
            /// Why not.
            reason: NotSeen,
        },
        /// The function that frees code objects has no probe.
        "code-ends-not-seen" => CodeEndsNotSeen,
        /// A module has put itself between callers and the allocator.
        "allocator-hooked" => AllocatorHooked {
            /// Path of the module in the target.
            path: String,
        },
        /// Some modules call another implementation than the process at large.
        "other-allocator" => OtherAllocator {
            /// The function's symbol.
            function: String,
            /// Path of the module that provides the other implementation.
            path: String,
            /// Modules that call it.
            callers: u64,
        },
        /// Memory grew without an explanation, and the kernel does not let mappings be counted that are not
        /// made by the C library.
        "system-calls-not-seen" => SystemCallsNotSeen,
        /// Memory grew without an explanation: mappings that are made by system calls, without the C library,
        /// are counted from then on.
        "system-calls-seen" => SystemCallsSeen {
            /// Seconds from the start.
            from: f64,
            /// How much memory it was.
            bytes: u64,
        },
        /// The interpreter does not collect garbage by itself: `gc.disable()` was called, or `gc.set_threshold`.
        "collection-off" => CollectionOff {
            /// The threshold of the youngest generation, where that is why; 0 switches collection off.
            threshold: Option<u32>,
        },
        /// `gc.freeze()` is called again and again: what is garbage at such a moment is never freed.
        "collection-frozen" => CollectionFrozen,
        /// A library has an allocator for itself, whose calls are counted.
        "allocator-traced" => AllocatorTraced {
            /// What the allocator is called.
            allocator: String,
            /// Path of the library in the target.
            path: String,
        },
        /// Blocks of an allocator that a library has for itself overlap, or lie where nothing is mapped:
        /// they are released in a way that no probe sees, and no line is named for them.
        "allocator-not-believed" => AllocatorNotBelieved {
            /// What the allocator is called.
            allocator: String,
            /// Path of the library in the target.
            path: String,
        },
        /// A library has an allocator for itself, of which only the mappings are counted.
        "allocator-mapped" => AllocatorMapped {
            /// What the allocator is called.
            allocator: String,
            /// Path of the library in the target.
            path: String,
        },
        /// The allocator is none whose structures are read: what it retains of freed memory is not known.
        "malloc-not-read" => MallocNotRead {
            /// What it is called.
            name: String,
            /// Which version it is, where it says so.
            version: Option<String>,
        },
        /// Arenas of Python's small-object allocator are mostly empty, and cannot be given back.
        "arenas-half-empty" => ArenasHalfEmpty {
            /// How full they were last.
            #[serde(flatten)]
            arenas: ArenaUse,
            /// What they retained on the way there; nothing in earlier recordings.
            #[serde(default)]
            readings: Vec<ArenaPoint>,
        },
        /// The interpreter takes its objects from an allocator of its own that is not pymalloc.
        "python-allocator" => PythonAllocator {
            /// What the allocator is called.
            allocator: String,
        },
        /// The target was paused for the last search and the last snapshot, as somebody wanted.
        "paused" => Paused {
            /// How long it stood still.
            seconds: f64,
        },
        /// The target could not be paused for them, so it ran on.
        "not-paused" => NotPaused {
            /// Why not.
            error: String,
        },
        /// A library in stacks is a part of an installed package.
        "library-of-package" => LibraryOfPackage {
            /// Path of the library in the target.
            path: String,
            /// What the package is called.
            name: String,
            /// Which version of it.
            version: String,
        },
        /// The memory was not searched for pointers to old blocks.
        "search-unfinished" => SearchUnfinished {
            /// Why not.
            reason: NoSearch,
        },
        /// The target wrote to pages that it shared with the process that it was forked from, or with
        /// one that it has forked: they are its own now.
        "pages-unshared" => PagesUnshared {
            /// How much that is.
            bytes: u64,
            /// How much it still shares.
            shared_bytes: u64,
        },
        /// Snapshots of Python objects that met lists of the garbage collector in change missed many
        /// objects: they do not count.
        "snapshots-torn" => SnapshotsTorn {
            /// How many, in all.
            snapshots: u64,
        },
        /// C code holds more and more references to objects of a type.
        "references-surplus" => ReferencesSurplus {
            /// The type's name, data from outside.
            name: String,
            /// References that they count and nobody was seen to have.
            references: u64,
            /// So many of them came while they were counted.
            more: u64,
            /// For how long they were, seconds.
            seconds: f64,
        },
        /// Python objects were not counted or joined with blocks to the end.
        "objects-unfinished" => ObjectsUnfinished {
            /// Why not.
            reason: NoObjects,
        },
        /// Not all live blocks were joined with the objects that own them.
        "owners-incomplete" => OwnersIncomplete {
            /// Those that were.
            blocks: u64,
        },
        /// Records of new stacks came faster than they could be handled.
        "records-dropped" => RecordsDropped {
            /// Those that were not handled.
            records: u64,
        },
        /// Some allocations were recorded and stand for others, because recording all would have cost too much.
        "sampled" => Sampled {
            /// For how long, seconds.
            seconds: f64,
            /// Mean bytes between two that were recorded, at most.
            period: u64,
            /// Share of a core that recording all would have cost, by prediction.
            exact: f64,
        },
        /// The probes cost the target more than was allowed.
        "budget-exceeded" => BudgetExceeded {
            /// Share of a core in the dearest ten seconds.
            most: f64,
            /// Share of a core that was allowed.
            budget: f64,
        },
        /// Findings were suppressed.
        "findings-suppressed" => FindingsSuppressed {
            /// The file that says so.
            file: String,
            /// What they are.
            left_out: LeftOut,
        },
        /// Leaks were suppressed by their id, name or path.
        "leaks-suppressed" => LeaksSuppressed {
            /// So many.
            leaks: u64,
        },
        /// Findings were left out by `--include` and `--exclude`.
        "findings-filtered" => FindingsFiltered {
            /// What they are.
            left_out: LeftOut,
        },
        /// A sentence without a code, from a recording of an earlier version.
        "text" => Text {
            /// The sentence.
            text: String,
        },
    }
}

coded! {
    /// Why the calls of a function are not counted.
    pub enum NotSeen {
        /// Several modules provide it.
        "several" => Several,
        /// Its symbol is a resolver.
        "indirect" => Indirect,
        /// No module provides it.
        "not-provided" => NotProvided,
        /// Its code cannot be read.
        "no-code" => NoCode,
        /// What it begins with is no instruction.
        "not-code" => NotCode,
        /// A probe could break its first instruction.
        "unsafe" => Unsafe {
            /// The instruction.
            instruction: String,
        },
    }
}

coded! {
    /// Why memory was not searched for pointers.
    #[derive(Copy, Eq)]
    pub enum NoSearch {
        /// It has more resident memory than is searched.
        "too-large" => TooLarge,
        /// A part of it is swapped out, and was not read: to read it would bring it in.
        "swapped" => Swapped {
            /// How much, where that is known.
            bytes: Option<u64>,
        },
        /// It has more mappings or holes than are searched.
        "too-scattered" => TooScattered,
        /// A part of it cannot be read.
        "unreadable" => Unreadable,
        /// It took longer than the end of a recording may be delayed.
        "too-slow" => TooSlow,
    }
}

/// Findings that a report does not show.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LeftOut {
    /// How many.
    pub findings: u64,
    /// Bytes that they keep.
    #[serde(rename = "kept_bytes")]
    pub retained_bytes: u64,
    /// Share of the growth of the process that they explain, 0 to 1; `None` where that is not
    /// known.
    pub share_of_growth: Option<f64>,
}

coded! {
    /// Why a stack is less than whole.
    #[derive(Eq)]
    pub enum StackNote {
        /// The Python stack is deeper than the limit.
        "python-too-deep" => PythonTooDeep,
        /// A Python frame could not be read; the outer ones are missing.
        "python-unreadable" => PythonUnreadable,
        /// A code object was freed before it was read.
        "code-freed" => CodeFreed,
        /// A code object could not be read.
        "code-unreadable" => CodeUnreadable {
            /// Why not.
            reason: NoCode,
        },
        /// Native frames whose place among the Python frames is not certain.
        "native-left-out" => NativeLeftOut {
            /// How many.
            frames: u64,
        },
        /// Native frames of the greenlet or sub-interpreter that switched to this one.
        "other-stack" => OtherStack {
            /// How many.
            frames: u64,
        },
        /// Activations of the evaluation loop that run no Python frame.
        "idle-evaluation" => IdleEvaluation {
            /// How many.
            frames: u64,
        },
        /// Native frames that were passed by their frame pointer, for want of tables.
        "by-frame-pointer" => ByFramePointer {
            /// How many.
            frames: u64,
        },
        /// Outer native frames lie beyond the copied part of the stack.
        "copy-too-short" => CopyTooShort,
        /// The walk came to code without unwind information.
        "no-unwind-information" => NoUnwindInformation {
            /// Path of the module in the target.
            module: String,
        },
        /// The walk came to unwind information that needs a register which is not recorded.
        "unsupported-unwind-rule" => UnsupportedUnwindRule {
            /// Path of the module in the target.
            module: String,
        },
        /// The walk came to a return address outside every known file.
        "unknown-caller" => UnknownCaller,
        /// The walk came to a return address that no call precedes.
        "implausible-return" => ImplausibleReturn {
            /// Path of the module that it points into.
            module: String,
        },
        /// It is of an allocator whose blocks are released unseen: what it keeps is not known.
        "allocator-not-believed" => AllocatorNotBelieved,
        /// There are more native frames than are kept.
        "native-too-deep" => NativeTooDeep {
            /// How many are.
            frames: u64,
        },
        /// A sentence without a code, from a recording of an earlier version.
        "text" => Text {
            /// The sentence.
            text: String,
        },
    }
}

coded! {
    /// What limits the numbers of a heap.
    #[derive(Copy, Eq)]
    pub enum HeapNote {
        /// The process ended between two snapshots.
        "process-ended" => ProcessEnded,
        /// There were more types or snapshots than can be followed.
        "types-incomplete" => TypesIncomplete,
        /// Snapshots that missed many objects do not count.
        "snapshots-torn" => SnapshotsTorn,
    }
}

coded! {
    /// What makes two recordings hard to compare.
    pub enum DifferenceNote {
        /// They are of different programs.
        "other-program" => OtherProgram {
            /// Executable of the earlier one: data from outside, like the others.
            before: String,
            /// That of the later one.
            after: String,
        },
        /// Their processes have different names.
        "other-name" => OtherName {
            /// Name of the earlier one.
            before: String,
            /// That of the later one.
            after: String,
        },
        /// Their interpreters are of different versions.
        "other-interpreter" => OtherInterpreter {
            /// Version of the earlier one.
            before: String,
            /// That of the later one.
            after: String,
        },
        /// They are of different lengths.
        "other-length" => OtherLength {
            /// Seconds of the earlier one.
            before: f64,
            /// Those of the later one.
            after: f64,
        },
        /// Calls are missing from the numbers of one of them.
        "calls-lost" => CallsLost {
            /// Its name.
            side: String,
            /// How many.
            calls: u64,
        },
    }
}

impl Note {
    /// Whether it says that the target went away: nobody can watch it again under its pid.
    pub const fn is_end_of_target(&self) -> bool {
        matches!(self, Self::TargetExited | Self::TargetReplaced | Self::InterpreterEnded)
    }
}
