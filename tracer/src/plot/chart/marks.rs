//! Moments that somebody named: a line through the data, and the name above it where there is room.

use super::{Area, EM, LINE, LegendEntry, Swatch, between, text, whole};
use crate::model::{Mark, visible};
use crate::plot::axis::Axis;
use crate::plot::font;
use crate::plot::palette::INK;
use crate::plot::scene::{Scene, Stroke, TextAnchor};
use crate::plot::series::is_time;

/// Rows of names.
const ROWS: usize = 2;
/// A name may be so long, pixels.
const LONGEST: f64 = 180.0;
/// No two lines are nearer than this.
const NEAREST: f64 = 3.0;
/// With more lines than this, only those with a name are drawn: else they would hide the data.
const MOST_LINES: usize = 60;

/// Marks with their places.
pub struct Marks {
    lines: Vec<f64>,
    /// Where it is, its row, its name.
    names: Vec<(f64, usize, String)>,
    all: usize,
}

/// Finds places for `marks`: the first of those that would cover one another has its name shown.
pub fn place(marks: &[Mark], area: &Area, time: &Axis) -> Marks {
    let mut times: Vec<(f64, &str)> = marks
        .iter()
        .filter(|mark| is_time(mark.t) && (time.from..=time.to).contains(&mark.t))
        .map(|mark| (between(mark.t, time, area.left, area.right), mark.name.as_str()))
        .collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut placed = Marks { lines: Vec::new(), names: Vec::new(), all: times.len() };
    let mut free_from = [area.left; ROWS];
    for (x, name) in times {
        if placed.lines.last().is_none_or(|last| x - last >= NEAREST) {
            placed.lines.push(x);
        }
        // Not measured when there is no room for even a short name: there can be thousands.
        let Some(row) = free_from.iter().position(|from| x >= *from && x + 20.0 < area.right)
        else {
            continue;
        };
        let name = font::fit(&visible::text(name), EM, LONGEST.min(area.right - x));
        free_from[row] = x + font::width(&name, EM, false) + 10.0;
        placed.names.push((x, row, name));
    }
    if placed.lines.len() > MOST_LINES {
        placed.lines = placed.names.iter().map(|(x, _, _)| *x).collect();
    }
    placed
}

impl Marks {
    /// Rows of names that are needed.
    pub fn rows(&self) -> f64 {
        self.names.iter().map(|(_, row, _)| row + 1).max().unwrap_or(0) as f64
    }

    /// Says how many have no name in the picture.
    pub fn key(&self) -> Option<LegendEntry> {
        let hidden = self.all - self.names.len();
        let swatch = Swatch::Line(Stroke::dashed(INK.faint(0.55), 1.0, 3.0, 3.0));
        (hidden > 0).then(|| LegendEntry {
            swatch,
            words: format!("marks ({hidden} without room for a name)"),
        })
    }

    /// Writes the names above the area; the lines are for later, over the data.
    pub fn draw(self, scene: &mut Scene, area: &Area) -> Vec<f64> {
        let rows = whole(self.rows());
        for (x, row, name) in self.names {
            let y = area.top - (rows - row) as f64 * LINE + LINE / 2.0;
            let stroke = Stroke::dashed(INK.faint(0.55), 1.0, 3.0, 3.0);
            scene.line(vec![(x, y - 6.0), (x, area.top)], stroke);
            scene.text(text((x + 4.0, y), TextAnchor::Start, name));
        }
        self.lines
    }
}
