//! Typed access to the programs' maps.

use std::io;

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{
    Control, Generations, LiveBlock, Pending, SITE_UNATTRIBUTED, SiteTotals,
};
use leakspy_ebpf::wire::name;

use super::bpf;
use super::error::ProbeError;
use super::load::{Loaded, map_fd};

const BATCH: usize = 4096;

/// Every map that user space reads or writes, but the ring.
pub struct Tables {
    live: Map,
    sites: Map,
    pending: HashMap<MapData, u64, Pending>,
    counters: PerCpuArray<MapData, u64>,
    control: Array<MapData, Control>,
    generations: Array<MapData, Generations>,
    seen_code: HashMap<MapData, u64, u32>,
    read_code: HashMap<MapData, u64, u32>,
}

fn typed<T: TryFrom<Map, Error = MapError>>(
    loaded: &mut Loaded,
    map: &'static str,
) -> Result<T, ProbeError> {
    T::try_from(loaded.take_map(map)?).map_err(failed(map))
}

fn failed(map: &'static str) -> impl Fn(MapError) -> ProbeError {
    move |error| ProbeError::Map { map, source: io::Error::other(error) }
}

impl Tables {
    /// Takes the maps out of a loaded object and makes them ready: recording is off, and blocks
    /// without a site have somewhere to go.
    pub fn new(loaded: &mut Loaded) -> Result<Self, ProbeError> {
        let mut sites = loaded.take_map(name::SITES)?;
        let unattributed = SiteTotals { published: 1, ..SiteTotals::NONE };
        HashMap::<_, u64, SiteTotals>::try_from(&mut sites)
            .and_then(|mut sites| sites.insert(SITE_UNATTRIBUTED, unattributed, 0))
            .map_err(failed(name::SITES))?;
        Ok(Self {
            live: loaded.take_map(name::LIVE)?,
            sites,
            pending: typed(loaded, name::PENDING)?,
            counters: typed(loaded, name::COUNTERS)?,
            control: typed(loaded, name::CONTROL)?,
            generations: typed(loaded, name::GENERATIONS)?,
            seen_code: typed(loaded, name::SEEN_CODE)?,
            read_code: typed(loaded, name::READ_CODE)?,
        })
    }

    /// Turns accounting on or off.
    pub fn set_recording(&mut self, on: bool) -> Result<(), ProbeError> {
        let control = Control { recording: u32::from(on), never: 0 };
        self.control.set(0, control, 0).map_err(failed(name::CONTROL))
    }

    /// All counters, in the order of [`Counter::ALL`].
    pub fn counters(&self) -> Result<Vec<u64>, ProbeError> {
        Counter::ALL
            .iter()
            .map(|&counter| {
                let cpus =
                    self.counters.get(&(counter as u32), 0).map_err(failed(name::COUNTERS))?;
                Ok(cpus.iter().sum())
            })
            .collect()
    }

    /// Key and totals of every site.
    pub fn sites(&self) -> Result<Vec<(u64, SiteTotals)>, ProbeError> {
        let mut sites = Vec::new();
        bpf::read_hash(map_fd(&self.sites), 5, BATCH, |key, words| {
            if let [allocated_bytes, allocated_count, freed_bytes, freed_count, published] = *words
            {
                let totals = SiteTotals {
                    allocated_bytes,
                    allocated_count,
                    freed_bytes,
                    freed_count,
                    published,
                };
                sites.push((key, totals));
            }
        })
        .map_err(|source| ProbeError::Map { map: name::SITES, source })?;
        Ok(sites)
    }

    /// Address and block of every live block.
    pub fn live(&self, mut each: impl FnMut(u64, LiveBlock)) -> Result<(), ProbeError> {
        bpf::read_hash(map_fd(&self.live), 3, BATCH, |address, words| {
            if let [size, site, time_ns] = *words {
                each(address, LiveBlock { size, site, time_ns });
            }
        })
        .map_err(|source| ProbeError::Map { map: name::LIVE, source })
    }

    /// Calls that have not returned.
    pub fn pending(&self) -> Vec<Pending> {
        // Entries of other threads may go while this runs; they are not what is asked for.
        self.pending.iter().flatten().map(|(_, pending)| pending).filter(|p| p.sp != 0).collect()
    }

    /// Generations of code objects now.
    pub fn generations(&self) -> Result<Generations, ProbeError> {
        self.generations.get(&0, 0).map_err(failed(name::GENERATIONS))
    }

    /// The generation with which the code object at this address was first seen, while it lives.
    pub fn code_seen(&self, code: u64) -> Option<u32> {
        self.seen_code.get(&code, 0).ok()
    }

    /// Says that the code object first seen with this generation has been read, so that its parts need not
    /// be saved at its end.
    pub fn code_read(&mut self, code: u64, first_seen: u32) {
        // Without room for it the parts are saved for nothing, no more.
        let _ = self.read_code.insert(code, first_seen, 0);
    }
}
