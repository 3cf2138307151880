//! Every note once or, where it has reasons, once with each.

use crate::model::{
    HeapNote, LeftOut, NoCode, NoObjects, NoPython, NoSearch, NoText, NotSeen, Note, SkippedPart,
    StackNote,
};

pub fn notes() -> Vec<Note> {
    let library = || "/usr/lib/x86_64-linux-gnu/libc.so.6".to_owned();
    let mut notes = vec![
        Note::TargetExited,
        Note::TargetReplaced,
        Note::InterpreterEnded,
        Note::LeaderExited,
        Note::ProbesEndedWithLeader,
        Note::NotWatched { from: 65.0, to: 125.0 },
        Note::TargetStoodStill { from: 65.0, to: 125.0 },
        Note::MachineSlept { seconds: 3600.0 },
        Note::ProbesLost,
        Note::RecordingUnfinished,
    ];
    notes.extend(no_pythons().map(|reason| Note::PythonNotUnderstood { reason }));
    let unseen = [
        NotSeen::Several,
        NotSeen::Indirect,
        NotSeen::NotProvided,
        NotSeen::NoCode,
        NotSeen::NotCode,
        NotSeen::Unsafe { instruction: "jmp rax".into() },
    ];
    let function = || "realloc".to_owned();
    notes.extend(unseen.map(|reason| Note::FunctionNotSeen { function: function(), reason }));
    notes.push(Note::RecordsDropped { records: 2 });
    notes.push(Note::CodeEndsNotSeen);
    notes.push(Note::Sampled { seconds: 59.0, period: 16 << 10, exact: 0.084 });
    notes.push(Note::BudgetExceeded { most: 0.31, budget: 0.02 });
    notes.push(Note::AllocatorHooked { path: "/opt/lib/libhook.so".into() });
    notes.push(Note::OtherAllocator { function: function(), path: library(), callers: 3 });
    notes.push(Note::SystemCallsNotSeen);
    notes.push(Note::SystemCallsSeen { from: 12.3, bytes: 9 << 20 });
    notes.push(Note::CollectionOff { threshold: None });
    notes.push(Note::CollectionFrozen);
    notes.push(Note::CollectionOff { threshold: Some(5_000_000) });
    let polars = || "/opt/lib/polars.abi3.so".to_owned();
    notes.push(Note::AllocatorTraced { allocator: "jemalloc".into(), path: polars() });
    notes.push(Note::AllocatorNotBelieved { allocator: "jemalloc".into(), path: polars() });
    notes.push(Note::AllocatorMapped { allocator: "the Go runtime".into(), path: polars() });
    let version = Some("5.3.0".to_owned());
    notes.push(Note::MallocNotRead { name: "jemalloc".into(), version });
    notes.push(Note::MallocNotRead { name: "musl".into(), version: None });
    notes.push(Note::ArenasHalfEmpty {
        arenas: crate::report::arenas::sample(),
        readings: Vec::new(),
    });
    notes.push(Note::PythonAllocator { allocator: "mimalloc".into() });
    notes.push(Note::LibraryOfPackage {
        path: "/opt/lib/python3.11/site-packages/row/c.so".into(),
        name: "Row".into(),
        version: "1.4.35".into(),
    });
    notes.push(Note::Paused { seconds: 1.27 });
    notes.push(Note::NotPaused { error: "process 4711 is traced by another debugger".into() });
    let unsearched = [
        NoSearch::TooLarge,
        NoSearch::Swapped { bytes: None },
        NoSearch::Swapped { bytes: Some(300 << 20) },
        NoSearch::TooScattered,
        NoSearch::Unreadable,
        NoSearch::TooSlow,
    ];
    notes.extend(unsearched.map(|reason| Note::SearchUnfinished { reason }));
    notes.push(Note::PagesUnshared { bytes: 100 << 20, shared_bytes: 3 << 20 });
    let uncounted = [
        NoObjects::TooSlow,
        NoObjects::EndedEarly,
        NoObjects::TargetGone,
        NoObjects::NotPython,
        NoObjects::PythonNotUnderstood { reason: NoPython::NoVersion },
        NoObjects::UnknownObjects { version: "3.7.2".into() },
        NoObjects::NoCollector,
        NoObjects::NoThreads {
            detail: "its thread list has no end (again at 0x7f21c40a1000)".into(),
        },
        NoObjects::NoMemory { most: 565_209 },
        NoObjects::TooMany { most: 1_048_576 },
        NoObjects::Refused { error: "cannot read /proc/4711/maps: permission denied".into() },
    ];
    notes.extend([1, 12].map(|snapshots| Note::SnapshotsTorn { snapshots }));
    notes.push(Note::ReferencesSurplus {
        name: "app.Config".into(),
        references: 3_140,
        more: 2_980,
        seconds: 120.0,
    });
    notes.extend(uncounted.map(|reason| Note::ObjectsUnfinished { reason }));
    notes.push(Note::OwnersIncomplete { blocks: 1_048_576 });
    let one = LeftOut { findings: 1, retained_bytes: 42_400, share_of_growth: Some(0.83) };
    let two = LeftOut { findings: 2, retained_bytes: 84_800, share_of_growth: None };
    notes.extend([1, 2].map(|leaks| Note::LeaksSuppressed { leaks }));
    notes.push(Note::FindingsSuppressed { file: "app.supp".into(), left_out: one });
    notes.push(Note::FindingsFiltered { left_out: two });
    notes.push(Note::Text { text: "A sentence of an earlier version.".into() });
    notes
}

fn no_pythons() -> [NoPython; 10] {
    let version = || "3.16.0".to_owned();
    [
        NoPython::NoVersion,
        NoPython::TwoVersions { version: version(), other: "3.15.1".into() },
        NoPython::UnknownVersion { version: version() },
        NoPython::FreeThreaded { version: version() },
        NoPython::OffsetsNotBelieved { detail: "its debug offsets cannot be read".into() },
        NoPython::NoOffsets { version: version() },
        NoPython::NoInterpreters { version: version() },
        NoPython::NoThreads { version: version(), detail: "its thread list is empty".into() },
        NoPython::NoThreadStates { version: version(), detail: "none of its 2 threads".into() },
        NoPython::LayoutMisfit { version: version(), detail: "its GIL is held by 0x1".into() },
    ]
}

pub fn of_stacks() -> Vec<StackNote> {
    let module = || "/opt/lib/libmagic.so.2".to_owned();
    let no_codes = [
        NoCode::Unreadable,
        NoCode::NotCode,
        NoCode::Function { reason: NoText::Unreadable },
        NoCode::Function { reason: NoText::Null },
        NoCode::File { reason: NoText::NotText },
    ];
    let mut notes = vec![
        StackNote::PythonTooDeep,
        StackNote::PythonUnreadable,
        StackNote::CodeFreed,
        StackNote::NativeLeftOut { frames: 3 },
        StackNote::OtherStack { frames: 2 },
        StackNote::IdleEvaluation { frames: 1 },
        StackNote::ByFramePointer { frames: 4 },
        StackNote::AllocatorNotBelieved,
        StackNote::CopyTooShort,
        StackNote::NoUnwindInformation { module: module() },
        StackNote::UnsupportedUnwindRule { module: module() },
        StackNote::UnknownCaller,
        StackNote::ImplausibleReturn { module: module() },
        StackNote::NativeTooDeep { frames: 1024 },
        StackNote::Text { text: "A sentence of an earlier version.".into() },
    ];
    notes.extend(no_codes.map(|reason| StackNote::CodeUnreadable { reason }));
    notes
}

pub const fn of_heaps() -> [HeapNote; 3] {
    [HeapNote::ProcessEnded, HeapNote::TypesIncomplete, HeapNote::SnapshotsTorn]
}

pub const fn skipped() -> [SkippedPart; 4] {
    [SkippedPart::TornLists, SkippedPart::References, SkippedPart::Sizes, SkippedPart::Pools]
}
