//! All address ranges of one function that the compiler split.
//!
//! GCC and Clang with profiles, and BOLT, move the rarely executed part of a function elsewhere.
//! The evaluation loop is the function that suffers most: Debian 12's python3.11 keeps 55,644 bytes
//! hot and 13,913 cold in another entry of the unwind tables; Alpine 3.20's libpython3.12 keeps 362
//! hot and 56,543 cold. The symbol covers the first range only, and the names of the others
//! (`.cold`) do not survive stripping. What does survive are the jumps: a range that the function
//! jumps *into*, rather than to the start of, is a part of it. A jump to a start is a tail call of
//! another function unless the unwind tables say that a frame is already set up there, which no
//! function begins with.
//!
//! Switch tables and computed gotos are not followed. In practice they need not be: a fragment also
//! receives direct jumps (379 in Debian's build).

use std::ops::Range;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};

use super::cfi::{Base, Context, FrameTable, Rule};
use super::code::CodeFile;
use super::parts::Parts;

/// Most fragments of one function.
const MAX_FRAGMENTS: usize = 16;
/// Most bytes decoded for one function; the largest evaluation loop known has 0.1 MiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// The ranges of the function that begins with `hot` (both as addresses of the file): `hot` itself,
/// then its fragments in the order of discovery. Only `hot` when the file has no unwind tables.
/// Found once for each file.
pub fn ranges_of_function(file: &CodeFile, hot: Range<u64>) -> Vec<Range<u64>> {
    let mut known = file.functions();
    known.entry(hot.clone()).or_insert_with(|| find(file, hot)).clone()
}

fn find(file: &CodeFile, hot: Range<u64>) -> Vec<Range<u64>> {
    let CodeFile { parts, table: Some(table), .. } = file else { return vec![hot] };
    let mut context = Context::new();
    let mut found = vec![hot];
    let mut decoded = 0;
    let mut next = 0;
    while let Some(range) = found.get(next).cloned() {
        next += 1;
        decoded += range.end.saturating_sub(range.start);
        if decoded > MAX_BYTES {
            break;
        }
        for target in jumps_out(parts, &range) {
            if found.len() == MAX_FRAGMENTS || found.iter().any(|known| known.contains(&target)) {
                continue;
            }
            let Some(fragment) = table.function_at(target) else { continue };
            let inside = target != fragment.start;
            if inside || !begins_function(table, &mut context, fragment.start) {
                found.push(fragment);
            }
        }
    }
    found
}

/// Whether the unwind tables describe `svma` as just called: only the return address on the stack.
fn begins_function(table: &FrameTable, context: &mut Context, svma: u64) -> bool {
    table.rule_at(context, svma) == Rule::Plain { base: Base::Sp, offset: 8 }
}

/// Targets of direct jumps (not calls) out of a range of code.
fn jumps_out(parts: &Parts, range: &Range<u64>) -> Vec<u64> {
    let Some(code) = parts.range(range) else { return Vec::new() };
    let mut decoder = Decoder::with_ip(64, &code, range.start, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut targets = Vec::new();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let jump = matches!(
            instruction.flow_control(),
            FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
        );
        let target = instruction.near_branch_target();
        if jump && target != 0 && !range.contains(&target) {
            targets.push(target);
        }
    }
    targets.sort_unstable();
    targets.dedup();
    targets
}
