//! Atomic words. `core::sync::atomic` offers only loads and stores for this target, although the
//! machine has more; these are the intrinsics beneath it.

use core::intrinsics::{AtomicOrdering, atomic_cxchg, atomic_xadd};

/// Adds to a word that other programs add to as well.
#[inline(always)]
pub fn add(word: &mut u64, amount: u64) {
    // SAFETY: an aligned word behind a live reference. The result is unused, so this becomes the
    // plain atomic addition that kernels before 5.12 have, too.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(word, amount) };
}

/// The same for half a word.
#[inline(always)]
pub fn add_half(word: &mut u32, amount: u32) {
    // SAFETY: as above.
    unsafe { atomic_xadd::<u32, u32, { AtomicOrdering::Relaxed }>(word, amount) };
}

/// Takes away from a word.
#[inline(always)]
pub fn subtract(word: &mut u64, amount: u64) {
    add(word, amount.wrapping_neg());
}

/// Half a word now.
#[inline(always)]
pub fn load_half(word: &u32) -> u32 {
    // SAFETY: as in [`load`].
    unsafe { core::ptr::read_volatile(word) }
}

/// Sets half a word.
#[inline(always)]
pub fn store_half(word: &mut u32, value: u32) {
    // SAFETY: as in [`store`].
    unsafe { core::ptr::write_volatile(word, value) };
}

/// Turns 0 into 1; true when it did.
#[inline(always)]
pub fn claim(word: &mut u64) -> bool {
    const ORDER: AtomicOrdering = AtomicOrdering::SeqCst;
    // SAFETY: as above.
    let (_, claimed) = unsafe { atomic_cxchg::<u64, ORDER, ORDER>(word, 0, 1) };
    claimed
}

/// The word now. An aligned load is one instruction, and this target has no other.
#[inline(always)]
pub fn load(word: &u64) -> u64 {
    // SAFETY: an aligned word behind a live reference.
    unsafe { core::ptr::read_volatile(word) }
}

/// Sets the word. An aligned store is one instruction; the machine it is compiled to (x86-64) keeps
/// stores in order.
#[inline(always)]
pub fn store(word: &mut u64, value: u64) {
    // SAFETY: as above.
    unsafe { core::ptr::write_volatile(word, value) };
}
