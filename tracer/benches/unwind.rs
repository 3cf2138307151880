//! Unwinding and merging one site's stack: what the first hit of a site costs user space.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use leakspy::symbolize::merge::{Input, merge};
use leakspy::symbolize::{Activations, CodeRanges, StackCopy, Unwinder};
use leakspy_ebpf::walk::Word;
use support::own::{Own, capture};
use support::{images, load};

#[inline(never)]
fn recurse(depth: u32) -> Own {
    if depth == 0 { capture() } else { black_box(recurse(black_box(depth - 1))) }
}

fn unwind(criterion: &mut Criterion) {
    let own = recurse(40);
    let maps = fs::read_to_string("/proc/self/maps").expect("proc is mounted");
    let stack = StackCopy { start: own.registers.sp, bytes: &own.bytes };

    let (mut unwinder, _, _) = load(&maps);
    let frames = unwinder.unwind(own.registers, &stack).frames.len();
    criterion.bench_function(&format!("unwind {frames} frames again"), |bencher| {
        bencher.iter(|| unwinder.unwind(black_box(own.registers), &stack));
    });

    let images = images(&maps);
    criterion.bench_function(&format!("load modules and unwind {frames} frames"), |bencher| {
        bencher.iter(|| {
            let mut unwinder = Unwinder::new();
            for image in &images {
                unwinder.add(image.clone());
            }
            unwinder.unwind(black_box(own.registers), &stack)
        });
    });

    let native = unwinder.unwind(own.registers, &stack);
    let words: Vec<Word> = native
        .frames
        .iter()
        .step_by(4)
        .skip(1)
        .flat_map(|frame| [Word::python(8, 0, false), Word::entry(frame.sp)])
        .collect();
    let generations = vec![0; words.len()];
    let code = CodeRanges::default();
    criterion.bench_function(&format!("merge with {} words", words.len()), |bencher| {
        bencher.iter(|| {
            merge(black_box(&Input {
                native: &native,
                words: &words,
                generations: &generations,
                complete: true,
                by: Activations::ByEntry,
                cframe: 0,
                stack,
                code: &code,
            }))
        });
    });
}

criterion_group!(benches, unwind);
criterion_main!(benches);
