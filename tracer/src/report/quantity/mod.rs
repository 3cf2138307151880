//! Numbers as people read them: sizes, counts, shares, times, rates and dates of all reports.

mod bytes;
mod count;
pub mod date;
pub mod rate;
mod share;
mod time;

pub use bytes::{amount, block_size, bytes, change, span};
pub use count::{count, count_change, counted, ratio, signed, whole};
pub use share::{percent, probability, rough_percent, share_in_words, share_of};
pub use time::{about_hours, brief, duration, hours, rough_duration, typed};
