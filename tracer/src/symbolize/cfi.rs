//! Call frame information: function ranges, and the rule at an address.
//!
//! framehop executes rules, but falls back to frame pointers without saying so when it cannot (a
//! register it does not track, an expression that reads memory, no entry at all). A stack that is
//! plausible and wrong is worse than a short one, so every rule is classified here before framehop
//! sees the address, and the few that need memory (signal frames, functions that realign their
//! stack) are evaluated here.

use std::ops::Range;

use gimli::{
    CfaRule, EndianSlice, Evaluation, EvaluationResult, FrameDescriptionEntry, LittleEndian,
    Location, Register, RegisterRule, UnwindContext, UnwindExpression, UnwindTableRow, Value,
    X86_64,
};

use super::parts::{FileTable, Parts};
use crate::elf::UnwindTables;

type Reader<'a> = EndianSlice<'a, LittleEndian>;
type Record<'a> = FrameDescriptionEntry<Reader<'a>>;

/// Scratch memory of the decoder, worth keeping between look-ups.
pub(super) type Context = UnwindContext<usize>;

/// Most operations that one DWARF expression may take; those of compilers take fewer than ten.
const MAX_OPERATIONS: u32 = 256;

/// The three registers that an x86-64 unwinder needs nearly always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub ip: u64,
    pub sp: u64,
    pub bp: u64,
}

/// What the tables say about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// CFA = register + offset, return address just below it, frame pointer kept or saved relative
    /// to the CFA: what framehop executes exactly.
    Plain { base: Base, offset: i64 },
    /// Expressions or unusual places; see [`FrameTable::evaluate`].
    Special { signal: bool },
    /// The outermost frame of a thread: its return address is undefined.
    Root,
    /// No entry covers the address.
    Uncovered,
}

/// What a CFA is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Sp,
    Bp,
}

/// The unwind tables of one file.
pub(super) struct FrameTable {
    header: Option<FileTable>,
    frames: FileTable,
    /// Range and offset of every entry, sorted; only for files without a binary search table.
    index: Vec<(Range<u64>, usize)>,
}

impl FrameTable {
    /// The tables of a file, if it has any.
    pub fn new(parts: &Parts) -> Option<Self> {
        let (header, frames) = (parts.header.clone(), parts.frames.clone()?);
        let mut table = Self { header, frames, index: Vec::new() };
        if !table.tables().is_searchable() {
            table.header = None;
            table.index = table.tables().all();
        }
        Some(table)
    }

    fn tables(&self) -> UnwindTables<'_> {
        let header = self.header.as_ref().map(|table| (table.svma, &*table.data));
        UnwindTables::new(header, (self.frames.svma, &*self.frames.data))
    }

    /// Whether entries are found through the file's own search table.
    pub fn is_searchable(&self) -> bool {
        self.header.is_some()
    }

    /// The range of the function (or split-off part of one) at `svma`.
    pub fn function_at(&self, svma: u64) -> Option<Range<u64>> {
        let record = self.record(&self.tables(), svma)?;
        Some(record.initial_address()..record.end_address())
    }

    fn record<'a>(&self, tables: &UnwindTables<'a>, svma: u64) -> Option<Record<'a>> {
        if self.is_searchable() {
            return tables.search(svma);
        }
        let next = self.index.partition_point(|(range, _)| range.start <= svma);
        tables.record(self.index.get(next.checked_sub(1)?)?.1, svma)
    }

    /// The rule at `svma`.
    pub fn rule_at(&self, context: &mut Context, svma: u64) -> Rule {
        let tables = self.tables();
        let Some(record) = self.record(&tables, svma) else { return Rule::Uncovered };
        let signal = record.is_signal_trampoline();
        let section = tables.section();
        match record.unwind_info_for_address(&section, tables.bases(), context, svma) {
            Ok(row) => classify(row, signal),
            Err(_) => Rule::Uncovered,
        }
    }

    /// Executes the rule at `svma` with everything it may need; `None` when it needs more than the
    /// three registers and readable memory.
    pub fn evaluate(
        &self,
        context: &mut Context,
        svma: u64,
        state: State,
        read: &dyn Fn(u64) -> Option<u64>,
    ) -> Option<State> {
        let tables = self.tables();
        let frames = tables.section();
        let record = self.record(&tables, svma)?;
        let encoding = record.cie().encoding();
        let row = record.unwind_info_for_address(&frames, tables.bases(), context, svma).ok()?;
        let compute = |expression: &UnwindExpression<usize>, initial: Option<u64>| {
            let expression = expression.get(&frames).ok()?;
            let evaluation = Evaluation::new(expression.0, encoding);
            run(evaluation, initial, state, read)
        };
        let cfa = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                register_value(state, *register)?.checked_add_signed(*offset)?
            }
            CfaRule::Expression(expression) => compute(expression, None)?,
        };
        let recover = |register: Register, now: u64| match row.register(register) {
            None | Some(RegisterRule::SameValue | RegisterRule::Undefined) => Some(now),
            Some(RegisterRule::Offset(offset)) => read(cfa.checked_add_signed(offset)?),
            Some(RegisterRule::ValOffset(offset)) => cfa.checked_add_signed(offset),
            Some(RegisterRule::Register(other)) => register_value(state, other),
            Some(RegisterRule::Expression(e)) => read(compute(&e, Some(cfa))?),
            Some(RegisterRule::ValExpression(e)) => compute(&e, Some(cfa)),
            Some(_) => None,
        };
        let sp = if row.register(X86_64::RSP).is_some() { recover(X86_64::RSP, cfa)? } else { cfa };
        Some(State { ip: recover(X86_64::RA, 0)?, sp, bp: recover(X86_64::RBP, state.bp)? })
    }
}

/// Sorts a row into what framehop executes exactly and what it does not.
fn classify(row: &UnwindTableRow<usize>, signal: bool) -> Rule {
    match row.register(X86_64::RA) {
        Some(RegisterRule::Undefined) => return Rule::Root,
        Some(RegisterRule::Offset(-8)) => {}
        _ => return Rule::Special { signal },
    }
    let plain_bp = matches!(
        row.register(X86_64::RBP),
        None | Some(RegisterRule::Undefined | RegisterRule::SameValue | RegisterRule::Offset(_))
    );
    match *row.cfa() {
        CfaRule::RegisterAndOffset { register, offset }
            if plain_bp && !signal && offset > 0 && offset % 8 == 0 =>
        {
            match register {
                X86_64::RSP => Rule::Plain { base: Base::Sp, offset },
                X86_64::RBP => Rule::Plain { base: Base::Bp, offset },
                _ => Rule::Special { signal },
            }
        }
        _ => Rule::Special { signal },
    }
}

fn register_value(state: State, register: Register) -> Option<u64> {
    match register {
        X86_64::RA => Some(state.ip),
        X86_64::RSP => Some(state.sp),
        X86_64::RBP => Some(state.bp),
        _ => None,
    }
}

/// Runs an expression to the one address or value that it computes.
fn run(
    mut evaluation: Evaluation<Reader<'_>>,
    initial: Option<u64>,
    state: State,
    read: &dyn Fn(u64) -> Option<u64>,
) -> Option<u64> {
    evaluation.set_max_iterations(MAX_OPERATIONS);
    if let Some(value) = initial {
        evaluation.set_initial_value(value);
    }
    let mut result = evaluation.evaluate().ok()?;
    loop {
        result = match result {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresRegister { register, .. } => {
                let value = Value::Generic(register_value(state, register)?);
                evaluation.resume_with_register(value).ok()?
            }
            EvaluationResult::RequiresMemory { address, size: 8, space: None, .. } => {
                evaluation.resume_with_memory(Value::Generic(read(address)?)).ok()?
            }
            _ => return None,
        };
    }
    match evaluation.as_result().last()?.location {
        Location::Address { address } => Some(address),
        _ => None,
    }
}
