//! Whether the kernel has a way to attach: found out by attaching, because loading a program for an
//! attach type that the kernel does not know succeeds.

use std::fs::{self, File};
use std::os::fd::AsRawFd;

use leakspy_ebpf::wire::target::ProgramLayout;

use super::attach::{FileProbes, Links, attach, release};
use super::error::ProbeError;
use super::guard::Guard;
use super::load::{Capacity, Loaded};
use crate::model::AttachMethod;

/// The guard is asked for one thing after the other.
const TARGET: u32 = 0;

/// Never called; carries the probe.
#[inline(never)]
extern "C" fn landing(argument: u64) -> u64 {
    std::hint::black_box(argument)
}

/// Attaches to a function of this program that nobody calls, and detaches.
///
/// # Errors
/// Why the method does not work here.
pub fn try_method(method: AttachMethod, guard: &mut Guard) -> Result<(), ProbeError> {
    let own = File::open("/proc/self/exe")
        .map_err(|source| ProbeError::Kernel { what: "open this program", source })?;
    let file = own_probes(&own)?;
    let capacity = Capacity { live_blocks: 64, sites: 64, ..Capacity::default() };
    let mut loaded = Loaded::new(capacity, 1)?;
    let links = Links {
        guard,
        target: TARGET,
        pid: std::process::id(),
        slot: 1,
        layout: ProgramLayout::default(),
    };
    attach(&mut loaded, links, &[file], method)?;
    let released = release(guard, TARGET, 0);
    released.map_err(|source| ProbeError::Kernel { what: "release probes", source })
}

/// Sees mappings in the kernel, of nobody, and stops.
///
/// # Errors
/// Why that does not work here.
pub fn try_mappings() -> Result<(), ProbeError> {
    let capacity = Capacity { live_blocks: 64, sites: 64, ..Capacity::default() };
    Loaded::new(capacity, 1)?.see_mappings(&ProgramLayout::default()).map(drop)
}

/// Where `landing` lies in the file of this program.
fn own_probes(own: &File) -> Result<FileProbes, ProbeError> {
    let failed =
        |source| ProbeError::Kernel { what: "find this program in its own memory", source };
    let maps = fs::read_to_string("/proc/self/maps").map_err(failed)?;
    // The address, not what is there: the number is compared with those in the text.
    let address = u64::try_from(landing as *const () as usize).unwrap_or(0);
    let offset = maps.lines().find_map(|line| offset_in(line, address));
    let offset = offset.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
    Ok(FileProbes {
        file: own.as_raw_fd(),
        shown_path: "/proc/self/exe".to_owned(),
        library: None,
        alloc: vec![(offset, 1)],
        free: Vec::new(),
        code_dealloc: None,
    })
}

/// File offset of an address, if this line of `/proc/self/maps` covers it.
fn offset_in(line: &str, address: u64) -> Option<u64> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end, offset) = (hex(start)?, hex(end)?, hex(fields.nth(1)?)?);
    (start..end).contains(&address).then(|| address - start + offset)
}

#[cfg(test)]
mod tests {
    use super::offset_in;

    #[test]
    fn an_address_is_found_in_its_mapping() {
        let line = "55d0c0a00000-55d0c0b00000 r-xp 00028000 08:01 1311768  /usr/bin/leakspy";
        assert_eq!(offset_in(line, 0x55d0_c0a0_0010), Some(0x28010));
        assert_eq!(offset_in(line, 0x55d0_c0b0_0000), None);
        assert_eq!(offset_in("garbage", 0), None);
    }
}
