//! The programs' rooms: maps, the calls they see, and how they read the target.

pub mod alloc;
mod atomic;
pub mod code;
mod count;
pub mod free;
mod ledger;
pub mod map;
mod mapping;
mod publish;
mod read;
mod site;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::pt_regs;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::bpf_get_func_ip;
use aya_ebpf::maps::ProgramArray;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::target::Target;

use count::count;

/// Set by user space before loading, then frozen.
#[unsafe(no_mangle)]
static TARGET: Target = Target {
    tgid: 0,
    task_fsbase: 0,
    audit_one_in: 0,
    reserved: 0,
    stack_end: 0,
    python: leakspy_ebpf::wire::target::PythonWalk::NONE,
};

/// What the target is like.
#[inline(always)]
fn target() -> Target {
    // SAFETY: a read-only global; volatile, because user space gives it its value after compilation.
    unsafe { core::ptr::read_volatile(&raw const TARGET) }
}

/// One event: who called, with which registers.
pub struct Event {
    /// Registers of the thread at the probe.
    pub regs: *const pt_regs,
    /// Thread group (high half) and thread.
    pub pid_tgid: u64,
}

macro_rules! register {
    ($($name:ident, $field:ident;)+) => {
        impl Event {
            $(
                #[inline(always)]
                pub fn $name(&self) -> u64 {
                    // SAFETY: `regs` is the program's own context, which the verifier lets it read.
                    unsafe { (*self.regs).$field }
                }
            )+
        }
    };
}
register! { ip, rip; sp, rsp; bp, rbp; result, rax; arg0, rdi; arg1, rsi; arg2, rdx; arg3, rcx; }

/// Runs `body` when this event is to be accounted; false when the caller need not see the return.
#[inline(always)]
pub fn run<C: EbpfContext>(
    ctx: &C,
    tail: &ProgramArray,
    body: impl Fn(&C, &Event) -> bool,
) -> bool {
    let Some(control) = map::CONTROL.get_ptr(0) else { return false };
    let event = Event { regs: ctx.as_ptr().cast(), pid_tgid: bpf_get_current_pid_tgid() };
    let tgid = target().tgid;
    // SAFETY: a non-null element of an array map stays valid for the program's life.
    let wanted = if unsafe { core::ptr::read_volatile(&raw const (*control).recording) } == 0 {
        count(Counter::Gated);
        false
    } else if tgid != 0 && tgid != (event.pid_tgid >> 32) as u32 {
        // A vfork child runs in the target's memory with the target's breakpoints.
        count(Counter::ForeignTask);
        false
    } else {
        body(ctx, &event)
    };
    // SAFETY: as above.
    if unsafe { core::ptr::read_volatile(&raw const (*control).never) } != 0 {
        // Never taken; its presence denies this program a private stack, see `Control::never`.
        // SAFETY: the map is a program array and the context is this program's own.
        unsafe { tail.tail_call(ctx, 0) };
    }
    wanted
}

/// Whether a session program runs for the entry of the function and not for its return.
#[inline(always)]
pub fn is_entry<C: EbpfContext>(ctx: &C) -> bool {
    let regs: *const pt_regs = ctx.as_ptr().cast();
    // SAFETY: the helper takes the program's own context; at the return `ip` is the caller's.
    unsafe { bpf_get_func_ip(ctx.as_ptr()) == (*regs).rip }
}
