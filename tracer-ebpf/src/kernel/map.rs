//! All maps. User space sets the sizes that depend on the machine.

use aya_ebpf::bindings::BPF_F_NO_PREALLOC;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, ProgramArray, RingBuf};
use leakspy_ebpf::walk::Scratch;
use leakspy_ebpf::wire::key::{CounterRow, Generations, LiveValue, Pending, SiteValue};
use leakspy_ebpf::wire::limit;
use leakspy_ebpf::wire::record::StackRecord;
use leakspy_ebpf::wire::target::{TargetRow, Task};

/// Working memory of one run of a program.
#[repr(C)]
pub struct WorkSlot {
    /// For the walk.
    pub scratch: Scratch,
    /// The record that is put together.
    pub record: StackRecord,
}

#[map]
pub static LIVE: HashMap<u64, LiveValue> =
    HashMap::with_max_entries(limit::LIVE_BLOCKS, BPF_F_NO_PREALLOC);

#[map]
pub static SITES: HashMap<u64, SiteValue> =
    HashMap::with_max_entries(limit::SITES, BPF_F_NO_PREALLOC);

// LRU, because entries of threads that ended are never deleted. An eviction of a call in flight
// shows as a return without a call.
#[map]
pub static PENDING: LruHashMap<u64, Pending> =
    LruHashMap::with_max_entries(limit::PENDING_THREADS, 0);

#[map]
pub static COUNTERS: PerCpuArray<CounterRow> = PerCpuArray::with_max_entries(2, 0);

#[map]
pub static RING: RingBuf = RingBuf::with_byte_size(limit::RING_BYTES, 0);

#[map]
pub static TARGETS: Array<TargetRow> = Array::with_max_entries(2, 0);

#[map]
pub static PERIODS: Array<u32> = Array::with_max_entries(2, 0);

#[map]
pub static TASKS: Array<Task> = Array::with_max_entries(limit::TASKS, 0);

#[map]
pub static GENERATIONS: Array<Generations> = Array::with_max_entries(2, 0);

#[map]
pub static SEEN_CODE: HashMap<u64, u32> =
    HashMap::with_max_entries(limit::SEEN_CODE, BPF_F_NO_PREALLOC);

#[map]
pub static READ_CODE: HashMap<u64, u32> =
    HashMap::with_max_entries(limit::SEEN_CODE, BPF_F_NO_PREALLOC);

// Not LRU: an element that is taken away from a code object in use could be read as another's.
#[map]
pub static CODE_VALUES: HashMap<u64, u64> =
    HashMap::with_max_entries(limit::SEEN_CODE, BPF_F_NO_PREALLOC);

// Not per CPU: programs preempt one another on a CPU. Slots are claimed, see `site`.
#[map]
pub static SCRATCH: Array<WorkSlot> = Array::with_max_entries(limit::SLOTS_PER_CPU, 0);

#[map]
pub static MAPPING_ENDS: HashMap<u64, u64> =
    HashMap::with_max_entries(limit::MAPPINGS, BPF_F_NO_PREALLOC);

// Always empty, see `TargetRow::never`. A program array belongs to programs of one attach type:
// user space makes one for each.
#[map]
pub static TAIL: ProgramArray = ProgramArray::with_max_entries(1, 0);
