//! Maps of the kernel as tables of plain old data, whose sizes the kernel has confirmed.
//!
//! A lookup makes the kernel write as many bytes as *it* takes a value to have. So a [`Table`] is
//! only made from a map whose key and value the kernel reports to be as large as ours.

#[cfg(test)]
mod tests;

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use aya::Pod;
use aya::maps::{MapData, MapInfo};

use super::bpf::{self, Batch};
use super::error::ProbeError;

/// Entries read by one system call.
const BATCH: usize = 4096;

/// Bytes of a key and of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    key: usize,
    value: usize,
}

impl Layout {
    const fn of<K: Pod, V: Pod>() -> Self {
        Self { key: size_of::<K>(), value: size_of::<V>() }
    }

    /// As the kernel has it. Sizes that do not fit are as wrong as any other.
    fn reported(info: &MapInfo) -> Self {
        let bytes = |size| usize::try_from(size).unwrap_or(usize::MAX);
        Self { key: bytes(info.key_size()), value: bytes(info.value_size()) }
    }

    fn check(self, map: &'static str, kernel: Self) -> Result<(), ProbeError> {
        if self == kernel {
            return Ok(());
        }
        let (ours, theirs) = ((self.key, self.value), (kernel.key, kernel.value));
        Err(ProbeError::MapLayout { map, ours, theirs })
    }
}

/// A map whose keys are `K` and whose values are `V`.
pub struct Table<K, V> {
    name: &'static str,
    map: OwnedFd,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Pod, V: Pod> Table<K, V> {
    /// Another descriptor of `map`, as a table.
    ///
    /// # Errors
    /// The kernel's keys or values are not as large as ours.
    pub fn new(name: &'static str, map: &MapData) -> Result<Self, ProbeError> {
        let info = map.info().map_err(|error| failed(name, io::Error::other(error)))?;
        Layout::of::<K, V>().check(name, Layout::reported(&info))?;
        let map = map.fd().as_fd().try_clone_to_owned().map_err(|error| failed(name, error))?;
        Ok(Self { name, map, types: PhantomData })
    }

    /// The value at `key`, if there is one.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn get(&self, key: &K) -> Result<Option<V>, ProbeError> {
        let mut value = zeroed();
        // SAFETY: the kernel's key and value have the sizes of `K` and `V` (checked when this was
        // made).
        let found = unsafe { bpf::lookup(self.as_fd(), key, std::slice::from_mut(&mut value)) };
        found.map(|found| found.then_some(value)).map_err(|error| failed(self.name, error))
    }

    /// Sets the value at `key`.
    ///
    /// # Errors
    /// The map is full, or the kernel refused.
    pub fn set(&self, key: &K, value: &V) -> Result<(), ProbeError> {
        let value = std::slice::from_ref(value);
        // SAFETY: as in `get`.
        unsafe { bpf::update(self.as_fd(), key, value) }.map_err(|error| failed(self.name, error))
    }

    /// Removes the entry at `key`, if there is one.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn remove(&self, key: &K) -> Result<(), ProbeError> {
        // SAFETY: as in `get`.
        unsafe { bpf::delete(self.as_fd(), key) }.map_err(|error| failed(self.name, error))
    }

    /// Removes the entries that `chosen` names. Those that come meanwhile may stay.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn remove_all(&self, chosen: impl Fn(&K, &V) -> bool) -> Result<(), ProbeError> {
        let mut keys = Vec::new();
        self.read(|key, value| {
            if chosen(&key, &value) {
                keys.push(key)
            }
        })?;
        keys.iter().try_for_each(|key| self.remove(key))
    }

    /// Reads every entry. Those that come or go meanwhile may be missed or seen.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn read(&self, mut each: impl FnMut(K, V)) -> Result<(), ProbeError> {
        self.read_batches(&mut each).map_err(|error| failed(self.name, error))
    }

    fn read_batches(&self, each: &mut impl FnMut(K, V)) -> io::Result<()> {
        let mut position = bpf::Position::default();
        let (mut keys, mut values) = (vec![zeroed(); BATCH], vec![zeroed(); BATCH]);
        loop {
            // SAFETY: as in `get`.
            let batch =
                unsafe { bpf::lookup_batch(self.as_fd(), &mut position, &mut keys, &mut values) };
            let (count, end) = match batch {
                Ok(Batch { count, end }) => (count, end),
                // One bucket holds more than a batch.
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => {
                    keys.resize(keys.len() * 2, zeroed());
                    values.resize(values.len() * 2, zeroed());
                    continue;
                }
                Err(error) => return Err(error),
            };
            for (key, value) in keys.iter().zip(&values).take(count) {
                each(*key, *value);
            }
            if end {
                return Ok(());
            }
        }
    }
}

/// A per-CPU array whose values are `V`.
pub struct PerCpu<V> {
    table: Table<u32, V>,
    cpus: usize,
}

impl<V: Pod> PerCpu<V> {
    /// Another descriptor of `map`, which has a value for each of `cpus` CPUs.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn new(name: &'static str, map: &MapData, cpus: usize) -> Result<Self, ProbeError> {
        // The kernel rounds each CPU's value up to this.
        const { assert!(size_of::<V>().is_multiple_of(8)) };
        Ok(Self { table: Table::new(name, map)?, cpus })
    }

    /// The values of all CPUs.
    ///
    /// # Errors
    /// There is no such element, or the kernel refused.
    pub fn get(&self, index: u32) -> Result<Vec<V>, ProbeError> {
        let mut values = vec![zeroed(); self.cpus];
        // SAFETY: the sizes are those of the types (checked by `Table::new`), and there is room for
        // each possible CPU.
        let found = unsafe { bpf::lookup(self.table.as_fd(), &index, &mut values) };
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let found = found.and_then(|found| found.then_some(values).ok_or_else(missing));
        found.map_err(|error| failed(self.table.name, error))
    }

    /// Sets the values of all CPUs.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn set(&self, index: u32, value: V) -> Result<(), ProbeError> {
        let values = vec![value; self.cpus];
        // SAFETY: as in `get`.
        let set = unsafe { bpf::update(self.table.as_fd(), &index, &values) };
        set.map_err(|error| failed(self.table.name, error))
    }
}

impl<K, V> AsFd for Table<K, V> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

fn failed(map: &'static str, source: io::Error) -> ProbeError {
    ProbeError::Map { map, source }
}

fn zeroed<T: Pod>() -> T {
    // SAFETY: plain old data may have any bytes.
    unsafe { std::mem::zeroed() }
}
