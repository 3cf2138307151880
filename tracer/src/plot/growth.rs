//! What the first findings keep over time, and what was fitted to it.

use super::axis::{self, amount};
use super::chart::{Chart, ChartPlan, EM, LegendEntry, Swatch, text};
use super::palette::LINES;
use super::scene::{Paint, Scene, Stroke, TextAnchor, TextLine};
use super::series::{self, Sample};
use super::trend::{Trend, rate};
use super::{MOST_FINDINGS, PictureOptions, collections_key, font, marks_on_axis};
use crate::model::{Document, Finding, Interval, Model, SiteHistory, visible};

/// Numbers at the ends of lines are no nearer than this, pixels.
const APART: f64 = 14.0;

/// A plateau is shown when it is at most so many times what is retained.
const NEAR: f64 = 2.0;

/// A finding as it is drawn.
struct Line<'a> {
    finding: &'a Finding,
    paint: Paint,
    samples: Vec<Sample>,
    trend: Option<Trend>,
    plateau: Option<Interval>,
}

/// Draws it.
pub fn scene(document: &Document, options: &PictureOptions) -> Scene {
    let lines = lines(document, options.top);
    let ticks = usize::try_from(options.size.1 / 110).unwrap_or(6);
    let left = axis::bytes(highest(&lines), ticks, "");
    let times = lines.iter().flat_map(|line| line.samples.iter().map(|(t, _)| *t));
    let title = "What grows: bytes in retained blocks, by stack";
    let mut chart = Chart::new(ChartPlan {
        time: series::range(document.capture.seconds, times),
        keys: keys(document, &lines, options),
        ..ChartPlan::for_document(document, options, title, left)
    });
    if lines.is_empty() {
        chart.say("No stack grows.");
    } else if lines.iter().all(|line| line.samples.is_empty()) {
        chart.say("The recording has no history of the stacks that grow.");
    }
    for line in &lines {
        line.draw_fit(&mut chart);
    }
    for line in &lines {
        line.draw(&mut chart);
    }
    write_numbers(&mut chart, &lines);
    marks_on_axis(&mut chart, &document.history.collections);
    chart.finish()
}

/// The largest value to draw. Bands and plateaus may be cut; they may not flatten the data.
fn highest(lines: &[Line<'_>]) -> f64 {
    let samples = lines.iter().flat_map(|line| &line.samples);
    let data = samples.map(|(_, bytes)| *bytes).fold(0.0, f64::max);
    let fitted = lines.iter().filter_map(|line| Some(line.trend?.highest()));
    let plateaus = lines.iter().filter_map(|line| Some(line.plateau?.hi));
    fitted.chain(plateaus).fold(data, f64::max).min(data * NEAR)
}

fn lines(document: &Document, top: usize) -> Vec<Line<'_>> {
    let shown = document.findings.iter().take(top.min(MOST_FINDINGS));
    shown
        .zip(LINES)
        .map(|(finding, paint)| {
            let samples = retained(document, finding);
            let since = finding.evidence.since.unwrap_or(0.0);
            let straight = matches!(finding.evidence.model, Model::Linear | Model::Steps);
            let trend = Trend::through(&samples, since, finding.slope_bytes_per_hour);
            let highest = samples.iter().map(|(_, bytes)| *bytes).fold(0.0, f64::max);
            let plateau = finding.evidence.plateau_bytes.filter(|plateau| {
                let finite = [plateau.lo, plateau.est, plateau.hi].iter().all(|v| v.is_finite());
                finite && plateau.est <= highest * NEAR
            });
            let trend = trend.filter(|_| straight);
            Line { finding, paint, samples, trend, plateau }
        })
        .collect()
}

/// Bytes that the sites of a finding keep, over time.
pub fn retained(document: &Document, finding: &Finding) -> Vec<Sample> {
    let histories = histories(document, finding);
    let retained = histories.iter().any(|history| !history.retained.is_empty());
    let of = |history: &&SiteHistory| -> Vec<Sample> {
        if retained {
            history.retained.iter().map(|point| (point.t, point.blocks.bytes as f64)).collect()
        } else {
            history.sums.iter().map(|point| (point.t, point.live().bytes as f64)).collect()
        }
    };
    series::sum(&histories.iter().map(of).collect::<Vec<_>>())
}

/// The histories of the sites that a finding stands for.
pub fn histories<'a>(document: &'a Document, finding: &Finding) -> Vec<&'a SiteHistory> {
    let of_finding = |id: &String| *id == finding.site.id || finding.evidence.sites.contains(id);
    let sites = document.sites.iter().zip(&document.history.sites);
    sites.filter(|(site, _)| of_finding(&site.id)).map(|(_, history)| history).collect()
}

impl Line<'_> {
    fn draw_fit(&self, chart: &mut Chart) {
        if let Some(trend) = &self.trend {
            trend.draw_band(chart, self.paint.faint(0.15));
            trend.draw_line(chart, Stroke::dashed(self.paint, 1.5, 7.0, 4.0));
        }
        if let Some(plateau) = self.plateau {
            let (left, right) = (chart.area.left, chart.area.right);
            let [low, middle, high] = [plateau.lo, plateau.est, plateau.hi].map(|v| chart.y(v));
            chart.scene.rectangle((left, high), (right, low), self.paint.faint(0.12));
            let stroke = Stroke::dashed(self.paint, 1.5, 2.0, 4.0);
            chart.scene.line(vec![(left, middle), (right, middle)], stroke);
        }
    }

    fn draw(&self, chart: &mut Chart) {
        let shown = series::visible(&self.samples, chart.columns());
        let points: Vec<_> = shown.iter().map(|at| chart.point(self.samples[*at])).collect();
        if let [(x, y)] = points[..] {
            chart.scene.rectangle((x - 3.0, y - 3.0), (x + 3.0, y + 3.0), self.paint);
        }
        chart.scene.line(points, Stroke::solid(self.paint, 2.0));
    }

    fn words(&self, number: usize, name: &str) -> String {
        let Finding { verdict, confidence, slope_bytes_per_hour: slope, .. } = self.finding;
        // As drawn: the evidence counts only what was retained since growth began.
        let retained = self.finding.evidence.retained.bytes as f64;
        let retained = amount(self.samples.last().map_or(retained, |(_, bytes)| *bytes));
        let to = match self.plateau {
            Some(plateau) => format!(", towards {}", amount(plateau.est)),
            None => format!(", {}", rate(*slope)),
        };
        format!("{number}: {name}, {} ({}), {retained}{to}", verdict.name(), confidence.name())
    }
}

fn keys(document: &Document, lines: &[Line<'_>], options: &PictureOptions) -> Vec<LegendEntry> {
    let mut keys: Vec<LegendEntry> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let stroke = Stroke::solid(line.paint, 2.0);
        let swatch = match line.trend {
            Some(_) => Swatch::Band(stroke, line.paint.faint(0.15)),
            None => Swatch::Line(stroke),
        };
        // Long names give way to the figures, for which this leaves room.
        let room = (f64::from(options.size.0) - 440.0).max(120.0);
        let name = visible::text(&(options.name)(&line.finding.site)).into_owned();
        let words = line.words(number + 1, &font::fit(&name, EM, room));
        keys.push(LegendEntry { swatch, words });
    }
    let hidden = document.findings.len() - lines.len();
    if hidden > 0 {
        let swatch = Swatch::Line(Stroke::solid(LINES[0].faint(0.0), 1.0));
        keys.push(LegendEntry { swatch, words: format!("and {hidden} more that are not drawn") });
    }
    keys.extend(collections_key(&document.history.collections));
    keys
}

/// The number of each line at its end, so that lines can be told apart without colours.
fn write_numbers(chart: &mut Chart, lines: &[Line<'_>]) {
    let mut ends: Vec<(f64, usize)> = lines
        .iter()
        .enumerate()
        .filter_map(|(number, line)| Some((chart.y(line.samples.last()?.1), number)))
        .collect();
    // From the bottom up, each above the one before.
    ends.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut below = f64::INFINITY;
    for (y, number) in ends {
        let y = y.min(below - APART);
        below = y;
        let at = (chart.area.right + 5.0, y);
        let words = (number + 1).to_string();
        let paint = lines[number].paint;
        chart.scene.text(TextLine { bold: true, paint, ..text(at, TextAnchor::Start, words) });
    }
}
