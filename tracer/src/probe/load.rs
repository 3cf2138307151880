//! Makes the maps that all targets share, and loads programs: once for each interpreter layout and
//! kind of probe.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use aya::Pod;
use aya::maps::{Map, MapData};
use aya::programs::ProgramType;
use aya::programs::{ProgramError, RawTracePoint};
use aya::sys::{BpfHelper, is_helper_supported};
use aya::{Ebpf, EbpfLoader};
use aya_log::EbpfLogger;
use aya_obj::EbpfSectionKind;
use leakspy_ebpf::walk::Scratch;
use leakspy_ebpf::wire::record::StackRecord;
use leakspy_ebpf::wire::{limit, name, target::ProgramLayout};

use super::bpf::{self, RunsAt};
use super::error::ProbeError;
use super::map::{PerCpu, Table};
use super::mapping::{self, MappingLinks};

/// The programs as `cargo xtask ebpf` built them.
static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/object/leakspy.bpf.o"));

/// The program at the tracepoint of exec.
const EXECUTED: &str = "executed";

/// Targets whose full shares the tables have room for; more share that.
const WHOLE_SHARES: u32 = 4;

/// What one target may take of the tables, and the ring of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Blocks in the live table.
    pub live_blocks: u32,
    /// Sites.
    pub sites: u32,
    /// Bytes of the ring buffer, a power of two and whole pages.
    pub ring_bytes: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { live_blocks: limit::LIVE_BLOCKS, sites: limit::SITES, ring_bytes: limit::RING_BYTES }
    }
}

/// Maps, and the programs that were needed so far.
pub struct Loaded {
    ebpf: Ebpf,
    cpus: u32,
    /// All maps: aya's own go to those who use them.
    descriptors: BTreeMap<String, OwnedFd>,
    /// The constants of each layout.
    layouts: Vec<(ProgramLayout, OwnedFd)>,
    /// By what its programs run at: see [`bpf::create_program_array`].
    tails: BTreeMap<RunsAt, OwnedFd>,
    /// By name, attach type, and index of the layout.
    programs: BTreeMap<(&'static str, u32, usize), OwnedFd>,
    /// What sees mappings in the kernel, by index of the layout, while a target needs it.
    mappings: BTreeMap<usize, MappingLinks>,
}

impl Loaded {
    /// Creates the maps, for at most `targets` targets at once.
    pub fn new(capacity: Capacity, targets: u32) -> Result<Self, ProbeError> {
        let cpus = possible_cpus()?;
        let shares = targets.clamp(1, WHOLE_SHARES);
        // Slot 0 is nobody's.
        let slots = targets.saturating_add(1);
        let mut loader = EbpfLoader::new();
        loader
            .btf(None)
            .map_max_entries(name::LIVE, capacity.live_blocks.saturating_mul(shares))
            // One more: what has no site of its own.
            .map_max_entries(name::SITES, capacity.sites.saturating_mul(shares) + slots)
            .map_max_entries(name::RING, capacity.ring_bytes)
            .map_max_entries(name::SCRATCH, cpus * limit::SLOTS_PER_CPU);
        for map in [name::SEEN_CODE, name::READ_CODE, name::CODE_VALUES] {
            loader.map_max_entries(map, limit::SEEN_CODE * shares);
        }
        loader.map_max_entries(name::MAPPING_ENDS, limit::MAPPINGS * shares);
        for map in [name::TARGETS, name::PERIODS, name::COUNTERS, name::GENERATIONS] {
            loader.map_max_entries(map, slots);
        }
        let ebpf = loader.load(OBJECT).map_err(|source| ProbeError::Maps { source })?;
        let copied =
            |(name, map): (&str, &Map)| Ok((name.to_owned(), map_fd(map).try_clone_to_owned()?));
        let descriptors = ebpf.maps().map(copied).collect::<io::Result<_>>();
        let descriptors = descriptors
            .map_err(|source| ProbeError::Kernel { what: "copy a descriptor", source })?;
        let (layouts, tails, programs, mappings) = Default::default();
        Ok(Self { ebpf, cpus, descriptors, layouts, tails, programs, mappings })
    }

    /// A program for probes of `attach_type` in targets with this layout.
    pub fn program(
        &mut self,
        program: &'static str,
        attach_type: u32,
        layout: &ProgramLayout,
    ) -> Result<RawFd, ProbeError> {
        let layout = self.layout(layout)?;
        let key = (program, attach_type, layout);
        if let Some(loaded) = self.programs.get(&key) {
            return Ok(loaded.as_raw_fd());
        }
        let loaded = self.load(program, RunsAt::Probes(attach_type), layout)?;
        let number = loaded.as_raw_fd();
        self.programs.insert(key, loaded);
        Ok(number)
    }

    /// The same, as a descriptor of one's own.
    pub fn share(
        &mut self,
        program: &'static str,
        attach_type: u32,
        layout: &ProgramLayout,
    ) -> Result<OwnedFd, ProbeError> {
        self.program(program, attach_type, layout)?;
        let key = (program, attach_type, self.layout(layout)?);
        let loaded = self.programs.get(&key).ok_or(ProbeError::Object { what: program })?;
        let failed = |source| ProbeError::Kernel { what: "copy a descriptor", source };
        loaded.try_clone().map_err(failed)
    }

    fn load(
        &mut self,
        program: &'static str,
        runs_at: RunsAt,
        layout: usize,
    ) -> Result<OwnedFd, ProbeError> {
        let object = self.relocated(layout, runs_at)?;
        let missing = || ProbeError::Object { what: program };
        let key = object.programs.get(program).ok_or_else(missing)?.function_key();
        let instructions = &object.functions.get(&key).ok_or_else(missing)?.instructions;
        bpf::load_program(program, instructions, runs_at)
            .map_err(|(source, log)| ProbeError::Program { program, source, log })
    }

    /// Sees to it that mappings which targets with this layout make by system calls of their own can be seen
    /// in the kernel, until [`Self::pass_over_mappings`]. Gives what must be said of such a target
    /// (`Task::mapped_by`).
    ///
    /// # Errors
    /// The kernel has no way to do that, or allows none.
    pub fn see_mappings(&mut self, layout: &ProgramLayout) -> Result<u32, ProbeError> {
        let index = self.layout(layout)?;
        if !self.mappings.contains_key(&index) {
            let links = mapping::link(|program| self.load(program, RunsAt::Tracepoint, index))?;
            self.mappings.insert(index, links);
        }
        Ok(number_of(index))
    }

    /// Takes out what [`Self::see_mappings`] has put in.
    pub fn pass_over_mappings(&mut self, mapped_by: u32) {
        self.mappings.retain(|index, _| number_of(*index) != mapped_by);
    }

    /// Has the kernel say at once when a target becomes another program, for as long as this lives.
    /// Each exec on the machine then costs a look into a table.
    ///
    /// # Errors
    /// The kernel has no such tracepoint, or allows none.
    pub fn watch_exec(&mut self) -> Result<(), ProgramError> {
        let Some(program) = self.ebpf.program_mut(EXECUTED) else { return Ok(()) };
        let program: &mut RawTracePoint = program.try_into()?;
        program.load()?;
        program.attach("sched_process_exec")?;
        Ok(())
    }

    /// What the programs have to say to developers: rare, and nothing unless debug messages are
    /// asked for.
    pub fn diagnostics(&mut self) -> Diagnostics {
        // Without the logger nothing is missing but the messages.
        Diagnostics(EbpfLogger::init(&mut self.ebpf).ok())
    }

    /// A map as a table of plain old data.
    pub fn table<K: Pod, V: Pod>(&self, map: &'static str) -> Result<Table<K, V>, ProbeError> {
        Table::new(map, self.data(map)?)
    }

    /// A map as a per-CPU array.
    pub fn per_cpu<V: Pod>(&self, map: &'static str) -> Result<PerCpu<V>, ProbeError> {
        let cpus = usize::try_from(self.cpus).unwrap_or(usize::MAX);
        PerCpu::new(map, self.data(map)?, cpus)
    }

    /// Takes the ring out; it has one reader.
    pub fn take_ring(&mut self) -> Result<Map, ProbeError> {
        self.ebpf.take_map(name::RING).ok_or(ProbeError::Object { what: name::RING })
    }

    fn data(&self, map: &'static str) -> Result<&MapData, ProbeError> {
        self.ebpf.map(map).map(map_data).ok_or(ProbeError::Object { what: map })
    }

    /// The index of a layout, whose constants are made when it is new.
    fn layout(&mut self, layout: &ProgramLayout) -> Result<usize, ProbeError> {
        if let Some(known) = self.layouts.iter().position(|(known, _)| known == layout) {
            return Ok(known);
        }
        let broken = |_| ProbeError::Object { what: name::LAYOUT };
        let mut object = parse()?;
        let level = [log_level()];
        let number = number_of(self.layouts.len());
        let without_loops = u32::from(!has_loops());
        let globals = [
            (name::LAYOUT, (bytes_of(layout), true)),
            (name::LAYOUT_NUMBER, (bytes_of(&number), true)),
            (name::WITHOUT_LOOPS, (bytes_of(&without_loops), true)),
            (aya_log::LEVEL, (&level[..], true)),
        ];
        object.patch_map_data(HashMap::from(globals)).map_err(broken)?;
        let constants = |map: &&aya_obj::Map| map.section_kind() == EbpfSectionKind::Rodata;
        let constants = object.maps.values().find(constants);
        let constants = constants.ok_or(ProbeError::Object { what: name::LAYOUT })?;
        let map = bpf::create_constants(constants.data())
            .map_err(|source| ProbeError::Map { map: name::LAYOUT, source })?;
        self.layouts.push((*layout, map));
        Ok(self.layouts.len() - 1)
    }

    /// The object once more, with its map references bound to our maps: aya 0.14 does not hand out
    /// relocated instructions, and cannot load a program with another attach type or other
    /// constants.
    fn relocated(&mut self, layout: usize, runs_at: RunsAt) -> Result<aya_obj::Object, ProbeError> {
        let broken = |what| ProbeError::Object { what };
        if let Entry::Vacant(tail) = self.tails.entry(runs_at) {
            let made = bpf::create_program_array()
                .map_err(|source| ProbeError::Map { map: name::TAIL, source })?;
            tail.insert(made);
        }
        let mut object = parse()?;
        let text_sections: HashSet<usize> =
            object.functions.keys().map(|(section, _)| *section).collect();
        let maps = std::mem::take(&mut object.maps);
        let mut bound = Vec::new();
        for (map_name, map) in &maps {
            let own = match map.section_kind() {
                EbpfSectionKind::Rodata => self.layouts.get(layout).map(|(_, map)| map),
                _ if map_name == name::TAIL => self.tails.get(&runs_at),
                _ => self.descriptors.get(map_name),
            };
            bound.push((map_name.as_str(), own.ok_or(broken("map"))?.as_raw_fd(), map));
        }
        object
            .relocate_maps(bound.into_iter(), &text_sections)
            .map_err(|_| broken("map relocations"))?;
        object.relocate_calls(&text_sections).map_err(|_| broken("call relocations"))?;
        Ok(object)
    }
}

/// Whether the kernel has loops that call back: without them the verifier follows each round, which takes a
/// second more.
fn has_loops() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        is_helper_supported(ProgramType::KProbe, BpfHelper::BPF_FUNC_loop).unwrap_or(false)
    })
}

/// What programs of the layout at this index call it.
fn number_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1)
}

fn parse() -> Result<aya_obj::Object, ProbeError> {
    aya_obj::Object::parse(OBJECT).map_err(|_| ProbeError::Object { what: "ELF" })
}

fn bytes_of<T: Pod>(value: &T) -> &[u8] {
    // SAFETY: plain old data without padding may be seen as bytes.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// Hands messages of the programs on to `log`.
pub struct Diagnostics(Option<EbpfLogger<&'static dyn log::Log>>);

impl Diagnostics {
    /// Those that have come since the last time.
    pub fn flush(&mut self) {
        if let Some(logger) = &mut self.0 {
            logger.flush();
        }
    }
}

/// The level that the programs are loaded with: messages beyond it are not even in them, because
/// the verifier removes what a constant forbids.
fn log_level() -> u8 {
    match log::max_level() {
        log::LevelFilter::Off => 0,
        log::LevelFilter::Error => 1,
        log::LevelFilter::Warn => 2,
        log::LevelFilter::Info => 3,
        log::LevelFilter::Debug => 4,
        log::LevelFilter::Trace => 5,
    }
}

/// The descriptor of any of the map types that the programs use.
fn map_fd(map: &Map) -> BorrowedFd<'_> {
    map_data(map).fd().as_fd()
}

fn map_data(map: &Map) -> &MapData {
    match map {
        Map::HashMap(data)
        | Map::LruHashMap(data)
        | Map::Array(data)
        | Map::PerCpuArray(data)
        | Map::RingBuf(data)
        | Map::ProgramArray(data)
        | Map::PerfEventArray(data)
        | Map::Unsupported(data) => data,
        _ => unreachable!("the object has no map of another type"),
    }
}

/// Bytes of the slots that programs put their stacks together in.
pub fn working_bytes() -> u64 {
    let slot = size_of::<Scratch>() + size_of::<StackRecord>();
    let slots = possible_cpus().unwrap_or(1) * limit::SLOTS_PER_CPU;
    u64::from(slots) * u64::try_from(slot).unwrap_or(u64::MAX)
}

fn possible_cpus() -> Result<u32, ProbeError> {
    let count = aya::util::nr_cpus()
        .map_err(|(_, source)| ProbeError::Kernel { what: "read the number of CPUs", source })?;
    u32::try_from(count).map_err(|error| ProbeError::Kernel {
        what: "read the number of CPUs",
        source: io::Error::other(error),
    })
}
