//! The memory of a process that could hold pointers and that is there: found without touching any
//! of it, read without bringing any of it in.
//!
//! `/proc/PID/pagemap` has one word per page (kernel `Documentation/admin-guide/mm/pagemap.rst`).
//! Of a private mapping only pages count that have left their file; of a shared one all that this
//! process has mapped in. Pages that were never touched are not read: reading would make them.

mod part;
mod present;
mod stacks;
mod survey;

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use super::maps::{self, Mapping};
use super::procfs::{self, SEE};
use super::{OsError, Process, ProcessMemory, cgroup, kernel_pointers, usage};
use crate::model::{Address, Memory};
pub use present::PresentPages;
pub use survey::{PageRange, PageSurvey, beyond};

const PAGE: u64 = 4096;
/// Most address space that is looked through, 8 bytes of `pagemap` for each page of it.
const MOST_SPACE: u64 = 256 << 30;
/// Pages asked for at once.
const WINDOW: u64 = 16 * 1024;

/// A way to the memory of one address space.
#[derive(Debug)]
pub struct Pages {
    pid: u32,
    memory: ProcessMemory,
    pagemap: File,
}

impl Pages {
    /// Opens the memory of a process. It stays that of the program that runs now, whatever comes
    /// after.
    ///
    /// # Errors
    /// The process is gone, or its memory may not be read.
    pub fn open(process: &Process) -> Result<Self, OsError> {
        let pid = process.pid();
        let failure = |source| procfs::failure(pid, "read the page map", SEE, source);
        let pagemap = File::open(procfs::path(pid, "pagemap")).map_err(failure)?;
        Ok(Self { pid, memory: process.memory().clone(), pagemap })
    }

    /// Its memory, for single reads.
    pub fn memory(&self) -> &dyn Memory {
        &self.memory
    }

    /// The part of its memory that is there, for single reads.
    pub const fn present(&self) -> PresentPages<'_> {
        PresentPages::of(self)
    }

    /// Whether so many bytes that are swapped out may be brought in. Reading them makes them a part
    /// of the target's memory, as if it had touched them itself: on a machine, or in a control
    /// group, that is short of memory something else is swapped out for them, which the program may
    /// need at once.
    pub fn may_bring_in(&self, bytes: u64) -> bool {
        /// There must be room for so many times as much.
        const ROOM: u64 = 4;
        let fits = |room: u64| room / ROOM >= bytes;
        usage::available().is_some_and(fits)
            && cgroup::room(self.pid).is_ok_and(|room| room.is_none_or(fits))
    }

    /// Bytes of shared memory that are swapped out. `pagemap` does not tell these pages from those
    /// that were never touched (`Documentation/admin-guide/mm/pagemap.rst`), `smaps_rollup` does.
    pub fn shared_swapped(&self) -> u64 {
        let private = self.swapped();
        let all = procfs::read_text(self.pid, "smaps_rollup").ok();
        let all = all.and_then(|text| procfs::field_bytes(&text, "Swap"));
        all.zip(private).map_or(0, |(all, private)| all.saturating_sub(private))
    }

    /// Reads a part of a range, and brings in what of it is not there; false when some is gone.
    pub fn read(&self, at: u64, into: &mut [u8]) -> bool {
        self.memory.read(Address(at), into)
    }

    /// Pointers that the kernel holds for the process, as bytes.
    pub fn held_by_kernel(&self) -> Vec<u8> {
        kernel_pointers::words(self.pid).into_iter().flat_map(u64::to_le_bytes).collect()
    }

    /// Whether a page is there now.
    pub fn has(&self, at: u64) -> bool {
        let mut word = [0; 8];
        let read = self.pagemap.read_exact_at(&mut word, at / PAGE * 8);
        read.is_ok() && Entry(u64::from_le_bytes(word)).present()
    }

    /// Finds what is there now.
    ///
    /// # Errors
    /// The process is gone, or replaced itself by another program.
    pub fn survey(&self) -> Result<PageSurvey, OsError> {
        let failure = |source| procfs::failure(self.pid, "read the mappings", SEE, source);
        let text = fs::read(procfs::path(self.pid, "maps")).map_err(failure)?;
        let mut survey = PageSurvey::default();
        let mut space = 0_u64;
        for mapping in maps::parse(&text).iter().filter(|mapping| may_hold_pointers(mapping)) {
            space = space.saturating_add(mapping.end.0 - mapping.start.0);
            if space > MOST_SPACE {
                survey.cut_short = true;
                break;
            }
            self.survey_mapping(mapping, &mut survey)?;
        }
        // Entries that are no pages (guards, pages on the move) look like swapped ones.
        if !survey.swapped.is_empty() && self.swapped() == Some(0) {
            survey.swapped.clear();
        }
        Ok(survey)
    }

    fn swapped(&self) -> Option<u64> {
        procfs::field_bytes(&procfs::read_text(self.pid, "status").ok()?, "VmSwap")
    }

    fn survey_mapping(&self, mapping: &Mapping, survey: &mut PageSurvey) -> Result<(), OsError> {
        let failure = |source| procfs::failure(self.pid, "read the page map", SEE, source);
        let code = mapping.executable;
        let (mut page, last) = (mapping.start.0 / PAGE, mapping.end.0.div_ceil(PAGE));
        let mut window = vec![0; usize::try_from(8 * WINDOW.min(last - page)).unwrap_or(0)];
        while page < last {
            let wanted = usize::try_from(8 * (last - page)).unwrap_or(usize::MAX);
            let wanted = wanted.min(window.len());
            let read = self.pagemap.read_at(&mut window[..wanted], page * 8).map_err(failure)?;
            if read < 8 {
                return Err(OsError::Replaced { pid: self.pid });
            }
            for word in window[..read].chunks_exact(8) {
                let entry = Entry(word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word)));
                if entry.holds_data(mapping.shared) {
                    survey.add(page * PAGE, code);
                } else if entry.swapped() {
                    survey.add_swapped(page * PAGE, code);
                }
                page += 1;
            }
        }
        Ok(())
    }
}

/// A word of `pagemap`.
#[derive(Clone, Copy)]
struct Entry(u64);

impl Entry {
    fn present(self) -> bool {
        self.0 >> 63 & 1 == 1
    }

    /// Swapped out; a guard (`MADV_GUARD_INSTALL`, bit 58 since 6.15) is not.
    fn swapped(self) -> bool {
        self.0 >> 62 & 1 == 1 && self.0 >> 58 & 1 == 0 && !self.present()
    }

    /// Of a private mapping, pages that are still the file's hold what the file holds.
    fn holds_data(self, shared: bool) -> bool {
        self.present() && (shared || self.0 >> 61 & 1 == 0)
    }
}

/// Memory of devices is not read: that can have effects. Nor is what nobody can read.
fn may_hold_pointers(mapping: &Mapping) -> bool {
    let path = mapping.path.as_encoded_bytes();
    let device = path.starts_with(b"/dev/")
        && !path.starts_with(b"/dev/shm/")
        && !path.starts_with(b"/dev/zero");
    let of_kernel = [&b"[vvar"[..], b"[vdso]", b"[vsyscall]", b"[uprobes]"];
    let of_kernel = of_kernel.iter().any(|name| path.starts_with(name));
    mapping.readable && !device && !of_kernel && (!mapping.shared || mapping.writable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Pages {
        Pages::open(&Process::open(std::process::id()).unwrap()).unwrap()
    }

    fn address<T: ?Sized>(value: &T) -> u64 {
        u64::try_from(std::ptr::from_ref(value).cast::<u8>() as usize).unwrap()
    }

    fn found(survey: &PageSurvey, at: u64) -> bool {
        survey.ranges.iter().any(|range| range.start <= at && at < range.end)
    }

    #[test]
    fn words_of_the_page_map() {
        let (present, swapped, file, guard) = (1 << 63, 1 << 62, 1 << 61, 1 << 58);
        assert!(Entry(present).holds_data(false) && !Entry(present | file).holds_data(false));
        assert!(Entry(present | file).holds_data(true) && !Entry(file).holds_data(true));
        assert!(Entry(swapped).swapped() && !Entry(swapped | guard).swapped());
        assert!(!Entry(0).present() && !Entry(0).swapped());
    }

    #[test]
    fn only_memory_that_can_be_read_without_effects() {
        let of = |line: &str| may_hold_pointers(&maps::parse(line.as_bytes())[0]);
        for line in [
            "1000-2000 rw-p 0 00:00 0",
            "1000-2000 r--p 0 08:01 7 /lib/libc.so.6",
            "1000-2000 rwxp 0 00:00 0 [anon:jit]",
            "1000-2000 rw-s 0 00:01 7 /dev/shm/x",
            "1000-2000 rw-s 0 00:01 7 /dev/zero (deleted)",
        ] {
            assert!(of(line), "{line}");
        }
        for line in [
            "1000-2000 ---p 0 00:00 0",
            "1000-2000 r--s 0 08:01 7 /usr/lib/locale/locale-archive",
            "1000-2000 rw-s 0 00:05 7 /dev/nvidia0",
            "1000-2000 r--p 0 00:00 0 [vvar_vclock]",
            "1000-2000 --xp 0 00:00 0 [vsyscall]",
        ] {
            assert!(!of(line), "{line}");
        }
    }

    #[test]
    fn own_memory_is_found_as_far_as_it_was_touched() {
        const COUNT: usize = 64;
        let mut map = memmap2::MmapMut::map_anon(COUNT * 4096).unwrap();
        map.advise(memmap2::Advice::NoHugePage).unwrap();
        map[4096] = 1;
        let local = 7_u64;
        let pages = own();
        let before = pages.survey().unwrap();
        let at = address(&map[..]);
        assert!(found(&before, address(&local)), "the stack");
        assert!(found(&before, address(&*Box::new(7_u64))), "the heap");
        assert!(!found(&before, at) && found(&before, at + 4096) && !found(&before, at + 8192));
        // Nothing was brought in by the looking.
        assert!(!pages.present().read(Address(at + 4090), &mut [0; 10]));
        assert!(pages.present().read(Address(at + 4096), &mut [0; 10]));
        assert!(!pages.has(at) && pages.has(at + 4096));
        map[8192] = 1;
        let new = beyond(&pages.survey().unwrap().ranges, &before.ranges);
        assert!(new.iter().any(|range| range.start <= at + 8192 && at + 8192 < range.end));
        let mut bytes = [0; 4096];
        assert!(pages.read(at + 8192, &mut bytes));
        assert_eq!(bytes[0], 1);
    }
}
