//! The stack of this process, as the probes would have sent it.

use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt;

use leakspy::symbolize::Registers;

/// A stack of this process as if [`capture`] had called an allocator.
pub struct Own {
    pub registers: Registers,
    pub bytes: Vec<u8>,
    /// Return addresses according to glibc, [`capture`]'s own first.
    pub truth: Vec<u64>,
}

/// Captures this thread's stack to its end.
#[inline(never)]
pub fn capture() -> Own {
    let mut context = MaybeUninit::<libc::ucontext_t>::zeroed();
    // SAFETY: getcontext fills the structure, which is large enough and writable; nothing ever
    // jumps back to it.
    let context = unsafe {
        assert_eq!(libc::getcontext(context.as_mut_ptr()), 0);
        context.assume_init()
    };
    let mut addresses = [std::ptr::null_mut(); 4096];
    // SAFETY: the array has as many places as the call is reported.
    let count = unsafe { libc::backtrace(addresses.as_mut_ptr(), 4096) };
    let truth = addresses[..usize::try_from(count).unwrap()].iter().map(|at| *at as u64).collect();
    let register = |index: libc::c_int| {
        let index = usize::try_from(index).unwrap();
        context.uc_mcontext.gregs[index].cast_unsigned()
    };
    let (ip, sp) = (register(libc::REG_RIP), register(libc::REG_RSP));
    // As if getcontext's return address still lay below, where the call had pushed it.
    let mut bytes = ip.to_le_bytes().to_vec();
    bytes.extend(stack_from(sp));
    let registers = Registers {
        ip: libc::getcontext as *const () as u64,
        sp: sp - 8,
        bp: register(libc::REG_RBP),
    };
    Own { registers, bytes, truth }
}

fn stack_from(sp: u64) -> Vec<u8> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let end = maps
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.split_once('-'))
        .map(|(start, end)| {
            (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap())
        })
        .find(|(start, end)| (*start..*end).contains(&sp))
        .unwrap()
        .1;
    let mut bytes = vec![0; usize::try_from(end - sp).unwrap()];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, sp).unwrap();
    bytes
}
