//! What `doctor` found, in words.

use crate::model::{DoctorFact, DoctorTopic, KernelTable, Lockdown, Need, ProbeCost};
use crate::report::method::{kernel_with, method};
use crate::report::notes;

/// A check as it is read.
#[derive(Debug, PartialEq, Eq)]
pub struct CheckWords {
    /// Two or three words.
    pub name: String,
    /// What was found, as a sentence or a value.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<&'static str>,
}

/// The heading of a section.
pub fn topic(topic: &DoctorTopic) -> String {
    match topic {
        DoctorTopic::Kernel => "Kernel".into(),
        DoctorTopic::Privileges => "Privileges".into(),
        DoctorTopic::KernelMemory => "Kernel memory of a recording".into(),
        DoctorTopic::Process { pid, comm } => format!("Process {pid} ({comm})"),
        DoctorTopic::Unopened { selector } => format!("Process {selector}"),
    }
}

/// A check.
pub fn check(fact: &DoctorFact) -> CheckWords {
    let (name, detail) = found(fact);
    CheckWords { name, detail, remedy: remedy(fact) }
}

fn found(fact: &DoctorFact) -> (String, String) {
    let named = |name: &str, detail: &str| (name.to_owned(), detail.to_owned());
    match fact {
        DoctorFact::KernelRelease { release } => named("release", release),
        DoctorFact::TypeInformation { fsbase } => {
            named("type information", &format!("task_struct.thread.fsbase at {fsbase}"))
        }
        DoctorFact::NoTypeInformation { error } => named("type information", error),
        DoctorFact::Locked { lockdown } => named("lockdown", locked(*lockdown)),
        DoctorFact::MethodWorks { method: way } => named(method(*way), "works"),
        DoctorFact::MethodFails { method: way, error, .. } => named(method(*way), error),
        DoctorFact::MappingsSeen => named("system calls that map", "can be seen in the kernel"),
        DoctorFact::MappingsNotSeen { error } => named(
            "system calls that map",
            &format!("mappings are seen in the C library only: {error}"),
        ),
        DoctorFact::NoProbes => named("probes", "no way to attach probes works"),
        DoctorFact::Privilege { need } => named(purpose(*need), "allowed"),
        DoctorFact::NoPrivilege { need, lacks } => {
            named(purpose(*need), &format!("lacks {}", lacks.join(", ")))
        }
        DoctorFact::UserNamespace => named(
            "user namespace",
            "capabilities count only inside this container's user namespace",
        ),
        DoctorFact::TableMemory { table, entries, empty_bytes, full_bytes } => {
            let (name, option) = match table {
                KernelTable::Live => ("live table", "--max-live"),
                KernelTable::Sites => ("site table", "--max-sites"),
            };
            let (empty, full) = (mib(*empty_bytes), mib(*full_bytes));
            named(name, &format!("{entries} at most: {empty} empty, {full} full; {option}"))
        }
        DoctorFact::RingMemory { bytes } => named("ring buffer", &mib(*bytes)),
        DoctorFact::WorkingMemory { bytes } => named("working memory", &mib(*bytes)),
        DoctorFact::NotExamined { error } => named("examine it", error),
        DoctorFact::Python { version, layout_source, threads, checked_frames, checked_threads } => {
            let detail = format!(
                "CPython {version}, layout from {layout_source}, {threads} threads; {checked_frames} \
                 frames of {checked_threads} threads read and checked"
            );
            named("python", &detail)
        }
        DoctorFact::NoPython => {
            named("python", "no interpreter that is understood: native stacks only")
        }
        DoctorFact::Objects => named("objects", "census and who can read them"),
        DoctorFact::NoObjects { reason } => named("objects", &notes::no_objects(reason)),
        DoctorFact::Allocator { path } => named("allocator", path),
        DoctorFact::LibraryAllocator { allocator, path } => {
            named("allocator", &format!("{allocator} in {path}, its own"))
        }
        DoctorFact::Probe { symbol, displacement, instruction, cost } => {
            let cost = match cost {
                ProbeCost::Emulated => "cheap: the kernel emulates it",
                ProbeCost::Stepped => "single-stepped: some µs a call",
            };
            named(symbol, &format!("+{displacement} {instruction} ({cost})"))
        }
        DoctorFact::NotSeen { note } => named("not seen", &notes::note(note)),
    }
}

const fn remedy(fact: &DoctorFact) -> Option<&'static str> {
    Some(match fact {
        DoctorFact::NoTypeInformation { .. } => "use a kernel with CONFIG_DEBUG_INFO_BTF",
        DoctorFact::Locked { lockdown: Lockdown::Confidentiality } => {
            "boot without lockdown=confidentiality"
        }
        DoctorFact::MethodFails { unsupported: false, .. } => {
            "run as root, or grant the capabilities below"
        }
        DoctorFact::MethodFails { method, .. } => kernel_with(*method),
        DoctorFact::MappingsNotSeen { .. } => {
            "a kernel from 5.15 on with CONFIG_DEBUG_INFO_BTF has it"
        }
        DoctorFact::NoProbes => {
            "run as root on a kernel from 5.15 on with CONFIG_UPROBES and CONFIG_BPF_SYSCALL"
        }
        DoctorFact::NoPrivilege { .. } => "run with sudo, or grant them with setcap",
        DoctorFact::UserNamespace => "run on the host, or in a container without a user namespace",
        _ => return None,
    })
}

const fn locked(lockdown: Lockdown) -> &'static str {
    match lockdown {
        Lockdown::None => "none",
        Lockdown::Integrity => "integrity",
        Lockdown::Confidentiality => {
            "confidentiality: programs may not read kernel memory, so threads are not told apart"
        }
    }
}

const fn purpose(need: Need) -> &'static str {
    match need {
        Need::LoadPrograms => "load eBPF programs",
        Need::LockMemory => "create eBPF maps on a kernel before 5.11",
        Need::AttachMulti => "attach probes",
        Need::AttachPerf => "attach probes by perf events",
        Need::ReadTarget => "read the target's memory",
        Need::OpenMappedFiles => "open the files that the target has mapped",
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.0} MiB", bytes.div_ceil(1 << 20))
}
