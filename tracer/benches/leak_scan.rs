//! The search for pointers: how fast memory is looked through.
//!
//! `cargo bench --package leakspy --bench leak_scan`; at 1 GiB/s, 64 MiB take 62 ms.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use leakspy::leak_scan::{Blocks, LeakScan, PointerAlignment, SearchedBlock};
use leakspy::model::Address;

const BYTES: usize = 64 << 20;
const HEAP: u64 = 0x5555_5555_0000;
/// Where the blocks lie, in the address space of the heap and behind it.
const SPAN: u64 = 256 << 20;

/// `count` blocks of 100 bytes, spread evenly.
fn blocks(count: u64) -> Blocks {
    let apart = (SPAN / count) & !15;
    let block = |number: u64| {
        let start = Address(HEAP + number * apart);
        SearchedBlock { start, size: 100, site: number % 100, born_ns: number }
    };
    Blocks::new((0..count).map(block).collect())
}

/// Memory as that of a Python process: of ten words four are zero, two small numbers, one text or a
/// float, three pointers into the heap.
fn memory() -> Vec<u8> {
    let mut state = 1_u64;
    let mut random = || {
        // Knuth's MMIX generator; the upper bits are good enough for a mixture.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 16
    };
    let mut word = || match random() % 10 {
        0..=3 => 0,
        4 | 5 => random() % 100_000,
        6 => random() << 16,
        _ => HEAP + random() % (2 * SPAN),
    };
    (0..BYTES / 8).flat_map(|_| word().to_le_bytes()).collect()
}

fn benches(criterion: &mut Criterion) {
    let memory = memory();
    let mut group = criterion.benchmark_group("look through 64 MiB for");
    group.sample_size(10);
    for count in [2_000, 100_000, 1_000_000] {
        let blocks = blocks(count);
        // Outside of all blocks, and as the memory of the blocks themselves.
        for (place, at) in [("roots", 0x7f00_0000_0000), ("heap", HEAP)] {
            group.bench_function(format!("{count} blocks, {place}"), |bencher| {
                bencher.iter_batched(
                    || LeakScan::new(blocks.clone()),
                    |mut search| {
                        search.scan(Address(at), black_box(&memory), PointerAlignment::Aligned);
                        search
                    },
                    criterion::BatchSize::LargeInput,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(group, benches);
criterion_main!(group);
