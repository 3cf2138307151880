//! Containers that grow all the time though no type and no stack leaks by its own numbers: what is in them is of
//! common types (`str`, `int`), which come and go by the thousand elsewhere.

use super::evidence::name;
use super::path::{PlaceKey, place_of};
use super::retained::RetainedPlaces;
use crate::model::{
    Advice, Amount, Confidence, Document, GrownContainer, Interval, Leak, LeakContainer,
    LeakEvidence, LeakKind, LeakRate, LeakRetainer, Reason, Verdict, turns,
};

/// Fewest snapshots at which it must have been seen, and this share of them must have seen it grow.
const SNAPSHOTS: usize = 5;
const MOSTLY: f64 = 0.8;
/// The later half of the time must have brought this share of what the earlier one did: what fills up slows down.
const STEADY: f64 = 0.7;
/// Bytes of an item where nobody measured how much the container retains: its place and a small object.
const ITEM: f64 = 64.0;
/// What alone retains so many times less than a leak of which as many come belongs to that.
const LITTLE: u64 = 4;
/// Items of two containers that grow by as many belong together: one is an index of the other.
const IN_STEP: f64 = 0.1;

/// Leaks of containers that no other leak, of those `known`, names.
pub fn leaks(document: &Document, known: &[Leak], sizes: &RetainedPlaces) -> Vec<Leak> {
    let mut found: Vec<(&GrownContainer, Leak)> = Vec::new();
    for container in &document.history.containers {
        let Some(place) = place_of(&container.words()) else { continue };
        let is_told = known.iter().any(|leak| explains(leak, container, &place, sizes))
            || found.iter().any(|(other, _)| is_in_step(container, other.items_per_hour()));
        if !is_told && is_steady(container) {
            found.push((container, leak(container, &place, sizes)));
        }
    }
    found.into_iter().map(|(_, leak)| leak).collect()
}

/// Whether a leak is of this container, of what is in it or around it, or grows in step with it, and that alone retains little
/// beside the leak.
fn explains(
    leak: &Leak,
    container: &GrownContainer,
    place: &PlaceKey,
    sizes: &RetainedPlaces,
) -> bool {
    let Some(by) = &leak.retained_by else { return false };
    let of_leak = place_of(&by.path).unwrap_or_default();
    let is_near =
        !of_leak.is_empty() && (place.starts_with(&of_leak) || of_leak.starts_with(place));
    let rate = by.container.as_ref().and_then(|container| container.items_per_hour);
    let of_its_own = sizes.at_place(place).map_or(0, |size| size.most_bytes);
    let comes_along = LITTLE * of_its_own < leak.now.bytes || of_its_own == 0;
    is_near || comes_along && is_in_step(container, rate.or(Some(leak.rate.count_per_hour)))
}

fn is_in_step(container: &GrownContainer, rate: Option<f64>) -> bool {
    let (Some(own), Some(other)) = (container.items_per_hour(), rate) else { return false };
    (own - other).abs() <= IN_STEP * own.max(other)
}

/// Whether it grew at nearly every snapshot, to the end, and never gave anything back.
#[allow(clippy::cast_precision_loss, reason = "snapshots and items are far below 2⁵³")]
fn is_steady(container: &GrownContainer) -> bool {
    let lengths = &container.lengths;
    let (rises, falls) = turns(lengths);
    let pairs = lengths.len().saturating_sub(1);
    let (Some(first), Some(last)) = (lengths.first(), lengths.last()) else { return false };
    let middle = lengths[lengths.len() / 2];
    let pace = |from: (f64, u64), to: (f64, u64)| {
        (to.1 as f64 - from.1 as f64) / (to.0 - from.0).max(f64::MIN_POSITIVE)
    };
    let (early, late) = (pace(*first, middle), pace(middle, *last));
    pairs + 1 >= SNAPSHOTS
        && falls == 0
        && rises as f64 >= MOSTLY * pairs as f64
        && late >= STEADY * early
}

fn leak(container: &GrownContainer, place: &PlaceKey, sizes: &RetainedPlaces) -> Leak {
    let path = container.words();
    let (items, per_hour) = (container.items_now(), container.items_per_hour().unwrap_or(0.0));
    let is_buffer = container.is_buffer();
    let retained = sizes.at(&path).filter(|_| !is_buffer);
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    let each = match retained {
        Some(size) if size.most_bytes > 0 => size.most_bytes as f64 / items.max(1) as f64,
        _ if is_buffer => 1.0,
        _ => ITEM,
    };
    let rate = each * per_hour;
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let bytes = (each * items as f64) as u64;
    let name = name(container);
    let seconds = container.lengths.last().map_or(0.0, |last| last.0);
    let length = (!is_buffer).then_some(items);
    let found = LeakContainer { class: container.name.clone(), length, ..LeakContainer::default() };
    Leak {
        id: Leak::identify(LeakKind::Container, &name, place.iter().map(String::as_str)),
        rank: 0,
        verdict: Verdict::Leak,
        confidence: Confidence::Suspect,
        kind: LeakKind::Container,
        name,
        now: Amount { count: length.unwrap_or(1), bytes },
        rate: LeakRate {
            bytes_per_hour: Interval { lo: rate / 2.0, est: rate, hi: 2.0 * rate },
            count_per_hour: if is_buffer { 0.0 } else { per_hour },
        },
        explains: None,
        retained_by: Some(LeakRetainer {
            path,
            container: Some(found),
            retained,
            through: Vec::new(),
        }),
        grown_by: Vec::new(),
        created_at: Vec::new(),
        distinguishing: Vec::new(),
        bound: None,
        known_kind: None,
        grounds: vec![Reason::GrowsSoFar { seconds }, Reason::CacheMayBeFilling],
        advice: Advice::RemoveFromContainer,
        evidence: LeakEvidence::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::leaks::samples;

    /// A dict of that many strings and numbers at each snapshot.
    fn counted(name: &str, lengths: &[u64]) -> GrownContainer {
        GrownContainer {
            name: "dict".into(),
            path: vec![("module app".into(), None), (format!(".{name}: dict (9 items)"), None)],
            lengths: (0_u32..).zip(lengths).map(|(t, items)| (f64::from(t), *items)).collect(),
            items: vec![("int".into(), 500), ("str".into(), 500)],
            ..GrownContainer::default()
        }
    }

    fn told(containers: Vec<GrownContainer>, known: &[Leak]) -> Vec<Leak> {
        let mut document = samples::document(
            samples::growth(Verdict::Undetermined, Confidence::Suspect),
            Vec::new(),
        );
        document.history.containers = containers;
        leaks(&document, known, &RetainedPlaces::of(&document))
    }

    #[test]
    fn a_dict_of_strings_that_grows_all_the_time_is_a_leak() {
        let found = told(vec![counted("HITS", &[300, 400, 500, 600, 700])], &[]);
        let [leak] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&*leak.name, leak.kind, leak.now.count), ("str", LeakKind::Container, 700));
        assert_eq!((leak.verdict, leak.confidence), (Verdict::Leak, Confidence::Suspect));
    }

    /// Its bytes are all that it has.
    #[test]
    fn a_buffer_that_is_written_to_is_a_leak() {
        let mut log = counted("LOG", &[100_000, 200_000, 300_000, 400_000, 500_000]);
        (log.name, log.items) = ("_io.BytesIO".into(), vec![("bytes".into(), 1)]);
        let found = told(vec![log], &[]);
        let [leak] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&*leak.name, leak.now.bytes), ("_io.BytesIO", 500_000));
    }

    #[test]
    fn what_fills_up_turns_over_or_was_hardly_seen_is_none() {
        for lengths in [
            &[300, 600, 800, 900, 950, 960][..],
            &[300, 400, 390, 500, 600, 700],
            &[300, 400, 400, 400, 500, 500],
            &[300, 400, 500],
        ] {
            assert!(told(vec![counted("HITS", lengths)], &[]).is_empty(), "{lengths:?}");
        }
    }

    /// An index of what leaks, or a container around it or in it, is no leak of its own.
    #[test]
    fn what_belongs_to_a_leak_is_not_told_twice() {
        let grows = counted("HITS", &[300, 400, 500, 600, 700]);
        let [first] =
            &told(vec![grows.clone(), counted("INDEX", &[301, 401, 501, 601, 701])], &[])[..]
        else {
            panic!("two")
        };
        assert!(told(vec![grows.clone()], std::slice::from_ref(first)).is_empty());
        let rate = LeakRate { count_per_hour: 1.0, ..first.rate };
        let path = vec!["module app".to_owned(), ".HITS: dict (7 items)".into(), "['a']: x".into()];
        let by = LeakRetainer { path, container: None, retained: None, through: Vec::new() };
        let inside = Leak { retained_by: Some(by), rate, ..first.clone() };
        assert!(told(vec![grows], &[inside]).is_empty());
    }
}
