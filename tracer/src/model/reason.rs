//! Why a verdict is what it is: facts, found by `growth`, worded by `report`.

use super::coded::coded;
use super::{ArenaUse, MallocUse};

coded! {
    /// One reason for the verdict on a stack or on a type of Python objects. Shares are of 1, times
    /// are in seconds.
    pub enum Reason {
        /// Most of its blocks are in unreachable cycles, and wait for the garbage collector.
        "garbage" => Garbage,
        /// A search of the memory found no pointer to blocks.
        "unreachable" => Unreachable {
            /// Blocks that were searched for.
            searched: u64,
            /// Those without a pointer.
            unreachable: u64,
        },
        /// Small objects, or other small blocks, to which nothing leads and that nobody can free.
        "lost" => Lost {
            /// All of them.
            count: u64,
            /// Those that were there so long before.
            old: u64,
            /// So long.
            seconds: f64,
            /// Bytes of each.
            bytes: u64,
            /// Whether they are objects.
            objects: bool,
        },
        /// A steady share is never freed, though others live long and die.
        "some-never-freed" => SomeNeverFreed {
            /// Half of those that are freed do not live longer.
            median_life: f64,
        },
        /// It grew for hours and is not getting slower.
        "grows-steadily" => GrowsSteadily {
            /// For how long.
            seconds: f64,
        },
        /// It grows, and was not watched for long.
        "grows-so-far" => GrowsSoFar {
            /// For how long.
            seconds: f64,
        },
        /// It grew at each of a few snapshots.
        "grew-at-every-snapshot" => GrewAtEverySnapshot,
        /// Old objects say that they have done what they were for, and are still there; new ones do not.
        "ended-and-retained" => EndedAndRetained {
            /// What they say, `.closed is True`: data from outside.
            field: String,
            /// Old objects that do, of a sample.
            old: u64,
            /// All old ones of the sample.
            all: u64,
            /// For how long it was seen.
            seconds: f64,
        },
        /// It grew only lately.
        "grew-only-lately" => GrewOnlyLately,
        /// Old blocks are freed.
        "old-blocks-freed" => OldBlocksFreed,
        /// Old objects are freed.
        "old-objects-freed" => OldObjectsFreed,
        /// As many old objects go as new ones come.
        "objects-replaced" => ObjectsReplaced,
        /// It gets slower.
        "slows" => Slows {
            /// Rate of the last third of the time over that of all.
            share: f64,
        },
        /// It has stopped.
        "stopped" => Stopped,
        /// Too few periods kept anything: that may be chance.
        "retained-in-few-periods" => RetainedInFewPeriods {
            /// Those that did.
            retained: u64,
            /// All.
            periods: u64,
        },
        /// It grew so rarely that it may be chance.
        "grew-rarely" => GrewRarely,
        /// There were too few snapshots to judge by.
        "few-snapshots" => FewSnapshots {
            /// How many.
            snapshots: u64,
        },
        /// No full garbage collection came since: the objects may be garbage.
        "not-collected-yet" => NotCollectedYet,
        /// Only objects of which the same is true refer to these, and no full collection came since they were born.
        "garbage-objects" => GarbageObjects,
        /// Lost releases alone would look like this growth.
        "losses-explain-it" => LossesExplainIt {
            /// Lost events of all.
            share: f64,
        },
        /// No block was ever freed.
        "none-freed" => NoneFreed {
            /// Blocks that were allocated.
            allocated: u64,
        },
        /// Some blocks were freed.
        "some-freed" => SomeFreed {
            /// How many.
            freed: u64,
            /// Blocks that were allocated.
            allocated: u64,
        },
        /// How much still lives of what was born early and late.
        "retention" => Retention {
            /// Of the oldest third of the time.
            oldest: f64,
            /// Of the newest third.
            newest: f64,
        },
        /// How long blocks live here, as a rule.
        "normal-lifetime" => NormalLifetime {
            /// Less than this.
            seconds: f64,
        },
        /// It grew in steps.
        "grew-in-steps" => GrewInSteps {
            /// How many.
            steps: u64,
        },
        /// Its blocks survived full garbage collections.
        "blocks-survived-collections" => BlocksSurvivedCollections {
            /// How many.
            collections: u64,
        },
        /// How many of the arenas the stack that is shown speaks for.
        "arenas-of-this-stack" => ArenasOfThisStack {
            /// Those needed there.
            here: u64,
            /// All that are kept.
            all: u64,
        },
        /// A cache that is not full yet would look the same.
        "cache-may-be-filling" => CacheMayBeFilling,
        /// Events were lost.
        "events-lost" => EventsLost {
            /// Of all.
            share: f64,
        },
        /// From how many snapshots to the next it grew.
        "growth-by-snapshot" => GrowthBySnapshot {
            /// Times that it grew.
            grew: u64,
            /// Times that it could have.
            snapshots: u64,
        },
        /// How many of the objects born since the first snapshot are still there.
        "survivors" => Survivors {
            /// Those that were born.
            born: u64,
            /// Those that are there.
            survived: u64,
        },
        /// How many objects are still there of those born early and late.
        "object-retention" => ObjectRetention {
            /// Of the earliest third.
            oldest: f64,
            /// Of the latest third.
            newest: f64,
        },
        /// What it grew by is reached from a root.
        "reached-from-root" => ReachedFromRoot,
        /// The objects survived full garbage collections.
        "objects-survived-collections" => ObjectsSurvivedCollections {
            /// How many.
            collections: u64,
        },
        /// Other types grow in step with it.
        "in-step" => InStep {
            /// Their names, data from outside, and the objects of each for one of this type.
            types: Vec<(String, f64)>,
        },
        /// Its objects are parts of those of another type, which explain its growth.
        "parts-of-others" => PartsOfOthers,
        /// The C library's malloc retains what the program has freed.
        "malloc-retains" => MallocRetains {
            /// What it has.
            malloc: MallocUse,
        },
        /// An allocator that is not read retains what the program has freed: blocks that were seen take less than they once
        /// did, and the process did not shrink with them.
        "allocator-retains" => AllocatorRetains {
            /// What it is called.
            name: String,
            /// Which version it is, where it says so.
            version: Option<String>,
            /// What it retains at least.
            least_bytes: u64,
            /// What it may retain at most: resident, and in no block that was seen.
            most_bytes: u64,
        },
        /// Python's small-object allocator retains arenas that are nearly empty.
        "arenas-retain" => ArenasRetain {
            /// How full they are.
            arenas: ArenaUse,
        },
    }
}
