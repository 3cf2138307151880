//! One leak over time: how many objects of its types there are, how many items its container has, and the bytes that its
//! stacks retain.

use super::axis::{self, amount};
use super::chart::{Chart, ChartPlan, EM, LegendEntry, Swatch};
use super::palette::{BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION};
use super::scene::{Paint, Scene, Stroke};
use super::series::{self, Sample};
use super::{PictureOptions, collections_key, font, growth, marks_on_axis};
use crate::model::{Basis, Document, GrownContainer, Hop, Leak, TypeSeries, visible};

/// Types that are drawn, the first names the leak.
const TYPES: [Paint; 3] = [BLUE, SKY, GREEN];
/// Containers that are drawn.
const CONTAINERS: [Paint; 2] = [VERMILION, ORANGE];
/// What stacks retain.
const BYTES: Stroke = Stroke::dashed(PURPLE, 2.0, 7.0, 4.0);

/// A line of numbers.
struct Numbers {
    words: String,
    stroke: Stroke,
    samples: Vec<Sample>,
}

/// Draws the first leak of a document that has been cut down to it.
pub fn scene(document: &Document, options: &PictureOptions) -> Scene {
    let numbers: Vec<Numbers> = types(document)
        .chain(containers(document))
        .filter(|line| !line.samples.is_empty())
        .collect();
    // Of a leak of plain blocks there is nothing but its stacks.
    let Some(leak) = document.leaks.first().filter(|_| !numbers.is_empty()) else {
        return growth::scene(document, options);
    };
    let retained = retained(document, leak);
    let ticks = usize::try_from(options.size.1 / 110).unwrap_or(6);
    let highest = |samples: &mut dyn Iterator<Item = &Sample>| {
        samples.map(|(_, value)| *value).fold(0.0, f64::max)
    };
    let most = highest(&mut numbers.iter().flat_map(|line| &line.samples));
    let right =
        (!retained.is_empty()).then(|| axis::bytes(highest(&mut retained.iter()), ticks, ""));
    let times = numbers.iter().flat_map(|line| line.samples.iter().map(|(t, _)| *t));
    let title = format!("One leak: {} (id:{})", leak.name, leak.id);
    let mut chart = Chart::new(ChartPlan {
        time: series::range(document.capture.seconds, times),
        right,
        keys: keys(document, &numbers, &retained, options),
        ..ChartPlan::for_document(document, options, &title, axis::numbers(most, ticks))
    });
    let columns = chart.columns();
    if !retained.is_empty() {
        let shown = series::visible(&retained, columns).into_iter().map(|at| retained[at]);
        let points = shown.map(|(t, bytes)| (chart.x(t), chart.right_y(bytes))).collect();
        chart.scene.line(points, BYTES);
    }
    for line in &numbers {
        draw(&mut chart, line);
    }
    marks_on_axis(&mut chart, &document.history.collections);
    chart.finish()
}

/// A line with a point for each snapshot: there are few.
fn draw(chart: &mut Chart, line: &Numbers) {
    const DOT: f64 = 2.5;
    const MOST_DOTS: usize = 60;
    let shown = series::visible(&line.samples, chart.columns());
    let points: Vec<_> = shown.iter().map(|at| chart.point(line.samples[*at])).collect();
    if points.len() <= MOST_DOTS {
        for (x, y) in &points {
            chart.scene.rectangle((x - DOT, y - DOT), (x + DOT, y + DOT), line.stroke.paint);
        }
    }
    chart.scene.line(points, line.stroke);
}

fn types(document: &Document) -> impl Iterator<Item = Numbers> {
    let known = |name: &String| document.history.types.iter().find(|found| found.name == *name);
    let name = |found: &TypeSeries| found.name.clone();
    let leak = document.leaks.first();
    let of_leak =
        leak.into_iter().flat_map(|leak| std::iter::once(&leak.name).chain(&leak.evidence.types));
    let mut found: Vec<&TypeSeries> = Vec::new();
    for series in of_leak.filter_map(known) {
        if !found.iter().any(|known| known.name == series.name) {
            found.push(series);
        }
    }
    found.into_iter().zip(TYPES).map(move |(found, paint)| Numbers {
        words: format!("objects of {}", name(found)),
        stroke: Stroke::solid(paint, 2.0),
        samples: found.points.iter().map(|point| (point.t, point.count as f64)).collect(),
    })
}

fn containers(document: &Document) -> impl Iterator<Item = Numbers> {
    let words = |found: &GrownContainer| match found.path.last() {
        Some((last, _)) => match Hop::parse(last) {
            Some(hop) => format!("items of {} ({})", hop.via, hop.class),
            None => format!("items of {last}"),
        },
        None => format!("items of a {}", found.name),
    };
    document.history.containers.iter().zip(CONTAINERS).map(move |(found, paint)| Numbers {
        words: words(found),
        stroke: Stroke::solid(paint, 2.0),
        samples: found.lengths.iter().map(|(t, items)| (*t, *items as f64)).collect(),
    })
}

/// Bytes that its stacks retain; arenas hold what others made, too.
fn retained(document: &Document, leak: &Leak) -> Vec<Sample> {
    if leak.created_at.iter().any(|made| made.basis == Basis::Arena) {
        return Vec::new();
    }
    let findings = document.findings.iter().filter(|finding| !finding.evidence.arenas);
    series::sum(&findings.map(|finding| growth::retained(document, finding)).collect::<Vec<_>>())
}

fn keys(
    document: &Document,
    numbers: &[Numbers],
    retained: &[Sample],
    options: &PictureOptions,
) -> Vec<LegendEntry> {
    let room = (f64::from(options.size.0) - 240.0).max(120.0);
    let mut keys: Vec<LegendEntry> = Vec::new();
    for line in numbers {
        let name = font::fit(&visible::text(&line.words), EM, room);
        let last = line.samples.last().map_or(0.0, |(_, value)| *value);
        let words = format!("{name}: {last} at the end");
        keys.push(LegendEntry { swatch: Swatch::Line(line.stroke), words });
    }
    if let Some((_, last)) = retained.last() {
        let words = format!("retained in blocks of malloc (right): {} at the end", amount(*last));
        keys.push(LegendEntry { swatch: Swatch::Line(BYTES), words });
    }
    if numbers.len() < document.leaks.first().map_or(0, |leak| leak.evidence.types.len()) {
        let swatch = Swatch::Line(Stroke::solid(GREY.faint(0.0), 1.0));
        keys.push(LegendEntry { swatch, words: "and more types that are not drawn".to_owned() });
    }
    keys.extend(collections_key(&document.history.collections));
    keys
}
