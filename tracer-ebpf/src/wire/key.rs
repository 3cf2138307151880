//! Map keys and values.

use super::assert_size;
use super::limit::GENERATION_BUCKETS;

/// A block that is allocated and not freed; the key is [`target_key`] of its address.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveValue {
    /// Bytes asked for, and in the 16 bits above them for how many more blocks this one stands.
    size_and_more: u64,
    /// Key of the site that allocated it.
    pub site: u64,
    /// `CLOCK_MONOTONIC` nanoseconds at the return of the allocator.
    pub time_ns: u64,
}
assert_size!(LiveValue, 24);

/// No block has more bytes than addresses have.
const SIZE_BITS: u32 = ADDRESS_BITS;
const MOST_BYTES: u64 = (1 << SIZE_BITS) - 1;

impl LiveValue {
    /// None.
    pub const NONE: Self = Self { size_and_more: 0, site: 0, time_ns: 0 };

    /// A block of `size` bytes that stands for `weight` blocks, at most [`crate::sampling::MOST_WEIGHT`].
    #[inline(always)]
    pub const fn new(size: u64, weight: u64, site: u64, time_ns: u64) -> Self {
        let size = if size > MOST_BYTES { MOST_BYTES } else { size };
        Self { size_and_more: weight.wrapping_sub(1) << SIZE_BITS | size, site, time_ns }
    }

    /// Bytes asked for.
    #[inline(always)]
    pub const fn size(&self) -> u64 {
        self.size_and_more & MOST_BYTES
    }

    /// For how many blocks it stands, itself among them; 1 when all are recorded. See [`crate::sampling`].
    #[inline(always)]
    pub const fn weight(&self) -> u64 {
        (self.size_and_more >> SIZE_BITS) + 1
    }

    /// Bytes of all the blocks that it stands for.
    #[inline(always)]
    pub const fn bytes(&self) -> u64 {
        self.size().wrapping_mul(self.weight())
    }

    /// The same under another key of the site.
    pub const fn at(&self, site: u64) -> Self {
        Self::new(self.size(), self.weight(), site, self.time_ns)
    }

    /// The same with another size.
    #[inline(always)]
    pub const fn resized(&self, size: u64) -> Self {
        Self::new(size, self.weight(), self.site, self.time_ns)
    }
}

/// What a site did since the start; all are only ever added to.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteValue {
    /// Bytes allocated.
    pub allocated_bytes: u64,
    /// Blocks allocated.
    pub allocated_count: u64,
    /// Bytes freed (also by realloc).
    pub freed_bytes: u64,
    /// Blocks freed.
    pub freed_count: u64,
    /// 0: its stack has not been sent yet; 1: it has.
    pub published: u32,
    /// Slot of its target.
    pub slot: u32,
}
assert_size!(SiteValue, 40);

impl SiteValue {
    /// Of a new site.
    pub const NONE: Self = Self {
        allocated_bytes: 0,
        allocated_count: 0,
        freed_bytes: 0,
        freed_count: 0,
        published: 0,
        slot: 0,
    };
}

/// Site key that user space gives to [`unattributed`] blocks of any target.
pub const SITE_UNATTRIBUTED: u64 = 0;

/// A call of an allocation function that has not returned; the key is the thread.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Stack pointer at entry; 0 when nothing is pending.
    pub sp: u64,
    /// Bytes asked for.
    pub size: u64,
    /// Site key; 0 when the block is not recorded.
    pub site: u64,
    /// For `posix_memalign`: where the address will be written.
    pub out: u64,
    /// For realloc and mremap: the old address, or 0.
    pub old_address: u64,
    /// The old block, taken out of the live table at entry; valid when `has_old` is 1.
    pub old: LiveValue,
    /// Which function, see [`Function`].
    pub function: u32,
    /// 1 when `old` was in the live table.
    pub has_old: u32,
    /// Calls seen inside this one.
    pub nested: u16,
    /// For how many blocks the new one stands besides itself.
    pub more: u16,
    /// Slot of the target; a thread's call under another one says nothing.
    pub slot: u32,
    /// Instruction at which the call was seen.
    pub ip: u64,
}
assert_size!(Pending, 88);

impl Pending {
    /// Nothing pending.
    pub const NONE: Self = Self {
        sp: 0,
        size: 0,
        site: 0,
        out: 0,
        old_address: 0,
        old: LiveValue::NONE,
        function: 0,
        has_old: 0,
        nested: 0,
        more: 0,
        slot: 0,
        ip: 0,
    };
}

/// The counters of one target on one CPU, indexed by [`super::counter::Counter`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterRow {
    /// The counts.
    pub cells: [u64; COUNTERS],
}
assert_size!(CounterRow, 8 * COUNTERS);

const COUNTERS: usize = super::counter::Counter::ALL.len();

/// Bits of an address in a [`target_key`]; what lies higher has no key.
pub const ADDRESS_BITS: u32 = 48;

/// The key of an address of the target with this slot, if it has one. Slots are below 65,536.
#[inline(always)]
pub const fn target_key(slot: u32, address: u64) -> Option<u64> {
    if address >> ADDRESS_BITS != 0 {
        return None;
    }
    Some((slot as u64) << ADDRESS_BITS | address)
}

/// Slot and address of a key.
#[allow(clippy::cast_possible_truncation, reason = "16 bits are left of it")]
pub const fn of_target_key(key: u64) -> (u32, u64) {
    ((key >> ADDRESS_BITS) as u32, key & ((1 << ADDRESS_BITS) - 1))
}

/// The site of the target's blocks whose own site had no room in the site table, or whose stack
/// could not be walked because every scratch slot was busy. Even, as no other key of a site is.
#[inline(always)]
pub const fn unattributed(slot: u32) -> u64 {
    (slot as u64) << 1
}

/// What a probe says of itself: its function, and the slot of its target or 0 when it has many.
#[inline(always)]
pub const fn cookie(function: u32, slot: u32) -> u64 {
    (slot as u64) << 8 | function as u64
}

/// Function and slot of a cookie.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "slots are below 65,536")]
pub const fn of_cookie(cookie: u64) -> (u32, u32) {
    ((cookie & 0xff) as u32, (cookie >> 8) as u32)
}

/// How often a code object seen in a stack was freed, by bucket of its address. Part of the site
/// key, so that stacks before and after the reuse of an address never merge.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Generations {
    /// Indexed by [`crate::hash::generation_bucket`].
    pub bucket: [u32; GENERATION_BUCKETS],
}
assert_size!(Generations, 4 * GENERATION_BUCKETS);

/// A traced function; its number is in the attach cookie.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// `malloc(size)`
    Malloc = 1,
    /// `calloc(count, size)`
    Calloc = 2,
    /// `realloc(old, size)`
    Realloc = 3,
    /// `reallocarray(old, count, size)`
    Reallocarray = 4,
    /// `posix_memalign(out, alignment, size)`
    PosixMemalign = 5,
    /// `aligned_alloc(alignment, size)`
    AlignedAlloc = 6,
    /// `memalign(alignment, size)`
    Memalign = 7,
    /// `valloc(size)`
    Valloc = 8,
    /// `pvalloc(size)`
    Pvalloc = 9,
    /// `free(address)`
    Free = 10,
    /// `mmap(hint, length, protection, flags, fd, offset)`
    Mmap = 11,
    /// `munmap(address, length)`
    Munmap = 12,
    /// `mremap(old, old_length, length, flags, …)`
    Mremap = 13,
}

impl Function {
    /// Every function, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Malloc,
        Self::Calloc,
        Self::Realloc,
        Self::Reallocarray,
        Self::PosixMemalign,
        Self::AlignedAlloc,
        Self::Memalign,
        Self::Valloc,
        Self::Pvalloc,
        Self::Free,
        Self::Mmap,
        Self::Munmap,
        Self::Mremap,
    ];

    /// The function with this number, as read from a cookie or a record.
    pub const fn from_number(number: u32) -> Option<Self> {
        if number == 0 || number as usize > Self::ALL.len() {
            return None;
        }
        Some(Self::ALL[number as usize - 1])
    }

    /// The C symbol.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Malloc => "malloc",
            Self::Calloc => "calloc",
            Self::Realloc => "realloc",
            Self::Reallocarray => "reallocarray",
            Self::PosixMemalign => "posix_memalign",
            Self::AlignedAlloc => "aligned_alloc",
            Self::Memalign => "memalign",
            Self::Valloc => "valloc",
            Self::Pvalloc => "pvalloc",
            Self::Free => "free",
            Self::Mmap => "mmap",
            Self::Munmap => "munmap",
            Self::Mremap => "mremap",
        }
    }

    /// Number of integer arguments that the programs read at entry; they must survive until the
    /// instruction that carries the probe.
    pub const fn arguments(self) -> usize {
        match self {
            Self::Malloc | Self::Valloc | Self::Pvalloc | Self::Free => 1,
            Self::Calloc | Self::Realloc | Self::AlignedAlloc | Self::Memalign | Self::Munmap => 2,
            Self::Reallocarray | Self::PosixMemalign | Self::Mremap => 3,
            Self::Mmap => 4,
        }
    }

    /// Whether it only releases, so that its return is of no interest.
    pub const fn releases(self) -> bool {
        matches!(self, Self::Free | Self::Munmap)
    }

    /// Whether it belongs to the family of anonymous mappings, not of heap blocks.
    pub const fn maps(self) -> bool {
        matches!(self, Self::Mmap | Self::Munmap | Self::Mremap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_targets_apart() {
        for (slot, address) in [(1, 0), (1, 0x7fff_ffff_f000), (65_535, (1 << 48) - 1)] {
            assert_eq!(of_target_key(target_key(slot, address).unwrap()), (slot, address));
        }
        assert_eq!(target_key(1, 1 << 48), None);
        assert_eq!(target_key(1, u64::MAX), None);
    }

    #[test]
    fn blocks_have_size_and_weight() {
        for (size, weight) in [(0, 1), (1000, 65), (MOST_BYTES, crate::sampling::MOST_WEIGHT)] {
            let block = LiveValue::new(size, weight, 3, 4);
            assert_eq!((block.size(), block.weight()), (size, weight));
            assert_eq!(block.bytes(), size.wrapping_mul(weight));
            assert_eq!(block.resized(7), LiveValue::new(7, weight, 3, 4));
        }
        assert_eq!(LiveValue::new(u64::MAX, 1, 0, 0).size(), MOST_BYTES);
    }

    #[test]
    fn cookies_carry_function_and_slot() {
        for slot in [0, 1, 65_535] {
            assert_eq!(of_cookie(cookie(Function::Mremap as u32, slot)), (13, slot));
        }
    }
}

#[cfg(feature = "user")]
mod pod {
    use super::*;
    // SAFETY: `repr(C)`, only integers, no padding (sizes asserted above), any bit pattern is
    // valid.
    unsafe impl aya::Pod for LiveValue {}
    // SAFETY: as above.
    unsafe impl aya::Pod for SiteValue {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Pending {}
    // SAFETY: as above.
    unsafe impl aya::Pod for CounterRow {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Generations {}
}
