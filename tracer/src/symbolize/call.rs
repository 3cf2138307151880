//! What a call instruction looks like from behind.

/// Whether `before`, the bytes that end at a return address, ends with a near call of x86-64:
/// `e8 rel32`, or `ff /2` with any addressing mode (Intel SDM volume 2A, CALL). Prefixes lie
/// further back and do not matter. A byte sequence can match by chance; what does not match was
/// never a return address.
pub(super) fn ends_with_call(before: &[u8]) -> bool {
    let tail = |length: usize| before.len().checked_sub(length).map(|start| &before[start..]);
    if tail(5).is_some_and(|bytes| bytes[0] == 0xe8) {
        return true;
    }
    (2..=7).any(|length| tail(length).is_some_and(is_indirect_call))
}

/// Whether `bytes` is exactly one `ff /2` instruction.
fn is_indirect_call(bytes: &[u8]) -> bool {
    let [0xff, modrm, rest @ ..] = bytes else { return false };
    if (modrm >> 3) & 7 != 2 {
        return false;
    }
    let (mode, rm) = (modrm >> 6, modrm & 7);
    if mode == 3 {
        return rest.is_empty();
    }
    let sib = rm == 4;
    let displacement = match (mode, rm, rest.first()) {
        (0, 5, _) => 4,
        (0, 4, Some(sib)) if sib & 7 == 5 => 4,
        (0, ..) => 0,
        (1, ..) => 1,
        _ => 4,
    };
    rest.len() == usize::from(sib) + displacement
}

#[cfg(test)]
mod tests {
    use super::ends_with_call;

    #[test]
    fn every_form_of_call() {
        let calls: [&[u8]; 11] = [
            &[0xe8, 1, 2, 3, 4],                         // call rel32
            &[0x90, 0xff, 0xd0],                         // call rax
            &[0x41, 0xff, 0xd4],                         // call r12
            &[0xff, 0x10],                               // call [rax]
            &[0x41, 0xff, 0x14, 0x24],                   // call [r12]
            &[0xff, 0x50, 0x18],                         // call [rax+24]
            &[0xff, 0x54, 0x24, 0x08],                   // call [rsp+8]
            &[0xff, 0x90, 0xb0, 0, 0, 0],                // call [rax+176]
            &[0xff, 0x15, 0x10, 0x20, 0, 0],             // call [rip+x]
            &[0x42, 0xff, 0x14, 0xed, 0x10, 0x20, 0, 0], // call [r13*8+x]
            &[0xff, 0x94, 0xc3, 0x10, 0x20, 0, 0],       // call [rbx+rax*8+x]
        ];
        for call in calls {
            assert!(ends_with_call(call), "{call:x?}");
        }
    }

    #[test]
    fn other_instructions() {
        let others: [&[u8]; 7] = [
            &[],
            &[0xe9, 1, 2, 3, 4],       // jmp rel32
            &[0xff, 0xe0],             // jmp rax
            &[0xff, 0x25, 1, 2, 3, 4], // jmp [rip+x]
            &[0x0f, 0x05],             // syscall
            &[0x48, 0x89, 0xd0],       // mov rax, rdx
            &[0xff, 0xd0, 0x90],       // call rax; nop
        ];
        for other in others {
            assert!(!ends_with_call(other), "{other:x?}");
        }
    }
}
