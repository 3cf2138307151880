//! The stacks of sites: unwound and merged as they arrive, symbolised at the end.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use leakspy_ebpf::hash::size_class;
use leakspy_ebpf::walk::Word;
use leakspy_ebpf::wire::key::Function;
use leakspy_ebpf::wire::record::{FLAG_PYTHON_FAULT, FLAG_PYTHON_TRUNCATED};

use crate::model::{Domain, StackNote};
use crate::probe::Captured;
use crate::symbolize::merge::{self, Input};
use crate::symbolize::resolve;
use crate::symbolize::{
    Activations, CodeRanges, Merged, MixedStack, ModuleId, ModuleImage, NativeNames, NativeStack,
    Place, Registers, StackCopy, Unwinder,
};

/// One site's stack before it has names.
pub struct SiteStack {
    /// The function that was called.
    pub function: Function,
    /// Address of the probed instruction.
    pub probed: u64,
    /// Bytes asked for by the call whose stack this is.
    pub size: u64,
    /// The stack.
    pub mixed: MixedStack,
    /// Whether the Python part is less than whole.
    pub note: Option<StackNote>,
}

impl SiteStack {
    /// Allocator family.
    pub fn domain(&self) -> Domain {
        if self.function.maps() { Domain::Mmap } else { Domain::Malloc }
    }

    /// Upper bound of the size class, bytes.
    pub fn size_class(&self) -> u64 {
        1_u64.checked_shl(size_class(self.size)).unwrap_or(u64::MAX)
    }
}

/// How Python and native frames are told apart in one target.
pub struct Merging {
    /// How activations are recognised.
    pub by: Activations,
    /// The evaluation loop's code.
    pub code: CodeRanges,
}

/// How often two different native paths were found under one site key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Stacks of known sites that were compared with the site's.
    pub compared: u64,
    /// Those that differed.
    pub different: u64,
}

/// Stacks of one target.
pub struct Stacks {
    unwinder: Unwinder,
    native: NativeNames,
    merging: Option<Merging>,
    sites: HashMap<u64, SiteStack>,
    audit: Audit,
    /// Code of functions that map.
    mapping: Vec<Range<u64>>,
}

impl Stacks {
    /// No stacks yet. `mapping` is the code of functions that map, as addresses of the target.
    pub fn new(native: NativeNames, merging: Option<Merging>, mapping: Vec<Range<u64>>) -> Self {
        let (unwinder, sites) = (Unwinder::new(), HashMap::new());
        Self { unwinder, native, merging, sites, audit: Audit::default(), mapping }
    }

    /// Adds a module of the target, in place of what was mapped there before.
    pub fn add_module(&mut self, image: ModuleImage) -> ModuleId {
        let names = image.clone();
        let id = self.unwinder.add(image);
        self.native.add(id, &names);
        id
    }

    /// Whether the site's stack is still wanted.
    pub fn wants(&self, site: u64) -> bool {
        !self.sites.contains_key(&site)
    }

    /// Unwinds a captured stack.
    pub fn unwind(&mut self, captured: &Captured) -> NativeStack {
        let registers = Registers { ip: captured.ip, sp: captured.sp, bp: captured.bp };
        let in_function = self.mapping.iter().any(|code| code.contains(&captured.ip));
        if captured.function.maps() && !in_function {
            return self.unwinder.unwind_system_call(registers, &copy(captured));
        }
        self.unwinder.unwind(registers, &copy(captured))
    }

    /// Takes a site's stack; the first one stays.
    pub fn insert(&mut self, captured: &Captured, native: &NativeStack) {
        let mixed = self.mix(captured, native);
        if let Entry::Vacant(vacant) = self.sites.entry(captured.site) {
            vacant.insert(SiteStack {
                function: captured.function,
                probed: captured.ip,
                size: captured.size,
                mixed,
                note: python_note(captured.flags),
            });
        }
    }

    /// Compares another stack of a known site with the site's own.
    pub fn audit(&mut self, captured: &Captured) {
        let native = self.unwind(captured);
        let mixed = self.mix(captured, &native);
        let Some(known) = self.sites.get(&captured.site) else { return };
        let places = |mixed: &MixedStack| -> Vec<Place> {
            let native = mixed.entries.iter().filter_map(|entry| match entry {
                Merged::Native(frame) => frame.place,
                // The evaluation loop calls from another place once an instruction is specialised.
                Merged::Evaluation(_) | Merged::Python { .. } => None,
            });
            native.collect()
        };
        self.audit.compared += 1;
        if places(&known.mixed) != places(&mixed) {
            self.audit.different += 1;
        }
    }

    /// What the audit found.
    pub fn audited(&self) -> Audit {
        self.audit
    }

    /// Whether the site is one of mappings.
    pub fn maps(&self, site: u64) -> bool {
        self.sites.get(&site).is_some_and(|site| site.function.maps())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Looks up the names of all native code, in one batch.
    pub fn look_up_names(&mut self) {
        let places = resolve::places(self.sites.values().map(|site| &site.mixed));
        self.native.look_up(places);
    }

    /// Paths of the libraries that are in stacks, by name.
    pub fn libraries(&self) -> Vec<String> {
        let places = resolve::places(self.sites.values().map(|site| &site.mixed));
        let modules: BTreeSet<ModuleId> = places.into_iter().map(|place| place.module).collect();
        let paths = modules.into_iter().filter_map(|module| self.native.path(module));
        paths.map(str::to_owned).collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// The sites, and the names of native code as far as they were looked up.
    pub fn known(&self) -> (&HashMap<u64, SiteStack>, &NativeNames) {
        (&self.sites, &self.native)
    }

    fn mix(&self, captured: &Captured, native: &NativeStack) -> MixedStack {
        let (words, generations): (Vec<Word>, Vec<u32>) = captured.words.iter().copied().unzip();
        let nothing = CodeRanges::default();
        let (by, code) = match &self.merging {
            Some(merging) => (merging.by, &merging.code),
            None => (Activations::ByEntry, &nothing),
        };
        merge::merge(&Input {
            native,
            words: &words,
            generations: &generations,
            complete: captured.flags & (FLAG_PYTHON_FAULT | FLAG_PYTHON_TRUNCATED) == 0,
            by,
            cframe: captured.cframe,
            stack: copy(captured),
            code,
        })
    }
}

fn copy(captured: &Captured) -> StackCopy<'_> {
    StackCopy { start: captured.sp, bytes: &captured.stack }
}

fn python_note(flags: u32) -> Option<StackNote> {
    if flags & FLAG_PYTHON_TRUNCATED != 0 {
        Some(StackNote::PythonTooDeep)
    } else if flags & FLAG_PYTHON_FAULT != 0 {
        Some(StackNote::PythonUnreadable)
    } else {
        None
    }
}
