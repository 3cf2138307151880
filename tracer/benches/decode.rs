//! Hot pure parts of a recording: decoding a stack record, and finding the line of an instruction.
//!
//! `cargo bench --package leakspy --bench decode`

use std::hint::black_box;
use std::mem::offset_of;

use criterion::{Criterion, criterion_group, criterion_main};
use leakspy::probe;
use leakspy::python::LineTable;
use leakspy::python::layout::LineEncoding;
use leakspy_ebpf::walk::Word;
use leakspy_ebpf::wire::key::Function;
use leakspy_ebpf::wire::record::{KIND_SITE, StackRecord};

/// A record as a web server sends it: 34 Python frames and 6 KiB of stack.
fn record() -> Vec<u8> {
    let used: u32 = 6 * 1024;
    let length = offset_of!(StackRecord, bytes) + 6 * 1024;
    let mut bytes = vec![0; length];
    let mut half = |offset: usize, value: u32| {
        bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    };
    half(0, KIND_SITE.into());
    half(4, u32::try_from(length).expect("a few KiB"));
    half(offset_of!(StackRecord, function), Function::Malloc as u32);
    half(offset_of!(StackRecord, word_count), 34);
    half(offset_of!(StackRecord, byte_count), used);
    for (index, chunk) in
        bytes[offset_of!(StackRecord, words)..].chunks_exact_mut(8).take(34).enumerate()
    {
        let code = 0x7f00_0000_0000 + 512 * u64::try_from(index).expect("small");
        chunk.copy_from_slice(&Word::python(code, 40, false).0.to_le_bytes());
    }
    bytes
}

/// A location table of 3.11 with 400 entries of two code units, one line each.
fn table() -> LineTable {
    let entry = [0x80 | (11 << 3) | 1, 0, 4];
    LineTable::new(LineEncoding::Locations, 1, entry.repeat(400))
}

fn benches(criterion: &mut Criterion) {
    let bytes = record();
    assert!(probe::decode(&bytes).is_some());
    criterion.bench_function("decode a stack record", |bencher| {
        bencher.iter(|| probe::decode(black_box(&bytes)));
    });
    let lines = table();
    assert_eq!(lines.line(700), Some(352));
    criterion.bench_function("find a line behind 350 entries", |bencher| {
        bencher.iter(|| lines.line(black_box(700)));
    });
}

criterion_group!(group, benches);
criterion_main!(group);
