//! Imported functions and the slots (GOT entries) through which this file calls them.

use object::LittleEndian as LE;
use object::elf::{self, Rela64};
use object::pod;
use object::read::ReadRef;
use object::read::elf::Rela as _;

use super::{Elf, tag};

/// A slot that the dynamic linker fills with the address of an imported function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportSlot {
    /// Index in the list of names that was asked for.
    pub name: usize,
    /// Virtual address of the slot in this file.
    pub vaddr: u64,
    /// Whether the linker may fill it only at the first call (`JUMP_SLOT`); until then it points
    /// into this file's own linkage table.
    pub lazy: bool,
}

impl<'data, R: ReadRef<'data>> Elf<R> {
    /// Slots of these functions, from the relocations that the loader reads.
    pub fn slots(&self, names: &[&str]) -> Vec<ImportSlot> {
        let wanted = self.symbol_indices(names);
        if wanted.is_empty() {
            return Vec::new();
        }
        let eager = self.relocations(tag::RELA, tag::RELASZ);
        // The first RELACOUNT entries are relative: they name no symbol, and there can be millions.
        let relative = usize::try_from(self.dynamic_value(tag::RELACOUNT).unwrap_or(0));
        let eager = eager.get(relative.unwrap_or(0)..).unwrap_or(eager);
        let lazy = self.relocations(tag::JMPREL, tag::PLTRELSZ);
        eager.iter().chain(lazy).filter_map(|relocation| slot(relocation, &wanted)).collect()
    }

    fn symbol_indices(&self, names: &[&str]) -> Vec<(u32, usize)> {
        let table = self.dynamic_symbol_table();
        let mut indices = Vec::new();
        for (index, entry) in (0_u32..).zip(table.entries()) {
            for (name_index, name) in names.iter().enumerate() {
                if table.is_named(entry, name.as_bytes()) {
                    indices.push((index, name_index));
                }
            }
        }
        indices
    }

    fn relocations(&self, address: u64, size: u64) -> &'data [Rela64<LE>] {
        let read = || {
            let bytes = self.bytes_at(self.dynamic_value(address)?, self.dynamic_value(size)?)?;
            let count = bytes.len() / size_of::<Rela64<LE>>();
            pod::slice_from_bytes(bytes, count).ok().map(|(entries, _)| entries)
        };
        read().unwrap_or(&[])
    }
}

fn slot(relocation: &Rela64<LE>, wanted: &[(u32, usize)]) -> Option<ImportSlot> {
    let kind = relocation.r_type(LE, false);
    let lazy = match kind.0 {
        kind if kind == elf::R_X86_64_JUMP_SLOT.0 => true,
        kind if kind == elf::R_X86_64_GLOB_DAT.0 => false,
        _ => return None,
    };
    let symbol = relocation.r_sym(LE, false);
    let (_, name) = wanted.iter().find(|(index, _)| *index == symbol)?;
    Some(ImportSlot { name: *name, vaddr: relocation.r_offset(LE), lazy })
}
