//! From the rows of a recording, in their order, to the sites of a document and what they did over
//! time. Rows may come from a file that nobody trusts: what contradicts itself is refused.

mod series;
mod sites;

pub use series::Series;
pub use sites::{Places, Sites};

use crate::model::{MemoryPoint, ProcessPoint};

/// Rows that cannot all be true.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Contradiction(pub String);

impl Contradiction {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// The memory of the process as documents have it, where it could be read.
pub fn memory_point(point: &ProcessPoint) -> Option<MemoryPoint> {
    let (rss_bytes, rss_anon_bytes) = (point.rss_bytes?, point.rss_anon_bytes?);
    Some(MemoryPoint {
        t: point.t,
        rss_bytes,
        rss_anon_bytes,
        swap_bytes: point.swap_bytes,
        live_bytes: point.live_bytes,
    })
}

/// Times must be numbers, and in their order.
///
/// # Errors
/// They are not.
pub fn in_order(times: impl IntoIterator<Item = f64>, what: &str) -> Result<(), Contradiction> {
    let mut last = 0.0;
    for t in times {
        if !(t.is_finite() && t >= last) {
            return Err(Contradiction::new(format!("its {what} are not in the order of time")));
        }
        last = t;
    }
    Ok(())
}
