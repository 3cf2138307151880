//! Everything about a live CPython that the rest of the program needs, or a reason why not.

use leakspy_ebpf::wire::target::PythonWalk;

use super::check::{self, Checked, Failed};
use super::frame::Walker;
use super::layout::published::{self, Unbelieved};
use super::layout::{Layout, LayoutSource, Runtime, table};
use super::machine;
use super::runtime::{self, Broken, ThreadState};
use super::slot::{self, NoSlot, SlotSearch, StateSlot};
use super::version::Version;
use crate::model::{Address, Memory, NoPython, RuntimeSymbols};

/// First minor version that publishes its offsets.
const FIRST_PUBLISHED: u8 = 13;
/// Times that the process is looked at before what is seen counts as wrong: it runs meanwhile, so
/// that threads may begin and end between two reads.
const ATTEMPTS: usize = 8;

/// A CPython that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    /// Which one.
    pub version: Version,
    /// Where its fields are.
    pub layout: Layout,
    /// Where the layout came from.
    pub layout_source: LayoutSource,
    /// What the kernel needs to walk its frames, complete.
    pub walk: PythonWalk,
    /// `PyCode_Type`.
    pub code_type: Address,
    /// The function that frees code objects, `PyCode_Type.tp_dealloc`.
    pub code_dealloc: Option<Address>,
    /// Address of the pointer to the first interpreter.
    pub interpreters_head: Address,
    /// Address of the word that is null until the interpreter is torn down.
    pub finalizing: Option<Address>,
    /// Its interpreters, newest first.
    pub interpreters: Vec<Address>,
    /// Its thread states.
    pub threads: Vec<ThreadState>,
    /// How threads find their state.
    pub slot: StateSlot,
    /// How much of the layout was seen to hold.
    pub checked: Checked,
}

/// Why Python frames cannot be had. Native stacks still can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PythonRefusal {
    /// No symbol led to a version.
    NoVersion,
    /// Two sources disagree.
    TwoVersions {
        /// One.
        version: Version,
        /// The other.
        other: Version,
    },
    /// No row.
    UnknownVersion {
        /// The version.
        version: Version,
    },
    /// The published table is not believed.
    Published {
        /// Why not.
        reason: Unbelieved,
    },
    /// A version that publishes its offsets, without them where `_PyRuntime` should be.
    NoDebugOffsets {
        /// The version.
        version: Version,
    },
    /// Nothing leads to the list of interpreters.
    NoRuntime {
        /// The version.
        version: Version,
    },
    /// Interpreters and threads could not be listed.
    Runtime {
        /// The version.
        version: Version,
        /// Why not.
        reason: Broken,
    },
    /// Thread states could not be found from threads.
    Slot {
        /// The version.
        version: Version,
        /// Why not.
        reason: NoSlot,
    },
    /// The layout does not hold for this process.
    Check {
        /// The version.
        version: Version,
        /// What does not fit.
        reason: Failed,
    },
}

impl From<&PythonRefusal> for NoPython {
    fn from(refusal: &PythonRefusal) -> Self {
        use PythonRefusal as Refusal;
        match refusal {
            Refusal::NoVersion => Self::NoVersion,
            Refusal::TwoVersions { version, other } => {
                Self::TwoVersions { version: version.to_string(), other: other.to_string() }
            }
            Refusal::UnknownVersion { version } => {
                Self::UnknownVersion { version: version.to_string() }
            }
            Refusal::Published { reason: Unbelieved::FreeThreaded { version } } => {
                Self::FreeThreaded { version: version.to_string() }
            }
            Refusal::Published { reason } => {
                Self::OffsetsNotBelieved { detail: reason.to_string() }
            }
            Refusal::NoDebugOffsets { version } => Self::NoOffsets { version: version.to_string() },
            Refusal::NoRuntime { version } => Self::NoInterpreters { version: version.to_string() },
            Refusal::Runtime { version, reason } => {
                Self::NoThreads { version: version.to_string(), detail: reason.to_string() }
            }
            Refusal::Slot { version, reason } => {
                Self::NoThreadStates { version: version.to_string(), detail: reason.to_string() }
            }
            Refusal::Check { version, reason } => {
                Self::LayoutMisfit { version: version.to_string(), detail: reason.to_string() }
            }
        }
    }
}

/// Reads what must be known of the CPython in `memory`. Needs some thousand small reads, and stops
/// nothing.
pub fn attach(memory: &dyn Memory, symbols: &RuntimeSymbols) -> Result<Python, PythonRefusal> {
    let interpreter = Interpreter::recognise(memory, symbols)?;
    let mut result = interpreter.observe(memory);
    for _ in 1..ATTEMPTS {
        if result.is_ok() {
            break;
        }
        result = interpreter.observe(memory);
    }
    result
}

/// What is true of the program, before its threads are looked at.
struct Interpreter {
    version: Version,
    layout: Layout,
    layout_source: LayoutSource,
    /// Address of the pointer to the first interpreter.
    head: Address,
    finalizing: Option<Address>,
    /// Address of the pointer to the thread state that holds the GIL.
    gil_holder: Option<Address>,
    /// Where threads keep their state.
    search: SlotSearch,
    code_type: Option<Address>,
}

impl Interpreter {
    fn recognise(memory: &dyn Memory, symbols: &RuntimeSymbols) -> Result<Self, PythonRefusal> {
        let (version, layout, layout_source) = recognise_layout(memory, symbols)?;
        let missing = PythonRefusal::NoRuntime { version };
        let (head, gil_holder, key, finalizing) = match layout.runtime {
            Runtime::Globals => {
                let function = symbols.interpreters_head_function;
                let head = function.and_then(|at| machine::returned_variable(memory, at));
                (head, symbols.thread_current, None, None)
            }
            Runtime::Struct { interpreters_head, gil_holder, tss_key, finalizing } => {
                let runtime = symbols.runtime.ok_or(missing.clone())?;
                let holder = gil_holder.and_then(|field| field.of(runtime));
                let key = match tss_key {
                    Some(field) => field.read(memory, runtime),
                    None => symbols
                        .thread_state_function
                        .and_then(|function| slot::key(memory, function, runtime)),
                };
                (interpreters_head.of(runtime), holder, key, finalizing.of(runtime))
            }
        };
        let head = head.ok_or(missing)?;
        let accessor = symbols.thread_state_function;
        let accessor = accessor.and_then(|at| machine::returned_thread_local(memory, at));
        let search = SlotSearch { state_location: layout.thread.state_location, key, accessor };
        let code_type = symbols.code_type;
        Ok(Self { version, layout, layout_source, head, finalizing, gil_holder, search, code_type })
    }

    fn observe(&self, memory: &dyn Memory) -> Result<Python, PythonRefusal> {
        let version = self.version;
        let broken = |reason| PythonRefusal::Runtime { version, reason };
        let failed = |reason| PythonRefusal::Check { version, reason };
        let interpreters =
            runtime::interpreters(memory, &self.layout, self.head).map_err(broken)?;
        let threads = runtime::threads(memory, &self.layout, &interpreters).map_err(broken)?;
        self.check_holder(memory, &interpreters).map_err(failed)?;
        let slot = slot::find(memory, &threads, self.search)
            .map_err(|reason| PythonRefusal::Slot { version, reason })?;
        let walk = PythonWalk {
            gil_holder: self.gil_holder.map_or(0, |address| address.0),
            tstate_slot: slot.offset,
            ..self.layout.walk()
        };
        let (code_type, checked) = self.check(memory, walk, &threads).map_err(failed)?;
        let code_dealloc = self.layout.class.dealloc.read(memory, code_type);
        Ok(Python {
            version,
            layout: self.layout,
            layout_source: self.layout_source,
            walk,
            code_type,
            code_dealloc: code_dealloc.filter(|address| !address.is_null()),
            interpreters_head: self.head,
            finalizing: self.finalizing,
            interpreters,
            threads,
            slot,
            checked,
        })
    }

    /// The word that names the holder of the GIL must name a thread state, which may be younger
    /// than our list.
    fn check_holder(&self, memory: &dyn Memory, interpreters: &[Address]) -> Result<(), Failed> {
        let Some(word) = self.gil_holder else { return Ok(()) };
        let holder = memory.pointer(word).ok_or(Failed::Holder { holder: word })?;
        let interpreter = self.layout.thread.interpreter.read(memory, holder);
        let known = interpreter.is_some_and(|interpreter| interpreters.contains(&interpreter));
        if holder.is_null() || known { Ok(()) } else { Err(Failed::Holder { holder }) }
    }

    fn check(
        &self,
        memory: &dyn Memory,
        walk: PythonWalk,
        threads: &[ThreadState],
    ) -> Result<(Address, Checked), Failed> {
        let mut walker = Walker::new(walk);
        let code_type = match self.code_type {
            Some(code_type) => code_type,
            None => check::derived_code_type(memory, &self.layout, &mut walker, threads)?,
        };
        check::code_type(memory, &self.layout, code_type)?;
        let checked = check::frames(memory, &self.layout, code_type, &mut walker, threads)?;
        Ok((code_type, checked))
    }
}

fn recognise_layout(
    memory: &dyn Memory,
    symbols: &RuntimeSymbols,
) -> Result<(Version, Layout, LayoutSource), PythonRefusal> {
    let stated = stated_version(memory, symbols)?;
    if let Some(runtime) = symbols.runtime.filter(|&at| published::is_published(memory, at)) {
        let (version, layout) = published::layout(memory, runtime)
            .map_err(|reason| PythonRefusal::Published { reason })?;
        return match stated {
            Some(other) if other != version => Err(PythonRefusal::TwoVersions { version, other }),
            _ => Ok((version, layout, LayoutSource::Published)),
        };
    }
    let version = stated.ok_or(PythonRefusal::NoVersion)?;
    if version.major == 3 && version.minor >= FIRST_PUBLISHED {
        return Err(PythonRefusal::NoDebugOffsets { version });
    }
    let layout = table::layout(version).ok_or(PythonRefusal::UnknownVersion { version })?;
    Ok((version, *layout, LayoutSource::Table))
}

/// The version that the symbols lead to; every source that has an answer must have the same.
fn stated_version(
    memory: &dyn Memory,
    symbols: &RuntimeSymbols,
) -> Result<Option<Version>, PythonRefusal> {
    let word = symbols.version_word.and_then(|at| memory.u32(at));
    let function = symbols.version_function;
    let stated = [
        word.and_then(|word| Version::from_hex(word.into())),
        function.and_then(|function| Version::from_function(memory, function)),
        symbols.version_text.as_deref().and_then(Version::from_text),
    ];
    let mut stated = stated.into_iter().flatten();
    let Some(version) = stated.next() else { return Ok(None) };
    match stated.find(|&other| other != version) {
        Some(other) => Err(PythonRefusal::TwoVersions { version, other }),
        None => Ok(Some(version)),
    }
}
