//! Memory that the target shares with those that it was forked from, and how much of it became its
//! own since: a worker of a preforking server copies what it writes to, and a reference count is
//! written to by whoever looks at the object.

use std::time::Duration;

use crate::model::Note;
use crate::os::sharing::{self, Sharing};

/// How far readings are apart at least.
const BETWEEN: Duration = Duration::from_secs(60);
/// Readings take no more than one part in so many of the time.
const SHARE: u32 = 1000;
/// The last reading may take ten times that.
const LAST_SHARE: u32 = SHARE / 10;
/// Less than this is not worth a word, bytes.
const LEAST: u64 = 8 << 20;
/// Nor is less than one part in so many of what was shared.
const LEAST_SHARE: u64 = 20;

/// What was read of it.
#[derive(Debug, Default)]
pub struct SharedPages {
    first: Option<Sharing>,
    last: Option<Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Duration,
    took: Duration,
    sharing: Sharing,
    /// Live bytes that were allocated since the first one.
    allocated: u64,
}

impl SharedPages {
    /// Reads it again if that is due at `now`, when `live_bytes` are live; `last` if the recording
    /// ends. A process that can no longer be read stays as it was.
    pub fn refresh(&mut self, pid: u32, now: Duration, live_bytes: u64, last: bool) {
        if self.is_due(now, last)
            && let Ok((sharing, took)) = sharing::read(pid)
        {
            self.first.get_or_insert(sharing);
            self.last = Some(Reading { at: now, took, sharing, allocated: live_bytes });
        }
    }

    fn is_due(&self, now: Duration, ends: bool) -> bool {
        self.last.is_none_or(|Reading { at, took, .. }| {
            let since = now.saturating_sub(at);
            match ends {
                true => since >= took.saturating_mul(LAST_SHARE),
                false => since >= BETWEEN.max(took.saturating_mul(SHARE)),
            }
        })
    }

    /// What is to be said of it.
    pub fn note(&self) -> Option<Note> {
        let (first, last) = self.first.as_ref().zip(self.last.as_ref())?;
        let bytes = last.sharing.unshared_since(first, last.allocated);
        let shared_bytes = last.sharing.shared_dirty;
        (bytes >= LEAST.max(first.shared_dirty / LEAST_SHARE))
            .then_some(Note::PagesUnshared { bytes, shared_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_rare_and_cost_little() {
        let seconds = Duration::from_secs;
        let mut pages = SharedPages::default();
        assert!(pages.is_due(seconds(0), false));
        let reading = |milliseconds| {
            let took = Duration::from_millis(milliseconds);
            Some(Reading { at: seconds(0), took, sharing: Sharing::default(), allocated: 0 })
        };
        pages.last = reading(1);
        assert_eq!([59, 60].map(|now| pages.is_due(seconds(now), false)), [false, true]);
        assert!(pages.is_due(seconds(1), true));
        pages.last = reading(2000);
        assert_eq!([1999, 2000].map(|now| pages.is_due(seconds(now), false)), [false, true]);
        assert_eq!([199, 200].map(|now| pages.is_due(seconds(now), true)), [false, true]);
    }

    #[test]
    fn a_little_is_not_worth_a_word() {
        let said = |shared: u64, unshared: u64| {
            let sharing = |private: u64, shared: u64| Sharing {
                private_dirty: private << 20,
                shared_dirty: shared << 20,
                anonymous: (private + shared) << 20,
                minor_faults: private << 8,
            };
            let last = sharing(unshared, shared - unshared);
            let (at, took) = (Duration::ZERO, Duration::ZERO);
            let last = Some(Reading { at, took, sharing: last, allocated: 0 });
            SharedPages { first: Some(sharing(0, shared)), last }.note()
        };
        let note = Note::PagesUnshared { bytes: 90 << 20, shared_bytes: 10 << 20 };
        assert_eq!(said(100, 90), Some(note));
        assert_eq!((said(100, 7), said(1000, 40)), (None, None));
    }
}
