//! The unwinder on stacks of this process, against glibc's `backtrace`.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::fs;
use std::hint::black_box;
use std::sync::{Arc, Mutex};

use leakspy::symbolize::fragment::ranges_of_function;
use leakspy::symbolize::stack::MAX_FRAMES;
use leakspy::symbolize::{
    CodeFile, ImageBytes, ModuleImage, NativeFrame, NativeStack, Registers, StackCopy, Unwinder,
    WalkEnd,
};
use object::{Object, ObjectSection};
use proptest::prelude::*;
use support::own::{Own, capture};
use support::{images, load};

fn unwind(own: &Own, limit: usize) -> NativeStack {
    let (mut unwinder, _, _) = load(&fs::read_to_string("/proc/self/maps").unwrap());
    let bytes = &own.bytes[..own.bytes.len().min(limit)];
    unwinder.unwind(own.registers, &StackCopy { start: own.registers.sp, bytes })
}

/// Everything further out than the function that took both.
fn assert_same(native: &NativeStack, own: &Own) {
    let found: Vec<u64> = native.frames[2..].iter().map(|frame| frame.address).collect();
    let truth = &own.truth[1..];
    assert_eq!(found.len(), truth.len(), "{found:x?} {truth:x?}");
    for (found, truth) in found.iter().zip(truth) {
        // Of an interrupted function both say the instruction, of a caller glibc says the next one.
        assert!(found + 1 == *truth || found == truth, "{found:#x} {truth:#x}");
    }
}

#[inline(never)]
fn recurse(depth: u32) -> Own {
    if depth == 0 { capture() } else { black_box(recurse(black_box(depth - 1))) }
}

#[test]
fn a_thread_to_its_root() {
    let own = recurse(40);
    let native = unwind(&own, usize::MAX);
    assert_same(&native, &own);
    assert_eq!(native.end, WalkEnd::Root);
    assert!(native.frames.len() > 42);
}

#[test]
fn frames_lie_next_to_one_another() {
    let native = unwind(&recurse(5), usize::MAX);
    for pair in native.frames.windows(2) {
        assert_eq!(pair[0].cfa, Some(pair[1].sp));
    }
}

#[test]
fn a_cut_copy_ends_where_it_is_cut() {
    let own = recurse(40);
    let whole = unwind(&own, usize::MAX);
    let cut = unwind(&own, 1024);
    assert_eq!(cut.end, WalkEnd::CopyEnd);
    let last = cut.frames.len() - 1;
    assert_eq!(cut.frames[..last], whole.frames[..last]);
    // How far the last frame reaches follows from the tables, without its bytes.
    assert_eq!(cut.frames[last].cfa, whole.frames[last].cfa);
}

static REALIGNED: Mutex<Option<Own>> = Mutex::new(None);

extern "C" fn capture_realigned() {
    *REALIGNED.lock().unwrap() = Some(capture());
}

// What GCC emits for functions with over-aligned locals (vector code): the frame is found by an
// expression that reads memory.
std::arch::global_asm!(
    ".globl leakspy_test_realigned",
    ".type leakspy_test_realigned, @function",
    "leakspy_test_realigned:",
    ".cfi_startproc",
    "lea r10, [rsp + 8]",
    ".cfi_def_cfa r10, 0",
    "and rsp, -64",
    "push qword ptr [r10 - 8]",
    "push rbp",
    "mov rbp, rsp",
    ".cfi_escape 0x10, 6, 2, 0x76, 0", // rbp is saved at rbp + 0
    "push r10",
    ".cfi_escape 0x0f, 3, 0x76, 0x78, 6", // CFA is the word at rbp - 8
    "sub rsp, 8",
    "call {callback}",
    "add rsp, 8",
    "pop r10",
    "pop rbp",
    ".cfi_def_cfa r10, 0",
    "lea rsp, [r10 - 8]",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size leakspy_test_realigned, . - leakspy_test_realigned",
    callback = sym capture_realigned,
);

unsafe extern "C" {
    fn leakspy_test_realigned();
}

#[test]
fn through_a_realigned_stack() {
    // SAFETY: the function above keeps the C calling convention.
    unsafe { leakspy_test_realigned() };
    let own = REALIGNED.lock().unwrap().take().expect("the callback ran");
    let native = unwind(&own, usize::MAX);
    assert_same(&native, &own);
    assert_eq!(native.end, WalkEnd::Root);
}

static WITHOUT_TABLES: Mutex<Vec<Own>> = Mutex::new(Vec::new());

extern "C" fn capture_without_tables() {
    WITHOUT_TABLES.lock().unwrap().push(capture());
}

// Code without unwind information: once with a frame pointer, once with rbp used for something
// else.
std::arch::global_asm!(
    ".globl leakspy_test_frame_pointer",
    "leakspy_test_frame_pointer:",
    "push rbp",
    "mov rbp, rsp",
    "call {callback}",
    "pop rbp",
    "ret",
    ".globl leakspy_test_no_frame_pointer",
    "leakspy_test_no_frame_pointer:",
    "push rbp",
    "mov ebp, 1",
    "call {callback}",
    "pop rbp",
    "ret",
    callback = sym capture_without_tables,
);

unsafe extern "C" {
    fn leakspy_test_frame_pointer();
    fn leakspy_test_no_frame_pointer();
}

#[test]
fn frame_pointers_where_there_are_no_tables() {
    // SAFETY: both functions keep the C calling convention.
    unsafe {
        leakspy_test_frame_pointer();
        leakspy_test_no_frame_pointer();
    }
    let here = unwind(&capture(), usize::MAX);
    let captured = std::mem::take(&mut *WITHOUT_TABLES.lock().unwrap());
    let addresses =
        |frames: &[NativeFrame]| -> Vec<u64> { frames.iter().map(|frame| frame.address).collect() };

    let native = unwind(&captured[0], usize::MAX);
    let by_pointer = native.frames.iter().position(|frame| frame.by_frame_pointer).unwrap();
    assert_eq!(native.end, WalkEnd::Root);
    // Its caller is this function; from there on it is the same stack.
    assert_eq!(addresses(&native.frames[by_pointer + 2..]), addresses(&here.frames[3..]));

    let native = unwind(&captured[1], usize::MAX);
    assert!(matches!(native.end, WalkEnd::NoUnwindInfo { .. }), "{:?}", native.end);
    assert_eq!(native.frames.len(), by_pointer + 1);
}

#[test]
fn files_without_a_search_table() {
    let own = recurse(10);
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut unwinder = Unwinder::new();
    for mut image in images(&maps) {
        image.code = code(without_search_table((**image.code.bytes()).as_ref().to_vec()));
        unwinder.add(image);
    }
    let stack = StackCopy { start: own.registers.sp, bytes: &own.bytes };
    let native = unwinder.unwind(own.registers, &stack);
    assert_same(&native, &own);
    assert_eq!(native.end, WalkEnd::Root);
}

/// Renames the program header that points to `.eh_frame_hdr`.
fn without_search_table(mut file: Vec<u8>) -> Vec<u8> {
    const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
    let headers = usize::try_from(u64::from_le_bytes(file[32..40].try_into().unwrap())).unwrap();
    let count = usize::from(u16::from_le_bytes(file[56..58].try_into().unwrap()));
    for header in (0..count).map(|index| headers + 56 * index) {
        if file[header..header + 4] == PT_GNU_EH_FRAME.to_le_bytes() {
            file[header..header + 4].fill(0);
        }
    }
    file
}

#[test]
fn a_module_in_the_place_of_another() {
    let own = recurse(3);
    let (mut unwinder, _, modules) = load(&fs::read_to_string("/proc/self/maps").unwrap());
    let stack = StackCopy { start: own.registers.sp, bytes: &own.bytes };
    let before = unwinder.unwind(own.registers, &stack);
    let program = before.frames[1].place.unwrap().module;
    let (_, image) = modules.iter().find(|(id, _)| *id == program).unwrap();

    // A file without tables lies there now: rules of the old one must not be used.
    let empty = ModuleImage { code: code(Vec::new()), ..image.clone() };
    let id = unwinder.add(empty);
    assert_ne!(id, program);
    let after = unwinder.unwind(own.registers, &stack);
    assert_eq!(after.end, WalkEnd::ImplausibleReturn { module: image.path.clone() });

    let id = unwinder.add(image.clone());
    let again = unwinder.unwind(own.registers, &stack);
    assert_eq!(again.end, WalkEnd::Root);
    assert_eq!(again.frames[1].place.unwrap().module, id);

    unwinder.remove(&(0..u64::MAX));
    let gone = unwinder.unwind(own.registers, &stack);
    assert!(matches!(gone.end, WalkEnd::UnknownCode { .. }), "{:?}", gone.end);
}

/// A file of these bytes.
fn code(bytes: Vec<u8>) -> Arc<CodeFile> {
    let bytes: ImageBytes = Arc::new(bytes);
    CodeFile::new(&bytes)
}

/// Return addresses of direct calls in the C library.
fn returns(image: &ModuleImage) -> Vec<u64> {
    let bytes: &[u8] = (**image.code.bytes()).as_ref();
    let executable = &image.executable[0];
    let length = usize::try_from(executable.end - executable.start).unwrap();
    // The file is mapped so that addresses and offsets differ by whole pages; a few more or less
    // "calls" do not matter here.
    let offset = usize::try_from(image.svma(executable.start)).unwrap();
    let code = &bytes[offset..(offset + length).min(bytes.len())];
    let calls = code.windows(5).enumerate().filter(|(_, window)| window[0] == 0xe8);
    calls.map(|(at, _)| executable.start + u64::try_from(at).unwrap() + 5).step_by(7).collect()
}

/// Where the unwind tables lie in a file.
fn tables(bytes: &[u8]) -> std::ops::Range<usize> {
    let file = object::File::parse(bytes).unwrap();
    let range = |name| file.section_by_name(name).unwrap().file_range().unwrap();
    let ((header, _), (start, length)) = (range(".eh_frame_hdr"), range(".eh_frame"));
    usize::try_from(header.min(start)).unwrap()..usize::try_from(start + length).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Stacks of nonsense over tables of nonsense end, without panic.
    #[test]
    fn hostile_tables_and_stacks(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4000),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u64>()), 64),
        bp in any::<prop::sample::Index>(),
    ) {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut image =
            images(&maps).into_iter().find(|image| image.path.contains("/libc")).unwrap();
        let returns = returns(&image);
        let mut bytes = (**image.code.bytes()).as_ref().to_vec();
        let tables = tables(&bytes);
        for (index, byte) in damage {
            bytes[tables.start + index.index(tables.len())] = byte;
        }
        image.code = code(bytes);
        let mut unwinder = Unwinder::new();
        unwinder.add(image);

        let start = 0x7ffd_0000;
        let words: Vec<u64> = picks.iter().map(|(index, kind, value)| match kind {
            0 | 1 => *index.get(&returns),
            2 => start + 8 * (value % 64),
            _ => *value,
        }).collect();
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let stack = StackCopy { start, bytes: &bytes };
        for first in (start..start + 512).step_by(8) {
            let bp = start + 8 * u64::try_from(bp.index(64)).unwrap();
            let native = unwinder.unwind(Registers { ip: words[0], sp: first, bp }, &stack);
            prop_assert!(native.frames.len() <= 64);
        }
    }

    /// Files of nonsense have no modules in them, and do no harm.
    #[test]
    fn hostile_files(
        mut bytes in prop::collection::vec(any::<u8>(), 0..4096),
        magic in any::<bool>(),
        address in 0..0x2000_u64,
    ) {
        if magic && bytes.len() > 64 {
            bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
            bytes[18..20].copy_from_slice(&[62, 0]);
            bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
            bytes[54..58].copy_from_slice(&[56, 0, 4, 0]);
        }
        let image = ModuleImage {
            path: "nonsense".into(),
            open: "/nonexistent".into(),
            bias: 0,
            executable: std::iter::once(0..0x1000).collect(),
            code: code(bytes),
        };
        let ranges = ranges_of_function(&image.code, 0..0x1000);
        prop_assert_eq!(&ranges[0], &(0..0x1000));
        let mut unwinder = Unwinder::new();
        unwinder.add(image);
        let words: Vec<u8> = (0..64).flat_map(|word| (address + word).to_le_bytes()).collect();
        let stack = StackCopy { start: 0x8000, bytes: &words };
        let native = unwinder.unwind(Registers { ip: 0, sp: 0x8000, bp: 0x8010 }, &stack);
        prop_assert!(native.frames.len() <= 64);
    }
}

static IN_HANDLER: Mutex<Option<Own>> = Mutex::new(None);

extern "C" fn handler(_signal: libc::c_int) {
    *IN_HANDLER.lock().unwrap() = Some(capture());
}

#[test]
fn through_a_signal_handler() {
    // SAFETY: the handler allocates and locks, which is sound here because the signal is raised by
    // this thread itself at a known point, outside of any allocator or lock.
    unsafe {
        libc::signal(libc::SIGUSR2, handler as *const () as libc::sighandler_t);
        libc::raise(libc::SIGUSR2);
    }
    let own = IN_HANDLER.lock().unwrap().take().expect("the handler ran");
    let native = unwind(&own, usize::MAX);
    assert_same(&native, &own);
    assert_eq!(native.end, WalkEnd::Root);
}

#[test]
fn deeper_than_the_limit() {
    let limit = u32::try_from(MAX_FRAMES).unwrap();
    let native = unwind(&recurse(limit + 100), usize::MAX);
    assert_eq!(native.end, WalkEnd::DepthLimit);
    assert_eq!(native.frames.len(), MAX_FRAMES);
}

#[test]
fn a_return_address_behind_no_call_is_refused() {
    let mut own = recurse(3);
    // One byte off: executable memory of a known file, but no call ends there.
    let off = u64::from_le_bytes(own.bytes[..8].try_into().unwrap()) - 1;
    own.bytes[..8].copy_from_slice(&off.to_le_bytes());
    let native = unwind(&own, usize::MAX);
    assert!(matches!(native.end, WalkEnd::ImplausibleReturn { .. }), "{:?}", native.end);
    assert_eq!(native.frames.len(), 1);
}

#[test]
fn nonsense_is_refused() {
    let own = recurse(3);
    for word in [0, 1, 0x1000, u64::MAX, own.registers.sp] {
        let bytes = word.to_le_bytes();
        let (mut unwinder, _, _) = load(&fs::read_to_string("/proc/self/maps").unwrap());
        let stack = StackCopy { start: own.registers.sp, bytes: &bytes };
        let native = unwinder.unwind(own.registers, &stack);
        assert_eq!(native.end, WalkEnd::UnknownCode { address: word });
        let registers = Registers { sp: u64::MAX - 3, ..own.registers };
        assert_eq!(unwinder.unwind(registers, &stack).end, WalkEnd::CopyEnd);
    }
}
