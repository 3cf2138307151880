//! What the colours mean, in columns below the picture.

use super::{EM, LINE, text, whole};
use crate::plot::font;
use crate::plot::scene::{Paint, Scene, Stroke, TextAnchor};

/// Room for the sample of a colour.
const SAMPLE: f64 = 26.0;
/// Between two columns.
const GAP: f64 = 24.0;

/// How data is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Swatch {
    /// A filled area.
    Area(Paint),
    /// A line.
    Line(Stroke),
    /// A line in a band.
    Band(Stroke, Paint),
    /// Small marks on the axis of time.
    Tick(Paint),
}

/// One entry of a legend.
#[derive(Clone, Debug, PartialEq)]
pub struct LegendEntry {
    /// How it looks.
    pub swatch: Swatch,
    /// What it is; harmless.
    pub words: String,
}

/// The entries in their columns.
pub struct Legend {
    keys: Vec<LegendEntry>,
    columns: usize,
    column_width: f64,
}

impl Legend {
    /// As many of `keys` as there is room for.
    pub fn new(mut keys: Vec<LegendEntry>, width: f64, height: f64) -> Self {
        let room = (width - SAMPLE).max(0.0);
        for key in &mut keys {
            key.words = font::fit(&key.words, EM, room);
        }
        let widest = keys.iter().map(|key| font::width(&key.words, EM, false)).fold(0.0, f64::max);
        let column_width = SAMPLE + widest + GAP;
        let columns = whole((width + GAP) / column_width).max(1);
        keys.truncate(columns * whole(height / LINE));
        Self { keys, columns, column_width }
    }

    /// Pixels.
    pub fn height(&self) -> f64 {
        self.keys.len().div_ceil(self.columns) as f64 * LINE
    }

    /// Draws it below `top`, from `left` on.
    pub fn draw(&self, scene: &mut Scene, left: f64, top: f64) {
        for (number, key) in self.keys.iter().enumerate() {
            let x = left + (number % self.columns) as f64 * self.column_width;
            let y = top + (number / self.columns) as f64 * LINE + LINE / 2.0;
            key.swatch.draw(scene, x, y);
            scene.text(text((x + SAMPLE, y), TextAnchor::Start, key.words.clone()));
        }
    }
}

impl Swatch {
    fn draw(self, scene: &mut Scene, x: f64, y: f64) {
        let line = vec![(x, y), (x + SAMPLE - 8.0, y)];
        match self {
            Self::Area(paint) => scene.rectangle((x, y - 6.0), (x + SAMPLE - 8.0, y + 6.0), paint),
            Self::Line(stroke) => scene.line(line, stroke),
            Self::Band(stroke, paint) => {
                scene.rectangle((x, y - 6.0), (x + SAMPLE - 8.0, y + 6.0), paint);
                scene.line(line, stroke);
            }
            Self::Tick(paint) => {
                for at in [x + 3.0, x + 9.0, x + 15.0] {
                    scene.line(vec![(at, y - 4.0), (at, y + 4.0)], Stroke::solid(paint, 1.5));
                }
            }
        }
    }
}
