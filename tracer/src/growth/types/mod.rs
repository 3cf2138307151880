//! Which types grow, whether that is a leak, and which of those that grow together is the one to
//! look at. Pure: from the snapshots of a census to rows by rank.

mod agreed;
mod decide;
mod gaps;
mod harmless;
mod order;
mod reasons;
#[cfg(test)]
mod regressions;
#[cfg(test)]
mod samples;
mod slopes;
#[cfg(test)]
mod tests;
mod together;
mod trajectory;

use std::collections::HashMap;

use super::decision::{Decision, SUSPECT_P};
use super::persistence::Flatness;
use super::shape::thinned;
use super::statistics;
use crate::model::{TypeGrowth, TypeRetainer, TypeSeries};
use order::OrderKey;
pub use order::TypeOrigin;
#[cfg(test)]
pub use samples::Random;
use together::Tie;
use trajectory::Trajectory;

/// Types that are compared with one another at most.
const COMPARED: usize = 1000;
/// Of those, types that get a verdict, which costs most.
const JUDGED: usize = 300;
/// Rows at most.
const ROWS: usize = 200;
/// Types in step that a row names.
const TOGETHER: usize = 10;
/// Points of a row's series at most.
const POINTS: usize = 200;

/// The types that grew or could have, most important first; all series have the same snapshots.
/// `retainers` names some of them with the path from a root that keeps most of what each grew by, or through garbage where it is that; `None`
/// where the search for those paths was not finished, so that nobody knows what is unreachable. Types that stand still or shrink are left out. Never an error: a series that makes no sense is
/// left out too.
pub fn judge_types(series: &[TypeSeries], retainers: Option<&[TypeRetainer]>) -> Vec<TypeGrowth> {
    let is_searched = retainers.is_some();
    let retainers = retainers.unwrap_or_default();
    let retainers: HashMap<&str, &TypeRetainer> =
        retainers.iter().map(|retainer| (retainer.name.as_str(), retainer)).collect();
    let retainer = |name: &str| retainers.get(name).copied();
    let trajectories =
        series.iter().filter_map(|series| Trajectory::measure(series, retainer(&series.name)));
    let trajectories: Vec<Trajectory<'_>> = trajectories.collect();
    let (trajectories, p) = compared(trajectories);
    let ties = together::ties(&trajectories);
    let tiers: Vec<u8> =
        trajectories.iter().zip(&p).map(|(trajectory, p)| likely_tier(trajectory, *p)).collect();
    let keys = order::keys(&trajectories, &tiers, &ties);
    let mut judged: Vec<usize> = (0..trajectories.len()).collect();
    judged.sort_by(|a, b| keys[*a].compare(&keys[*b]));
    let (trajectories, p, ties) =
        chosen(&trajectories, &p, &ties, &judged[..judged.len().min(JUDGED)]);
    let decisions: Vec<Decision> = trajectories
        .iter()
        .zip(&p)
        .map(|(trajectory, p)| decide::decide(trajectory, *p, is_searched))
        .collect();
    let decisions = agreed::agreed(&trajectories, &ties, decisions);
    rows(&trajectories, &p, &ties, &decisions)
}

/// The types that are worth comparing, with the chance of their growth corrected for the number of
/// all of them.
fn compared(trajectories: Vec<Trajectory<'_>>) -> (Vec<Trajectory<'_>>, Vec<f64>) {
    let p: Vec<f64> = trajectories.iter().map(|trajectory| trajectory.growth.p).collect();
    let p = statistics::benjamini_hochberg(&p);
    let mut both: Vec<(Trajectory<'_>, f64)> = trajectories.into_iter().zip(p).collect();
    let weight = |trajectory: &Trajectory<'_>| trajectory.grown() * trajectory.size();
    both.sort_by(|(a, p), (b, q)| {
        let tiers = likely_tier(a, *p).cmp(&likely_tier(b, *q));
        tiers.then_with(|| weight(b).total_cmp(&weight(a)))
    });
    both.truncate(COMPARED);
    both.into_iter().unzip()
}

/// The tier that a type will have if nothing speaks against it.
fn likely_tier(trajectory: &Trajectory<'_>, p: f64) -> u8 {
    match () {
        () if !trajectory.rises() => 11,
        () if trajectory.flatness == Flatness::Falls => 6,
        () if p <= SUSPECT_P => 2,
        () => 5,
    }
}

type Chosen<'a> = (Vec<Trajectory<'a>>, Vec<f64>, Vec<Vec<(usize, Tie)>>);

/// Those at `indices`, with the ties among them.
fn chosen<'a>(
    trajectories: &[Trajectory<'a>],
    p: &[f64],
    ties: &[Vec<(usize, Tie)>],
    indices: &[usize],
) -> Chosen<'a> {
    let mut places = vec![None; trajectories.len()];
    for (place, index) in indices.iter().enumerate() {
        places[*index] = Some(place);
    }
    let moved = |index: &usize| {
        let of = ties[*index].iter();
        of.filter_map(|(other, tie)| Some((places[*other]?, *tie))).collect()
    };
    (
        indices.iter().map(|index| trajectories[*index].clone()).collect(),
        indices.iter().map(|index| p[*index]).collect(),
        indices.iter().map(moved).collect(),
    )
}

/// The rows in their order.
fn rows(
    trajectories: &[Trajectory<'_>],
    p: &[f64],
    ties: &[Vec<(usize, Tie)>],
    decisions: &[Decision],
) -> Vec<TypeGrowth> {
    let tiers: Vec<u8> =
        decisions.iter().zip(p).map(|(decision, p)| order::tier(decision, *p)).collect();
    let keys = order::keys(trajectories, &tiers, ties);
    let mut order: Vec<usize> = (0..trajectories.len()).collect();
    order.sort_by(|a, b| {
        let names = || trajectories[*a].series.name.cmp(&trajectories[*b].series.name);
        keys[*a].compare(&keys[*b]).then_with(names)
    });
    let ranked = (1..).zip(order.into_iter().take(ROWS));
    ranked
        .map(|(rank, index)| {
            let together = in_step(index, trajectories, &ties[index]);
            row(rank, &trajectories[index], &decisions[index], together, &keys[index])
        })
        .collect()
}

/// The types that grow in step with one, by the bytes that they grow by, with their objects for
/// each of its own.
fn in_step(
    index: usize,
    trajectories: &[Trajectory<'_>],
    ties: &[(usize, Tie)],
) -> Vec<(String, f64)> {
    let mut others: Vec<&Trajectory<'_>> = ties
        .iter()
        .filter(|(_, tie)| *tie == Tie::InStep)
        .map(|(other, _)| &trajectories[*other])
        .collect();
    let bytes = |trajectory: &Trajectory<'_>| trajectory.grown() * trajectory.size();
    others.sort_by(|a, b| bytes(b).total_cmp(&bytes(a)));
    let own = trajectories[index].grown().max(1.0);
    let named = others.into_iter().take(TOGETHER);
    named.map(|other| (other.series.name.clone(), other.grown() / own)).collect()
}

fn row(
    rank: u32,
    trajectory: &Trajectory<'_>,
    decision: &Decision,
    together: Vec<(String, f64)>,
    key: &OrderKey,
) -> TypeGrowth {
    let (first, last) = (trajectory.first(), trajectory.last());
    let (objects, bytes) = slopes::slopes(trajectory);
    let series: Vec<(f64, u64, u64)> =
        trajectory.series.points.iter().map(|point| (point.t, point.count, point.bytes)).collect();
    let mut row = TypeGrowth {
        rank,
        name: trajectory.series.name.clone(),
        verdict: decision.verdict,
        confidence: decision.confidence,
        first_count: first.count,
        last_count: last.count,
        first_bytes: first.bytes,
        last_bytes: last.bytes,
        retained_count: last.retained_count,
        slope_objects_per_hour: objects,
        slope_bytes_per_hour: bytes,
        together,
        reasons: Vec::new(),
        retainer: trajectory.retainer.or(trajectory.garbage).map(TypeRetainer::words),
        series: thinned(&series, POINTS),
    };
    row.reasons = reasons::reasons(trajectory, decision, &row, key.is_explained());
    row
}
