//! The process that a session looks at: what it is, what of it can be seen, and where the probes
//! go.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use leakspy_ebpf::wire::key::Function;
use leakspy_ebpf::wire::target::ProgramTarget;

use super::error::SessionError;
use super::interpreter::{self, FoundInterpreter};
use super::modules::KnownModules;
use super::plan::{self, Probing};
use super::stacks::Stacks;
use crate::model::{self, AttachMethod, Attachment, Memory, Note, PythonTarget};
use crate::os::pages::Pages;
use crate::os::pause::Pause;
use crate::os::{self, Life, Mapping, Modules, OsError, Process};
use crate::probe::{FileProbes, ProbeError};
use crate::python::{Python, PythonRefusal};
use crate::symbolize::{Detail, ModuleId, NativeNames};

/// A process, understood as far as it can be.
pub struct TracedTarget {
    process: Process,
    modules: Modules,
    known: KnownModules,
    interpreter: Option<ModuleId>,
    found: FoundInterpreter,
    probing: Probing,
    files: Vec<FileProbes>,
    notes: Vec<Note>,
    /// How its probes were attached, once they are.
    method: Option<AttachMethod>,
}

impl TracedTarget {
    /// Opens a process by pid or unique name, and finds out where its interpreter and its allocator
    /// are.
    ///
    /// # Errors
    /// There is no such process, it may not be looked at, or nothing in it can be traced.
    pub fn open(selector: &str) -> Result<Self, SessionError> {
        // Every module of the target is held open.
        os::privilege::raise_file_limit();
        let process = Process::select(selector)?;
        let modules = Modules::of_process(&process)?;
        let found = interpreter::find(&process, &modules);
        let probing = plan::make(&process, &modules, &found)?;
        let files = probing.files(&modules);
        let not_understood =
            |reason: &PythonRefusal| Note::PythonNotUnderstood { reason: reason.into() };
        let mut notes: Vec<Note> = found.refusal.iter().map(not_understood).collect();
        notes.extend(probing.notes.iter().cloned());
        Ok(Self {
            process,
            modules,
            known: KnownModules::default(),
            interpreter: None,
            found,
            probing,
            files,
            notes,
            method: None,
        })
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Becomes readable when it exits.
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.process.handle()
    }

    /// Its memory.
    pub fn memory(&self) -> &dyn Memory {
        self.process.memory()
    }

    /// A way to all of its resident memory, and the number of its threads.
    pub fn pages(&self) -> Result<(Pages, usize), SessionError> {
        Ok((Pages::open(&self.process)?, self.process.threads()?.len()))
    }

    /// Stops all its threads, until what is returned is dropped.
    pub fn pause(&self) -> Result<Pause, OsError> {
        Pause::begin(&self.process)
    }

    /// What has become of it.
    pub fn life(&self) -> Life {
        self.process.life()
    }

    /// Its CPU time so far, and whether it is stopped; nothing when it is gone.
    pub fn activity(&self) -> Option<(Duration, bool)> {
        self.process.activity()
    }

    /// What is mapped in it now; nothing when that cannot be read.
    pub fn mappings(&self) -> Option<Vec<Mapping>> {
        self.process.mappings().ok()
    }

    /// Inode and device of the file that serves malloc.
    pub fn allocator_inode(&self) -> Option<(u64, (u32, u32))> {
        let path = &self.probing.allocator;
        let mut modules = (0..).map_while(|index| self.modules.get(index));
        let module = modules.find(|module| module.path.to_string_lossy() == path.as_str())?;
        Some((module.inode, module.device))
    }

    /// Its interpreter, if it is understood.
    pub fn python(&self) -> Option<&Python> {
        self.found.python.as_ref()
    }

    /// The unwinder's name of the interpreter's module.
    pub fn interpreter(&self) -> Option<ModuleId> {
        self.interpreter
    }

    /// Where the probes go.
    pub fn files(&self) -> &[FileProbes] {
        &self.files
    }

    /// Every probe.
    pub fn probing(&self) -> &Probing {
        &self.probing
    }

    /// What cannot be seen of it.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// A place for its stacks that knows its modules.
    pub fn stacks(&mut self) -> Stacks {
        let mapping = self.probing.mapping_code.iter().map(|(_, code)| code.clone()).collect();
        let mut stacks =
            Stacks::new(NativeNames::new(Detail::Lines), self.found.merging(), mapping);
        self.known = KnownModules::default();
        self.known.tell(&self.modules, &mut stacks);
        self.known.tell_vdso(&self.process, &mut stacks);
        // Now, because the index is that of these modules.
        let module = self.found.module.and_then(|index| self.modules.get(index));
        self.interpreter = module.and_then(|module| self.known.id(module));
        stacks
    }

    /// Looks for modules that were loaded since; whether there are any.
    pub fn refresh_modules(&mut self, stacks: &mut Stacks) -> bool {
        // The modules of another program, or of none, would only mislead.
        if !matches!(self.process.life(), Life::Running | Life::LeaderExited) {
            return false;
        }
        let Ok(modules) = Modules::of_process(&self.process) else { return false };
        let any = self.known.tell(&modules, stacks);
        if any {
            self.modules = modules;
        }
        any
    }

    /// What the programs must know of it.
    pub fn for_programs(&self, audit_one_in: u32) -> Result<ProgramTarget, SessionError> {
        let python = self.python();
        Ok(ProgramTarget {
            tgid: os::privilege::host_pid(&self.process).unwrap_or(0),
            task_fsbase: os::btf::task_fsbase()?,
            audit_one_in,
            stack_end: self.stack_end(),
            reserved: 0,
            mmap: self.probing.code_of(Function::Mmap),
            munmap: self.probing.code_of(Function::Munmap),
            finalizing: python.and_then(|python| python.finalizing).map_or(0, |at| at.0),
            python: python.map(|python| python.walk).unwrap_or_default(),
        })
    }

    /// Where the kernel put the first thread's stack, 0 when that is not known.
    fn stack_end(&self) -> u64 {
        let mappings = self.process.mappings().unwrap_or_default();
        let stack = mappings.iter().find(|mapping| mapping.path == "[stack]");
        stack.map_or(0, |mapping| mapping.end.0)
    }

    /// Reads the probed pages from their files: the kernel warns when it must read one itself.
    pub fn warm_pages(&self) {
        for (_, spot) in self.probing.spots() {
            if let Some(module) = self.modules.get(spot.module) {
                // Only the side effect is wanted; a page that cannot be read shows at the attach.
                let _ = module.file.read(spot.file_offset, 1);
            }
        }
    }

    /// Looks for the breakpoints in the target's memory. Where a file was replaced or copied up
    /// after the target mapped it, the kernel puts them into another inode and says nothing.
    pub fn check_in_place(&self) -> Result<(), ProbeError> {
        const INT3: u8 = 0xcc;
        for (symbol, spot) in self.probing.spots() {
            // Optimised probes (on nops, which we do not use) would be other bytes.
            if self.process.memory().u8(spot.address) != Some(INT3) {
                let module = self.modules.get(spot.module);
                let path = module.map(|module| module.path.to_string_lossy().into_owned());
                let path = path.unwrap_or_default();
                return Err(ProbeError::NotInTarget { symbol, path });
            }
        }
        Ok(())
    }

    /// What reports say of it.
    pub fn document(&self) -> model::Target {
        model::Target {
            pid: self.process.pid(),
            comm: self.process.comm().to_owned(),
            exe: self.process.exe().to_string_lossy().into_owned(),
            started: self.process.started_epoch_ns() / 1_000_000_000,
            python: self.found.python.as_ref().map(|python| PythonTarget {
                version: python.version.to_string(),
                layout_source: python.layout_source.to_string(),
            }),
            limit_bytes: os::cgroup::memory(self.process.pid()).ok().and_then(|group| group.limit),
        }
    }

    /// Whether its probes are gone once its first thread is.
    pub fn probes_end_with_leader(&self) -> bool {
        self.method.is_some_and(AttachMethod::ends_with_leader)
    }

    /// What was attached to, and how.
    pub fn attached(&mut self, method: AttachMethod) -> Attachment {
        self.method = Some(method);
        Attachment {
            pid: self.process.pid(),
            comm: self.process.comm().to_owned(),
            python: self.found.python.as_ref().map(|python| python.version.to_string()),
            probes: self.probing.spots().count(),
            method,
        }
    }
}
