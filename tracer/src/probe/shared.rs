//! A kernel side in which all targets share maps, ring and programs.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use leakspy_ebpf::wire::limit;
use leakspy_ebpf::wire::target::{ProgramLayout, ProgramTarget};

use super::attach::{Links, attach, group, libraries, release};
use super::error::ProbeError;
use super::front::FrontOrder;
use super::guard::{Guard, GuardProgram};
use super::kernel::{AttachRequest, Kernel, Placed, Records, Slot};
use super::load::{Capacity, Diagnostics, Loaded};
use super::ring::{Ring, slot_of};
use super::table::{Lease, Maps, Part};
use super::timing::TimedPrograms;
use super::trap;
use crate::model::AttachMethod;

/// Targets that share what can be shared.
pub struct SharedTargets {
    guard: Guard,
    /// Most targets at once.
    most: u32,
    share: Capacity,
    common: Option<Common>,
    held: BTreeMap<Slot, Held>,
    /// Of those with trace events.
    order: FrontOrder,
    owners: Arc<Owners>,
    next: u32,
    /// Nanoseconds of a trap, once that was asked.
    trap: Option<Option<f64>>,
}

/// What there is of one target.
struct Held {
    lease: Arc<Lease>,
    layout: ProgramLayout,
    /// Allocators of libraries with probes.
    libraries: u32,
    /// Number of the programs that see its mappings; 0: none do.
    mapped_by: u32,
}

/// What the first target makes and all use.
struct Common {
    loaded: Loaded,
    maps: Arc<Maps>,
    ring: Option<Ring>,
    diagnostics: Diagnostics,
}

impl Common {
    fn new(capacity: Capacity, most: u32) -> Result<Self, ProbeError> {
        let mut loaded = Loaded::new(capacity, most)?;
        let maps = Arc::new(Maps::new(&loaded, most)?);
        let ring = Some(Ring::new(&mut loaded)?);
        if let Err(error) = loaded.watch_exec() {
            // Then it shows at the next tick, and until then the new program is counted as well.
            tracing::warn!("exec of a target is noticed late: {error}");
        }
        let diagnostics = loaded.diagnostics();
        Ok(Self { loaded, maps, ring, diagnostics })
    }
}

impl SharedTargets {
    /// None yet; `most` can be attached at once, and the tables have room for some shares and not
    /// less than one.
    ///
    /// # Errors
    /// The guard cannot be started.
    pub fn new(guard: &GuardProgram, most: u32, share: Capacity) -> Result<Self, ProbeError> {
        let failed = |source| ProbeError::Kernel { what: "start a guard process", source };
        let guard = Guard::start(guard).map_err(failed)?;
        let (held, order, owners) = Default::default();
        let most = most.clamp(1, limit::TARGETS);
        Ok(Self { guard, most, share, common: None, held, order, owners, next: 0, trap: None })
    }

    fn common(&mut self) -> Result<&mut Common, ProbeError> {
        match &mut self.common {
            Some(_) => {}
            none => *none = Some(Common::new(self.share, self.most)?),
        }
        self.common.as_mut().ok_or(ProbeError::Object { what: "maps" })
    }

    /// Has the kernel find a target first at each hit, of those that share its trace events. Nothing is
    /// missed or counted twice meanwhile.
    ///
    /// # Errors
    /// The target has ended, or its first thread. It stays where it is, also later.
    pub fn bring_to_front(&mut self, slot: Slot) -> io::Result<()> {
        let groups = (0..self.libraries(slot)).map(Some).chain([None]);
        let mut groups = groups.map(|library| group(slot.0, library));
        let moved = groups.try_for_each(|group| self.guard.bring_to_front(group));
        match &moved {
            Ok(()) => self.order.moved(slot),
            Err(error) => {
                tracing::debug!("the probes of {slot:?} stay where they are: {error}");
                self.order.removed(slot);
            }
        }
        moved
    }

    fn place(
        &mut self,
        slot: Slot,
        request: &AttachRequest<'_>,
    ) -> Result<(Held, TimedPrograms), ProbeError> {
        let AttachRequest { files, pid, method, .. } = *request;
        let target = ProgramTarget { tgid: tgid(request)?, ..request.target };
        let maps = &self.common()?.maps;
        let lease = Lease::new(maps, request.target.tgid, &target, request.capacity)?;
        let lease = Arc::new(lease);
        let common = self.common.as_mut().ok_or(ProbeError::Object { what: "maps" })?;
        let links = Links {
            guard: &mut self.guard,
            target: slot.0,
            pid,
            slot: lease.slot,
            layout: target.layout(),
        };
        let layout = links.layout;
        attach(&mut common.loaded, links, files, method)?;
        if let Err(error) = (request.in_place)() {
            // A guard that is gone holds nothing any more.
            let _ = release(&mut self.guard, slot.0, libraries(files));
            return Err(error);
        }
        let programs = TimedPrograms::new(&mut common.loaded, method, &layout)?;
        Ok((Held { lease, layout, libraries: libraries(files), mapped_by: 0 }, programs))
    }

    /// What a trap costs here, measured once.
    fn trap_ns(&mut self, method: AttachMethod, layout: &ProgramLayout) -> Option<f64> {
        let common = self.common.as_mut()?;
        if self.trap.is_none() {
            let measured = trap::measure(&mut self.guard, &mut common.loaded, method, layout);
            if let Err(error) = &measured {
                tracing::debug!("what a trap costs is not known: {error}");
            }
            self.trap = Some(measured.ok());
        }
        self.trap.flatten()
    }

    fn libraries(&self, slot: Slot) -> u32 {
        self.held.get(&slot).map_or(0, |held| held.libraries)
    }

    /// Takes out the programs of this number that see mappings, when no target needs them any more.
    fn pass_over_mappings(&mut self, mapped_by: u32) {
        let needed = self.held.values().any(|held| held.mapped_by == mapped_by);
        if let Some(common) = self.common.as_mut().filter(|_| !needed) {
            common.loaded.pass_over_mappings(mapped_by);
        }
    }
}

/// The process as the programs are to check it. Links filter by process in the kernel.
fn tgid(request: &AttachRequest<'_>) -> Result<u32, ProbeError> {
    match request.method {
        AttachMethod::Session | AttachMethod::Multi => Ok(0),
        AttachMethod::Perf => Ok(request.target.tgid),
        AttachMethod::Trace if request.target.tgid != 0 => Ok(request.target.tgid),
        // Nothing else tells the targets apart.
        AttachMethod::Trace => Err(ProbeError::Attach {
            path: request.files.first().map(|file| file.shown_path.clone()).unwrap_or_default(),
            source: io::Error::from_raw_os_error(libc::EOPNOTSUPP),
        }),
    }
}

impl Kernel for SharedTargets {
    fn methods(&self) -> &'static [AttachMethod] {
        AttachMethod::of(self.most)
    }

    fn attach(&mut self, request: &AttachRequest<'_>) -> Result<Placed, ProbeError> {
        let slot = Slot(self.next);
        self.next += 1;
        let (held, programs) = self.place(slot, request)?;
        let trap_ns = self.trap_ns(request.method, &held.layout);
        self.owners.lock().insert(held.lease.slot, slot);
        if request.method == AttachMethod::Trace {
            self.order.attached(slot);
        }
        let tables = Arc::new(Part::new(Arc::clone(&held.lease), programs));
        self.held.insert(slot, held);
        Ok(Placed { slot, tables, trap_ns })
    }

    fn see_mappings(&mut self, slot: Slot) -> Result<(), ProbeError> {
        let (Some(held), Some(common)) = (self.held.get_mut(&slot), &mut self.common) else {
            return Err(ProbeError::Object { what: "maps" });
        };
        let mapped_by = common.loaded.see_mappings(&held.layout)?;
        let seen = held.lease.see_mappings(mapped_by);
        match seen {
            Ok(()) => held.mapped_by = mapped_by,
            Err(_) => self.pass_over_mappings(mapped_by),
        }
        seen
    }

    fn detach(&mut self, slot: Slot) -> Result<(), ProbeError> {
        let Some(held) = self.held.remove(&slot) else { return Ok(()) };
        let Held { lease, libraries, mapped_by, .. } = held;
        self.order.removed(slot);
        self.pass_over_mappings(mapped_by);
        let released = release(&mut self.guard, slot.0, libraries);
        lease.settle();
        if let Some(common) = &mut self.common {
            common.diagnostics.flush();
            let foreign = common.maps.foreign_hits();
            if foreign > 0 {
                tracing::debug!("{foreign} hits so far of tasks that are no targets");
            }
        }
        drop(lease);
        released.map_err(|source| ProbeError::Kernel { what: "release probes", source })
    }

    fn release_library(&mut self, slot: Slot, library: u32) -> Result<(), ProbeError> {
        let failed = |source| ProbeError::Kernel { what: "release probes", source };
        self.guard.release(group(slot.0, Some(library))).map_err(failed)
    }

    fn arrange(&mut self) -> usize {
        let held = &self.held;
        let hits = |slot| held.get(&slot).map_or(0, |held| held.lease.hits());
        let due = self.order.due(hits);
        due.into_iter().filter(|slot| self.bring_to_front(*slot).is_ok()).count()
    }

    fn records(&mut self) -> Result<Box<dyn Records>, ProbeError> {
        let ring = self.common()?.ring.take();
        let ring = ring.ok_or_else(|| ProbeError::Kernel {
            what: "read records twice",
            source: io::ErrorKind::AlreadyExists.into(),
        })?;
        Ok(Box::new(OfAll { ring, owners: Arc::clone(&self.owners) }))
    }

    fn guard(&self) -> io::Result<OwnedFd> {
        self.guard.ending()
    }
}

/// Whose the slots of the shared maps are.
#[derive(Default)]
struct Owners(Mutex<BTreeMap<u32, Slot>>);

impl Owners {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct OfAll {
    ring: Ring,
    owners: Arc<Owners>,
}

impl AsFd for OfAll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

impl Records for OfAll {
    fn fetch(&mut self, most: usize, each: &mut dyn FnMut(Slot, &[u8])) -> bool {
        let mut bytes = 0;
        while let Some(record) = self.ring.next() {
            bytes += record.len();
            let owner = self.owners.lock().get(&slot_of(&record)).copied();
            // Records that nobody wants are of a target whose attach failed.
            if let Some(slot) = owner {
                each(slot, &record);
            }
            if bytes >= most {
                return true;
            }
        }
        false
    }
}
