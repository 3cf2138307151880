//! Which sites made the tables of containers that grow.
//!
//! A container that grows gets a larger table, which is a block of its own. Whoever asked for that block
//! made it grow, so the site of the block is looked up when a snapshot sees a new one.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::super::error::SessionError;
use crate::heap::ContainerTable;
use crate::model::{Address, GrownContainer};
use crate::probe::Tables;

/// Tables as they were when they were last seen, and who made them.
#[derive(Clone, Debug, Default)]
pub struct ContainerTables {
    known: HashMap<Address, Growths>,
}

#[derive(Clone, Debug, Default)]
struct Growths {
    /// Birth of the last table, which tells it from the next one at its address.
    born_ns: u64,
    sites: BTreeMap<u64, u64>,
}

impl ContainerTables {
    /// Takes down who made those tables that are new, in a recording that began at `started`. The others are forgotten: their
    /// containers are gone, or grow no more.
    pub fn notice(
        &mut self,
        blocks: &dyn Tables,
        started: u64,
        tables: &[ContainerTable],
    ) -> Result<(), SessionError> {
        let mut before = std::mem::take(&mut self.known);
        for table in tables {
            let mut growths = before.remove(&table.container).unwrap_or_default();
            if let Some(block) = blocks.block(table.table.0)?
                && is_of(table, since(started, block.time_ns))
            {
                growths.add(block.site, block.time_ns);
            }
            self.known.insert(table.container, growths);
        }
        Ok(())
    }

    /// The containers, each with the sites that made it grow.
    pub fn named(
        &self,
        containers: Vec<(Address, GrownContainer<u64>)>,
    ) -> Vec<GrownContainer<u64>> {
        let named = containers.into_iter().map(|(address, container)| {
            let grown_by = self.known.get(&address).map_or_else(Vec::new, Growths::by_number);
            GrownContainer { grown_by, ..container }
        });
        named.collect()
    }
}

/// Whether the block at the address of a table is that table, by the seconds since the start at which it was born: a later
/// one came when the table had been freed.
fn is_of(table: &ContainerTable, born: f64) -> bool {
    born <= table.born_before
}

/// Seconds from the start to another moment, nanoseconds both.
fn since(started: u64, moment: u64) -> f64 {
    Duration::from_nanos(moment.saturating_sub(started)).as_secs_f64()
}

impl Growths {
    fn add(&mut self, site: u64, born_ns: u64) {
        if self.born_ns != born_ns {
            self.born_ns = born_ns;
            *self.sites.entry(site).or_default() += 1;
        }
    }

    /// Sites, most frequent first.
    fn by_number(&self) -> Vec<(u64, u64)> {
        let mut sites: Vec<(u64, u64)> = self.sites.iter().map(|(&site, &n)| (site, n)).collect();
        sites.sort_by_key(|&(site, times)| (std::cmp::Reverse(times), site));
        sites
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One table is one growth, however often it is seen.
    #[test]
    fn tables_count_once() {
        let mut growths = Growths::default();
        for (site, born_ns) in [(7, 100), (7, 100), (9, 200), (9, 200), (7, 300), (7, 400)] {
            growths.add(site, born_ns);
        }
        assert_eq!(growths.by_number(), [(7, 3), (9, 1)]);
    }

    /// A list let its table go after a snapshot had read it, and something else got the block.
    #[test]
    fn a_younger_block_is_no_table() {
        let (container, table) = (Address(8), Address(416));
        let table = ContainerTable { container, table, born_before: 20.0 };
        let born = |seconds: u64| since(5_000, 5_000 + seconds * 1_000_000_000);
        assert_eq!([0, 20, 21].map(|seconds| is_of(&table, born(seconds))), [true, true, false]);
        assert_eq!(since(5_000, 7), 0.0, "before the recording");
    }
}
