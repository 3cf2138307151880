//! Addresses that a short function mentions, for what CPython keeps in unexported variables.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use crate::model::{Address, Memory};

/// Bytes of a function that are decoded.
const FUNCTION_BYTES: usize = 256;
/// Step in which memory is read whose end is not known.
const STEP: usize = 64;

/// Up to `limit` bytes from `address`, fewer when the memory ends before.
pub(super) fn prefix(memory: &dyn Memory, address: Address, limit: usize) -> Vec<u8> {
    if let Some(bytes) = memory.bytes(address, limit) {
        return bytes;
    }
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        let step = STEP.min(limit - bytes.len());
        let Some(next) = address.offset(bytes.len() as u64).and_then(|at| memory.bytes(at, step))
        else {
            break;
        };
        bytes.extend(next);
    }
    bytes
}

/// The instructions of `function` up to its return, or to what is none.
fn body(memory: &dyn Memory, function: Address) -> Vec<Instruction> {
    let code = prefix(memory, function, FUNCTION_BYTES);
    let ends = |instruction: &Instruction| {
        instruction.is_invalid() || instruction.mnemonic() == Mnemonic::Ret
    };
    let all = Decoder::with_ip(64, &code, function.0, DecoderOptions::NONE).into_iter();
    all.take_while(|instruction| !ends(instruction)).collect()
}

/// Every address that the instructions of `function` mention up to its return, in order: operands
/// in memory, and (in programs linked at fixed addresses) immediate values.
pub(super) fn mentioned(memory: &dyn Memory, function: Address) -> Vec<Address> {
    let mut addresses = Vec::new();
    for instruction in body(memory, function) {
        addresses.extend(fixed_operand(&instruction));
        addresses
            .extend((0..instruction.op_count()).filter_map(|op| address_operand(&instruction, op)));
    }
    addresses
}

/// Every place within the variable at `variable` that the instructions of `function` mention up to
/// its return, in order: directly, or off a register that the variable's address was loaded into.
pub(super) fn mentioned_within(
    memory: &dyn Memory,
    function: Address,
    variable: Address,
    size: u64,
) -> Vec<Address> {
    let inside = |address: &Address| address.0.checked_sub(variable.0).is_some_and(|at| at < size);
    let mut base = Register::None;
    let mut places = Vec::new();
    for instruction in body(memory, function) {
        let immediate =
            (0..instruction.op_count()).find_map(|op| address_operand(&instruction, op));
        let direct = fixed_operand(&instruction).or(immediate);
        places.extend(direct.filter(inside));
        let over = base != Register::None
            && instruction.memory_base() == base
            && instruction.memory_index() == Register::None;
        let through = over.then(|| variable.offset(instruction.memory_displacement64())).flatten();
        places.extend(through.filter(inside));
        // The table of addresses of other modules' variables: mov rax, [rip+x].
        let loads = instruction.mnemonic() == Mnemonic::Mov
            && direct.and_then(|at| memory.pointer(at)) == Some(variable);
        if loads || instruction.op0_register() == base {
            base = if loads { instruction.op0_register() } else { Register::None };
        }
    }
    places
}

fn address_operand(instruction: &Instruction, operand: u32) -> Option<Address> {
    let immediate = matches!(
        instruction.op_kind(operand),
        OpKind::Immediate32 | OpKind::Immediate64 | OpKind::Immediate32to64
    );
    immediate.then(|| Address(instruction.immediate(operand)))
}

/// The variable that `function` returns, when it does nothing else.
pub(super) fn returned_variable(memory: &dyn Memory, function: Address) -> Option<Address> {
    fixed_operand(&only_load(memory, function)?)
}

/// The thread-local variable that `function` returns, when it does nothing else: its distance from
/// fsbase. Only programs that hold the variable themselves address it so; libraries call for its
/// address.
pub(super) fn returned_thread_local(memory: &dyn Memory, function: Address) -> Option<i64> {
    let load = only_load(memory, function)?;
    let local = is_fixed(&load)
        && load.memory_base() == Register::None
        && load.segment_prefix() == Register::FS;
    local.then(|| load.memory_displacement64().cast_signed())
}

/// The load of a function that consists of one load of its result, and a return.
fn only_load(memory: &dyn Memory, function: Address) -> Option<Instruction> {
    let code = prefix(memory, function, FUNCTION_BYTES);
    let mut instructions = Decoder::with_ip(64, &code, function.0, DecoderOptions::NONE)
        .into_iter()
        // Built for indirect-branch tracking, a function begins with a landing pad.
        .skip_while(|instruction| instruction.code() == Code::Endbr64);
    let load = instructions.next()?;
    let loads = load.mnemonic() == Mnemonic::Mov && load.op0_register() == Register::RAX;
    (loads && instructions.next()?.mnemonic() == Mnemonic::Ret).then_some(load)
}

/// The address of an operand in memory that depends on no register but the instruction pointer.
fn fixed_operand(instruction: &Instruction) -> Option<Address> {
    let fixed = is_fixed(instruction) && instruction.segment_prefix() == Register::None;
    fixed.then(|| Address(instruction.memory_displacement64()))
}

fn is_fixed(instruction: &Instruction) -> bool {
    let in_memory =
        (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory);
    let base = instruction.memory_base();
    in_memory
        && matches!(base, Register::None | Register::RIP)
        && instruction.memory_index() == Register::None
}

#[cfg(test)]
mod tests {
    use super::{mentioned, mentioned_within, returned_thread_local, returned_variable};
    use crate::model::{Address, Memory};

    const ADDRESS: Address = Address(0x1000);

    struct At(Vec<u8>);

    impl Memory for At {
        fn read(&self, address: Address, into: &mut [u8]) -> bool {
            let start = usize::try_from(address.0 - ADDRESS.0).unwrap();
            let Some(bytes) = self.0.get(start..start + into.len()) else { return false };
            into.copy_from_slice(bytes);
            true
        }
    }

    /// Code at `ADDRESS`, followed by no-operations.
    fn code(bytes: &[u8]) -> At {
        let mut padded = bytes.to_vec();
        padded.resize(64, 0x90);
        At(padded)
    }

    #[test]
    fn the_variable_behind_an_accessor_is_found() {
        // PyInterpreterState_Head of 3.6: mov rax, [rip+0x18a349]; ret
        let bytes = [0x48, 0x8b, 0x05, 0x49, 0xa3, 0x18, 0x00, 0xc3];
        assert_eq!(returned_variable(&code(&bytes), ADDRESS), Some(Address(0x18_b350)));
        assert_eq!(returned_thread_local(&code(&bytes), ADDRESS), None);
    }

    #[test]
    fn the_thread_local_behind_an_accessor_is_found() {
        // PyGILState_GetThisThreadState of a static 3.15: endbr64; mov rax, fs:[-0x28]; ret
        let bytes =
            [0xf3, 0x0f, 0x1e, 0xfa, 0x64, 0x48, 0x8b, 0x04, 0x25, 0xd8, 0xff, 0xff, 0xff, 0xc3];
        assert_eq!(returned_thread_local(&code(&bytes), ADDRESS), Some(-0x28));
        assert_eq!(returned_variable(&code(&bytes), ADDRESS), None);
    }

    #[test]
    fn an_accessor_that_does_more_is_refused() {
        // call; mov rax, [rip]; ret
        let bytes = [0xe8, 0, 0, 0, 0, 0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xc3];
        assert_eq!(returned_variable(&code(&bytes), ADDRESS), None);
        // mov rax, [rip]; add rax, 8; ret
        let bytes = [0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x48, 0x83, 0xc0, 8, 0xc3];
        assert_eq!(returned_variable(&code(&bytes), ADDRESS), None);
        assert_eq!(returned_variable(&code(&bytes), Address(0x9000)), None);
    }

    #[test]
    fn immediates_and_memory_operands_are_mentioned() {
        // mov edx, 0x6d26fe; lea rdi, [rip+0x10]; lea rax, [rbx+8]; ret; mov edx, 1
        let bytes = [
            0xba, 0xfe, 0x26, 0x6d, 0x00, 0x48, 0x8d, 0x3d, 0x10, 0, 0, 0, 0x48, 0x8d, 0x43, 8,
            0xc3, 0xba, 1, 0, 0, 0,
        ];
        assert_eq!(mentioned(&code(&bytes), ADDRESS), [Address(0x6d_26fe), Address(0x101c)]);
    }

    /// `PyGILState_GetThisThreadState` of a shared 3.11: mov rax, [rip+0x39]; cmp qword [rax+0x248], 0;
    /// je; lea rdi, [rax+0x250]; jmp. The word at 0x1040 has the variable's address.
    #[test]
    fn places_in_a_variable_are_found_over_a_register() {
        let mut bytes = vec![
            0x48, 0x8b, 0x05, 0x39, 0, 0, 0, 0x48, 0x83, 0xb8, 0x48, 2, 0, 0, 0, 0x74, 0x0f, 0x48,
            0x8d, 0xb8, 0x50, 2, 0, 0, 0xe9, 0, 0, 0, 0, 0xc3,
        ];
        bytes.resize(0x40, 0x90);
        bytes.extend(0x5000_u64.to_le_bytes());
        bytes.resize(512, 0x90);
        let found = mentioned_within(&At(bytes), ADDRESS, Address(0x5000), 4096);
        assert_eq!(found, [Address(0x5248), Address(0x5250)]);
    }

    /// The same in a program: endbr64; cmp dword [rip+0x54], 0; ret.
    #[test]
    fn places_in_a_variable_are_found_directly() {
        let bytes = [0xf3, 0x0f, 0x1e, 0xfa, 0x83, 0x3d, 0x54, 0, 0, 0, 0, 0xc3];
        let found = mentioned_within(&code(&bytes), ADDRESS, Address(0x1050), 64);
        assert_eq!(found, [Address(0x105f)]);
        assert!(mentioned_within(&code(&bytes), ADDRESS, Address(0x1060), 64).is_empty());
    }
}
