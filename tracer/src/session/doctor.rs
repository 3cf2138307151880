//! What this machine and one target allow, and why not more.

use std::error::Error;

use leakspy_ebpf::wire::key::{LiveBlock, SiteTotals};

use super::heap::HeapTarget;
use super::target::TracedTarget;
use super::{Failure, SessionError};
use crate::model::{CheckStatus, DoctorCheck, DoctorReport, DoctorSection, Note};
use crate::os::privilege::{self, Lockdown, Need, Privileges};
use crate::os::{self, Process};
use crate::probe::placement::Execution;
use crate::probe::{self, Capacity, Guard, GuardProgram, Method, ProbeError};

/// Looks at this machine, and at a target (a pid, or the name of a unique process) if given.
///
/// # Errors
/// The target does not exist, or this machine says nothing of itself.
pub fn run(target: Option<&str>) -> Result<DoctorReport, SessionError> {
    let guard = Guard::start(&GuardProgram::this());
    let mut sections = vec![kernel(guard)?, privileges()?, maps(Capacity::default())];
    if let Some(selector) = target {
        sections.push(process(selector)?);
    }
    Ok(DoctorReport { sections })
}

fn check(name: &str, status: CheckStatus, detail: String, remedy: Option<&str>) -> DoctorCheck {
    DoctorCheck { name: name.to_owned(), status, detail, remedy: remedy.map(str::to_owned) }
}

fn fine(name: &str, detail: impl Into<String>) -> DoctorCheck {
    check(name, CheckStatus::Ok, detail.into(), None)
}

fn section(title: &str, checks: Vec<DoctorCheck>) -> DoctorSection {
    DoctorSection { title: title.to_owned(), checks, not_seen: Vec::new() }
}

fn kernel(guard: std::io::Result<Guard>) -> Result<DoctorSection, SessionError> {
    let mut guard =
        guard.map_err(|source| ProbeError::Kernel { what: "start a guard process", source })?;
    let release = privilege::kernel_release()?;
    let mut checks = vec![fine("release", release.to_string()), fsbase(), lockdown()];
    checks.extend(Method::ALL.map(|way| method(way, &mut guard)));
    let works = checks.iter().rev().take(Method::ALL.len()).any(|c| c.status == CheckStatus::Ok);
    checks.push(mappings());
    if !works {
        checks.push(check(
            "probes",
            CheckStatus::Missing,
            "no way to attach probes works".to_owned(),
            Some("run as root on a kernel from 5.15 on with CONFIG_UPROBES and CONFIG_BPF_SYSCALL"),
        ));
    }
    Ok(section("Kernel", checks))
}

fn fsbase() -> DoctorCheck {
    match os::btf::task_fsbase() {
        Ok(offset) => fine("type information", format!("task_struct.thread.fsbase at {offset}")),
        Err(error) => check(
            "type information",
            CheckStatus::Missing,
            error.to_string(),
            Some("use a kernel with CONFIG_DEBUG_INFO_BTF"),
        ),
    }
}

fn lockdown() -> DoctorCheck {
    match privilege::lockdown() {
        Lockdown::None => fine("lockdown", "none"),
        Lockdown::Integrity => fine("lockdown", "integrity"),
        Lockdown::Confidentiality => check(
            "lockdown",
            CheckStatus::Missing,
            "confidentiality: programs may not read kernel memory, so threads are not told apart"
                .to_owned(),
            Some("boot without lockdown=confidentiality"),
        ),
    }
}

fn method(method: Method, guard: &mut Guard) -> DoctorCheck {
    match probe::try_method(method, guard) {
        Ok(()) => fine(method.name(), "works"),
        Err(error) => {
            let detail = said(&error);
            let remedy = if error.is_unsupported() {
                method.floor()
            } else {
                "run as root, or grant the capabilities below"
            };
            check(method.name(), CheckStatus::Warn, detail, Some(remedy))
        }
    }
}

fn mappings() -> DoctorCheck {
    const NAME: &str = "system calls that map";
    match probe::try_mappings() {
        Ok(()) => fine(NAME, "seen in the kernel"),
        Err(error) => {
            let detail = format!("mappings are seen in the C library only: {}", said(&error));
            let remedy = "a kernel from 5.15 on with CONFIG_DEBUG_INFO_BTF has it";
            check(NAME, CheckStatus::Warn, detail, Some(remedy))
        }
    }
}

fn privileges() -> Result<DoctorSection, SessionError> {
    let held = Privileges::of_this_process()?;
    let release = privilege::kernel_release()?;
    let mut checks: Vec<DoctorCheck> = Need::ALL
        .into_iter()
        .filter(|need| need.applies_to(release))
        .map(|need| {
            let missing = held.missing(need);
            if missing.is_empty() {
                return fine(need.purpose(), "allowed");
            }
            let names: Vec<&str> = missing.iter().map(|capability| capability.name()).collect();
            let status = match need {
                Need::AttachPerf => CheckStatus::Warn,
                _ => CheckStatus::Missing,
            };
            let detail = format!("lacks {}", names.join(", "));
            check(need.purpose(), status, detail, Some("run with sudo, or grant them with setcap"))
        })
        .collect();
    if !held.is_global() {
        checks.push(check(
            "user namespace",
            CheckStatus::Missing,
            "capabilities count only inside this container's user namespace".to_owned(),
            Some("run on the host, or in a container without a user namespace"),
        ));
    }
    Ok(section("Privileges", checks))
}

/// Kernel memory of the maps. Measured: an element of a hash costs its key and value and 48 bytes
/// when it exists, and 16 bytes of buckets before.
fn maps(capacity: Capacity) -> DoctorSection {
    const ELEMENT: u64 = 8 + 48;
    let mib = |bytes: u64| format!("{:.0} MiB", bytes.div_ceil(1 << 20));
    let table = |name: &str, entries: u32, value: usize, flag: &str| {
        let entries = u64::from(entries);
        let value = u64::try_from(value).unwrap_or(0);
        let (empty, full) = (entries * 16, entries * (ELEMENT + value));
        let detail = format!("{entries} at most: {} empty, {} full; {flag}", mib(empty), mib(full));
        fine(name, detail)
    };
    section(
        "Kernel memory of a recording",
        vec![
            table("live table", capacity.live_blocks, size_of::<LiveBlock>(), "--max-live"),
            table("site table", capacity.sites, size_of::<SiteTotals>(), "--max-sites"),
            fine("ring buffer", mib(capacity.ring_bytes.into())),
            fine("working memory", mib(probe::working_bytes())),
        ],
    )
}

/// What of a process needs a privilege that is missing is a row like the others.
fn process(selector: &str) -> Result<DoctorSection, SessionError> {
    match examined(selector) {
        Err(error) if error.failure() == Failure::Missing => {
            let checks = vec![check("examine it", CheckStatus::Missing, said(&error), None)];
            Ok(section(&format!("Process {selector}"), checks))
        }
        result => result,
    }
}

/// An error with its causes; those that it says itself are left out.
fn said(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        if !text.ends_with(&error.to_string()) {
            text.push_str(&format!(": {error}"));
        }
        cause = error.source();
    }
    text
}

fn examined(selector: &str) -> Result<DoctorSection, SessionError> {
    let process = Process::select(selector)?;
    let title = format!("Process {} ({})", process.pid(), process.comm());
    let target = TracedTarget::open(&process.pid().to_string())?;
    let allocator = fine("allocator", target.probing().allocator.clone());
    let mut checks = vec![python(&target), objects(process.pid()), allocator];
    let mut not_seen = Vec::new();
    for note in target.notes() {
        match note {
            Note::AllocatorTraced { allocator, path } => {
                checks.push(fine("allocator", format!("{allocator} in {path}, its own")));
            }
            note => not_seen.push(note.clone()),
        }
    }
    for (symbol, spot) in target.probing().spots() {
        let place = format!("+{} {}", spot.displacement, spot.instruction);
        checks.push(match spot.kind {
            Execution::Emulated => fine(symbol, format!("{place} (cheap: the kernel emulates it)")),
            Execution::Stepped => fine(symbol, format!("{place} (single-stepped: some µs a call)")),
        });
    }
    Ok(DoctorSection { not_seen, ..section(&title, checks) })
}

/// Whether `census` and `who` can read it, and `leaks` its types: they begin in the same way.
fn objects(pid: u32) -> DoctorCheck {
    match HeapTarget::open(&pid.to_string()) {
        Ok(_) => fine("objects", "census and who can read them"),
        Err(error) => check("objects", CheckStatus::Warn, said(&error), None),
    }
}

fn python(target: &TracedTarget) -> DoctorCheck {
    match target.python() {
        Some(python) => {
            let detail = format!(
                "CPython {}, layout from {}, {} threads; {} frames of {} threads read and checked",
                python.version,
                python.layout_source,
                python.threads.len(),
                python.checked.frames,
                python.checked.threads
            );
            fine("python", detail)
        }
        None => check(
            "python",
            CheckStatus::Warn,
            "no interpreter that is understood: native stacks only".to_owned(),
            None,
        ),
    }
}
