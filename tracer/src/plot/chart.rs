//! What every picture has: title, axes, grid, marks, and a legend below, where no data is.

mod legend;
mod marks;

use super::PictureOptions;
use super::axis::{self, Axis};
use super::font;
use super::palette::{GREY, GRID, INK};
use super::scene::{Point, Scene, Stroke, TextAnchor, TextLine};
use super::series::{self, Sample};
use crate::model::{Document, Mark, visible};

pub use legend::{LegendEntry, Swatch};

/// Letters, pixels.
pub const EM: f64 = 13.0;
const TITLE_EM: f64 = 20.0;
const EDGE: f64 = 18.0;
const LINE: f64 = 19.0;

/// What a picture is to have around its data.
#[derive(Debug)]
pub struct ChartPlan<'a> {
    /// Pixels.
    pub size: (u32, u32),
    /// What it shows; from outside, and raw.
    pub title: String,
    /// In few words, how it was watched; raw.
    pub subtitle: String,
    /// Range of time, seconds since the start of the capture.
    pub time: (f64, f64),
    /// Start of the capture, seconds since the epoch.
    pub started: u64,
    /// The axis on the left.
    pub left: Axis,
    /// The axis on the right, if there is one.
    pub right: Option<Axis>,
    /// Moments with a name.
    pub marks: &'a [Mark],
    /// What the colours mean.
    pub keys: Vec<LegendEntry>,
}

impl<'a> ChartPlan<'a> {
    /// A picture of `document` with one axis of values, and with its marks.
    pub fn for_document(
        document: &'a Document,
        options: &PictureOptions,
        title: &str,
        left: Axis,
    ) -> Self {
        Self {
            size: options.size,
            title: title.to_owned(),
            subtitle: subject(document),
            time: series::range(document.capture.seconds, [].into_iter()),
            started: document.capture.started,
            left,
            right: None,
            marks: &document.history.marks,
            keys: Vec::new(),
        }
    }
}

/// Sides of the area for data, pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

/// A picture under way: around its area for data all is drawn.
#[derive(Debug)]
pub struct Chart {
    /// What is drawn so far.
    pub scene: Scene,
    /// Where data goes.
    pub area: Area,
    time: Axis,
    left: Axis,
    right: Option<Axis>,
    marks: Vec<f64>,
}

impl Chart {
    /// Draws everything but the data.
    pub fn new(plan: ChartPlan<'_>) -> Self {
        let (width, height) = (f64::from(plan.size.0), f64::from(plan.size.1));
        let mut area = Area { left: EDGE, right: width - EDGE, top: EDGE + 56.0, bottom: height };
        area.left += widest(&plan.left);
        area.right -= plan.right.as_ref().map_or(0.0, widest);
        area.right = area.right.max(area.left + 20.0);
        let times = axis::time(plan.time, whole((area.right - area.left) / 110.0));
        let named = marks::place(plan.marks, &area, &times);
        area.top += named.rows() * LINE;
        let mut keys = plan.keys;
        keys.extend(named.key());
        let room = height - area.top - 2.0 * LINE - EDGE - 60.0;
        let legend = legend::Legend::new(keys, width - 2.0 * EDGE, room);
        area.bottom = (height - legend.height() - 2.0 * LINE - EDGE + 4.0).max(area.top + 20.0);
        let scene = Scene { size: plan.size, title: plan.title, shapes: Vec::new() };
        let (left, right) = (plan.left, plan.right);
        let mut chart = Self { scene, area, time: times, left, right, marks: Vec::new() };
        chart.write_title(&plan.subtitle, width);
        chart.draw_axes();
        chart.caption(plan.started);
        legend.draw(&mut chart.scene, EDGE, area.bottom + 2.0 * LINE + 6.0);
        chart.marks = named.draw(&mut chart.scene, &area);
        chart
    }

    /// Where a time is.
    pub fn x(&self, t: f64) -> f64 {
        between(t, &self.time, self.area.left, self.area.right)
    }

    /// Where a value of the left axis is.
    pub fn y(&self, value: f64) -> f64 {
        between(value, &self.left, self.area.bottom, self.area.top)
    }

    /// Where a value of the right axis is; of the left one without a right one.
    pub fn right_y(&self, value: f64) -> f64 {
        between(value, self.right.as_ref().unwrap_or(&self.left), self.area.bottom, self.area.top)
    }

    /// A sample of the left axis as a point.
    pub fn point(&self, (t, value): Sample) -> Point {
        (self.x(t), self.y(value))
    }

    /// Columns of pixels for data.
    pub fn columns(&self) -> usize {
        whole(self.area.right - self.area.left)
    }

    /// A sentence where data would be.
    pub fn say(&mut self, words: &str) {
        let middle =
            (self.area.left.midpoint(self.area.right), self.area.top.midpoint(self.area.bottom));
        let room = self.area.right - self.area.left;
        let words = font::fit(words, EM + 2.0, room);
        self.scene.text(TextLine { em: EM + 2.0, ..text(middle, TextAnchor::Middle, words) });
    }

    /// The lines of marks over the data, and the finished picture.
    pub fn finish(mut self) -> Scene {
        let Area { top, bottom, left, right } = self.area;
        for x in std::mem::take(&mut self.marks) {
            let stroke = Stroke::dashed(INK.faint(0.55), 1.0, 3.0, 3.0);
            self.scene.line(vec![(x, top), (x, bottom)], stroke);
        }
        self.scene.line(vec![(left, bottom), (right, bottom)], Stroke::solid(GREY, 1.0));
        self.scene
    }

    fn write_title(&mut self, subtitle: &str, width: f64) {
        let room = width - 2.0 * EDGE;
        let title = visible::text(&self.scene.title).into_owned();
        // Heavy letters are wider than what `fit` measures by less than this.
        let words = font::fit(&title, TITLE_EM * 1.1, room);
        let at = (EDGE, EDGE + 6.0);
        self.scene.text(TextLine {
            em: TITLE_EM,
            bold: true,
            ..text(at, TextAnchor::Start, words)
        });
        let words = font::fit(&visible::text(subtitle), EM, room);
        let at = (EDGE, EDGE + 31.0);
        self.scene.text(TextLine { paint: GREY, ..text(at, TextAnchor::Start, words) });
    }

    fn draw_axes(&mut self) {
        let Area { left, right, top, bottom } = self.area;
        for tick in self.left.ticks.clone() {
            let y = self.y(tick.at);
            self.scene.line(vec![(left, y), (right, y)], Stroke::solid(GRID, 1.0));
            self.scene.text(text((left - 8.0, y), TextAnchor::End, tick.label));
        }
        for tick in self.right.iter().flat_map(|axis| axis.ticks.clone()).collect::<Vec<_>>() {
            let at = (right + 8.0, self.right_y(tick.at));
            self.scene.text(TextLine { paint: GREY, ..text(at, TextAnchor::Start, tick.label) });
        }
        let edge = f64::from(self.scene.size.0) - 4.0;
        for tick in self.time.ticks.clone() {
            let x = self.x(tick.at);
            self.scene.line(vec![(x, top), (x, bottom)], Stroke::solid(GRID, 1.0));
            self.scene.line(vec![(x, bottom), (x, bottom + 5.0)], Stroke::solid(GREY, 1.0));
            let at = (x.min(edge - font::width(&tick.label, EM, false) / 2.0), bottom + 15.0);
            self.scene.text(text(at, TextAnchor::Middle, tick.label));
        }
    }

    fn caption(&mut self, started: u64) {
        let (hour, minute, second) = (started / 3_600 % 24, started / 60 % 60, started % 60);
        let words = format!("time since {hour:02}:{minute:02}:{second:02} UTC");
        let at = (self.area.left.midpoint(self.area.right), self.area.bottom + LINE + 14.0);
        let words = font::fit(&words, EM, self.area.right - self.area.left);
        self.scene.text(TextLine { paint: GREY, ..text(at, TextAnchor::Middle, words) });
    }
}

/// Text as most of it is.
pub fn text(at: Point, anchor: TextAnchor, words: String) -> TextLine {
    TextLine { at, anchor, em: EM, bold: false, paint: INK, words }
}

/// In few words, which process was watched, how long and how; raw.
fn subject(document: &Document) -> String {
    let target = &document.target;
    let capture = &document.capture;
    let length = axis::elapsed(if capture.seconds.is_finite() { capture.seconds } else { 0.0 });
    format!("{} (pid {}), {length}, mode {}", target.comm, target.pid, capture.mode)
}

fn between(value: f64, axis: &Axis, from: f64, to: f64) -> f64 {
    let share = (value - axis.from) / (axis.to - axis.from);
    // A little outside shows that something is outside.
    from + (to - from) * share.clamp(-0.001, 1.001)
}

fn widest(axis: &Axis) -> f64 {
    let widths = axis.ticks.iter().map(|tick| font::width(&tick.label, EM, false));
    widths.fold(0.0, f64::max) + 8.0
}

/// A count from a length in pixels.
pub fn whole(length: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to a range")]
    let whole = length.clamp(0.0, 10_000.0) as usize;
    whole
}
