//! A kernel side in which every target has its own maps, programs and ring.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use leakspy_ebpf::wire::target::Target;

use super::attach::{Attached, Method, attach};
use super::error::ProbeError;
use super::guard::{Guard, GuardProgram};
use super::kernel::{AttachRequest, Kernel, Placed, Records, Slot};
use super::load::{Diagnostics, Loaded};
use super::poll::Poll;
use super::ring::Ring;
use super::table::Maps;

/// Targets that have nothing in common but the guard.
pub struct SeparateTargets {
    guard: Guard,
    held: BTreeMap<Slot, Held>,
    rings: Arc<Rings>,
    next: u32,
}

/// What keeps the probes of one target in place.
struct Held {
    loaded: Loaded,
    _attached: Attached,
    diagnostics: Diagnostics,
}

impl SeparateTargets {
    /// None yet.
    ///
    /// # Errors
    /// The guard cannot be started.
    pub fn new(guard: &GuardProgram) -> Result<Self, ProbeError> {
        let failed = |what| move |source| ProbeError::Kernel { what, source };
        let guard = Guard::start(guard).map_err(failed("start a guard process"))?;
        let poll = Poll::new().map_err(failed("wait for records"))?;
        let rings = Arc::new(Rings { poll, open: Mutex::default() });
        Ok(Self { guard, held: BTreeMap::new(), rings, next: 0 })
    }

    fn place(
        &mut self,
        slot: Slot,
        loaded: &mut Loaded,
        request: &AttachRequest<'_>,
    ) -> Result<(Attached, Maps, Ring), ProbeError> {
        let AttachRequest { files, pid, method, .. } = *request;
        let attached = attach(loaded, (&mut self.guard, slot.0), files, pid, method)?;
        (request.in_place)()?;
        Ok((attached, Maps::new(loaded)?, Ring::new(loaded)?))
    }
}

impl Kernel for SeparateTargets {
    fn attach(&mut self, request: &AttachRequest<'_>) -> Result<Placed, ProbeError> {
        let slot = Slot(self.next);
        self.next += 1;
        // Links of the other methods filter by process in the kernel.
        let tgid = if request.method == Method::Perf { request.target.tgid } else { 0 };
        // A new set of maps for each method: the kernel binds some of them to the kind of program.
        let mut loaded = Loaded::new(&Target { tgid, ..request.target }, request.capacity)?;
        let placed = self.place(slot, &mut loaded, request).and_then(|(attached, maps, ring)| {
            self.rings.add(slot, ring)?;
            Ok((attached, maps))
        });
        match placed {
            Ok((attached, maps)) => {
                let diagnostics = loaded.diagnostics();
                self.held.insert(slot, Held { loaded, _attached: attached, diagnostics });
                Ok(Placed { slot, tables: Arc::new(maps) })
            }
            Err(error) => {
                // A guard that is gone holds nothing any more; those of aya go with `loaded`.
                let _ = self.guard.release(slot.0);
                Err(error)
            }
        }
    }

    fn detach(&mut self, slot: Slot) -> Result<(), ProbeError> {
        let Some(mut held) = self.held.remove(&slot) else { return Ok(()) };
        let released = self.guard.release(slot.0);
        held.loaded.unload();
        held.diagnostics.flush();
        if let Some(open) = self.rings.open().get_mut(&slot) {
            open.detached = true;
        }
        released.map_err(|source| ProbeError::Kernel { what: "release probes", source })
    }

    fn records(&mut self) -> Result<Box<dyn Records>, ProbeError> {
        Ok(Box::new(OfAll(Arc::clone(&self.rings))))
    }

    fn guard(&self) -> io::Result<OwnedFd> {
        self.guard.ending()
    }
}

/// The rings of all targets. That of a detached one stays until its last records are read.
struct Rings {
    poll: Poll,
    open: Mutex<BTreeMap<Slot, Open>>,
}

struct Open {
    ring: Ring,
    detached: bool,
}

impl Rings {
    fn open(&self) -> MutexGuard<'_, BTreeMap<Slot, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, slot: Slot, ring: Ring) -> Result<(), ProbeError> {
        let failed = |source| ProbeError::Kernel { what: "wait for records", source };
        self.poll.add(ring.as_fd()).map_err(failed)?;
        self.open().insert(slot, Open { ring, detached: false });
        Ok(())
    }
}

struct OfAll(Arc<Rings>);

impl AsFd for OfAll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.poll.as_fd()
    }
}

impl Records for OfAll {
    fn fetch(&mut self, most: usize, each: &mut dyn FnMut(Slot, &[u8])) -> bool {
        let mut bytes = 0;
        let mut open = self.0.open();
        for (slot, Open { ring, .. }) in open.iter_mut() {
            while let Some(record) = ring.next() {
                bytes += record.len();
                each(*slot, &record);
                if bytes >= most {
                    return true;
                }
            }
        }
        open.retain(|_, open| !open.detached);
        false
    }
}
