//! Where a native stack is unwound: the walk over a copied stack.
//!
//! It starts at the first instructions of an allocator, where the stack pointer has not moved: the
//! return address lies at it, and no table is needed. From there each step is a rule out of call
//! frame information, and is believed only when the return address that it finds lies in executable
//! memory of a known file, right behind a call instruction. Whatever else ends the walk, with a
//! reason.

use std::collections::HashMap;
use std::ops::Range;

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, FrameAddress, Module, Unwinder as _};

use super::call::ends_with_call;
use super::cfi::{Base, Context, FrameTable, Rule, State};
use super::code::CodeFile;
use super::image::{ModuleId, ModuleImage};
use super::parts::{FileTable, Slice};
use super::stack::{MAX_FRAMES, NativeFrame, NativeStack, Place, Registers, StackCopy, WalkEnd};

/// Rules remembered by address before the memory is given back.
const MAX_RULES: usize = 64 * 1024;
/// The longest call instruction that can be told from behind.
const LONGEST_CALL: u64 = 7;

/// A module with what unwinding needs of it.
struct Loaded {
    id: ModuleId,
    span: Range<u64>,
    image: ModuleImage,
}

/// Walks copied stacks of one target.
pub struct Unwinder {
    /// Sorted by address, not overlapping.
    modules: Vec<Loaded>,
    next_id: u32,
    stepper: UnwinderX86_64<Slice>,
    cache: CacheX86_64,
    context: Context,
    rules: HashMap<u64, Rule>,
}

impl Default for Unwinder {
    fn default() -> Self {
        Self::new()
    }
}

/// How one step ended the walk, and how far the last frame reaches if that is known.
struct Stop {
    end: WalkEnd,
    cfa: Option<u64>,
}

/// A caller.
struct Caller {
    state: State,
    by_frame_pointer: bool,
    /// Whether `state.ip` is the interrupted instruction and not a return address.
    exact: bool,
}

impl Unwinder {
    /// An unwinder that knows no module.
    pub fn new() -> Self {
        Self {
            modules: Vec::new(),
            next_id: 0,
            stepper: UnwinderX86_64::new(),
            cache: CacheX86_64::new(),
            context: Context::new(),
            rules: HashMap::new(),
        }
    }

    /// Adds a module, in place of those that lay there before (their ids stay valid as names of
    /// what was). Cheap: the file is parsed already, and its tables are read when an address is
    /// looked up.
    pub fn add(&mut self, image: ModuleImage) -> ModuleId {
        let id = ModuleId(self.next_id);
        self.next_id += 1;
        let span = image.span();
        self.remove(&span);
        self.stepper.add_module(stepper_module(&image, &span));
        let at = self.modules.partition_point(|loaded| loaded.span.start < span.start);
        self.modules.insert(at, Loaded { id, span, image });
        id
    }

    /// Forgets the modules that overlap `span` of the target's addresses.
    pub fn remove(&mut self, span: &Range<u64>) {
        let stepper = &mut self.stepper;
        self.modules.retain(|loaded| {
            let keep = loaded.span.end <= span.start || span.end <= loaded.span.start;
            if !keep {
                stepper.remove_module(loaded.span.start);
            }
            keep
        });
        self.rules.clear();
    }

    /// The module that executes at `address` of the target.
    pub fn module_at(&self, address: u64) -> Option<(ModuleId, &ModuleImage)> {
        self.loaded_at(address).map(|loaded| (loaded.id, &loaded.image))
    }

    /// Walks from an allocator's entry outwards. Never fails: what could be found is in the result,
    /// and why there is no more.
    pub fn unwind(&mut self, registers: Registers, stack: &StackCopy<'_>) -> NativeStack {
        let frame = self.frame(registers.ip, registers.sp);
        let callers = self.entry_caller(registers, stack);
        self.walk(Vec::with_capacity(64), frame, callers, stack)
    }

    /// Walks outwards from code that has called the kernel. The first frame stands for the kernel.
    pub fn unwind_system_call(
        &mut self,
        registers: Registers,
        stack: &StackCopy<'_>,
    ) -> NativeStack {
        let Registers { ip, sp, bp } = registers;
        let kernel = NativeFrame { cfa: Some(sp), ..self.frame(ip, sp) };
        // The instruction that called, of two bytes; the kernel came back behind it.
        let address = ip.saturating_sub(1);
        let frame = self.frame(address, sp);
        let callers = self.caller(address, true, State { ip: address, sp, bp }, stack);
        self.walk(vec![kernel], frame, callers, stack)
    }

    fn walk(
        &mut self,
        mut frames: Vec<NativeFrame>,
        mut frame: NativeFrame,
        mut callers: Result<Caller, Stop>,
        stack: &StackCopy<'_>,
    ) -> NativeStack {
        let end = loop {
            match callers {
                Err(Stop { end, cfa }) => {
                    frames.push(NativeFrame { cfa, ..frame });
                    break end;
                }
                Ok(Caller { state, by_frame_pointer, exact }) => {
                    frames.push(NativeFrame { cfa: Some(state.sp), by_frame_pointer, ..frame });
                    if frames.len() == MAX_FRAMES {
                        break WalkEnd::DepthLimit;
                    }
                    // A call that never returns can be the last instruction of its function, so the
                    // return address may belong to the next one.
                    frame = self.frame(if exact { state.ip } else { state.ip - 1 }, state.sp);
                    callers = self.caller(frame.address, exact, state, stack);
                }
            }
        };
        NativeStack { frames, end }
    }

    fn frame(&self, address: u64, sp: u64) -> NativeFrame {
        let place = self
            .loaded_at(address)
            .map(|loaded| Place { module: loaded.id, svma: loaded.image.svma(address) });
        NativeFrame { address, place, sp, cfa: None, by_frame_pointer: false }
    }

    fn loaded_at(&self, address: u64) -> Option<&Loaded> {
        let next = self.modules.partition_point(|loaded| loaded.span.start <= address);
        let loaded = self.modules.get(next.checked_sub(1)?)?;
        loaded.image.executes(address).then_some(loaded)
    }

    /// The caller of the allocator: at the entry of a function no table is needed.
    fn entry_caller(&self, registers: Registers, stack: &StackCopy<'_>) -> Result<Caller, Stop> {
        let cfa = registers.sp.checked_add(8);
        let stop = |end| Stop { end, cfa };
        let sp = cfa.ok_or(stop(WalkEnd::CopyEnd))?;
        let ip = stack.word(registers.sp).ok_or(stop(WalkEnd::CopyEnd))?;
        self.check_return(ip).map_err(stop)?;
        let state = State { ip, sp, bp: registers.bp };
        Ok(Caller { state, by_frame_pointer: false, exact: false })
    }

    /// The caller of the frame that is at `address`.
    fn caller(
        &mut self,
        address: u64,
        exact: bool,
        state: State,
        stack: &StackCopy<'_>,
    ) -> Result<Caller, Stop> {
        let rule = self.rule_at(address);
        let (next, cfa, signal) = match rule {
            Rule::Root => return Err(Stop { end: WalkEnd::Root, cfa: None }),
            Rule::Plain { base, offset } => {
                let from = if base == Base::Sp { state.sp } else { state.bp };
                let cfa = from.checked_add_signed(offset).filter(|cfa| *cfa > state.sp);
                (self.step(address, exact, state, stack), cfa, false)
            }
            Rule::Special { signal } => {
                let next = self.evaluate(address, state, stack);
                let cfa = next.as_ref().ok().map(|next| next.sp);
                (next, cfa, signal)
            }
            Rule::Uncovered => (self.step_frame_pointer(address, exact, state, stack), None, false),
        };
        let stop = |end| Stop { end, cfa };
        let next = next.map_err(stop)?;
        if next.sp <= state.sp {
            return Err(Stop { end: WalkEnd::CopyEnd, cfa: None });
        }
        // The tables of a signal frame recover the interrupted instruction, which no call precedes;
        // the address that a handler returns to is such a frame's start and no call precedes it
        // either.
        let exact = signal;
        if !exact && !self.is_signal_return(next.ip) {
            self.check_return(next.ip).map_err(stop)?;
        } else if self.loaded_at(next.ip).is_none() {
            return Err(stop(WalkEnd::UnknownCode { address: next.ip }));
        }
        Ok(Caller { state: next, by_frame_pointer: rule == Rule::Uncovered, exact })
    }

    fn rule_at(&mut self, address: u64) -> Rule {
        if let Some(rule) = self.rules.get(&address) {
            return *rule;
        }
        let mut context = std::mem::take(&mut self.context);
        let rule = self.loaded_at(address).and_then(|loaded| {
            let table = loaded.image.code.table.as_ref()?;
            Some(table.rule_at(&mut context, loaded.image.svma(address)))
        });
        self.context = context;
        if self.rules.len() >= MAX_RULES {
            self.rules.clear();
        }
        let rule = rule.unwrap_or(Rule::Uncovered);
        self.rules.insert(address, rule);
        rule
    }

    /// One step by framehop, which executes plain rules exactly. It must see no others: for an
    /// address without a rule it would guess.
    fn step(
        &mut self,
        address: u64,
        exact: bool,
        state: State,
        stack: &StackCopy<'_>,
    ) -> Result<State, WalkEnd> {
        let mut registers = UnwindRegsX86_64::new(state.ip, state.sp, state.bp);
        let address = if exact {
            FrameAddress::from_instruction_pointer(address)
        } else {
            FrameAddress::from_return_address(state.ip).ok_or(WalkEnd::CopyEnd)?
        };
        let mut read = |address| stack.word(address).ok_or(());
        match self.stepper.unwind_frame(address, &mut registers, &mut self.cache, &mut read) {
            Ok(Some(ip)) => Ok(State { ip, sp: registers.sp(), bp: registers.bp() }),
            Ok(None) => Err(WalkEnd::UnknownCode { address: 0 }),
            Err(_) => Err(WalkEnd::CopyEnd),
        }
    }

    /// One step by the frame pointer, where there are no tables. `bp` may hold anything there, so
    /// it must at least point into the stack above this frame's callee, and lead to a return
    /// address.
    fn step_frame_pointer(
        &self,
        address: u64,
        exact: bool,
        state: State,
        stack: &StackCopy<'_>,
    ) -> Result<State, WalkEnd> {
        let saved = || {
            let plausible = !exact && state.bp >= state.sp && state.bp.is_multiple_of(8);
            let bp = stack.word(state.bp).filter(|_| plausible)?;
            let ip = stack.word(state.bp.checked_add(8)?)?;
            self.check_return(ip).ok()?;
            Some(State { ip, sp: state.bp.checked_add(16)?, bp })
        };
        saved().ok_or_else(|| match self.loaded_at(address) {
            Some(loaded) => WalkEnd::NoUnwindInfo { module: loaded.image.path.clone() },
            None => WalkEnd::UnknownCode { address },
        })
    }

    fn evaluate(
        &mut self,
        address: u64,
        state: State,
        stack: &StackCopy<'_>,
    ) -> Result<State, WalkEnd> {
        let mut context = std::mem::take(&mut self.context);
        let read = |address| stack.word(address);
        let loaded = self.loaded_at(address).ok_or(WalkEnd::UnknownCode { address })?;
        let next = loaded.image.code.table.as_ref().and_then(|table| {
            table.evaluate(&mut context, loaded.image.svma(address), state, &read)
        });
        let next =
            next.ok_or_else(|| WalkEnd::UnsupportedRule { module: loaded.image.path.clone() });
        self.context = context;
        next
    }

    /// Whether `address` is where a signal handler returns to.
    fn is_signal_return(&mut self, address: u64) -> bool {
        matches!(self.rule_at(address), Rule::Special { signal: true })
    }

    /// Refuses a return address that no call can have pushed.
    fn check_return(&self, address: u64) -> Result<(), WalkEnd> {
        let unknown = WalkEnd::UnknownCode { address };
        let before = address.checked_sub(1).ok_or(unknown.clone())?;
        let loaded = self.loaded_at(before).ok_or(unknown)?;
        let end = loaded.image.svma(address);
        // Near the start of a segment there are fewer bytes before it than the longest call has.
        let is_call = (2..=LONGEST_CALL)
            .rev()
            .find_map(|length| loaded.image.code.parts.range(&(end.checked_sub(length)?..end)))
            .is_some_and(|bytes| ends_with_call(&bytes));
        if is_call {
            Ok(())
        } else {
            Err(WalkEnd::ImplausibleReturn { module: loaded.image.path.clone() })
        }
    }
}

/// What framehop needs of a module. It gets a search table only when that was found usable.
fn stepper_module(image: &ModuleImage, span: &Range<u64>) -> Module<Slice> {
    let CodeFile { parts, table, .. } = &*image.code;
    let searchable = table.as_ref().is_some_and(FrameTable::is_searchable);
    let frames = parts.frames.as_ref();
    let header = parts.header.as_ref().filter(|_| searchable);
    let sections = ExplicitModuleSectionInfo {
        base_svma: image.svma(span.start),
        text_svma: None,
        text: None,
        stubs_svma: None,
        stub_helper_svma: None,
        got_svma: None,
        unwind_info: None,
        eh_frame_svma: frames.map(FileTable::range),
        eh_frame: frames.map(|table| table.data.clone()),
        eh_frame_hdr_svma: header.map(FileTable::range),
        eh_frame_hdr: header.map(|table| table.data.clone()),
        debug_frame: None,
        text_segment_svma: None,
        text_segment: None,
    };
    Module::new(image.path.clone(), span.clone(), span.start, sections)
}
