//! The memory of the process over time: what it is made of, what was traced of it, and its limit.

use super::axis::{self, amount};
use super::chart::{Chart, ChartPlan, LegendEntry, Swatch};
use super::palette::{BLUE, GREEN, GREY, INK, PURPLE, SKY, VERMILION, WHITE, YELLOW};
use super::scene::{Paint, Point, Scene, Stroke};
use super::series::{self, Sample};
use super::trend::Trend;
use super::{PictureOptions, marks_on_axis};
use crate::model::{Document, ProcessPoint};

/// A limit is shown when it is at most so many times what is used; else it would flatten all else.
const NEAR: f64 = 2.5;

const LIVE: Stroke = Stroke::solid(INK, 2.0);
const LIMIT: Stroke = Stroke::dashed(VERMILION, 2.0, 10.0, 5.0);
const GROUP: Stroke = Stroke::dashed(GREY, 1.5, 2.0, 3.0);
const GROWTH: Stroke = Stroke::dashed(BLUE, 2.5, 7.0, 4.0);

/// A part of the memory of a process.
struct Layer {
    name: &'static str,
    paint: Paint,
    of: fn(&ProcessPoint) -> Option<u64>,
}

/// The lowest first.
const LAYERS: [Layer; 4] = [
    Layer { name: "anonymous", paint: SKY.faint(0.7), of: |point| point.rss_anon_bytes },
    Layer { name: "file", paint: YELLOW.faint(0.75), of: |point| point.rss_file_bytes },
    Layer { name: "shared", paint: GREEN.faint(0.8), of: |point| point.rss_shmem_bytes },
    Layer { name: "swap", paint: PURPLE.faint(0.8), of: |point| point.swap_bytes },
];

/// For a process whose memory is only known as a whole.
const WHOLE: Layer = Layer { name: "resident", paint: SKY.faint(0.7), of: |point| point.rss_bytes };

/// Draws it.
pub fn scene(document: &Document, options: &PictureOptions) -> Scene {
    let points = points(document);
    let layers = layers(&points);
    let tops = stack(&points, &layers);
    let growth = trend(document, &points);
    let limit = limit(document, &points);
    let highest = highest(&points, &tops, growth.as_ref());
    let near = limit.filter(|limit| *limit <= highest * NEAR);
    let ticks = usize::try_from(options.size.1 / 110).unwrap_or(6);
    let left = axis::bytes(near.map_or(highest, |limit| highest.max(limit)), ticks, "");
    let collections = &document.history.collections;
    let times = points.iter().map(|point| point.t).chain(collections.iter().map(|c| c.t));
    let mut chart = Chart::new(ChartPlan {
        time: series::range(document.capture.seconds, times),
        keys: keys(document, &points, &layers, growth.as_ref(), (limit, near)),
        ..ChartPlan::for_document(document, options, "Memory of the process", left)
    });
    if points.is_empty() {
        chart.say("The recording does not say how much memory the process had.");
        return chart.finish();
    }
    draw_layers(&mut chart, &points, &layers, &tops);
    if let Some(growth) = growth {
        growth.draw_band(&mut chart, BLUE.faint(0.2));
        growth.draw_line(&mut chart, GROWTH);
    }
    draw_lines(&mut chart, &points, near);
    marks_on_axis(&mut chart, collections);
    chart.finish()
}

/// The history of the process; where there is none, what the document has in its place.
fn points(document: &Document) -> Vec<ProcessPoint> {
    let mut points = document.history.process.clone();
    if points.is_empty() {
        points.extend(document.memory.iter().map(|memory| ProcessPoint {
            t: memory.t,
            live_bytes: memory.live_bytes,
            rss_bytes: Some(memory.rss_bytes),
            rss_anon_bytes: Some(memory.rss_anon_bytes),
            rss_file_bytes: Some(memory.rss_bytes.saturating_sub(memory.rss_anon_bytes)),
            ..ProcessPoint::default()
        }));
    }
    points.retain(|point| series::is_time(point.t));
    points
}

/// The parts that are known, and ever more than nothing.
fn layers(points: &[ProcessPoint]) -> Vec<&'static Layer> {
    let ever = |layer: &&Layer| points.iter().any(|p| (layer.of)(p).is_some_and(|size| size > 0));
    let parts: Vec<&Layer> = LAYERS.iter().filter(ever).collect();
    let split = parts.iter().any(|layer| layer.name == "anonymous");
    if split { parts } else { [&WHOLE].into_iter().filter(ever).collect() }
}

/// For each layer and point, the top of the layer when the layers stand on one another; nothing for
/// points where the first layer is not known.
fn stack(points: &[ProcessPoint], layers: &[&Layer]) -> Vec<Vec<Sample>> {
    let mut tops = vec![Vec::new(); layers.len()];
    for point in points {
        let mut top = 0.0;
        if layers.first().is_some_and(|first| (first.of)(point).is_none()) {
            continue;
        }
        for (layer, tops) in layers.iter().zip(&mut tops) {
            top += (layer.of)(point).unwrap_or(0) as f64;
            tops.push((point.t, top));
        }
    }
    tops
}

/// The growth of the process, laid through its anonymous memory (all of it where that is not
/// known).
fn trend(document: &Document, points: &[ProcessPoint]) -> Option<Trend> {
    let growth = document.growth.as_ref().filter(|growth| growth.significant)?;
    let split = points.iter().any(|point| point.rss_anon_bytes.is_some());
    let size = |p: &ProcessPoint| if split { p.rss_anon_bytes } else { p.rss_bytes };
    let samples: Vec<Sample> =
        points.iter().filter_map(|point| Some((point.t, size(point)? as f64))).collect();
    Trend::through(&samples, growth.warm_up_seconds, growth.slope_bytes_per_hour)
}

fn limit(document: &Document, points: &[ProcessPoint]) -> Option<f64> {
    let last = points.iter().rev().find_map(|point| point.cgroup_limit_bytes);
    last.or(document.target.limit_bytes).filter(|limit| *limit > 0).map(|limit| limit as f64)
}

fn highest(points: &[ProcessPoint], tops: &[Vec<Sample>], growth: Option<&Trend>) -> f64 {
    let tops = tops.last().into_iter().flatten().map(|(_, top)| *top);
    let live = points.iter().map(|point| point.live_bytes as f64);
    let data = tops.chain(live).fold(0.0, f64::max);
    // A wide band may be cut; it may not flatten the data.
    data.max(growth.map_or(0.0, Trend::highest).min(data * 1.3))
}

fn keys(
    document: &Document,
    points: &[ProcessPoint],
    layers: &[&Layer],
    growth: Option<&Trend>,
    (limit, near): (Option<f64>, Option<f64>),
) -> Vec<LegendEntry> {
    // The uppermost first, as they stand in the picture.
    let mut keys: Vec<LegendEntry> = layers
        .iter()
        .rev()
        .map(|layer| LegendEntry {
            swatch: Swatch::Area(layer.paint),
            words: format!("{}{}", layer.name, at_end(points, layer.of)),
        })
        .collect();
    let mut line = |stroke, words| keys.push(LegendEntry { swatch: Swatch::Line(stroke), words });
    if !points.is_empty() {
        let end = at_end(points, |point| Some(point.live_bytes));
        line(LIVE, format!("allocated since the start and live{end}"));
    }
    if group(points, near).len() > 1 {
        line(GROUP, format!("control group{}", at_end(points, |point| point.cgroup_bytes)));
    }
    if let Some(limit) = limit {
        let place = if near.is_some() { "" } else { ", above this picture" };
        line(LIMIT, format!("limit, {}{place}", amount(limit)));
    }
    if let Some(growth) = growth {
        let swatch = Swatch::Band(GROWTH, BLUE.faint(0.2));
        keys.push(LegendEntry { swatch, words: format!("growth, {}", growth.rate()) });
    }
    keys.extend(super::collections_key(&document.history.collections));
    keys
}

/// The last known size, as words to put after a name.
fn at_end(points: &[ProcessPoint], of: fn(&ProcessPoint) -> Option<u64>) -> String {
    let last = points.iter().rev().find_map(of);
    last.map_or_else(String::new, |size| format!(", {} at the end", amount(size as f64)))
}

/// What the control group uses, when its limit is in the picture.
fn group(points: &[ProcessPoint], near: Option<f64>) -> Vec<Sample> {
    let all = points.iter().filter(|_| near.is_some());
    all.filter_map(|point| Some((point.t, point.cgroup_bytes? as f64))).collect()
}

fn draw_layers(
    chart: &mut Chart,
    points: &[ProcessPoint],
    layers: &[&Layer],
    tops: &[Vec<Sample>],
) {
    let Some(total) = tops.last() else { return };
    let shown = series::visible(total, chart.columns());
    let mut below: Vec<Point> = shown.iter().map(|at| chart.point((total[*at].0, 0.0))).collect();
    for (layer, tops) in layers.iter().zip(tops) {
        let above: Vec<Point> = shown.iter().map(|at| chart.point(tops[*at])).collect();
        let around = above.iter().chain(below.iter().rev()).copied().collect();
        chart.scene.area(around, layer.paint);
        below = above;
    }
    // Edges between layers, so that they differ without colours.
    for tops in tops {
        let edge: Vec<Point> = shown.iter().map(|at| chart.point(tops[*at])).collect();
        chart.scene.line(edge, Stroke::solid(WHITE, 1.0));
    }
    if points.len() == 1 {
        one_moment(chart, total);
    }
}

/// One point has no area: a bar from nothing to it.
fn one_moment(chart: &mut Chart, total: &[Sample]) {
    for sample in total {
        let (x, y) = chart.point(*sample);
        let bottom = chart.area.bottom;
        chart.scene.line(vec![(x, y), (x, bottom)], Stroke::solid(SKY, 5.0));
    }
}

fn draw_lines(chart: &mut Chart, points: &[ProcessPoint], near: Option<f64>) {
    let live: Vec<Sample> = points.iter().map(|p| (p.t, p.live_bytes as f64)).collect();
    for (samples, stroke) in [(group(points, near), GROUP), (live, LIVE)] {
        let shown = series::visible(&samples, chart.columns());
        let line = shown.iter().map(|at| chart.point(samples[*at])).collect();
        chart.scene.line(line, stroke);
    }
    if let Some(limit) = near {
        let y = chart.y(limit);
        let (left, right) = (chart.area.left, chart.area.right);
        chart.scene.line(vec![(left, y), (right, y)], LIMIT);
    }
}
