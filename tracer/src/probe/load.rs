//! Makes the maps and loads the programs for one target.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use aya::Pod;
use aya::maps::{Map, MapData};
use aya::programs::{Program, UProbe};
use aya::{Ebpf, EbpfLoader};
use aya_log::EbpfLogger;
use aya_obj::generated::bpf_insn;
use leakspy_ebpf::walk::Scratch;
use leakspy_ebpf::wire::record::Stack;
use leakspy_ebpf::wire::{limit, name, target::Target};

use super::bpf;
use super::error::ProbeError;
use super::map::Table;

/// The programs as `cargo xtask ebpf` built them.
static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/object/leakspy.bpf.o"));

/// Sizes of the maps that grow with the target.
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

/// Maps and programs of one target.
pub struct Loaded {
    ebpf: Ebpf,
    object: aya_obj::Object,
}

impl Loaded {
    /// Creates the maps and relocates the programs. Programs are loaded by [`Self::program`].
    pub fn new(target: &Target, capacity: Capacity) -> Result<Self, ProbeError> {
        let slots = possible_cpus()? * limit::SLOTS_PER_CPU;
        let log_level = log_level();
        let ebpf = EbpfLoader::new()
            .btf(None)
            .override_global(aya_log::LEVEL, &log_level, true)
            .override_global(name::TARGET, target, true)
            .map_max_entries(name::LIVE, capacity.live_blocks)
            .map_max_entries(name::SITES, capacity.sites)
            .map_max_entries(name::RING, capacity.ring_bytes)
            .map_max_entries(name::SCRATCH, slots)
            .load(OBJECT)
            .map_err(|source| ProbeError::Maps { source })?;
        let object = relocate(&ebpf)?;
        Ok(Self { ebpf, object })
    }

    /// Loads a program for links of `attach_type`.
    pub fn program(&self, program: &'static str, attach_type: u32) -> Result<OwnedFd, ProbeError> {
        bpf::load_program(program, self.instructions(program)?, attach_type)
            .map_err(|(source, log)| ProbeError::Program { program, source, log })
    }

    /// A program by aya, for perf-event links.
    pub fn perf_program(&mut self, program: &'static str) -> Result<&mut UProbe, ProbeError> {
        let missing = ProbeError::Object { what: program };
        let uprobe: &mut UProbe = self
            .ebpf
            .program_mut(program)
            .ok_or(missing)?
            .try_into()
            .map_err(|source| ProbeError::PerfProgram { program, source })?;
        if uprobe.fd().is_err() {
            uprobe.load().map_err(|source| ProbeError::PerfProgram { program, source })?;
        }
        Ok(uprobe)
    }

    /// What the programs have to say to developers: rare, and nothing unless debug messages are asked for.
    pub fn diagnostics(&mut self) -> Diagnostics {
        // Without the logger nothing is missing but the messages.
        Diagnostics(EbpfLogger::init(&mut self.ebpf).ok())
    }

    /// A map as a table of plain old data.
    pub fn table<K: Pod, V: Pod>(&self, map: &'static str) -> Result<Table<K, V>, ProbeError> {
        let missing = ProbeError::Object { what: map };
        Table::new(map, map_data(self.ebpf.map(map).ok_or(missing)?))
    }

    /// Takes a map out, to be wrapped in its type.
    pub fn take_map(&mut self, map: &'static str) -> Result<Map, ProbeError> {
        self.ebpf.take_map(map).ok_or(ProbeError::Object { what: map })
    }

    /// Takes out what aya attached for [`Self::perf_program`].
    pub fn unload(&mut self) {
        for (_, program) in self.ebpf.programs_mut() {
            if let Program::UProbe(uprobe) = program {
                // A program that was never loaded has nothing to take out.
                let _ = uprobe.unload();
            }
        }
    }

    fn instructions(&self, program: &'static str) -> Result<&[bpf_insn], ProbeError> {
        let missing = || ProbeError::Object { what: program };
        let key = self.object.programs.get(program).ok_or_else(missing)?.function_key();
        Ok(&self.object.functions.get(&key).ok_or_else(missing)?.instructions)
    }
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

/// The level that the programs are loaded with: messages beyond it are not even in them, because the
/// verifier removes what a constant forbids.
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

/// The object once more, with its map references bound to aya's maps: aya 0.14 does not hand out
/// relocated instructions, and cannot load a program with another attach type.
fn relocate(ebpf: &Ebpf) -> Result<aya_obj::Object, ProbeError> {
    let broken = |what| ProbeError::Object { what };
    let mut object = aya_obj::Object::parse(OBJECT).map_err(|_| broken("ELF"))?;
    let text_sections: HashSet<usize> =
        object.functions.keys().map(|(section, _)| *section).collect();
    let maps = std::mem::take(&mut object.maps);
    let mut bound = Vec::new();
    for (map_name, map) in &maps {
        let fd = ebpf.map(map_name).map(map_fd).ok_or(broken("map"))?;
        bound.push((map_name.as_str(), fd.as_raw_fd(), map));
    }
    object
        .relocate_maps(bound.into_iter(), &text_sections)
        .map_err(|_| broken("map relocations"))?;
    object.relocate_calls(&text_sections).map_err(|_| broken("call relocations"))?;
    Ok(object)
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
    let slot = size_of::<Scratch>() + size_of::<Stack>();
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
