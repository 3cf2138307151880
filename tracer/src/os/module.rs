//! The ELF files that make up a process.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::file::FileRefusal;
use super::maps::Mapping;
use super::{Files, ModuleFile, OsError, Process, procfs};
use crate::elf::{ElfError, Headers, Segment};
use crate::model::Address;

/// An ELF file loaded once in the target.
#[derive(Debug)]
pub struct Module {
    /// Path as the target sees it; hostile.
    pub path: PathBuf,
    /// Device of the mapped inode, major and minor.
    pub device: (u32, u32),
    /// The mapped inode.
    pub inode: u64,
    /// Whether no directory names the file any more.
    pub deleted: bool,
    /// Address in the target minus virtual address in the file.
    pub bias: u64,
    /// Its mappings, ascending.
    pub mappings: Vec<Mapping>,
    /// The file itself.
    pub file: ModuleFile,
    /// Addresses from its first mapping to the end of its last segment.
    start: Address,
    end: Address,
}

impl Module {
    /// Where a virtual address of the file lies in the target.
    pub fn address(&self, vaddr: u64) -> Option<Address> {
        self.bias.checked_add(vaddr).map(Address)
    }

    /// The virtual address in the file of an address in the target.
    pub fn vaddr(&self, address: Address) -> Option<u64> {
        self.holds(address).then(|| address.0.checked_sub(self.bias))?
    }

    /// Bytes of the function that begins at `vaddr`, from the unwind tables, for functions whose
    /// symbol is missing or does not say.
    pub fn function_size(&self, vaddr: u64) -> Option<u64> {
        let range = self.file.function_range(vaddr)?;
        (range.start == vaddr).then_some(range.end - range.start)
    }

    fn code(&self, index: usize, vaddrs: &[u64]) -> Vec<ModuleCode> {
        let Ok(headers) = self.file.headers() else {
            return Vec::new();
        };
        let executable = headers.segments().iter().filter(|segment| segment.executable);
        executable.filter_map(|segment| self.code_of_segment(index, segment, vaddrs)).collect()
    }

    fn code_of_segment(
        &self,
        index: usize,
        segment: &Segment,
        vaddrs: &[u64],
    ) -> Option<ModuleCode> {
        let inside = vaddrs.iter().copied().filter(|vaddr| segment.holds_file(*vaddr));
        let (first, last) = (inside.clone().min()?, inside.max()?);
        let vaddr = first.saturating_sub(CODE_MARGIN).max(segment.vaddr);
        let end = last.saturating_add(CODE_MARGIN).min(segment.vaddr + segment.file_size);
        let length = end.checked_sub(vaddr).filter(|length| *length <= CODE_LIMIT)?;
        let file_offset = segment.file_offset.checked_add(vaddr - segment.vaddr)?;
        let bytes = self.file.read(file_offset, length).ok()?;
        Some(ModuleCode { module: index, bias: self.bias, vaddr, file_offset, bytes })
    }

    /// Whether an address belongs to this module.
    pub fn holds(&self, address: Address) -> bool {
        address >= self.start && address < self.end
    }
}

/// A range of a loaded module's code, as it is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleCode {
    /// Index of the module.
    pub module: usize,
    /// Address in the target minus virtual address in the file.
    pub bias: u64,
    /// Virtual address of the first byte.
    pub vaddr: u64,
    /// Where it lies in the file.
    pub file_offset: u64,
    /// The code.
    pub bytes: Vec<u8>,
}

/// How much code before and after the functions of interest is looked at: parts that the compiler
/// split off a function lie in the same file, most within this distance.
const CODE_MARGIN: u64 = 2 << 20;
/// Most code that is read at once.
const CODE_LIMIT: u64 = 64 << 20;

/// Why an executable mapping belongs to no module.
#[derive(Debug, thiserror::Error)]
pub enum SkippedMapping {
    /// Its file could not be had.
    #[error(transparent)]
    File(#[from] FileRefusal),
    /// Its file is not one we read.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// The file does not say that it is loaded like this.
    #[error("its mappings do not follow from its segments")]
    Misplaced,
}

/// All of them.
#[derive(Debug)]
pub struct Modules {
    list: Vec<Module>,
    /// Executable mappings of files that are not understood, with the reason.
    pub skipped: Vec<(PathBuf, SkippedMapping)>,
    main: Option<usize>,
}

impl Modules {
    /// Finds the modules of a process: every inode that is mapped executable and is ELF.
    pub fn of_process(process: &Process) -> Result<Self, OsError> {
        Self::with(process, Files::shared())
    }

    /// As [`Self::of_process`], with files that others have open already.
    pub fn with(process: &Process, files: &Files) -> Result<Self, OsError> {
        let mappings = process.mappings()?;
        let root = fs::read_link(procfs::path(process.pid(), "root")).unwrap_or_default();
        let mut modules = Self { list: Vec::new(), skipped: Vec::new(), main: None };
        for mappings in by_inode(mappings).into_values() {
            let path = path_in_root(&mappings[0], &root);
            match load(process.pid(), &path, mappings, files) {
                Ok(loaded) => modules.list.extend(loaded),
                Err(reason) => modules.skipped.push((path, reason)),
            }
        }
        modules.list.sort_by_key(|module| module.start);
        modules.main = modules.find_main(process.pid());
        Ok(modules)
    }

    /// All modules, ascending by address.
    pub fn list(&self) -> &[Module] {
        &self.list
    }

    /// The module with this index.
    pub fn get(&self, index: usize) -> Option<&Module> {
        self.list.get(index)
    }

    /// Index of the executable.
    pub fn main(&self) -> Option<usize> {
        self.main
    }

    /// Index of the module that an address belongs to.
    pub fn at(&self, address: Address) -> Option<usize> {
        let after = self.list.partition_point(|module| module.start <= address);
        let index = after.checked_sub(1)?;
        self.list[index].holds(address).then_some(index)
    }

    /// The code around functions, given as module and virtual address: for each segment concerned,
    /// from a little before the first to a little after the last. What cannot be read is left out.
    pub fn code_around(&self, functions: &[(usize, u64)]) -> Vec<ModuleCode> {
        let modules: BTreeSet<usize> = functions.iter().map(|(module, _)| *module).collect();
        let mut code = Vec::new();
        for index in modules {
            let vaddrs = functions.iter().filter(|(module, _)| *module == index);
            let vaddrs: Vec<u64> = vaddrs.map(|(_, vaddr)| *vaddr).collect();
            let module = self.list.get(index);
            code.extend(module.into_iter().flat_map(|module| module.code(index, &vaddrs)));
        }
        code
    }

    /// Indices: the executable, then the others.
    pub fn in_search_order(&self) -> impl Iterator<Item = usize> + '_ {
        let others = (0..self.list.len()).filter(|index| Some(*index) != self.main);
        self.main.into_iter().chain(others)
    }

    fn find_main(&self, pid: u32) -> Option<usize> {
        let exe = fs::metadata(procfs::path(pid, "exe")).ok()?;
        let device = (libc::major(exe.dev()), libc::minor(exe.dev()));
        let is_exe = |module: &Module| {
            module.inode == exe.ino() && (module.device == device || module.file.is_same(&exe))
        };
        self.list.iter().position(is_exe)
    }
}

/// Mappings of files that have at least one executable mapping, by device and inode.
fn by_inode(mappings: Vec<Mapping>) -> BTreeMap<((u32, u32), u64), Vec<Mapping>> {
    let mut files: BTreeMap<_, Vec<Mapping>> = BTreeMap::new();
    for mapping in mappings.into_iter().filter(|mapping| mapping.inode != 0) {
        files.entry((mapping.device, mapping.inode)).or_default().push(mapping);
    }
    files.retain(|_, mappings| mappings.iter().any(|mapping| mapping.executable));
    files
}

/// The modules of one inode: usually one, more when it was loaded several times (`dlmopen`).
fn load(
    pid: u32,
    path: &Path,
    mappings: Vec<Mapping>,
    files: &Files,
) -> Result<Vec<Module>, SkippedMapping> {
    let code =
        mappings.iter().find(|mapping| mapping.executable).ok_or(SkippedMapping::Misplaced)?;
    let file = ModuleFile::open(pid, code, files)?;
    let (copies, end) = copies(file.headers()?, mappings)?;
    let module = |(bias, mappings): (u64, Vec<Mapping>)| {
        let (first, last) = (mappings.first()?, mappings.last()?);
        Some(Module {
            path: path.to_owned(),
            device: first.device,
            inode: first.inode,
            deleted: file.is_deleted(),
            bias,
            start: first.start,
            end: Address(bias.saturating_add(end)).max(last.end),
            mappings,
            file: file.clone(),
        })
    };
    Ok(copies.into_iter().filter_map(module).collect())
}

/// Sorts the mappings of a file by load bias, and gives the end of its last segment. Mappings that
/// do not belong to a loaded copy (the file read as data) are left out.
fn copies(
    headers: &Headers,
    mappings: Vec<Mapping>,
) -> Result<(BTreeMap<u64, Vec<Mapping>>, u64), SkippedMapping> {
    let code = mappings.iter().filter(|mapping| mapping.executable);
    let biases = code.filter_map(|mapping| headers.bias(mapping.start.0, mapping.offset));
    let mut copies: BTreeMap<u64, Vec<Mapping>> = biases.map(|bias| (bias, Vec::new())).collect();
    for mapping in mappings {
        let mut copies = copies.iter_mut();
        if let Some((_, found)) =
            copies.find(|(bias, _)| headers.fits(**bias, mapping.start.0, mapping.offset))
        {
            found.push(mapping);
        }
    }
    match headers.span() {
        Some(span) if !copies.is_empty() => Ok((copies, span.end)),
        _ => Err(SkippedMapping::Misplaced),
    }
}

/// The kernel shows paths from our root; a target in a `chroot` sees the rest.
fn path_in_root(mapping: &Mapping, root: &Path) -> PathBuf {
    let path = Path::new(&mapping.path);
    match path.strip_prefix(root) {
        Ok(inside) if root.as_os_str().as_bytes() != b"/" && !root.as_os_str().is_empty() => {
            Path::new("/").join(inside)
        }
        _ => path.to_owned(),
    }
}
