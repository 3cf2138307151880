//! What is in a picture, in pixels of its final size, before any format is known.

/// A place: right and down from the upper left corner.
pub type Point = (f64, f64);

/// A colour and how much of what is below it stays hidden, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paint {
    /// Red, green, blue.
    pub rgb: (u8, u8, u8),
    /// 1 hides everything below.
    pub alpha: f64,
}

/// Which part of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextAnchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Colour.
    pub paint: Paint,
    /// Pixels.
    pub width: f64,
    /// Pixels drawn and pixels left out, in turn; `None` for a solid line.
    pub dash: Option<(f64, f64)>,
}

/// One thing in a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Primitive {
    /// A filled polygon.
    Area(Vec<Point>, Paint),
    /// A line through points.
    Line(Vec<Point>, Stroke),
    /// A filled rectangle: upper left and lower right corner.
    Box(Point, Point, Paint),
    /// A line of text whose middle height is at its place.
    Text(TextLine),
}

/// A line of text. Harmless: made visible before it came here.
#[derive(Clone, Debug, PartialEq)]
pub struct TextLine {
    /// Where.
    pub at: Point,
    /// Which part of it is there.
    pub anchor: TextAnchor,
    /// Size of the letters (em), pixels.
    pub em: f64,
    /// Heavy letters.
    pub bold: bool,
    /// Colour.
    pub paint: Paint,
    /// The words.
    pub words: String,
}

/// A picture: its size and its shapes, the lowest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width and height, pixels.
    pub size: (u32, u32),
    /// What it shows, in one line, for those who cannot see it.
    pub title: String,
    /// What is in it.
    pub shapes: Vec<Primitive>,
}

impl Paint {
    /// This colour with less weight.
    pub const fn faint(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

impl Stroke {
    /// A solid line.
    pub const fn solid(paint: Paint, width: f64) -> Self {
        Self { paint, width, dash: None }
    }

    /// A dashed line.
    pub const fn dashed(paint: Paint, width: f64, on: f64, off: f64) -> Self {
        Self { paint, width, dash: Some((on, off)) }
    }
}

impl Scene {
    /// Draws a line, in pieces when it is dashed.
    pub fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        let Some(pattern) = stroke.dash else {
            self.shapes.push(Primitive::Line(points, stroke));
            return;
        };
        let stroke = Stroke { dash: None, ..stroke };
        self.shapes.extend(dashes(&points, pattern).map(|piece| Primitive::Line(piece, stroke)));
    }

    /// Fills a polygon.
    pub fn area(&mut self, points: Vec<Point>, paint: Paint) {
        self.shapes.push(Primitive::Area(points, paint));
    }

    /// Fills a rectangle.
    pub fn rectangle(&mut self, from: Point, to: Point, paint: Paint) {
        self.shapes.push(Primitive::Box(from, to, paint));
    }

    /// Writes a line of text.
    pub fn text(&mut self, text: TextLine) {
        if !text.words.is_empty() {
            self.shapes.push(Primitive::Text(text));
        }
    }
}

/// The visible pieces of a dashed line.
fn dashes(points: &[Point], (on, off): (f64, f64)) -> impl Iterator<Item = Vec<Point>> {
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    let (mut drawing, mut left) = (true, on.max(1.0));
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            let step = length.min(left);
            let share = if length > 0.0 { step / length } else { 1.0 };
            let end = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            if drawing {
                match pieces.last_mut() {
                    Some(piece) if piece.last() == Some(&from) => piece.push(end),
                    _ => pieces.push(vec![from, end]),
                }
            }
            left -= step;
            if left > 0.0 || length == 0.0 {
                break;
            }
            (drawing, left) = (!drawing, if drawing { off } else { on }.max(1.0));
            from = end;
        }
    }
    pieces.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_go_round_corners() {
        let pieces: Vec<_> = dashes(&[(0.0, 0.0), (3.0, 0.0), (3.0, 7.0)], (5.0, 3.0)).collect();
        assert_eq!(
            pieces,
            [vec![(0.0, 0.0), (3.0, 0.0), (3.0, 2.0)], vec![(3.0, 5.0), (3.0, 7.0)]]
        );
    }

    #[test]
    fn a_line_of_no_length_ends() {
        assert_eq!(dashes(&[(1.0, 1.0), (1.0, 1.0)], (5.0, 3.0)).count(), 1);
        assert_eq!(dashes(&[], (5.0, 3.0)).count(), 0);
    }
}
