//! The C library of the test's own process is the sample: every machine that runs the tests has
//! one, and the process itself knows the truth about it.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

/// Path, lowest address and page offset of the first mapping of the C library.
struct Libc {
    bytes: Vec<u8>,
    code_start: u64,
    code_offset: u64,
}

fn libc() -> Libc {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let code = maps.lines().find(|l| l.contains("r-xp") && l.contains("/libc")).unwrap();
    let fields: Vec<&str> = code.split_ascii_whitespace().collect();
    let hexadecimal = |text| u64::from_str_radix(text, 16).unwrap();
    Libc {
        bytes: std::fs::read(PathBuf::from(fields[5])).unwrap(),
        code_start: hexadecimal(fields[0].split('-').next().unwrap()),
        code_offset: hexadecimal(fields[2]),
    }
}

fn own(function: *const ()) -> u64 {
    u64::try_from(function as usize).unwrap()
}

#[test]
fn symbols_are_where_the_loader_put_them() {
    let libc = libc();
    let elf = Elf::parse(libc.bytes.as_slice()).unwrap();
    let bias = elf.bias(libc.code_start, libc.code_offset).unwrap();
    assert!(elf.fits(bias, libc.code_start, libc.code_offset));
    assert!(!elf.fits(bias + 4096, libc.code_start, libc.code_offset));
    for (name, address) in [
        ("malloc", own(libc::malloc as *const ())),
        ("free", own(libc::free as *const ())),
        ("getpid", own(libc::getpid as *const ())),
    ] {
        let symbol = elf.symbols(&[name], SymbolTables::Dynamic)[0].unwrap();
        assert_eq!(bias + symbol.vaddr, address, "{name}");
        assert_eq!(symbol.kind, SymbolKind::Function);
        assert!(symbol.size > 0);
    }
    assert_eq!(elf.symbol("no_such_symbol"), None);
    assert_eq!(elf.symbol("mallo"), None);
    assert_eq!(
        elf.symbol("malloc").unwrap(),
        elf.symbols(&["x", "malloc"], SymbolTables::All)[1].unwrap()
    );
}

#[test]
fn all_names_of_an_address_are_given() {
    let libc = libc();
    let elf = Elf::parse(libc.bytes.as_slice()).unwrap();
    let mmap = elf.symbol("mmap").unwrap();
    let names = elf.names_at(mmap.vaddr);
    assert!(
        names.contains(&"mmap".to_owned()) && names.contains(&"mmap64".to_owned()),
        "{names:?}"
    );
    assert_eq!(elf.names_at(1), Vec::<String>::new());
}

#[test]
fn address_worlds_translate_back_and_forth() {
    let libc = libc();
    let elf = Elf::parse(libc.bytes.as_slice()).unwrap();
    for segment in elf.segments() {
        for vaddr in [segment.vaddr, segment.vaddr + segment.file_size - 1] {
            let offset = elf.file_offset(vaddr).unwrap();
            assert_eq!(elf.vaddr(offset), Some(vaddr));
        }
    }
    let span = elf.span().unwrap();
    assert_eq!(elf.file_offset(span.end), None);
    let text = elf.section(".text").unwrap();
    assert_eq!(elf.file_offset(text.vaddr), Some(text.file_offset));
    let at = usize::try_from(text.file_offset).unwrap();
    assert_eq!(elf.bytes_at(text.vaddr, 8).unwrap(), &libc.bytes[at..at + 8]);
    for segment in elf.segments() {
        let last = segment.vaddr + segment.file_size - 1;
        assert_eq!(elf.bytes_at(last, 1).unwrap().len(), 1);
        assert_eq!(elf.bytes_at(last, 2), None);
        assert_eq!(elf.bytes_at(last, u64::MAX), None);
    }
    assert_eq!(elf.section_bytes(".bss"), None);
    assert_eq!(elf.section_bytes(".shstrtab").unwrap()[0], 0);
}

#[test]
fn the_unwind_index_agrees_with_symbol_sizes() {
    let libc = libc();
    let elf = Elf::parse(libc.bytes.as_slice()).unwrap();
    for name in ["malloc", "free", "qsort", "fopen", "getaddrinfo"] {
        let symbol = elf.symbol(name).unwrap();
        let expected = Some(symbol.vaddr..symbol.vaddr + symbol.size);
        assert_eq!(elf.function_range(symbol.vaddr), expected, "{name}");
        assert_eq!(elf.function_range(symbol.vaddr + symbol.size - 1), expected, "{name}");
    }
    assert_eq!(elf.function_range(0), None);
    assert_eq!(elf.function_range(u64::MAX), None);
}

#[test]
fn a_library_is_not_static_and_has_an_identifier() {
    let libc = libc();
    let elf = Elf::parse(libc.bytes.as_slice()).unwrap();
    assert!(!elf.is_static());
    assert!(elf.build_id().is_some_and(|id| id.len() == 20));
}

#[test]
fn imports_have_slots_in_writable_segments() {
    let bytes = std::fs::read("/proc/self/exe").unwrap();
    let elf = Elf::parse(bytes.as_slice()).unwrap();
    let slots = elf.slots(&["no_such_import", "malloc"]);
    assert!(!slots.is_empty());
    for slot in slots {
        assert_eq!(slot.name, 1);
        let segment = elf.segments().iter().find(|segment| segment.holds(slot.vaddr)).unwrap();
        assert!(segment.writable);
    }
}

#[test]
fn without_section_headers_the_loaders_table_is_used() {
    let mut bytes = libc().bytes;
    let whole = Elf::parse(bytes.as_slice()).unwrap().symbol("malloc");
    bytes[0x28..0x30].fill(0); // e_shoff
    bytes[0x3c..0x40].fill(0); // e_shnum, e_shstrndx
    let elf = Elf::parse(bytes.as_slice()).unwrap();
    assert!(elf.section(".text").is_none());
    assert_eq!(elf.symbol("malloc"), whole);
}

#[test]
fn other_files_are_refused_with_the_reason() {
    let refusal = |bytes: &[u8]| Elf::parse(bytes).unwrap_err().to_string();
    assert_eq!(refusal(b""), "not an ELF file");
    assert_eq!(refusal(b"#!/bin/sh and more text"), "not an ELF file");
    let mut bytes = libc().bytes;
    bytes.truncate(64);
    assert_eq!(refusal(&bytes), "damaged ELF file: program headers");
    bytes[18] = 183; // aarch64
    assert_eq!(refusal(&bytes), "an ELF file of another kind: only 64-bit x86 is supported");
}

#[test]
fn build_identifiers_are_found_behind_other_notes() {
    let note = |kind: u32, name: &[u8], id: &[u8]| {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
        [&length(name), &length(id), &kind.to_le_bytes(), name, id].concat()
    };
    let other = note(1, b"GNU\0", &[9; 16]);
    let id = note(3, b"GNU\0", &[7; 20]);
    assert_eq!(build_id_in(&[other.clone(), id.clone()].concat()), Some(vec![7; 20]));
    assert_eq!(build_id_in(&other), None);
    assert_eq!(build_id_in(&id[..id.len() - 1]), None);
    assert_eq!(build_id_in(&note(3, b"XXX\0", &[7; 20])), None);
}

/// Asks everything that can be asked.
fn interrogate(bytes: &[u8]) {
    let Ok(elf) = Elf::parse(bytes) else { return };
    let _ = (elf.is_static(), elf.build_id(), elf.span());
    let _ = elf.symbols(&["malloc", "_PyRuntime"], SymbolTables::All);
    let _ = elf.slots(&["malloc", "free"]);
    let _ = elf.names_at(0x1000);
    let length = u64::try_from(bytes.len()).unwrap();
    for at in [0, 1, 0x1000, 0x9_8930, length, u64::MAX] {
        let _ = (elf.function_range(at), elf.file_offset(at), elf.vaddr(at), elf.bytes_at(at, 16));
        let _ = (elf.bias(at, at), elf.bias(u64::MAX, at));
    }
    let _ = (elf.section_bytes(".text"), elf.section_bytes(".eh_frame"));
}

/// Where the file's own tables lie, as far as they steer parsing.
fn steering(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let elf = Elf::parse(bytes).unwrap();
    let mut ranges = vec![0..64, 64..64 + 56 * 14, bytes.len() - 4096..bytes.len()];
    for name in
        [".dynamic", ".dynsym", ".eh_frame_hdr", ".eh_frame", ".rela.dyn", ".note.gnu.build-id"]
    {
        let section = elf.section(name).unwrap();
        let start = usize::try_from(section.file_offset).unwrap();
        ranges.push(start..start + usize::try_from(section.size.min(4096)).unwrap());
    }
    ranges
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_file_never_panics(
        damage in proptest::collection::vec((0..9_usize, any::<u16>(), any::<[u8; 8]>(), 1..8_usize), 1..12),
        cut in proptest::option::of(any::<u32>()),
    ) {
        let mut bytes = libc().bytes;
        let ranges = steering(&bytes);
        for (range, at, values, count) in damage {
            let range = &ranges[range % ranges.len()];
            let at = range.start + usize::from(at) % range.len();
            let end = (at + count).min(bytes.len());
            bytes[at..end].copy_from_slice(&values[..end - at]);
        }
        if let Some(cut) = cut {
            let length = usize::try_from(cut).unwrap() % bytes.len();
            bytes.truncate(length);
        }
        interrogate(&bytes);
    }

    #[test]
    fn arbitrary_bytes_behind_a_good_header_never_panic(mut tail: Vec<u8>, ident: bool) {
        let mut bytes = libc().bytes[..if ident { 64 } else { 20 }].to_vec();
        bytes.append(&mut tail);
        interrogate(&bytes);
    }
}
