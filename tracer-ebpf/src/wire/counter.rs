//! Everything that is counted: one list makes the kernel's index, the name in reports and its
//! sentence.

/// What a counter says about a call that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterClass {
    /// A call that a probe saw.
    Seen,
    /// A call whose effect is in the numbers, or that rightly had none.
    Accounted,
    /// A call whose effect is missing from the numbers.
    Loss,
    /// The effect is in the numbers, but a stack is less than it should be.
    Quality,
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:literal, $class:ident;)+) => {
        /// Index into the counter map.
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Counter { $($(#[doc = $doc])+ $variant = $number,)+ }

        impl Counter {
            /// Every counter, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it says about a call.
            pub const fn class(self) -> CounterClass {
                match self { $(Self::$variant => CounterClass::$class,)+ }
            }

            /// What it counts, as a sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

counters! {
    /// Calls of an allocation function seen at entry.
    AllocCalls = 0, "alloc_calls", Seen;
    /// Allocations entered into the live table.
    AllocRecorded = 1, "alloc_recorded", Accounted;
    /// Allocations that the allocator refused (returned NULL).
    AllocFailed = 2, "alloc_failed", Accounted;
    /// Calls made by the allocator itself inside another allocation call.
    AllocNested = 3, "alloc_nested", Accounted;
    /// Calls of mmap for a file, at a fixed address, or without access (reservations), which are no
    /// heap.
    AllocNotAnonymous = 4, "alloc_not_anonymous", Accounted;
    /// Calls of realloc to size 0 that released the block.
    ReallocReleased = 5, "realloc_to_zero", Accounted;
    /// Old blocks that a realloc took out of the live table.
    ReallocOld = 6, "realloc_old", Accounted;
    /// Old blocks that realloc was given and that were allocated before the start.
    ReallocUnknown = 7, "realloc_unknown", Accounted;
    /// Blocks that were replaced at their address although no free of them was seen.
    Replaced = 8, "replaced_without_free", Accounted;
    /// Calls of free or munmap seen.
    FreeCalls = 9, "free_calls", Seen;
    /// Frees that took a block out of the live table.
    FreeRecorded = 10, "free_recorded", Accounted;
    /// Frees of NULL.
    FreeNull = 11, "free_null", Accounted;
    /// Frees of blocks allocated before the start, or otherwise not known.
    FreeUnknown = 12, "free_unknown", Accounted;
    /// Calls of munmap that cut off the head or the tail of a known mapping.
    UnmapPartial = 13, "unmap_partial", Accounted;
    /// Calls of munmap for ranges that are not known (files, the allocator's own, earlier ones,
    /// holes).
    UnmapUnknown = 14, "unmap_unknown", Accounted;
    /// Allocation calls whose return was never seen.
    PendingLost = 15, "return_lost", Loss;
    /// Returns without a known call.
    ReturnUnmatched = 16, "return_without_call", Accounted;
    /// Calls that could not be remembered until their return.
    PendingFull = 17, "pending_full", Loss;
    /// Allocations for which the live table had no room.
    LiveFull = 18, "live_table_full", Loss;
    /// Results of posix_memalign that could not be read.
    OutUnreadable = 19, "result_unreadable", Loss;
    /// Allocations without a site of their own because the site table was full.
    SiteFull = 20, "site_table_full", Quality;
    /// Allocations without a site of their own because all scratch memory was in use.
    ScratchBusy = 21, "scratch_busy", Quality;
    /// Stacks that could not be sent because the ring buffer was full; the next hit of the site
    /// tries again.
    RingFull = 22, "ring_full", Accounted;
    /// Python walks that ended at an unreadable or implausible frame.
    PythonFault = 23, "python_frame_unreadable", Quality;
    /// Python walks deeper than the limit; the innermost frames were kept.
    PythonTruncated = 24, "python_stack_truncated", Quality;
    /// Python thread states that could not be read.
    ThreadStateFault = 25, "thread_state_unreadable", Quality;
    /// Native stacks of which not one byte could be read.
    StackUnreadable = 26, "native_stack_unreadable", Quality;
    /// Code objects that could not be remembered as seen.
    SeenCodeFull = 27, "seen_code_full", Quality;
    /// Code objects freed after they were seen in a stack.
    CodeFreed = 28, "code_freed", Accounted;
    /// Code objects freed before user space had read them, whose parts could not be saved.
    CodeLost = 29, "code_lost", Quality;
    /// Calls seen while recording was off.
    Gated = 30, "outside_window", Accounted;
    /// Bytes of allocations entered into the live table.
    AllocBytes = 31, "alloc_bytes", Accounted;
    /// Bytes of blocks taken out of the live table.
    FreeBytes = 32, "free_bytes", Accounted;
    /// Calls by other processes that share the target's memory.
    ForeignTask = 33, "foreign_task", Accounted;
    /// Frees by the allocator itself inside another allocation call.
    FreeNested = 34, "free_nested", Accounted;
    /// Old blocks put back because their realloc failed or was not an anonymous mapping.
    ReallocRestored = 35, "realloc_restored", Accounted;
    /// Known blocks for which the live table had no room when they were to be put back.
    RestLost = 36, "put_back_failed", Loss;
    /// Allocation calls that had not returned when the numbers were read.
    InFlight = 37, "in_flight", Accounted;
    /// Old blocks of a realloc that had not returned when the numbers were read.
    InFlightOld = 38, "realloc_in_flight", Accounted;
    /// Code objects freed before their names were read, whose stacks lack those names.
    CodeUnread = 39, "code_unread", Quality;
    /// Records of the ring buffer that could not be decoded.
    RecordsUndecoded = 40, "records_undecoded", Quality;
    /// Stacks of known sites that were copied again and compared with the site's own.
    StacksAudited = 41, "stacks_audited", Accounted;
    /// Stacks that took another native path than the first one of their site, found by that
    /// comparison.
    StacksMerged = 42, "stacks_merged", Quality;
    /// Sites whose stack never found room in the ring buffer.
    SitesUnsent = 43, "sites_without_stack", Quality;
    /// Further mappings that were released whole by a munmap that began in another one.
    UnmapFurther = 44, "unmap_further", Accounted;
    /// Calls after the interpreter had begun to tear itself down; what is freed then is not counted.
    AfterFinalization = 45, "after_finalization", Accounted;
    /// Calls of the program that the process became by exec.
    AfterExec = 46, "after_exec", Accounted;
    /// Allocations at addresses of more than 48 bits, for which the live table has no key.
    AddressTooWide = 47, "address_too_wide", Loss;
    /// Allocations that were left to others of their kind to stand for, because recording all of them would cost too much.
    AllocLeftOut = 48, "alloc_left_out", Accounted;
    /// Allocations for which recorded ones stand, beside themselves.
    AllocStoodFor = 49, "alloc_stood_for", Accounted;
    /// The same of the blocks that left the live table.
    FreeStoodFor = 50, "free_stood_for", Accounted;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_in_order() {
        for (index, counter) in Counter::ALL.iter().enumerate() {
            assert_eq!(index, *counter as usize);
        }
    }

    #[test]
    fn sentences_are_sentences() {
        for counter in Counter::ALL {
            assert!(counter.sentence().ends_with('.'), "{counter:?}");
        }
    }
}
