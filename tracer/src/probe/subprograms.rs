//! What the kernel wants to know of the functions of a program before one of them may be called back
//! in a loop: where each begins, and a type in BTF (`check_btf_func` in `kernel/bpf/verifier.c`).

use aya_obj::generated::bpf_insn;

/// `BPF_JMP | BPF_CALL`
const CALL: u8 = 0x85;
/// `BPF_LD | BPF_IMM | BPF_DW`, which takes two instructions.
const LOAD_LONG: u8 = 0x18;
/// `BPF_PSEUDO_CALL`
const PSEUDO_CALL: u8 = 1;
/// `BPF_PSEUDO_FUNC`
const PSEUDO_FUNC: u8 = 4;

/// `struct bpf_func_info`
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Its first instruction.
    pub instruction: u32,
    /// Its type in [`types`].
    pub type_id: u32,
}

/// The number of [`types`]' static function.
const FUNCTION: u32 = 3;

/// All functions of a program, in order. Nothing reads their types but the check that they are static.
pub fn functions(instructions: &[bpf_insn]) -> Vec<FunctionInfo> {
    let mut starts = vec![0];
    let mut second_half = false;
    for (index, instruction) in instructions.iter().enumerate() {
        let is_half = std::mem::replace(&mut second_half, false);
        let jumps = match (instruction.code, instruction.src_reg()) {
            _ if is_half => false,
            (CALL, PSEUDO_CALL) => true,
            (LOAD_LONG, source) => {
                second_half = true;
                source == PSEUDO_FUNC
            }
            _ => false,
        };
        let next = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if jumps {
            starts.push(next.wrapping_add_signed(instruction.imm));
        }
    }
    starts.sort_unstable();
    starts.dedup();
    starts.into_iter().map(|instruction| FunctionInfo { instruction, type_id: FUNCTION }).collect()
}

/// The least BTF that has a function (`Documentation/bpf/btf.rst`): a number, what returns one, and a
/// static function of that kind.
pub fn types() -> Vec<u8> {
    const INT: u32 = 1 << 24;
    const FUNC: u32 = 12 << 24;
    const FUNC_PROTO: u32 = 13 << 24;
    const SIGNED: u32 = 1 << 24;
    let names = b"\0long\0part\0";
    let types: [u32; 10] = [1, INT, 8, SIGNED | 64, 0, FUNC_PROTO, 1, 6, FUNC, 2];
    let (types_bytes, names_bytes) = (4 * 10, 11);
    let header: [u32; 6] = [0x0001_eb9f, 24, 0, types_bytes, types_bytes, names_bytes];
    let words = header.iter().chain(&types).flat_map(|word| word.to_ne_bytes());
    words.chain(names.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(code: u8, source: u8, imm: i32) -> bpf_insn {
        let mut instruction = bpf_insn { code, imm, ..unused() };
        instruction.set_src_reg(source);
        instruction
    }

    fn unused() -> bpf_insn {
        // SAFETY: plain numbers, for which zeros are a value.
        unsafe { std::mem::zeroed() }
    }

    #[test]
    fn functions_are_where_calls_and_callbacks_go() {
        let program = [
            instruction(LOAD_LONG, PSEUDO_FUNC, 5),
            // Its second half is no instruction of its own.
            instruction(CALL, PSEUDO_CALL, 100),
            instruction(CALL, 0, 181),
            instruction(CALL, PSEUDO_CALL, 1),
            instruction(0x95, 0, 0),
            instruction(CALL, PSEUDO_CALL, -1),
            instruction(0x95, 0, 0),
        ];
        let starts: Vec<u32> =
            functions(&program).iter().map(|function| function.instruction).collect();
        assert_eq!(starts, [0, 5, 6]);
    }

    #[test]
    fn types_are_as_long_as_they_say() {
        assert_eq!(types().len(), 24 + 40 + 11);
    }
}
