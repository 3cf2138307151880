//! Draws scenes. With `font`, the only module that names plotters.

use plotters::coord::Shift;
use plotters::prelude::{BitMapBackend, DrawingArea, DrawingBackend, IntoDrawingArea, SVGBackend};
use plotters::prelude::{PathElement, Polygon, Rectangle, Text as Label};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBAColor, RGBColor, ShapeStyle, TextStyle, WHITE};

use super::scene::{Paint, Point, Primitive, Scene, TextAnchor, TextLine};
use super::{Error, font, png};
use crate::model::visible;

/// plotters knows whole pixels only, so an SVG is drawn so much larger than it is shown.
const SVG_SCALE: u32 = 4;

/// And a PNG, to smooth its edges: each pixel is the mean of a square of so many.
const PNG_SCALE: u32 = 2;

/// How plotters wants its text in one of the two formats.
struct Medium {
    scale: u32,
    font_size: f64,
    /// Added to the height of text, in units of its size, so that its middle is where it should be.
    drop: f64,
}

const SVG: Medium = Medium { scale: SVG_SCALE, font_size: font::SVG_SIZE, drop: 0.1 };
const PNG: Medium = Medium { scale: PNG_SCALE, font_size: font::BITMAP_SIZE, drop: 0.21 };

/// The scene as an SVG document without an XML declaration, so that it can stand in HTML too.
pub fn svg(scene: &Scene) -> Result<String, Error> {
    let (width, height) = scene.size;
    let mut out = String::new();
    let size = (width * SVG_SCALE, height * SVG_SCALE);
    paint(SVGBackend::with_string(&mut out, size), scene, &SVG)?;
    // plotters' own first tag says the size of the drawing; ours says how large to show it.
    let body = out.split_once('>').map_or("", |(_, body)| body);
    let title = xml(&scene.title);
    Ok(format!(
        "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" role=\"img\" \
         aria-label=\"{title}\" xmlns=\"http://www.w3.org/2000/svg\">{body}",
        size.0, size.1
    ))
}

/// The scene as a PNG.
pub fn png(scene: &Scene) -> Result<Vec<u8>, Error> {
    let (width, height) = scene.size;
    let size = (width * PNG_SCALE, height * PNG_SCALE);
    let mut rgb = vec![0; index(size.0) * index(size.1) * 3];
    paint(BitMapBackend::with_buffer(&mut rgb, size), scene, &PNG)?;
    png::encode(width, height, &smaller(&rgb, index(width)))
}

fn paint<B: DrawingBackend>(backend: B, scene: &Scene, medium: &Medium) -> Result<(), Error> {
    let area = backend.into_drawing_area();
    area.fill(&WHITE).map_err(Error::of)?;
    for shape in &scene.shapes {
        draw(&area, shape, medium)?;
    }
    area.present().map_err(Error::of)
}

fn draw<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    shape: &Primitive,
    medium: &Medium,
) -> Result<(), Error> {
    let place = |point: &Point| pixel(*point, medium.scale);
    match shape {
        Primitive::Area(points, fill) if points.len() > 2 => {
            let points: Vec<_> = points.iter().map(place).collect();
            area.draw(&Polygon::new(points, colour(*fill)))
        }
        Primitive::Line(points, stroke) if points.len() > 1 => {
            let points: Vec<_> = points.iter().map(place).collect();
            let width = pixel((stroke.width, 0.0), medium.scale).0;
            let style = ShapeStyle::from(colour(stroke.paint));
            area.draw(&PathElement::new(points, style.stroke_width(width.max(1).unsigned_abs())))
        }
        Primitive::Box(from, to, fill) => {
            area.draw(&Rectangle::new([place(from), place(to)], colour(*fill).filled()))
        }
        Primitive::Text(text) => return label(area, text, medium),
        Primitive::Area(..) | Primitive::Line(..) => Ok(()),
    }
    .map_err(Error::of)
}

fn label<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    text: &TextLine,
    medium: &Medium,
) -> Result<(), Error> {
    let horizontal = match text.anchor {
        TextAnchor::Start => HPos::Left,
        TextAnchor::Middle => HPos::Center,
        TextAnchor::End => HPos::Right,
    };
    let size = text.em * f64::from(medium.scale) * medium.font_size;
    let style = TextStyle {
        font: font::font(size, text.bold),
        color: colour(text.paint).to_backend_color(),
        pos: Pos::new(horizontal, VPos::Center),
    };
    let at = (text.at.0, text.at.1 + text.em * medium.drop);
    area.draw(&Label::new(visible::text(&text.words), pixel(at, medium.scale), style))
        .map_err(Error::of)
}

fn colour(paint: Paint) -> RGBAColor {
    let (red, green, blue) = paint.rgb;
    RGBColor(red, green, blue).mix(paint.alpha)
}

/// The nearest pixel. What is far outside the picture is brought nearer, so that no sum in plotters
/// can overflow.
fn pixel(point: Point, scale: u32) -> (i32, i32) {
    #[expect(clippy::cast_possible_truncation, reason = "cut to a range that fits; NaN becomes 0")]
    let whole = |value: f64| (value * f64::from(scale)).round().clamp(-1e5, 1e5) as i32;
    (whole(point.0), whole(point.1))
}

/// Each pixel the mean of a square of `PNG_SCALE` times `PNG_SCALE`.
fn smaller(rgb: &[u8], width: usize) -> Vec<u8> {
    let scale = index(PNG_SCALE);
    let row = width * scale * 3;
    let mut out = Vec::with_capacity(rgb.len() / (scale * scale));
    for rows in rgb.chunks_exact((row * scale).max(1)) {
        for (column, channel) in (0..width).flat_map(|column| (0..3).map(move |c| (column, c))) {
            let square = (0..scale * scale).map(|place| {
                let at = place / scale * row + (column * scale + place % scale) * 3 + channel;
                u32::from(rows[at])
            });
            let mean = square.sum::<u32>() / (PNG_SCALE * PNG_SCALE);
            out.push(u8::try_from(mean).unwrap_or(u8::MAX));
        }
    }
    out
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// For the value of an attribute.
fn xml(text: &str) -> String {
    visible::text(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_become_their_mean() {
        // Two rows of two pixels: one pixel.
        assert_eq!(smaller(&[0, 0, 9, 4, 0, 9, 0, 8, 9, 4, 8, 9], 1), [2, 4, 9]);
    }

    #[test]
    fn no_place_is_too_far() {
        assert_eq!(pixel((f64::INFINITY, f64::NAN), 4), (100_000, 0));
    }
}
