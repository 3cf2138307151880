//! Which instructions the kernel carries out itself when it hits a probe, by kernel version.
//!
//! Measured for each row by watching whether the target grows the kernel's out-of-line page, on
//! 5.10, 6.1, 6.12, 6.16 to 6.19 and 7.0 to 7.2; source: `arch/x86/kernel/uprobes.c`. Recognition
//! is by bytes, not by meaning, because the kernel's is: `41 90` means `xchg`, and is taken by the
//! kernel for a `nop`.

use crate::model::KernelRelease;

/// A form of encoding; each is matched with all its bytes and no further prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `50`–`57`, `41 50`–`41 57`, without `push %rsp`.
    Push,
    /// `90`.
    Nop1,
    /// `66 90`.
    Nop2,
    /// `0f 1f …` of 3, 4, 7 and 8 bytes, `66 0f 1f …` of 6.
    LongNop,
    /// `0f 1f 44 00 00`.
    Nop5,
    /// `66 0f 1f 84 …` of 9 bytes.
    Nop9,
    /// `eb`, `e9`.
    Jump,
    /// `70`–`7f`, `0f 80`–`0f 8f`.
    Branch,
    /// `e8`.
    Call,
}

/// From when (inclusive) to when (exclusive) a form is emulated.
struct Row {
    form: Form,
    since: KernelRelease,
    until: Option<KernelRelease>,
    /// Only where a function begins: these kernels replace the instruction by a call, which writes
    /// below the stack pointer, where a function that has begun may keep data.
    entry_only: bool,
}

const fn row(form: Form, since: KernelRelease) -> Row {
    Row { form, since, until: None, entry_only: false }
}

const ALWAYS: KernelRelease = KernelRelease::new(5, 10);
const V6_16: KernelRelease = KernelRelease::new(6, 16);
const V6_18: KernelRelease = KernelRelease::new(6, 18);
const V6_19: KernelRelease = KernelRelease::new(6, 19);
const V7_2: KernelRelease = KernelRelease::new(7, 2);

static ROWS: [Row; 11] = [
    row(Form::Push, ALWAYS),
    row(Form::Nop1, ALWAYS),
    row(Form::Nop2, ALWAYS),
    row(Form::Jump, ALWAYS),
    row(Form::Branch, ALWAYS),
    row(Form::Call, ALWAYS),
    row(Form::LongNop, V6_16),
    Row { form: Form::Nop5, since: V6_16, until: Some(V6_18), entry_only: false },
    Row { form: Form::Nop5, since: V6_18, until: Some(V7_2), entry_only: true },
    row(Form::Nop5, V7_2),
    row(Form::Nop9, V6_19),
];

/// Whether the instruction in `bytes` (all of it, and nothing else) is emulated, `at_entry` of a
/// function or further in.
pub(super) fn is_emulated(bytes: &[u8], at_entry: bool, kernel: KernelRelease) -> bool {
    let Some(form) = form(bytes) else {
        return false;
    };
    ROWS.iter().any(|row| {
        row.form == form
            && row.since <= kernel
            && row.until.is_none_or(|until| kernel < until)
            && (at_entry || !row.entry_only)
    })
}

fn form(bytes: &[u8]) -> Option<Form> {
    match bytes {
        [0x54] => None,
        [0x50..=0x57] | [0x41, 0x50..=0x57] => Some(Form::Push),
        [0x90] => Some(Form::Nop1),
        [0x66, 0x90] => Some(Form::Nop2),
        [0xeb, _] | [0xe9, _, _, _, _] => Some(Form::Jump),
        [0x70..=0x7f, _] | [0x0f, 0x80..=0x8f, _, _, _, _] => Some(Form::Branch),
        [0xe8, _, _, _, _] => Some(Form::Call),
        [0x0f, 0x1f, 0x44, 0, 0] => Some(Form::Nop5),
        [0x0f, 0x1f, ..] if matches!(bytes.len(), 3 | 4 | 7 | 8) => Some(Form::LongNop),
        [0x66, 0x0f, 0x1f, ..] if bytes.len() == 6 => Some(Form::LongNop),
        [0x66, 0x0f, 0x1f, 0x84, ..] if bytes.len() == 9 => Some(Form::Nop9),
        _ => None,
    }
}
