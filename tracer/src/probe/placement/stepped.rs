//! Instructions that the kernel executes rightly by single-stepping a copy of them.
//!
//! An allow-list: the kernel accepts more than it handles. It judges VEX and EVEX encodings by one
//! byte that can look like a jump, and then never executes them; a stepped `syscall` kills the
//! target.

use iced_x86::{EncodingKind, Instruction, Mnemonic, OpKind, Register};

/// Whether a probe may sit on this instruction although it costs a single step.
pub(super) fn is_safe(instruction: &Instruction, bytes: &[u8]) -> bool {
    instruction.code().encoding() == EncodingKind::Legacy
        && prefixes_are_plain(instruction.mnemonic(), bytes)
        && operands_are_plain(instruction)
        && is_listed(instruction)
}

/// Of legacy prefixes only those that were tried: operand size, `%fs`, and those that are part of
/// the opcode of `endbr64` and of SSE moves. The kernel itself refuses other segments and `lock`.
fn prefixes_are_plain(mnemonic: Mnemonic, bytes: &[u8]) -> bool {
    for byte in bytes {
        match byte {
            0x64 | 0x66 => {}
            0xf3 => {
                return matches!(mnemonic, Mnemonic::Endbr64 | Mnemonic::Movdqu | Mnemonic::Movq);
            }
            0x26 | 0x2e | 0x36 | 0x3e | 0x65 | 0x67 | 0xf0 | 0xf2 => return false,
            _ => return true,
        }
    }
    false
}

/// General and vector registers, memory, numbers: no segment, control or debug registers.
fn operands_are_plain(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).all(|index| match instruction.op_kind(index) {
        OpKind::Register => {
            let register = instruction.op_register(index);
            register.is_gpr() || register.is_xmm()
        }
        OpKind::Memory => instruction.memory_base() != Register::EIP,
        OpKind::Immediate8
        | OpKind::Immediate8to16
        | OpKind::Immediate8to32
        | OpKind::Immediate8to64
        | OpKind::Immediate16
        | OpKind::Immediate32
        | OpKind::Immediate32to64
        | OpKind::Immediate64 => true,
        _ => false,
    })
}

fn is_listed(instruction: &Instruction) -> bool {
    match instruction.mnemonic() {
        Mnemonic::Endbr64
        | Mnemonic::Test
        | Mnemonic::Cmp
        | Mnemonic::Mov
        | Mnemonic::Movzx
        | Mnemonic::Movsx
        | Mnemonic::Movsxd
        | Mnemonic::Lea
        | Mnemonic::Xor
        | Mnemonic::And
        | Mnemonic::Or
        | Mnemonic::Add
        | Mnemonic::Sub
        | Mnemonic::Inc
        | Mnemonic::Dec
        | Mnemonic::Neg
        | Mnemonic::Not
        | Mnemonic::Shl
        | Mnemonic::Shr
        | Mnemonic::Sar
        | Mnemonic::Imul
        | Mnemonic::Mul
        | Mnemonic::Cdqe
        | Mnemonic::Cqo
        | Mnemonic::Push
        | Mnemonic::Pop
        | Mnemonic::Pxor
        | Mnemonic::Xorps
        | Mnemonic::Movups
        | Mnemonic::Movaps
        | Mnemonic::Movdqa
        | Mnemonic::Movdqu
        | Mnemonic::Movd
        | Mnemonic::Movq => true,
        // Through memory only: measured. `ret` without an operand.
        Mnemonic::Jmp => instruction.is_jmp_near_indirect() && has_memory(instruction),
        Mnemonic::Ret => instruction.op_count() == 0,
        _ => false,
    }
}

fn has_memory(instruction: &Instruction) -> bool {
    instruction.op_kind(0) == OpKind::Memory
}
