//! The modules of the programs: maps, the calls they see, and how they read the target.

pub mod alloc;
mod atomic;
pub mod code;
mod count;
pub mod free;
mod ledger;
pub mod life;
pub mod map;
mod mapping;
mod publish;
mod read;
mod sample;
mod site;
pub mod system_call;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::pt_regs;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{
    bpf_get_attach_cookie, bpf_get_current_task_btf, bpf_get_func_ip, bpf_task_pt_regs,
};
use leakspy_ebpf::hash::task_cell;
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{CounterRow, Function, of_cookie, target_key};
use leakspy_ebpf::wire::limit;
use leakspy_ebpf::wire::target::{ProgramLayout, STATE_RECORDING, TargetRow, Task};

/// Set by user space before loading, then frozen.
#[unsafe(no_mangle)]
static LAYOUT: ProgramLayout = ProgramLayout {
    task_fsbase: 0,
    audit_one_in: 0,
    python: leakspy_ebpf::wire::target::PythonWalk::NONE,
};

/// The same: its number.
#[unsafe(no_mangle)]
static LAYOUT_NUMBER: u32 = 0;

/// The number of the layout that this program was loaded for.
#[inline(always)]
fn layout_number() -> u32 {
    // SAFETY: a read-only global; volatile, because user space gives it its value after
    // compilation.
    unsafe { core::ptr::read_volatile(&raw const LAYOUT_NUMBER) }
}

/// The same: 1 where the kernel has no loops that call back, as before 5.17.
#[unsafe(no_mangle)]
static WITHOUT_LOOPS: u32 = 0;

/// Whether the kernel has loops that call back. Where it has none, it does not look at the code that
/// would use them, nor the other way round.
#[inline(always)]
fn has_loops() -> bool {
    // SAFETY: as in `layout_number`.
    unsafe { core::ptr::read_volatile(&raw const WITHOUT_LOOPS) == 0 }
}

/// What the interpreter is like.
#[inline(always)]
fn layout() -> &'static ProgramLayout {
    // User space gives it its value after compilation, which must not count on the one that is here.
    core::hint::black_box(&LAYOUT)
}

/// One event: who called, with which registers.
pub struct ProbeEvent {
    /// Registers of the thread at the probe.
    pub regs: *const pt_regs,
    /// Stack pointer there. It and what follows are read once: the verifier wants to see each
    /// register read at its own place in the context, and the compiler joins reads.
    sp: u64,
    ip: u64,
    /// Thread group (high half) and thread.
    pub pid_tgid: u64,
    /// Which function the probe belongs to.
    pub function: u32,
    /// Slot of the target.
    pub slot: u32,
    /// What is known of the target, and its switches.
    target: *mut TargetRow,
    /// Its counters on this CPU.
    counters: *mut CounterRow,
}

impl ProbeEvent {
    /// Who it is that is inside a system call; nothing when that is no target whose mappings are seen in
    /// this way, which is found out first: nobody else may notice. `function` says what the system
    /// call of a number is like.
    #[inline(always)]
    fn of_system_call(function: impl Fn(u64) -> Option<Function>) -> Option<Self> {
        let pid_tgid = bpf_get_current_pid_tgid();
        let tgid = (pid_tgid >> 32) as u32;
        if is_surely_none(tgid) {
            return None;
        }
        let Task { slot, mapped_by, .. } = task_of(tgid);
        if slot == 0 || mapped_by != layout_number() {
            return None;
        }
        let target = map::TARGETS.get_ptr_mut(slot)?;
        let counters = map::COUNTERS.get_ptr_mut(slot)?;
        // SAFETY: the current task has registers of user space while it is in a system call; the
        // kernel types both pointers, and the verifier checks what is read.
        let regs: *const pt_regs = unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) as _ };
        // SAFETY: as above.
        let (number, sp, ip) = unsafe { ((*regs).orig_rax, (*regs).rsp, (*regs).rip) };
        let function = function(number)? as u32;
        Some(Self { regs, sp, ip, pid_tgid, function, slot, target, counters })
    }

    /// Who it is that runs; nothing when that is no target.
    #[inline(always)]
    fn new<C: EbpfContext>(ctx: &C) -> Option<Self> {
        let pid_tgid = bpf_get_current_pid_tgid();
        // SAFETY: the helper takes the program's own context.
        let (function, slot) = of_cookie(unsafe { bpf_get_attach_cookie(ctx.as_ptr()) });
        let slot = if slot == 0 { slot_of((pid_tgid >> 32) as u32) } else { slot };
        let target = map::TARGETS.get_ptr_mut(slot)?;
        let counters = map::COUNTERS.get_ptr_mut(slot)?;
        let regs: *const pt_regs = ctx.as_ptr().cast();
        // SAFETY: the program's own context, which the verifier lets it read.
        let sp = unsafe { core::ptr::read_volatile(&raw const (*regs).rsp) };
        // SAFETY: as above.
        let ip = unsafe { core::ptr::read_volatile(&raw const (*regs).rip) };
        Some(Self { regs, sp, ip, pid_tgid, function, slot, target, counters })
    }

    /// Stack pointer at the probe.
    #[inline(always)]
    pub fn sp(&self) -> u64 {
        self.sp
    }

    /// Instruction at the probe.
    #[inline(always)]
    pub fn ip(&self) -> u64 {
        self.ip
    }

    /// What is known of the target.
    #[inline(always)]
    pub fn target(&self) -> &mut TargetRow {
        // SAFETY: a non-null element of an array map stays valid; what changes in it is changed
        // atomically.
        unsafe { &mut *self.target }
    }

    /// The key of an address of the target.
    #[inline(always)]
    pub fn key(&self, address: u64) -> Option<u64> {
        target_key(self.slot, address)
    }
}

/// The slot of a process whose probes are shared by targets; 0, which is nobody's, when it is no
/// target (a vfork child runs in the target's memory with the target's breakpoints).
#[inline(always)]
fn slot_of(tgid: u32) -> u32 {
    task_of(tgid).slot
}

/// What is said of a process, all zeros when it is no target.
#[inline(always)]
fn task_of(tgid: u32) -> Task {
    let none = Task { tgid: 0, slot: 0, mapped_by: 0 };
    let first = task_cell(tgid);
    for step in 0..limit::TASK_CELLS {
        let Some(cell) = map::TASKS.get_ptr((first + step) & (limit::TASKS - 1)) else {
            return none;
        };
        // SAFETY: a non-null element of an array map stays valid; user space writes a cell for a
        // target that does not record yet or no longer, and `mapped_by`, a word, while it does.
        let task = unsafe { core::ptr::read_volatile(cell) };
        if task.tgid == tgid {
            return task;
        }
    }
    none
}

/// Whether a process is no target, by one cell: where the search begins in a cell that was always
/// free, it finds nothing. Whoever maps memory on this machine comes here.
#[inline(always)]
fn is_surely_none(tgid: u32) -> bool {
    // SAFETY: as in `slot_of`.
    let first = map::TASKS.get_ptr(task_cell(tgid)).map(|cell| unsafe { cell.read_volatile() });
    first.is_none_or(|task| task == Task::default())
}

macro_rules! register {
    ($($name:ident, $field:ident;)+) => {
        impl ProbeEvent {
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
register! {
    bp, rbp; result, rax; arg0, rdi; arg1, rsi; arg2, rdx; arg3, rcx; system_call_arg3, r10;
}

/// Runs `body` when this event is to be accounted; false when the caller need not see the return.
#[inline(always)]
pub fn run<C: EbpfContext>(ctx: &C, body: impl Fn(&C, &ProbeEvent) -> bool) -> bool {
    let Some(event) = ProbeEvent::new(ctx) else { return false };
    let wanted = account(ctx, &event, body);
    if atomic::load_half(&event.target().never) != 0 {
        // Never taken; its presence denies this program a private stack, see `TargetRow::never`.
        // SAFETY: the map is a program array and the context is this program's own.
        unsafe { map::TAIL.tail_call(ctx, 0) };
    }
    wanted
}

/// The same inside a system call. The kernel does not run such a program twice on one CPU at the same
/// time, so a private stack is safe.
#[inline(always)]
pub fn run_system_call<C: EbpfContext>(
    ctx: &C,
    function: impl Fn(u64) -> Option<Function>,
    body: impl Fn(&C, &ProbeEvent) -> bool,
) {
    if let Some(event) = ProbeEvent::of_system_call(function) {
        account(ctx, &event, body);
    }
}

#[inline(always)]
fn account<C: EbpfContext>(
    ctx: &C,
    event: &ProbeEvent,
    body: impl Fn(&C, &ProbeEvent) -> bool,
) -> bool {
    let (state, tgid) = (atomic::load_half(&event.target().state), event.target().tgid);
    if state != STATE_RECORDING {
        event.count(life::outside(state));
        false
    } else if tgid != 0 && tgid != (event.pid_tgid >> 32) as u32 {
        event.count(Counter::ForeignTask);
        false
    } else {
        body(ctx, event)
    }
}

/// Whether a session program runs for the entry of the function and not for its return.
#[inline(always)]
pub fn is_entry<C: EbpfContext>(ctx: &C) -> bool {
    let regs: *const pt_regs = ctx.as_ptr().cast();
    // SAFETY: the helper takes the program's own context; at the return `ip` is the caller's.
    unsafe { bpf_get_func_ip(ctx.as_ptr()) == (*regs).rip }
}
