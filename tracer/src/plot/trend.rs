//! A fitted line and its 95 % band.

use super::axis::amount;
use super::chart::Chart;
use super::scene::{Paint, Stroke};
use super::series::{self, Sample};
use crate::model::Interval;

const HOUR: f64 = 3_600.0;

/// Points along a line, so that what leaves the picture can be cut there.
const STEPS: u32 = 200;

/// A line through the middle of some samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    from: f64,
    to: f64,
    /// A point that all lines of the band go through.
    middle: Sample,
    slope: Interval,
}

impl Trend {
    /// The line of this slope (bytes per hour) through the samples since `since`; `None` when they
    /// are fewer than two, or the slope is no number. Its height is the median of the heights that
    /// fit single samples, as in Theil's regression (Theil 1950; Sen 1968).
    pub fn through(samples: &[Sample], since: f64, slope: Interval) -> Option<Self> {
        let since = if series::is_time(since) { since } else { f64::NEG_INFINITY };
        let used: Vec<Sample> = samples
            .iter()
            .filter(|(t, value)| *t >= since && series::is_time(*t) && value.is_finite())
            .copied()
            .collect();
        let from = used.iter().map(|(t, _)| *t).fold(f64::INFINITY, f64::min);
        let to = used.iter().map(|(t, _)| *t).fold(f64::NEG_INFINITY, f64::max);
        let finite = [slope.lo, slope.est, slope.hi].iter().all(|value| value.is_finite());
        if !finite || from >= to {
            return None;
        }
        let centre = from.midpoint(to);
        let heights = used.iter().map(|(t, value)| value - slope.est / HOUR * (t - centre));
        let height = series::median(heights.collect())?;
        Some(Self { from, to, middle: (centre, height), slope })
    }

    /// The largest value of the band, bytes.
    pub fn highest(&self) -> f64 {
        let ends = [self.from, self.to].into_iter();
        ends.flat_map(|t| [self.at(t, self.slope.lo), self.at(t, self.slope.hi)])
            .fold(0.0, f64::max)
    }

    /// The slope in words: `+12.0 MiB/h (10.1 to 14.2)`.
    pub fn rate(&self) -> String {
        rate(self.slope)
    }

    /// Draws the line, as far as it is in the picture.
    pub fn draw_line(&self, chart: &mut Chart, stroke: Stroke) {
        let line: Vec<_> = self
            .times()
            .map(|t| chart.point((t, self.at(t, self.slope.est))))
            .filter(|(_, y)| (chart.area.top..=chart.area.bottom).contains(y))
            .collect();
        chart.scene.line(line, stroke);
    }

    /// Draws the band.
    pub fn draw_band(&self, chart: &mut Chart, paint: Paint) {
        let edge = |slope: f64| -> Vec<_> {
            self.times().map(|t| chart.point((t, self.at(t, slope)))).collect()
        };
        let (mut around, back) = (edge(self.slope.lo), edge(self.slope.hi));
        around.extend(back.into_iter().rev());
        chart.scene.area(around, paint);
    }

    fn times(&self) -> impl Iterator<Item = f64> {
        let (from, span) = (self.from, self.to - self.from);
        (0..=STEPS).map(move |step| from + span * f64::from(step) / f64::from(STEPS))
    }

    fn at(&self, t: f64, slope: f64) -> f64 {
        self.middle.1 + slope / HOUR * (t - self.middle.0)
    }
}

/// A slope in words.
pub fn rate(slope: Interval) -> String {
    let sign = if slope.est > 0.0 { "+" } else { "" };
    format!("{sign}{}/h ({} to {})", amount(slope.est), amount(slope.lo), amount(slope.hi))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_through_the_middle_and_ignores_what_stands_out() {
        let mut samples: Vec<Sample> =
            (0..=10).map(|hour| (f64::from(hour) * HOUR, 100.0 + f64::from(hour))).collect();
        samples[3].1 = 1e9;
        let slope = Interval { lo: 0.5, est: 1.0, hi: 1.5 };
        let trend = Trend::through(&samples, 0.0, slope).expect("a trend");
        assert_eq!(trend.middle, (5.0 * HOUR, 105.0));
        assert_eq!(trend.at(0.0, 1.0), 100.0);
        assert_eq!(trend.highest(), 112.5);
        assert_eq!(trend.rate(), "+1 B/h (0 B to 2 B)");
    }

    #[test]
    fn one_sample_has_no_trend() {
        let slope = Interval { lo: 0.5, est: 1.0, hi: 1.5 };
        assert_eq!(Trend::through(&[(0.0, 1.0)], 0.0, slope), None);
        let samples = [(0.0, 1.0), (1.0, 2.0)];
        assert_eq!(Trend::through(&samples, 5.0, slope), None);
        assert_eq!(Trend::through(&samples, 0.0, Interval { hi: f64::NAN, ..slope }), None);
    }
}
