//! What this machine and one target allow, and why not more.

use std::error::Error;

use leakspy_ebpf::wire::key::{LiveValue, SiteValue};

use super::error::joined;
use super::heap::HeapTarget;
use super::target::TracedTarget;
use super::{Failure, SessionError, objects};
use crate::model::{
    AttachMethod, CheckStatus, DoctorFact, DoctorReport, DoctorSection, DoctorTopic, KernelTable,
    Need, Note, ProbeCost,
};
use crate::os::privilege::{self, Privileges};
use crate::os::{self, Process};
use crate::probe::placement::Execution;
use crate::probe::{self, Capacity, Guard, GuardProgram, ProbeError};

/// Looks at this machine, and at a target (a pid, or the name of a unique process) if given.
///
/// # Errors
/// The target does not exist, or this machine says nothing of itself.
pub fn run(target: Option<&str>) -> Result<DoctorReport, SessionError> {
    let guard = Guard::start(&GuardProgram::this());
    let mut sections = vec![kernel(guard)?, privileges()?, memory(Capacity::default())];
    if let Some(selector) = target {
        sections.push(process(selector)?);
    }
    Ok(DoctorReport { sections })
}

fn said(error: &(dyn Error + 'static)) -> String {
    joined(error, ToString::to_string)
}

fn kernel(guard: std::io::Result<Guard>) -> Result<DoctorSection, SessionError> {
    let mut guard =
        guard.map_err(|source| ProbeError::Kernel { what: "start a guard process", source })?;
    let release = privilege::kernel_release()?.to_string();
    let types = match os::btf::task_fsbase() {
        Ok(fsbase) => DoctorFact::TypeInformation { fsbase },
        Err(error) => DoctorFact::NoTypeInformation { error: error.to_string() },
    };
    let lockdown = privilege::lockdown();
    let mut facts =
        vec![DoctorFact::KernelRelease { release }, types, DoctorFact::Locked { lockdown }];
    let methods = AttachMethod::ALL.map(|way| method(way, &mut guard));
    let works = methods.iter().any(|fact| fact.status() == CheckStatus::Ok);
    facts.extend(methods);
    facts.push(match probe::try_mappings() {
        Ok(()) => DoctorFact::MappingsSeen,
        Err(error) => DoctorFact::MappingsNotSeen { error: said(&error) },
    });
    if !works {
        facts.push(DoctorFact::NoProbes);
    }
    Ok(DoctorSection { topic: DoctorTopic::Kernel, facts })
}

fn method(method: AttachMethod, guard: &mut Guard) -> DoctorFact {
    match probe::try_method(method, guard) {
        Ok(()) => DoctorFact::MethodWorks { method },
        Err(error) => DoctorFact::MethodFails {
            method,
            unsupported: error.is_unsupported(),
            error: said(&error),
        },
    }
}

fn privileges() -> Result<DoctorSection, SessionError> {
    let held = Privileges::of_this_process()?;
    let release = privilege::kernel_release()?;
    let needs = Need::ALL.into_iter().filter(|need| need.applies_to(release));
    let mut facts: Vec<DoctorFact> = needs
        .map(|need| {
            let missing = held.missing(need);
            if missing.is_empty() {
                return DoctorFact::Privilege { need };
            }
            let lacks = missing.iter().map(|capability| capability.name().to_owned()).collect();
            DoctorFact::NoPrivilege { need, lacks }
        })
        .collect();
    if !held.is_global() {
        facts.push(DoctorFact::UserNamespace);
    }
    Ok(DoctorSection { topic: DoctorTopic::Privileges, facts })
}

/// Kernel memory of the maps. Measured: an element of a hash costs its key and value and 48 bytes
/// when it exists, and 16 bytes of buckets before.
fn memory(capacity: Capacity) -> DoctorSection {
    const ELEMENT: u64 = 8 + 48;
    let table = |table, entries: u32, value: usize| {
        let entries = u64::from(entries);
        let value = u64::try_from(value).unwrap_or(0);
        let (empty_bytes, full_bytes) = (entries * 16, entries * (ELEMENT + value));
        DoctorFact::TableMemory { table, entries, empty_bytes, full_bytes }
    };
    let facts = vec![
        table(KernelTable::Live, capacity.live_blocks, size_of::<LiveValue>()),
        table(KernelTable::Sites, capacity.sites, size_of::<SiteValue>()),
        DoctorFact::RingMemory { bytes: capacity.ring_bytes.into() },
        DoctorFact::WorkingMemory { bytes: probe::working_bytes() },
    ];
    DoctorSection { topic: DoctorTopic::KernelMemory, facts }
}

/// What of a process needs a privilege that is missing is a row like the others.
fn process(selector: &str) -> Result<DoctorSection, SessionError> {
    match examined(selector) {
        Err(error) if error.failure() == Failure::Missing => {
            let topic = DoctorTopic::Unopened { selector: selector.to_owned() };
            Ok(DoctorSection {
                topic,
                facts: vec![DoctorFact::NotExamined { error: said(&error) }],
            })
        }
        result => result,
    }
}

fn examined(selector: &str) -> Result<DoctorSection, SessionError> {
    let process = Process::select(selector)?;
    let target = TracedTarget::open(&process.pid().to_string())?;
    let path = target.probing().allocator.clone();
    let mut facts = vec![python(&target), readable(process.pid()), DoctorFact::Allocator { path }];
    let mut not_seen = Vec::new();
    for note in target.notes() {
        match note.clone() {
            Note::AllocatorTraced { allocator, path } => {
                facts.push(DoctorFact::LibraryAllocator { allocator, path });
            }
            note => not_seen.push(DoctorFact::NotSeen { note }),
        }
    }
    facts.extend(target.probing().spots().map(|(symbol, spot)| DoctorFact::Probe {
        symbol: symbol.to_owned(),
        displacement: spot.displacement,
        instruction: spot.instruction.clone(),
        cost: match spot.kind {
            Execution::Emulated => ProbeCost::Emulated,
            Execution::Stepped => ProbeCost::Stepped,
        },
    }));
    facts.extend(not_seen);
    let topic = DoctorTopic::Process { pid: process.pid(), comm: process.comm().to_owned() };
    Ok(DoctorSection { topic, facts })
}

/// Whether `census` and `who` can read it, and `leaks` its types: they begin in the same way.
fn readable(pid: u32) -> DoctorFact {
    match HeapTarget::open(&pid.to_string()) {
        Ok(_) => DoctorFact::Objects,
        Err(error) => DoctorFact::NoObjects { reason: objects::refused(error) },
    }
}

fn python(target: &TracedTarget) -> DoctorFact {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    target.python().map_or(DoctorFact::NoPython, |python| DoctorFact::Python {
        version: python.version.to_string(),
        layout_source: python.layout_source.to_string(),
        threads: count(python.threads.len()),
        checked_frames: count(python.checked.frames),
        checked_threads: count(python.checked.threads),
    })
}
