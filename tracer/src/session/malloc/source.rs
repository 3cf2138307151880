//! glibc's malloc of one target, read from outside while it runs.

use std::ops::Range;

use super::super::target::TracedTarget;
use crate::glibc::{self, MainArena, ResidentMemory};
use crate::model::{Address, MallocPoint, Memory};
use crate::os::pages::Pages;
use crate::os::{self, Mapping};

/// A way to what malloc has.
#[derive(Debug)]
pub struct MallocSource {
    pid: u32,
    pages: Pages,
    main: MainArena,
}

impl MallocSource {
    /// That of a target; nothing where malloc is not glibc's, or cannot be read.
    pub fn of(target: &TracedTarget) -> Option<Self> {
        let (pages, _) = target.pages().ok()?;
        let data = data(&target.mappings()?, target.allocator_inode()?);
        let main = glibc::find(pages.memory(), &data)?;
        tracing::debug!("malloc's main arena is at {:#x}", main.address.0);
        Some(Self { pid: target.pid(), pages, main })
    }

    /// A reading, so many seconds after the start.
    pub fn point(&self, t: f64) -> Option<MallocPoint> {
        let malloc = glibc::read(self, self.main, self.brk()?)?;
        let rss_anon_bytes = os::usage::resident(self.pid).ok()?.anonymous;
        Some(MallocPoint { t, rss_anon_bytes, malloc })
    }

    /// Memory that is free now, by address: what stands there is left over. As far as that is certain.
    pub fn free(&self) -> Vec<Range<u64>> {
        let free = || glibc::free(self, self.main, self.brk()?);
        free().unwrap_or_default()
    }

    /// What the program break has grown to, if to anything.
    fn brk(&self) -> Option<Option<Range<u64>>> {
        let mappings = self.pages.mappings()?;
        Some(mappings.iter().find(|mapping| mapping.path == "[heap]").map(Mapping::range))
    }
}

impl Memory for MallocSource {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        self.pages.memory().read(address, into)
    }
}

impl ResidentMemory for MallocSource {
    fn resident(&self, range: Range<u64>) -> Option<Vec<Range<u64>>> {
        self.pages.resident(range)
    }
}

/// Writable data of a mapped file: what is the file's, and what follows without one.
fn data(mappings: &[Mapping], inode: (u64, (u32, u32))) -> Vec<Range<u64>> {
    let mut data: Vec<Range<u64>> = Vec::new();
    for mapping in mappings.iter().filter(|mapping| mapping.writable && !mapping.shared) {
        let follows = data.last().is_some_and(|last| last.end == mapping.start.0);
        let is_anonymous = mapping.inode == 0 && mapping.path.is_empty();
        if (mapping.inode, mapping.device) == inode || follows && is_anonymous {
            data.push(mapping.range());
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    /// glibc says itself what it has, of this very process.
    #[cfg(target_env = "gnu")]
    #[test]
    fn readings_agree_with_what_malloc_says_itself() {
        let target = TracedTarget::open(&std::process::id().to_string());
        let Some(source) = target.ok().and_then(|target| MallocSource::of(&target)) else {
            panic!("no main arena in this process");
        };
        let retains: Vec<Vec<u8>> = (0..20_000).map(|size| vec![1; 300 + size % 3000]).collect();
        let kept: Vec<&Vec<u8>> = retains.iter().step_by(7).collect();
        let point = source.point(0.0).expect("a reading");
        // SAFETY: takes nothing, and returns numbers.
        let own = unsafe { libc::mallinfo2() };
        eprintln!("{point:?}\n{} {} {} {}", own.arena, own.uordblks, own.fordblks, own.keepcost);
        assert!(!kept.is_empty());
    }
}
