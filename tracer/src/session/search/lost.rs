//! The search for lost small objects: when the blocks in arenas are taken down, so that a later search knows
//! which are old, and the two passes of a search.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::heap::HeapTarget;
use super::super::malloc::MallocSource;
use super::super::shared::Turn;
use super::pass::{LostRanges, Pass, PassPace, Unfinished, arenas};
use crate::heap::{AddressMap, Class, ClassId, Classes, Kind, View};
use crate::leak_scan::{
    BlockAges, LostGroup, ObjectExtent, Pools, SmallType, SmallTypes, Unmarked, lost,
};
use crate::model::{Address, ArenaPoint, ArenaUse, LostMemory, LostObjects};
use crate::os;
use crate::os::pages::Pages;

/// When the blocks are taken down first.
const FIRST: Duration = Duration::from_secs(10);
/// The next time is this many fifths of the time before.
const FIFTHS: u32 = 7;
/// Times that are remembered: the oldest of them is some half of the time ago.
const TIMES: usize = 3;
/// Readings of the arenas that are remembered; of more, every second one is.
const READINGS: usize = 64;

/// What is known of the small objects of a process from search to search.
#[derive(Default)]
pub struct LostSearch {
    pid: u32,
    target: Option<HeapTarget>,
    ages: VecDeque<(Duration, BlockAges)>,
    found: Option<LostMemory>,
    /// How full the arenas were at the last search, and what they retained when.
    arenas: Option<ArenaUse>,
    readings: Vec<ArenaPoint>,
}

/// A pass over all memory, which finds the allocated blocks to which nothing leads.
type UnmarkedPass<'a> =
    dyn Fn(&Pages, Pools, &mut HeapTypes<'_>) -> Result<Vec<Unmarked>, Unfinished> + 'a;

/// The small objects of one recording; whoever works on them has them alone.
#[derive(Clone)]
pub struct SharedLost {
    search: Arc<Mutex<LostSearch>>,
    next: Duration,
}

/// A search to be made.
pub struct LostJob {
    search: Arc<Mutex<LostSearch>>,
    /// Time since the start.
    now: Duration,
    /// How long blocks must have been there to be old.
    age: Duration,
    /// Fewer objects than this prove nothing.
    at_least: u64,
    /// Whether the target stands still: what one pass finds is so.
    still: bool,
}

impl SharedLost {
    /// Of a process with Python objects.
    pub fn new(pid: u32) -> Self {
        let search = LostSearch { pid, ..LostSearch::default() };
        Self { search: Arc::new(Mutex::new(search)), next: FIRST }
    }

    /// Opens the process while it runs. One that stands still may do so where a frame is being pushed, and what cannot be
    /// checked is not read.
    pub fn open(&self) {
        // A search that is at work has opened it.
        if let Ok(mut search) = self.search.try_lock() {
            search.open();
        }
    }

    /// Whether it is time to take down which blocks there are.
    pub fn is_due(&self, now: Duration) -> bool {
        now >= self.next
    }

    /// Takes that down, on a thread of its own, in a turn like all scans of memory.
    pub fn take_down(&mut self, now: Duration, most_bytes: u64, turn: Turn) {
        self.next = now.saturating_mul(FIFTHS) / 5;
        let search = Arc::clone(&self.search);
        let work = move || {
            os::usage::yield_to_others();
            // A search that is at work knows the blocks of now.
            if let Ok(mut search) = search.try_lock() {
                search.take_down(now, most_bytes);
            }
            os::usage::give_back();
            drop(turn);
        };
        // Without a thread there is one time less.
        let _ = std::thread::Builder::new().name("leakspy-blocks".to_owned()).spawn(work);
    }

    /// A search that begins so long after the start.
    pub fn job(&self, now: Duration, age: Duration, at_least: u64, still: bool) -> LostJob {
        LostJob { search: Arc::clone(&self.search), now, age, at_least, still }
    }

    /// How full the arenas were at the last search, once; and what they retained until then.
    pub fn arenas(&self) -> Option<(ArenaUse, Vec<ArenaPoint>)> {
        let mut search = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        Some((search.arenas.take()?, search.readings.clone()))
    }

    /// What the last search found, once.
    pub fn found(&self) -> Option<LostMemory> {
        self.search.lock().unwrap_or_else(PoisonError::into_inner).found.take()
    }
}

impl LostJob {
    /// Both passes, or one of a target that stands still; the blocks that are lost. What cannot be read as a Python heap
    /// has no small objects, and is no failure.
    pub fn run(
        self,
        pace: &PassPace,
        malloc: Option<&MallocSource>,
        most_bytes: u64,
    ) -> Result<LostRanges, Unfinished> {
        let mut search = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        let pass = |pages: &Pages, pools, types: &mut HeapTypes<'_>| {
            let pass = Pass::new(pages, pace, malloc, LostRanges::none());
            arenas::unmarked(pass, pools, types, most_bytes)
        };
        search.run(&self, &pass, most_bytes)
    }
}

impl LostSearch {
    fn open(&mut self) -> Option<&HeapTarget> {
        if self.target.is_none() {
            self.target = HeapTarget::open(&self.pid.to_string()).ok();
        }
        self.target.as_ref()
    }

    fn take_down(&mut self, now: Duration, most_bytes: u64) {
        let ages = self.open().and_then(|target| {
            let taken = target.types(|view, pages, size| {
                let pools = arenas::pools(pages, size, &mut HeapTypes::new(view), most_bytes);
                pools.ok().map(|pools| (pools.ages(), pools.arena_use()))
            });
            taken.ok().flatten()
        });
        if let Some((ages, arenas)) = ages {
            self.take_reading(now, &arenas);
            self.ages.push_back((now, ages));
            while self.ages.len() > TIMES {
                self.ages.pop_front();
            }
        }
    }

    fn take_reading(&mut self, now: Duration, arenas: &ArenaUse) {
        let retained_bytes = arenas.retained_bytes();
        self.readings.push(ArenaPoint { t: now.as_secs_f64(), retained_bytes });
        if self.readings.len() > READINGS {
            let mut index = 0;
            self.readings.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
    }

    /// The last time that is old enough.
    fn before(&self, now: Duration, age: Duration) -> Option<&(Duration, BlockAges)> {
        self.ages.iter().rev().find(|(at, _)| now.saturating_sub(*at) >= age)
    }

    fn run(
        &mut self,
        job: &LostJob,
        pass: &UnmarkedPass<'_>,
        most_bytes: u64,
    ) -> Result<LostRanges, Unfinished> {
        self.open();
        let Some(target) = &self.target else { return Ok(LostRanges::default()) };
        // Where nothing was taken down in time, none is old.
        let nothing = (Duration::ZERO, BlockAges::default());
        let (at, ages) = self.before(job.now, job.age).unwrap_or(&nothing);
        let types = target.types(|view, pages, size| {
            let mut types = HeapTypes::new(view);
            let (arenas, both) = unmarked(pages, pass, size, &mut types, (most_bytes, job.still))?;
            let is_old = |block: &Unmarked| ages.has(block.start, block.print, size.into());
            let mut groups = lost(view.memory, &mut types, both, &is_old);
            groups.retain(|group| is_enough(group, job.at_least));
            let told = groups.iter().map(|group| types.told(group)).collect();
            let blocks = groups.iter().flat_map(|group| &group.blocks);
            Ok((arenas, told, LostRanges::new(blocks)))
        });
        let (arenas, types, ranges): (ArenaUse, Vec<LostObjects>, LostRanges) =
            types.map_err(|_| Unfinished::Stopped)??;
        let age = job.now.saturating_sub(*at).as_secs_f64();
        self.take_reading(job.now, &arenas);
        self.arenas = Some(arenas);
        self.found = Some(LostMemory { t: job.now.as_secs_f64(), age, types });
        Ok(ranges)
    }
}

/// The blocks to which two passes found nothing that leads, with the same content; or one pass, where nothing moves. With
/// them, how full the arenas are.
fn unmarked(
    pages: &Pages,
    pass: &UnmarkedPass<'_>,
    size: u32,
    types: &mut HeapTypes<'_>,
    (most_bytes, still): (u64, bool),
) -> Result<(ArenaUse, Vec<Unmarked>), Unfinished> {
    let once = |types: &mut HeapTypes<'_>| {
        let pools = arenas::pools(pages, size, types, most_bytes)?;
        let arenas = pools.arena_use();
        Ok::<_, Unfinished>((arenas, pass(pages, pools, types)?))
    };
    let (arenas, first) = once(types)?;
    if still || first.is_empty() {
        return Ok((arenas, first));
    }
    let (arenas, mut both) = once(types)?;
    let mut known = first.iter().peekable();
    // Both are by address.
    both.retain(|block| {
        while known.next_if(|known| known.start < block.start).is_some() {}
        known.peek() == Some(&block)
    });
    Ok((arenas, both))
}

/// Types of the heap, as far as blocks need them.
struct HeapTypes<'a> {
    view: &'a View<'a>,
    classes: Classes,
    types: Vec<SmallType>,
    /// Places in `types`, by the address of the type; [`NO_TYPE`] of what is none.
    known: AddressMap<u32>,
}

/// What is no type: words in blocks that are no objects.
const NO_TYPE: u32 = u32::MAX;

impl<'a> HeapTypes<'a> {
    fn new(view: &'a View<'a>) -> Self {
        Self { view, classes: Classes::default(), types: Vec::new(), known: AddressMap::default() }
    }

    fn read(&mut self, address: Address) -> Option<SmallType> {
        let id = self.classes.at(self.view, address)?;
        let class = self.classes.get(id);
        Some(SmallType {
            number: id.0,
            collected: class.is_collected(),
            preheader: class.has_preheader(self.view.objects.minor),
            weak: class.kind == Kind::Weakref,
            text: class.kind == Kind::Str,
            is_type: class.kind == Kind::Type,
            weak_list: weak_list(class),
            extent: extent(class, self.view),
        })
    }

    /// With the type's name.
    fn told(&self, group: &LostGroup) -> LostObjects {
        let name = group.class.map(|number| self.classes.get(ClassId(number)).name.clone());
        LostObjects {
            name,
            block: group.block.into(),
            old: group.old,
            young: group.young,
            within: group.within,
        }
    }
}

/// Whether there are more than registers could hold.
fn is_enough(group: &LostGroup, at_least: u64) -> bool {
    group.old.count.saturating_add(group.young.count) >= at_least
}

/// Types of the interpreter whose objects are no longer than they say. Others may have more behind that.
fn extent(class: &Class, view: &View<'_>) -> ObjectExtent {
    let size = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
    match (class.kind, class.name.as_str()) {
        (Kind::Bytes, "bytes") | (Kind::Tuple, "tuple") => {
            ObjectExtent::Items { base: size(class.basic_size), each: size(class.item_size) }
        }
        (Kind::Str, "str") => ObjectExtent::Ascii { base: view.layout.unicode.ascii_size.into() },
        _ => ObjectExtent::Unknown,
    }
}

fn weak_list(class: &Class) -> Option<i32> {
    i32::try_from(class.weak_offset).ok().filter(|offset| *offset != 0)
}

impl SmallTypes for HeapTypes<'_> {
    fn at(&mut self, address: Address) -> Option<SmallType> {
        /// Most words that are remembered to be types or none.
        const MOST: usize = 1 << 18;
        if let Some(place) = self.known.get(&address.0) {
            return self.types.get(*place as usize).copied();
        }
        let read = self.read(address);
        if self.known.len() < MOST {
            let place = match read {
                Some(_) => u32::try_from(self.types.len()).unwrap_or(NO_TYPE),
                None => NO_TYPE,
            };
            self.types.extend(read);
            self.known.insert(address.0, place);
        }
        read
    }

    fn is_alive(&self, word: u64) -> bool {
        self.view.refcount.is_alive(word)
    }

    fn count(&self, word: u64) -> Option<u64> {
        self.view.refcount.count(word)
    }
}
