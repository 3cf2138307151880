//! What crosses between the kernel and user space: fixed widths, written-out padding, asserted
//! sizes.

pub mod counter;
pub mod key;
pub mod limit;
pub mod name;
pub mod record;
pub mod target;

/// Asserts that a wire struct has exactly the size that its fields add up to.
macro_rules! assert_size {
    ($type:ty, $size:expr) => {
        const _: () = assert!(core::mem::size_of::<$type>() == $size);
    };
}
pub(crate) use assert_size;
