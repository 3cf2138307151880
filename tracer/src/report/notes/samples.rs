//! Every note once or, where it has reasons, once with each.

use crate::model::{HeapNote, LeftOut, NoObjects, NoSearch, NotSeen, Note, StackNote};

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
        Note::PythonNotUnderstood { reason: "the layout of CPython 3.16.0 is not known".into() },
    ];
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
    notes.push(Note::AllocatorHooked { path: "/opt/lib/libhook.so".into() });
    notes.push(Note::OtherAllocator { function: function(), path: library(), callers: 3 });
    notes.push(Note::SystemCallsNotSeen);
    let polars = || "/opt/lib/polars.abi3.so".to_owned();
    notes.push(Note::AllocatorTraced { allocator: "jemalloc".into(), path: polars() });
    notes.push(Note::AllocatorMapped { allocator: "the Go runtime".into(), path: polars() });
    notes.push(Note::PythonAllocator { allocator: "mimalloc".into() });
    let unsearched = [
        NoSearch::TooLarge,
        NoSearch::Swapped,
        NoSearch::TooScattered,
        NoSearch::Unreadable,
        NoSearch::TooSlow,
    ];
    notes.extend(unsearched.map(|reason| Note::SearchUnfinished { reason }));
    let uncounted = [
        NoObjects::TooSlow,
        NoObjects::EndedEarly,
        NoObjects::Refused { error: "process 4711 has ended".into() },
    ];
    notes.extend(uncounted.map(|reason| Note::ObjectsUnfinished { reason }));
    notes.push(Note::OwnersIncomplete { blocks: 1_048_576 });
    let one = LeftOut { findings: 1, retained_bytes: 42_400, share_of_growth: Some(0.83) };
    let two = LeftOut { findings: 2, retained_bytes: 84_800, share_of_growth: None };
    notes.push(Note::FindingsSuppressed { file: "app.supp".into(), left_out: one });
    notes.push(Note::FindingsFiltered { left_out: two });
    notes.push(Note::Text { text: "A sentence of an earlier version.".into() });
    notes
}

pub fn of_stacks() -> Vec<StackNote> {
    let module = || "/opt/lib/libmagic.so.2".to_owned();
    vec![
        StackNote::PythonTooDeep,
        StackNote::PythonUnreadable,
        StackNote::CodeFreed,
        StackNote::CodeUnreadable { reason: "its code object cannot be read any more".into() },
        StackNote::NativeLeftOut { frames: 3 },
        StackNote::OtherStack { frames: 2 },
        StackNote::IdleEvaluation { frames: 1 },
        StackNote::ByFramePointer { frames: 4 },
        StackNote::CopyTooShort,
        StackNote::NoUnwindInformation { module: module() },
        StackNote::UnsupportedUnwindRule { module: module() },
        StackNote::UnknownCaller,
        StackNote::ImplausibleReturn { module: module() },
        StackNote::NativeTooDeep { frames: 1024 },
        StackNote::Text { text: "A sentence of an earlier version.".into() },
    ]
}

pub const fn of_heaps() -> [HeapNote; 2] {
    [HeapNote::ProcessEnded, HeapNote::TypesIncomplete]
}
