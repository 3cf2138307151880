//! The maps of one target as tables.

use std::io;

use aya::maps::{Map, MapData, MapError, PerCpuArray};
use leakspy_ebpf::wire::counter::Counter;
use leakspy_ebpf::wire::key::{Control, LiveBlock, Pending, SITE_UNATTRIBUTED, SiteTotals};
use leakspy_ebpf::wire::name;

use super::error::ProbeError;
use super::kernel::Tables;
use super::load::Loaded;
use super::map::Table;

/// The maps of one target that user space reads or writes, but the ring.
pub struct Maps {
    live: Table<u64, LiveBlock>,
    sites: Table<u64, SiteTotals>,
    pending: Table<u64, Pending>,
    counters: PerCpuArray<MapData, u64>,
    control: Table<u32, Control>,
    seen_code: Table<u64, u32>,
    read_code: Table<u64, u32>,
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
        let sites: Table<u64, SiteTotals> = loaded.table(name::SITES)?;
        sites.set(&SITE_UNATTRIBUTED, &SiteTotals { published: 1, ..SiteTotals::NONE })?;
        Ok(Self {
            live: loaded.table(name::LIVE)?,
            sites,
            pending: loaded.table(name::PENDING)?,
            counters: typed(loaded, name::COUNTERS)?,
            control: loaded.table(name::CONTROL)?,
            seen_code: loaded.table(name::SEEN_CODE)?,
            read_code: loaded.table(name::READ_CODE)?,
        })
    }
}

impl Tables for Maps {
    fn set_recording(&self, on: bool) -> Result<(), ProbeError> {
        self.control.set(&0, &Control { recording: u32::from(on), never: 0 })
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
        self.sites.read(|key, totals| sites.push((key, totals)))?;
        Ok(sites)
    }

    fn live(&self, each: &mut dyn FnMut(u64, LiveBlock)) -> Result<(), ProbeError> {
        self.live.read(each)
    }

    fn pending(&self) -> Vec<Pending> {
        let mut calls = Vec::new();
        // Entries of other threads may go while this runs; they are not what is asked for.
        let read = self.pending.read(|_, pending| {
            if pending.sp != 0 {
                calls.push(pending);
            }
        });
        if let Err(error) = read {
            tracing::debug!("calls in flight are not known: {error}");
        }
        calls
    }

    fn code_seen(&self, code: u64) -> Option<u32> {
        self.seen_code.get(&code).ok().flatten()
    }

    fn code_read(&self, code: u64, first_seen: u32) {
        // Without room for it the parts are saved for nothing, no more.
        let _ = self.read_code.set(&code, &first_seen);
    }
}
