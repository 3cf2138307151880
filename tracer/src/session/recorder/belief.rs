//! Whether the blocks of allocators that libraries have for themselves may be believed: their
//! functions are known by name only.

use std::time::Duration;

use super::super::error::SessionError;
use super::super::plan::TracedLibrary;
use super::Recorder;
use crate::aggregate::{PlacedBlock, consistency};
use crate::history::Sink as _;
use crate::model::{Note, StackNote};
use crate::os;

/// When it is asked first, and how far apart from then on at least: all blocks and mappings are read
/// for it.
const FIRST: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_secs(60);
/// Most blocks that are looked at.
const BLOCKS: usize = 1 << 20;

/// What is believed of them.
#[derive(Debug, Default)]
pub struct Belief {
    libraries: Vec<TracedLibrary>,
    /// As long.
    refuted: Vec<bool>,
    /// Those that still have their probes.
    probed: Vec<u32>,
    next: Duration,
}

impl Belief {
    /// All of them, so far.
    pub fn new(libraries: Vec<TracedLibrary>) -> Self {
        let refuted = vec![false; libraries.len()];
        Self { refuted, libraries, probed: Vec::new(), next: FIRST }
    }

    /// What is to be said of a site that was entered at this instruction.
    pub fn note(&self, probed: u64) -> Option<StackNote> {
        let library = self.library(probed)?;
        self.refuted[library].then_some(StackNote::AllocatorNotBelieved)
    }

    /// The number of the allocator that has a probe there.
    fn library(&self, probed: u64) -> Option<usize> {
        self.libraries.iter().position(|library| library.probed.contains(&probed))
    }

    fn is_due(&mut self, now: Duration, last: bool) -> bool {
        let due = self.refuted.contains(&false) && (last || now >= self.next);
        if due {
            self.next = now + BETWEEN;
        }
        due
    }
}

impl Recorder {
    /// Looks for blocks that cannot be, if that is due.
    pub(super) fn check_libraries(
        &mut self,
        now: Duration,
        last: bool,
    ) -> Result<(), SessionError> {
        if !self.belief.is_due(now, last) {
            return Ok(());
        }
        // What was born before this moment and is live after it was live in between.
        let before = os::clock::monotonic_ns();
        let mapped = self.target.mappings().map(|mappings| {
            mappings.iter().map(|mapping| (mapping.start.0, mapping.end.0)).collect::<Vec<_>>()
        });
        let blocks = self.library_blocks(before)?;
        let found = consistency(blocks, mapped.as_deref(), self.belief.libraries.len());
        for (library, found) in found.iter().enumerate() {
            tracing::debug!("{}: {found:?}", self.belief.libraries[library].path);
            if !found.is_credible() && !self.belief.refuted[library] {
                self.refute(library)?;
            }
        }
        Ok(())
    }

    /// Allocators that are not believed, by their number, each once: without probes on them, what they
    /// map is their growth.
    pub fn not_believed(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.belief.probed)
    }

    /// Live blocks of those allocators that were born before a moment.
    fn library_blocks(&self, before: u64) -> Result<Vec<PlacedBlock>, SessionError> {
        let (sites, _) = self.stacks.known();
        let mut blocks = Vec::new();
        self.tables.live(&mut |start, block| {
            let site = sites.get(&block.site).filter(|_| block.time_ns < before);
            let allocator = site.and_then(|site| self.belief.library(site.probed));
            if let Some(allocator) = allocator.filter(|_| blocks.len() < BLOCKS) {
                let (size, born_ns) = (block.size(), block.time_ns);
                blocks.push(PlacedBlock { start, size, born_ns, allocator });
            }
        })?;
        Ok(blocks)
    }

    /// Says that an allocator is not believed, also of the sites that are written already.
    fn refute(&mut self, library: usize) -> Result<(), SessionError> {
        self.belief.refuted[library] = true;
        self.belief.probed.extend(u32::try_from(library));
        let TracedLibrary { allocator, path, .. } = &self.belief.libraries[library];
        let (allocator, path) = (allocator.clone(), path.clone());
        self.note(Note::AllocatorNotBelieved { allocator, path });
        let (sites, _) = self.stacks.known();
        let probed = &self.belief.libraries[library].probed;
        let of_it = |key: &u64| sites.get(key).is_some_and(|site| probed.contains(&site.probed));
        self.written.retain(|key| !of_it(key));
        Ok(self.sinks.notes(&self.capture.notes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn belief() -> Belief {
        let library = |probed: &[u64]| TracedLibrary {
            allocator: "jemalloc".into(),
            path: "/p.so".into(),
            probed: probed.to_vec(),
        };
        Belief::new(vec![library(&[10, 20]), library(&[30])])
    }

    #[test]
    fn only_sites_of_the_refuted_allocator_have_a_note() {
        let mut belief = belief();
        assert_eq!([10, 30, 40].map(|probed| belief.note(probed)), [None, None, None]);
        belief.refuted[0] = true;
        let refuted = Some(StackNote::AllocatorNotBelieved);
        assert_eq!([20, 30, 40].map(|probed| belief.note(probed)), [refuted, None, None]);
    }

    #[test]
    fn it_is_asked_rarely_and_never_of_nobody() {
        let due =
            |belief: &mut Belief, seconds, last| belief.is_due(Duration::from_secs(seconds), last);
        let mut some = belief();
        let asked = [5, 10, 69, 70].map(|seconds| due(&mut some, seconds, false));
        assert_eq!(asked, [false, true, false, true]);
        assert!(due(&mut some, 71, true));
        some.refuted = vec![true, true];
        assert!(!due(&mut some, 1000, true) && !due(&mut Belief::default(), 1000, true));
    }
}
