//! Caches that were full before the end: what grew while they filled up grows no more. The same of what stands still without
//! a word on its limit, such as a ring.

use super::measures::Measures;
use super::piece::is_part;
use crate::model::{DeclaredBound, Document, GrownContainer, Leak};

/// Snapshots that must have seen it full, the first of them among these.
const SEEN: usize = 4;
/// Points of a series from which it can be told whether that rests.
const POINTS: usize = 3;
/// Of what they grew by in all, what is in it may have come by so much since it was full.
const SINCE: f64 = 0.1;

/// Whether a container reached its limit, and neither it nor what is in it has grown since.
pub fn is_full(
    container: &GrownContainer,
    leak: &Leak,
    document: &Document,
    measures: &Measures,
) -> bool {
    full_since(container).is_some_and(|since| rests(leak, document, measures, since))
}

/// Whether a container has grown no more for a while, nor what is in it.
pub fn stands(
    container: &GrownContainer,
    leak: &Leak,
    document: &Document,
    measures: &Measures,
) -> bool {
    container.stands_since().is_some_and(|since| rests(leak, document, measures, since))
}

/// Since when it has as many items as its limit allows, seconds since the start of the recording; `None` where it has
/// more, or where that was too late to tell.
fn full_since(container: &GrownContainer) -> Option<f64> {
    let limit = container.bound.as_ref()?.limit?;
    let full = container.lengths.iter().rev();
    let full = full.take_while(|(_, items)| DeclaredBound::has_reached(*items, limit)).count();
    let first = container.lengths.len() - full;
    (full >= SEEN).then(|| container.lengths[first].0)
}

/// Whether no type of the leak has grown since then, in number or in bytes. Blocks have no such series, and common types are
/// everywhere: where containers that were measured explain all growth, neither came here.
fn rests(leak: &Leak, document: &Document, measures: &Measures, since: f64) -> bool {
    let is_explained = measures.is_explained();
    if is_explained && leak.evidence.types.is_empty() && !leak.evidence.findings.is_empty() {
        return true;
    }
    let is_own =
        |name: &str| name == leak.name || leak.is_of(name) && !(is_explained && is_part(name));
    let types = document.types.iter().flatten().filter(|found| is_own(&found.name));
    let series: Vec<&[(f64, u64, u64)]> = types.map(|found| &*found.series).collect();
    (leak.evidence.findings.is_empty() || is_explained)
        && !series.is_empty()
        && series.iter().all(|series| {
            came_since(series, since, |point| point.1) && came_since(series, since, |point| point.2)
        })
}

/// Whether nearly all of what a series grew by had come by then. Means of two points at both ends, since types have
/// objects elsewhere, too.
#[allow(clippy::cast_precision_loss, reason = "counts and bytes are far below 2⁵³")]
fn came_since(
    series: &[(f64, u64, u64)],
    since: f64,
    value: impl Fn(&(f64, u64, u64)) -> u64,
) -> bool {
    let full: Vec<f64> =
        series.iter().filter(|point| point.0 >= since).map(|point| value(point) as f64).collect();
    let Some(first) = series.first().map(|point| value(point) as f64) else { return false };
    if full.len() < POINTS {
        return false;
    }
    let begin = f64::midpoint(full[0], full[1]);
    let end = f64::midpoint(full[full.len() - 2], full[full.len() - 1]);
    end - begin <= SINCE * (end - first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Confidence, DeclaredBound, Interval, TypeGrowth, Verdict};
    use crate::report::leaks::samples;

    fn cache(lengths: &[u64], limit: u64) -> GrownContainer {
        let used = lengths.last().copied().unwrap_or(0);
        GrownContainer {
            lengths: (0_u32..).zip(lengths).map(|(t, items)| (f64::from(t), *items)).collect(),
            bound: Some(DeclaredBound { kind: "lru_cache".into(), limit: Some(limit), used }),
            ..GrownContainer::default()
        }
    }

    fn growing(series: Vec<(f64, u64, u64)>) -> TypeGrowth {
        let none = Interval { lo: 0.0, est: 0.0, hi: 0.0 };
        TypeGrowth {
            rank: 1,
            name: "app.Page".into(),
            verdict: Verdict::Leak,
            confidence: Confidence::Suspect,
            first_count: 0,
            last_count: 0,
            first_bytes: 0,
            last_bytes: 0,
            retained_count: 0,
            slope_objects_per_hour: none,
            slope_bytes_per_hour: none,
            together: Vec::new(),
            reasons: Vec::new(),
            retainer: None,
            series,
        }
    }

    /// Objects of a type at each snapshot, of so many bytes.
    fn document(counts: &[u64], each: impl Fn(u64) -> u64) -> Document {
        let growth = samples::growth(Verdict::Leak, Confidence::Suspect);
        let mut document = samples::document(growth, Vec::new());
        let series = (0_u32..)
            .zip(counts)
            .map(|(t, count)| (f64::from(t), *count, count * each(t.into())))
            .collect();
        document.types = Some(vec![growing(series)]);
        document
    }

    #[test]
    fn what_filled_up_and_rests_is_told_from_what_grows_on() {
        let leak = samples::leaks::plain("app.Page", Confidence::Suspect);
        let fills = [100, 300, 400, 400, 399, 400];
        let rests = [120, 320, 430, 415, 420, 431];
        let same = |_| 100;
        for (lengths, counts, each, is) in [
            (&fills[..], &rests[..], &same as &dyn Fn(u64) -> u64, true),
            // Its entries grow.
            (&fills, &rests, &|t| 100 + 20 * t, false),
            // Objects of the type come elsewhere.
            (&fills, &[120, 320, 430, 480, 530, 580], &same, false),
            // More than it says it would hold; full too late to tell.
            (&[100, 300, 400, 400, 400, 401], &rests, &same, false),
            (&[100, 200, 300, 400, 400, 400], &rests, &same, false),
        ] {
            let document = document(counts, each);
            assert_eq!(
                is_full(&cache(lengths, 400), &leak, &document, &Measures::default()),
                is,
                "{lengths:?} {counts:?}"
            );
        }
        let mut with_blocks = leak;
        with_blocks.evidence.findings = vec!["c01df9b6".into()];
        assert!(!is_full(
            &cache(&fills, 400),
            &with_blocks,
            &document(&rests, same),
            &Measures::default()
        ));
    }
}
