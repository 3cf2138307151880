//! What would look the same as a suspected leak, and is none.

use crate::model::{Advice, Confidence, Leak, LeakKind, Reason, Verdict};

/// The clause, without a full stop; nothing of what is sure, and where nothing else would look so.
pub fn of(leak: &Leak) -> Option<&'static str> {
    let is_doubted = leak.verdict == Verdict::Leak && leak.confidence == Confidence::Suspect;
    if !is_doubted || leak.advice == Advice::HeldByExtension {
        return None;
    }
    let is_unlimited = leak.bound.as_ref().is_some_and(|bound| bound.limit.is_none());
    let cache = leak.grounds.contains(&Reason::CacheMayBeFilling);
    match (leak.known_kind, leak.kind) {
        (Some(kind), _) => kind.unless,
        _ if !cache => None,
        _ if is_unlimited => Some(
            "what it keeps is wanted again soon: then it stops growing, though it has no limit",
        ),
        (None, LeakKind::Blocks | LeakKind::Mapping) => {
            Some("that code fills a cache of its own, which would look the same so far")
        }
        (None, _) => Some("it is a cache that is still filling: that looks the same so far"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KnownKind;
    use crate::report::leaks::samples;

    /// A kind has a sentence of its own or none, and what is sure none.
    #[test]
    fn no_cache_is_blamed_where_there_can_be_none() {
        let mut leak = samples::leaks::plain("app.Job", Confidence::Suspect);
        assert!(of(&leak).is_some_and(|text| text.contains("that code fills a cache")));
        leak.kind = LeakKind::Objects;
        assert!(of(&leak).is_some_and(|text| text.starts_with("it is a cache")));
        for unless in [None, Some("these sessions are still open")] {
            leak.known_kind = Some(KnownKind { code: "k", says: "k", so: "k", unless });
            assert_eq!(of(&leak), unless);
        }
        leak.confidence = Confidence::Likely;
        assert_eq!(of(&leak), None);
    }
}
