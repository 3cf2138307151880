//! A recording as a sequence of events, and the document that comes of them.
//!
//! Whoever records tells a [`Sink`] what happens. The file is one (`store`), [`InMemory`] is
//! another: both store the same, thin out the same, and lead to the same document. Pure: no clock,
//! no files.

mod document;
mod memory;
mod remarks;
mod row;
mod shared;
mod sink;
mod thin;

pub use document::{Contradiction, Places, Series, Sites, in_order, memory_point};
pub use memory::InMemory;
pub use remarks::Remarks;
pub use row::{Count, SiteRetained, SiteRow, SiteTotals, SnapshotRow, Tick};
pub use shared::SharedHistory;
pub use sink::{RecordingEvent, Sink, Tee};
pub use thin::{Bounds, Thinned, Thinning};

/// Longest text that is kept, in bytes; what is longer loses its end. Far above any name that a
/// person gave.
const MAX_TEXT: usize = 16 * 1024;

/// `text`, or its start when it is too long to keep.
pub fn bounded(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A number that can be stored: nothing stands for one that is none.
pub fn finite(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}
