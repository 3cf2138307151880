//! On which instruction of a function a probe is put.
//!
//! A probe on an instruction that the kernel emulates costs about half a microsecond; on one that
//! it must single-step, two to three times that on bare metal and about 18 times in a virtual
//! machine. Many functions begin with a test and a branch, and the branch is as good a place as the
//! entry: everything before it has been executed exactly once per call, and arguments and stack
//! pointer are still as they were.
//!
//! Chosen is the first emulated instruction that is reached from the entry in a straight line,
//! within `REACH` bytes, when all instructions before it leave the stack pointer, the arguments in
//! use and memory alone, and no direct branch leads between the entry and it. Else the entry
//! itself, when the kernel steps its first instruction rightly. Else none.

mod emulated;
mod stepped;

#[cfg(test)]
mod tests;

use std::ops::Range;

use iced_x86::{
    Decoder, DecoderOptions, EncodingKind, FlowControl, Instruction, InstructionInfoFactory,
    OpAccess, Register,
};

use crate::model::KernelRelease;

/// How far from the entry an instruction may lie, bytes.
const REACH: u64 = 32;
/// How far branches are looked for in a function whose size is unknown, bytes.
const SCAN: usize = 4096;
/// Registers of integer arguments (System V ABI for x86-64).
const ARGUMENTS: [Register; 6] =
    [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9];

/// The code of one function.
#[derive(Clone, Copy, Debug)]
pub struct FunctionCode<'a> {
    /// Virtual address of its entry.
    pub entry: u64,
    /// From the entry on; may extend beyond the function.
    pub bytes: &'a [u8],
    /// Bytes of the function, when known.
    pub size: Option<u64>,
    /// How many integer arguments the probe reads.
    pub arguments: usize,
}

/// How the kernel executes the instruction under a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Execution {
    /// In the trap handler: cheap.
    Emulated,
    /// By stepping over a copy: dear in virtual machines.
    Stepped,
}

/// Where a probe goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Bytes from the entry.
    pub offset: u64,
    /// What a hit costs.
    pub kind: Execution,
    /// The instruction, for people: `je (74 1b)`.
    pub instruction: String,
}

/// Why a function cannot be probed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementRefusal {
    /// The bytes are no code.
    #[error("its first bytes are not an instruction")]
    NotCode,
    /// The kernel is not trusted with it.
    #[error("it begins with `{instruction}`, which a probe could break")]
    Unsafe {
        /// The instruction.
        instruction: String,
    },
}

/// Chooses the instruction for a function. The caller still has to make sure that no branch from
/// outside the function leads between the entry and a displaced instruction, see
/// [`entered_from_outside`].
pub fn place(
    code: &FunctionCode<'_>,
    kernel: KernelRelease,
) -> Result<Placement, PlacementRefusal> {
    match displaced(code, kernel) {
        Some(placement) if !has_branch_into(code, placement.offset) => Ok(placement),
        _ => at_entry(code, kernel),
    }
}

/// The entry itself.
pub fn at_entry(
    code: &FunctionCode<'_>,
    kernel: KernelRelease,
) -> Result<Placement, PlacementRefusal> {
    let first = decoder(code).decode();
    if first.is_invalid() {
        return Err(PlacementRefusal::NotCode);
    }
    let bytes = bytes_of(code, &first).ok_or(PlacementRefusal::NotCode)?;
    let instruction = describe(&first, bytes);
    if emulated::is_emulated(bytes, true, kernel) {
        return Ok(Placement { offset: 0, kind: Execution::Emulated, instruction });
    }
    match stepped::is_safe(&first, bytes) {
        true => Ok(Placement { offset: 0, kind: Execution::Stepped, instruction }),
        false => Err(PlacementRefusal::Unsafe { instruction }),
    }
}

/// Which of the address ranges `(entry, chosen]` some direct branch of `code` leads into; `code`
/// starts at virtual address `start`.
///
/// Every byte is first taken for the start of a branch with a 4-byte offset, and those that lead
/// into a range are then checked for being an instruction at all. (Branches with 1-byte offsets
/// reach no further than their own function and its neighbours.)
pub fn entered_from_outside(start: u64, code: &[u8], ranges: &[Range<u64>]) -> Vec<bool> {
    let mut entered = vec![false; ranges.len()];
    let Some(low) = ranges.iter().map(|range| range.start).min() else {
        return entered;
    };
    let high = ranges.iter().map(|range| range.end).max().unwrap_or(low);
    for (at, byte) in code.iter().enumerate() {
        // Most bytes are none of these, and there are millions.
        if !matches!(byte, 0xe8 | 0xe9 | 0x80..=0x8f) {
            continue;
        }
        let Some(target) = branch_target(start, code, at) else { continue };
        if target < low || target >= high {
            continue;
        }
        let Some(opcode) = branch_opcode(code, at) else { continue };
        for (range, entered) in ranges.iter().zip(&mut entered) {
            *entered |= range.contains(&target) && may_be_instruction(code, opcode);
        }
    }
    entered
}

/// Where a branch would lead whose last opcode byte is at `at`.
fn branch_target(start: u64, code: &[u8], at: usize) -> Option<u64> {
    let offset = i32::from_le_bytes(code.get(at + 1..at + 5)?.try_into().ok()?);
    let next = start.wrapping_add(u64::try_from(at).ok()?).wrapping_add(5);
    Some(next.wrapping_add_signed(i64::from(offset)))
}

/// Where the opcode begins, if the byte at `at` is the last one of a jump, call or conditional
/// jump.
fn branch_opcode(code: &[u8], at: usize) -> Option<usize> {
    match code.get(at)? {
        0xe8 | 0xe9 => Some(at),
        0x80..=0x8f => at.checked_sub(1).filter(|before| code[*before] == 0x0f),
        _ => None,
    }
}

/// Whether an instruction may begin at `at`. Decoding starts at each of as many consecutive bytes
/// as an instruction can have, some way before: one of them begins an instruction, so the true
/// sequence is among those tried; the others mostly fall into step with it on the way. Errs towards
/// true.
fn may_be_instruction(code: &[u8], at: usize) -> bool {
    const WAY: usize = 64;
    const LONGEST: usize = 15;
    let last = at.saturating_sub(WAY);
    (last.saturating_sub(LONGEST - 1)..=last).any(|from| {
        let mut decoder = Decoder::with_ip(
            64,
            &code[from..],
            u64::try_from(from).unwrap_or(0),
            DecoderOptions::NONE,
        );
        while from + decoder.position() < at && decoder.can_decode() {
            let _ = decoder.decode();
        }
        from + decoder.position() == at
    })
}

fn displaced(code: &FunctionCode<'_>, kernel: KernelRelease) -> Option<Placement> {
    let mut decoder = decoder(code);
    let mut information = InstructionInfoFactory::new();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let offset = instruction.ip().checked_sub(code.entry)?;
        let inside = offset.saturating_add(u64::try_from(instruction.len()).ok()?);
        if instruction.is_invalid() || inside > REACH.min(code.size.unwrap_or(REACH)) {
            return None;
        }
        let bytes = bytes_of(code, &instruction)?;
        if emulated::is_emulated(bytes, offset == 0, kernel) {
            let instruction = describe(&instruction, bytes);
            return Some(Placement { offset, kind: Execution::Emulated, instruction });
        }
        if !may_be_skipped(&instruction, code.arguments, &mut information) {
            return None;
        }
    }
    None
}

/// Whether a probe may come after this instruction and still see what it would have seen before.
fn may_be_skipped(
    instruction: &Instruction,
    arguments: usize,
    information: &mut InstructionInfoFactory,
) -> bool {
    if instruction.code().encoding() != EncodingKind::Legacy
        || instruction.flow_control() != FlowControl::Next
        || instruction.has_lock_prefix()
        || instruction.is_privileged()
    {
        return false;
    }
    let used = information.info(instruction);
    let protected = |register: Register| {
        let full = register.full_register();
        full == Register::RSP || ARGUMENTS.iter().take(arguments).any(|argument| *argument == full)
    };
    used.used_memory().iter().all(|memory| !writes(memory.access()))
        && used
            .used_registers()
            .iter()
            .all(|register| !writes(register.access()) || !protected(register.register()))
}

fn writes(access: OpAccess) -> bool {
    !matches!(access, OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess)
}

/// Whether a direct branch of the function leads after its entry and up to `offset`. What cannot be
/// decoded counts as one.
fn has_branch_into(code: &FunctionCode<'_>, offset: u64) -> bool {
    if offset == 0 {
        return false;
    }
    let length = match code.size.map(usize::try_from) {
        Some(size) => match size.ok().filter(|size| *size <= code.bytes.len()) {
            Some(size) => size,
            None => return true,
        },
        None => code.bytes.len().min(SCAN),
    };
    let whole = FunctionCode { bytes: &code.bytes[..length], ..*code };
    let forbidden = code.entry + 1..code.entry.saturating_add(offset).saturating_add(1);
    for instruction in &mut decoder(&whole) {
        if instruction.is_invalid() {
            // A function of unknown size may be followed by anything; its own end is cut off too.
            return code.size.is_some();
        }
        if forbidden.contains(&instruction.near_branch_target()) {
            return true;
        }
    }
    false
}

fn decoder<'a>(code: &FunctionCode<'a>) -> Decoder<'a> {
    Decoder::with_ip(64, code.bytes, code.entry, DecoderOptions::NONE)
}

fn bytes_of<'a>(code: &FunctionCode<'a>, instruction: &Instruction) -> Option<&'a [u8]> {
    let at = usize::try_from(instruction.ip().checked_sub(code.entry)?).ok()?;
    code.bytes.get(at..at.checked_add(instruction.len())?)
}

fn describe(instruction: &Instruction, bytes: &[u8]) -> String {
    let name = format!("{:?}", instruction.mnemonic()).to_lowercase();
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name} ({})", bytes.join(" "))
}
