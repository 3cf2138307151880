//! What is retained, estimated from the sums alone: for recordings without snapshots of the live
//! table.

use crate::model::{Amount, Cohort, SiteHistory};

/// Periods that the time is divided into.
const PERIODS: u32 = 48;

/// Stand-ins for cohorts, from the sums of `sites` up to `snapshot`: what lives at a time is
/// retained at most as far as it still lives at the lowest point after it. That lower envelope only
/// rises, like what is really retained, and a sawtooth does not show in it.
pub fn cohorts(sites: &[&SiteHistory], snapshot: f64) -> Vec<Cohort> {
    let mut edges: Vec<[f64; 4]> = (0..=PERIODS).map(|_| [0.0; 4]).collect();
    let width = snapshot / f64::from(PERIODS);
    if width.is_nan() || width <= 0.0 {
        return Vec::new();
    }
    let mut lowest = vec![[f64::INFINITY; 2]; edges.len()];
    for site in sites {
        let mut points = site.sums.iter().peekable();
        let mut now = [0.0; 4];
        for (index, edge) in edges.iter_mut().enumerate() {
            let end = index as f64 * width;
            while let Some(point) = points.next_if(|point| point.t <= end) {
                now = [
                    point.live().bytes as f64,
                    point.live().count as f64,
                    point.totals.allocated.bytes as f64,
                    point.totals.allocated.count as f64,
                ];
            }
            for (sum, value) in edge.iter_mut().zip(now) {
                *sum += value;
            }
        }
    }
    let mut least = [f64::INFINITY; 2];
    for (edge, low) in edges.iter().zip(lowest.iter_mut()).rev() {
        least = [least[0].min(edge[0]), least[1].min(edge[1])];
        *low = least;
    }
    let pairs = edges.windows(2).zip(lowest.windows(2));
    pairs
        .enumerate()
        .map(|(index, (edge, low))| Cohort {
            from: index as f64 * width,
            to: (index as f64 + 1.0) * width,
            allocated: Amount {
                bytes: whole(edge[1][2] - edge[0][2]),
                count: whole(edge[1][3] - edge[0][3]),
            },
            live: Amount {
                bytes: whole(low[1][0] - low[0][0]),
                count: whole(low[1][1] - low[0][1]),
            },
        })
        .collect()
}

/// A sum as a whole number, not below 0.
pub fn whole(value: f64) -> u64 {
    // Saturating: what does not fit becomes the nearest that does.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = value.round() as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SitePoint, Totals};

    #[test]
    fn a_sawtooth_keeps_nothing_and_a_ramp_under_it_shows() {
        let sums = |t: u64| SitePoint {
            t: t as f64,
            totals: Totals {
                allocated: Amount { bytes: 1000 * t, count: t },
                // Of every 100 s all but 100 bytes a second are freed.
                freed: Amount { bytes: 900 * (t / 100) * 100, count: 9 * (t / 100) * 10 },
            },
        };
        let site = SiteHistory { sums: (1..=4800).map(sums).collect(), ..SiteHistory::default() };
        let retained = cohorts(&[&site], 4800.0);
        assert_eq!(retained.len(), 48);
        assert!(retained[10..40].iter().all(|cohort| cohort.live.bytes == 10_000), "{retained:?}");
        assert_eq!(cohorts(&[&site], 0.0), []);
    }
}
