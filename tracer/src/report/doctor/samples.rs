//! Every fact of `doctor` once or, where its words have variants, once with each.

use crate::model::{
    AttachMethod, DoctorFact, DoctorReport, DoctorSection, DoctorTopic, KernelTable, Lockdown,
    Need, NoObjects, Note, ProbeCost,
};

pub fn facts() -> Vec<DoctorFact> {
    let mut facts = machine();
    facts.extend(process());
    facts
}

fn machine() -> Vec<DoctorFact> {
    let error = || "permission denied".to_owned();
    let mut facts = vec![
        DoctorFact::KernelRelease { release: "6.18.0".into() },
        DoctorFact::TypeInformation { fsbase: 5104 },
        DoctorFact::NoTypeInformation { error: error() },
    ];
    let lockdowns = [Lockdown::None, Lockdown::Integrity, Lockdown::Confidentiality];
    facts.extend(lockdowns.map(|lockdown| DoctorFact::Locked { lockdown }));
    let methods =
        [AttachMethod::Session, AttachMethod::Multi, AttachMethod::Perf, AttachMethod::Trace];
    facts.extend(methods.map(|method| DoctorFact::MethodWorks { method }));
    let fails =
        |unsupported| move |method| DoctorFact::MethodFails { method, unsupported, error: error() };
    facts.extend(methods.map(fails(true)));
    facts.push(fails(false)(AttachMethod::Perf));
    facts.push(DoctorFact::MappingsSeen);
    facts.push(DoctorFact::MappingsNotSeen { error: error() });
    facts.push(DoctorFact::NoProbes);
    let needs = [
        Need::ReadTarget,
        Need::OpenMappedFiles,
        Need::LoadPrograms,
        Need::LockMemory,
        Need::AttachMulti,
        Need::AttachPerf,
    ];
    facts.extend(needs.map(|need| DoctorFact::Privilege { need }));
    let lacks = || vec!["CAP_BPF".to_owned(), "CAP_PERFMON".to_owned()];
    facts.extend(needs.map(|need| DoctorFact::NoPrivilege { need, lacks: lacks() }));
    facts.push(DoctorFact::UserNamespace);
    facts.extend([KernelTable::Live, KernelTable::Sites].map(|table| DoctorFact::TableMemory {
        table,
        entries: 1 << 20,
        empty_bytes: 16 << 20,
        full_bytes: (96 << 20) + 1,
    }));
    facts.push(DoctorFact::RingMemory { bytes: 8 << 20 });
    facts.push(DoctorFact::WorkingMemory { bytes: 3 << 20 });
    facts
}

fn process() -> Vec<DoctorFact> {
    let library = || "/usr/lib/x86_64-linux-gnu/libc.so.6".to_owned();
    let probe = |cost| DoctorFact::Probe {
        symbol: "malloc".into(),
        displacement: 4,
        instruction: "je (74 1b)".into(),
        cost,
    };
    vec![
        DoctorFact::NotExamined { error: "not permitted to read the memory".into() },
        DoctorFact::Python {
            version: "3.11.7".into(),
            layout_source: "table".into(),
            threads: 3,
            checked_frames: 41,
            checked_threads: 2,
        },
        DoctorFact::NoPython,
        DoctorFact::Objects,
        DoctorFact::NoObjects { reason: NoObjects::NotPython },
        DoctorFact::Allocator { path: library() },
        DoctorFact::LibraryAllocator { allocator: "jemalloc".into(), path: library() },
        probe(ProbeCost::Emulated),
        probe(ProbeCost::Stepped),
        DoctorFact::NotSeen { note: Note::CodeEndsNotSeen },
    ]
}

/// A machine that lacks something, and a process with a name that an enemy chose.
pub fn report() -> DoctorReport {
    let topic = DoctorTopic::Process { pid: 4711, comm: "pan\u{1b}[31mel".into() };
    let process = vec![
        DoctorFact::Allocator { path: "/opt/\u{1b}[2J/libc.so.6".into() },
        DoctorFact::NotSeen { note: Note::TargetExited },
    ];
    DoctorReport {
        sections: vec![
            DoctorSection { topic: DoctorTopic::Kernel, facts: machine() },
            DoctorSection { topic, facts: process },
        ],
    }
}
