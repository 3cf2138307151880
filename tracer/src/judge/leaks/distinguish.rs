//! What old objects of a leak have in common that new ones have not, and what follows from it.
//!
//! Any field may be told. Only one that says that an object is of no more use (`closed`, a descriptor of −1, a thread
//! that has ended: [`TerminalState`]) makes a suspect `likely`, and only where growth alone has made it a suspect:
//!
//! - nearly all old objects say so, and new ones do not, beyond chance;
//! - that was seen for minutes, so no sweep that comes now and then explains it;
//! - the container declares no limit, and nothing on the path is called or made as what retains on purpose
//!   (caches, pools, histories).

use crate::growth::is_significant;
use crate::model::{
    Confidence, Distinguishing, Document, FieldContrast, Leak, Reason, TerminalState, TypeGrowth,
    Verdict,
};

/// Fields that are told.
const TOLD: usize = 4;
/// So many old objects must say that they have ended: of 100, and at least.
const MOST: f64 = 0.95;
const FEW: u64 = 30;
/// Seconds for which that must have been seen: longer than what is swept now and then is left lying.
const LASTING: f64 = 180.0;
/// Objects of another type belong to those of the leak where about as many come.
const AS_MANY: std::ops::RangeInclusive<f64> = 0.5..=2.0;
/// Who retains on purpose is called so.
const ON_PURPOSE: [&str; 9] =
    ["cache", "pool", "history", "recent", "archive", "memo", "lru", "results", "OrderedDict"];

/// The leak with what tells its old objects from new ones.
pub fn distinguish(mut leak: Leak, document: &Document) -> Leak {
    let found = told(&leak, document);
    leak.distinguishing = found.iter().take(TOLD).map(|found| words(found, &leak)).collect();
    let ended = found.iter().find(|found| has_ended(found));
    if let Some(ended) = ended.filter(|_| may_be_raised(&leak)) {
        leak.confidence = Confidence::Likely;
        leak.grounds.retain(|reason| *reason != Reason::CacheMayBeFilling);
        let (field, [old, all]) = (words(ended, &leak).field, ended.old);
        leak.grounds
            .insert(0, Reason::EndedAndRetained { field, old, all, seconds: ended.seconds });
    }
    leak
}

/// What is worth a word: of the type that names the leak, and terminal states of types of which as many come;
/// terminal states first.
fn told<'a>(leak: &Leak, document: &'a Document) -> Vec<&'a FieldContrast> {
    let types = document.types.as_deref().unwrap_or_default();
    let of = |name: &str| types.iter().find(|found| found.name == name);
    let Some(leader) = of(&leak.name).filter(|found| leaks(found)) else { return Vec::new() };
    let comes_along = |found: &FieldContrast| {
        let other = of(&found.class).filter(|_| leak.evidence.types.contains(&found.class));
        other.is_some_and(|other| leaks(other) && AS_MANY.contains(&rate(other, leader)))
    };
    let is_own = |found: &FieldContrast| found.class == leak.name;
    let all = document.history.contrasts.iter().filter(|found| is_significant(found));
    let mut told: Vec<&FieldContrast> = all
        .filter(|found| is_own(found) || (state(found).is_some() && comes_along(found)))
        .collect();
    // They come by how much they differ.
    told.sort_by_key(|found| (state(found).is_none(), !is_own(found)));
    told
}

fn leaks(found: &TypeGrowth) -> bool {
    found.verdict == Verdict::Leak
}

/// Objects of one type that come for each of another.
fn rate(one: &TypeGrowth, other: &TypeGrowth) -> f64 {
    one.slope_objects_per_hour.est / other.slope_objects_per_hour.est
}

fn state(found: &FieldContrast) -> Option<&'static TerminalState> {
    TerminalState::of(&found.class, &found.field, &found.value)
}

/// Whether old objects are of no more use, and have been for a while.
#[allow(clippy::cast_precision_loss, reason = "a sample is small")]
fn has_ended(found: &FieldContrast) -> bool {
    let [old, all] = found.old;
    let nearly_all = all >= FEW && old as f64 >= MOST * all as f64;
    nearly_all && found.seconds >= LASTING && state(found).is_some_and(|state| state.is_useless)
}

/// Whether growth has made it a suspect, and nobody says that it is retained on purpose.
fn may_be_raised(leak: &Leak) -> bool {
    let is_bounded = leak.bound.as_ref().is_some_and(|bound| bound.limit.is_some());
    let is_on_purpose = leak.retained_by.as_ref().is_some_and(|by| {
        let says = |words: &String| {
            let words = words.to_lowercase();
            ON_PURPOSE.iter().any(|name| words.contains(&name.to_lowercase()))
        };
        by.path.iter().any(says)
    });
    leak.is_leak() && leak.confidence == Confidence::Suspect && !is_bounded && !is_on_purpose
}

/// `.closed is True`; of another type than the leak's with that in front.
fn words(found: &FieldContrast, leak: &Leak) -> Distinguishing {
    let class = match found.class == leak.name {
        true => "",
        false => found.class.rsplit('.').next().unwrap_or(&found.class),
    };
    Distinguishing {
        field: format!("{class}.{} is {}", found.field, found.value),
        old: found.old,
        young: found.young,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{grown, judged};
    use super::*;
    use crate::model::{DeclaredBound, GrownContainer};

    const KEPT: [&str; 3] = ["module app", ".KEPT: list (400 items)", "[33]: app.Session"];

    fn contrast(field: &str, value: &str) -> FieldContrast {
        FieldContrast {
            class: "app.Session".into(),
            field: field.into(),
            value: value.into(),
            old: [256, 256],
            young: [40, 90],
            compared: 12,
            snapshots: 9,
            seconds: 240.0,
        }
    }

    fn leak_in(contrasts: Vec<FieldContrast>, path: &[&str], limit: Option<u64>) -> Leak {
        let session = grown(1, "app.Session", [10, 400, 56], path);
        let mut document = judged(vec![session], Vec::new());
        document.history.contrasts = contrasts;
        let path = path[..2].iter().map(|step| ((*step).to_owned(), None)).collect();
        let bound = Some(DeclaredBound { kind: "app.Store.max_items".into(), limit, used: 400 });
        let lengths = vec![(0.0, 300), (1.0, 400)];
        document.history.containers =
            vec![GrownContainer { path, lengths, bound, ..GrownContainer::default() }];
        super::super::leaks(&document).remove(0)
    }

    fn leak(contrasts: Vec<FieldContrast>) -> Leak {
        leak_in(contrasts, &KEPT, None)
    }

    #[test]
    fn sessions_that_are_closed_and_stay_are_likely_a_leak() {
        let leak = leak(vec![contrast("user", "None"), contrast("_closed", "True")]);
        assert_eq!(leak.confidence, Confidence::Likely);
        assert_eq!(leak.grounds[0].code(), "ended-and-retained");
        assert!(!leak.grounds.contains(&Reason::CacheMayBeFilling));
        let fields: Vec<_> = leak.distinguishing.iter().map(|found| &*found.field).collect();
        assert_eq!(fields, ["._closed is True", ".user is None"]);
    }

    #[test]
    fn other_fields_are_told_only() {
        for (field, value) in [("user", "None"), ("done", "True"), ("_closed", "False")] {
            let leak = leak(vec![contrast(field, value)]);
            assert_eq!((leak.confidence, leak.distinguishing.len()), (Confidence::Suspect, 1));
        }
    }

    /// What a sweep takes, what the half of them say, what chance explains, and what a few say.
    #[test]
    fn what_may_be_otherwise_raises_nothing() {
        let closed = || contrast("_closed", "True");
        let weaker = [
            FieldContrast { seconds: 90.0, ..closed() },
            FieldContrast { old: [230, 256], ..closed() },
            FieldContrast { young: [88, 90], ..closed() },
            FieldContrast { old: [20, 20], young: [0, 90], ..closed() },
            FieldContrast { class: "app.Other".into(), ..closed() },
        ];
        for contrast in weaker {
            let leak = leak(vec![contrast]);
            assert_eq!(leak.confidence, Confidence::Suspect, "{:?}", leak.distinguishing);
        }
    }

    /// A store that retains closed sessions on purpose looks the same until it is full.
    #[test]
    fn what_is_retained_on_purpose_is_not_raised() {
        let closed = || vec![contrast("_closed", "True")];
        assert_eq!(leak_in(closed(), &KEPT, Some(4_000)).confidence, Confidence::Suspect);
        for step in ["._recent: list (400 items)", ".KEPT: collections.OrderedDict (400 items)"] {
            let path = ["module app", step, "[33]: app.Session"];
            let leak = leak_in(closed(), &path, None);
            assert_eq!((leak.confidence, leak.distinguishing.len()), (Confidence::Suspect, 1));
        }
    }

    #[test]
    fn what_does_not_leak_is_not_raised() {
        let contrasts = vec![contrast("_closed", "True")];
        let leak = leak(contrasts.clone());
        let open = Leak { verdict: Verdict::CacheWarming, confidence: Confidence::Suspect, ..leak };
        let mut document = judged(Vec::new(), Vec::new());
        document.types = Some(vec![grown(1, "app.Session", [10, 400, 56], &KEPT)]);
        document.history.contrasts = contrasts;
        assert_eq!(distinguish(open, &document).confidence, Confidence::Suspect);
    }
}
