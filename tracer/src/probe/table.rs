//! Typed access to the programs' maps.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{Control, LiveBlock, Pending, SITE_UNATTRIBUTED, SiteTotals};
use leakspy_ebpf::wire::name;

use super::bpf;
use super::error::ProbeError;
use super::kernel::Tables;
use super::load::{Loaded, map_fd};

const BATCH: usize = 4096;

/// The maps of one target that user space reads or writes, but the ring.
pub struct Maps {
    live: Map,
    sites: Map,
    pending: HashMap<MapData, u64, Pending>,
    counters: PerCpuArray<MapData, u64>,
    control: Mutex<Array<MapData, Control>>,
    seen_code: HashMap<MapData, u64, u32>,
    read_code: Mutex<HashMap<MapData, u64, u32>>,
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

impl Maps {
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
            control: Mutex::new(typed(loaded, name::CONTROL)?),
            seen_code: typed(loaded, name::SEEN_CODE)?,
            read_code: Mutex::new(typed(loaded, name::READ_CODE)?),
        })
    }
}

/// A writer that panicked left a map as it was.
fn locked<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tables for Maps {
    fn set_recording(&self, on: bool) -> Result<(), ProbeError> {
        let control = Control { recording: u32::from(on), never: 0 };
        locked(&self.control).set(0, control, 0).map_err(failed(name::CONTROL))
    }

    fn counters(&self) -> Result<Vec<u64>, ProbeError> {
        Counter::ALL
            .iter()
            .map(|&counter| {
                let cpus =
                    self.counters.get(&(counter as u32), 0).map_err(failed(name::COUNTERS))?;
                Ok(cpus.iter().sum())
            })
            .collect()
    }

    fn sites(&self) -> Result<Vec<(u64, SiteTotals)>, ProbeError> {
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

    fn live(&self, each: &mut dyn FnMut(u64, LiveBlock)) -> Result<(), ProbeError> {
        bpf::read_hash(map_fd(&self.live), 3, BATCH, |address, words| {
            if let [size, site, time_ns] = *words {
                each(address, LiveBlock { size, site, time_ns });
            }
        })
        .map_err(|source| ProbeError::Map { map: name::LIVE, source })
    }

    fn pending(&self) -> Vec<Pending> {
        // Entries of other threads may go while this runs; they are not what is asked for.
        self.pending.iter().flatten().map(|(_, pending)| pending).filter(|p| p.sp != 0).collect()
    }

    fn code_seen(&self, code: u64) -> Option<u32> {
        self.seen_code.get(&code, 0).ok()
    }

    fn code_read(&self, code: u64, first_seen: u32) {
        // Without room for it the parts are saved for nothing, no more.
        let _ = locked(&self.read_code).insert(code, first_seen, 0);
    }
}
