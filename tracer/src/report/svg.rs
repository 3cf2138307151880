//! A flame graph of live bytes. The only module that names inferno.
//!
//! Colour says whose code a frame is; within a colour the shade follows the name, so that
//! neighbours can be told apart and every run draws the same picture.

use std::borrow::Cow;
use std::io::{self, Write};

use inferno::flamegraph::color::{BackgroundColor, Color, PaletteMap, StrokeColor};
use inferno::flamegraph::{self, TextTruncateDirection};

use super::origin::{self, Origin};
use super::stacks::{self, Stack};
use super::{Exporter, Options, escape, folded, label, quantity};
use crate::model::{Document, Frame, FrameKind};

/// A flame graph of live bytes.
pub struct Svg;

/// Explains the colours; inferno has a title and a subtitle to put it.
const LEGEND: &str = "orange: the application's Python, yellow: library Python, blue: native";

impl Exporter for Svg {
    fn write(&self, document: &Document, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let stacks = stacks::ranked(document, options);
        let stacks = options.shown(&stacks);
        let mut lines = folded::lines(stacks);
        let title = escape::terminal(&title(document)).into_owned();
        if lines.is_empty() {
            return write_empty(
                &title,
                "Nothing that was allocated since the start is still live.",
                out,
            );
        }
        // inferno adds the weights up in 64 bits without a check.
        if stacks.iter().try_fold(0_u64, |sum, stack| sum.checked_add(stack.live.bytes)).is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the live bytes add up to more than 64 bits can hold",
            ));
        }
        lines.sort_unstable();
        let mut palette = palette(stacks);
        let mut drawing = drawing(title, subtitle(document, stacks), options);
        drawing.palette_map = Some(&mut palette);
        flamegraph::from_lines(&mut drawing, lines.iter().map(String::as_str), &mut *out)?;
        out.write_all(b"\n")
    }
}

/// Draws a differential flame graph of folded lines with two weights, sorted by their stacks. The
/// weights were shifted to the right by `shift` bits, and some of the second ones are not zero.
pub(super) fn write_difference(
    title: &str,
    subtitle: &str,
    lines: &[String],
    shift: u32,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut drawing = drawing(title.to_owned(), subtitle.to_owned(), options);
    drawing.factor = f64::from(shift).exp2();
    // What did not change is nearly white, and would not be seen before the usual background.
    drawing.bgcolors = Some(BackgroundColor::Flat(Color { r: 0xdc, g: 0xdd, b: 0xda }));
    drawing.stroke_color = StrokeColor::Color(Color { r: 0xc4, g: 0xc5, b: 0xc2 });
    flamegraph::from_lines(&mut drawing, lines.iter().map(String::as_str), &mut *out)?;
    out.write_all(b"\n")
}

fn drawing(title: String, subtitle: String, options: &Options) -> flamegraph::Options<'static> {
    let mut drawing = flamegraph::Options::default();
    drawing.title = title;
    drawing.subtitle = Some(subtitle);
    drawing.count_name = "bytes".to_owned();
    drawing.name_type = "Frame:".to_owned();
    drawing.bgcolors = Some(BackgroundColor::Flat(Color { r: 0xfa, g: 0xfa, b: 0xf7 }));
    drawing.text_truncate_direction = TextTruncateDirection::Right;
    drawing.deterministic = true;
    drawing.no_sort = true;
    drawing.no_javascript = options.plain_svg;
    drawing.pretty_xml = options.plain_svg;
    drawing
}

fn title(document: &Document) -> String {
    let target = &document.target;
    format!("Live memory of {} (pid {}) by stack", target.comm, target.pid)
}

fn subtitle(document: &Document, stacks: &[Stack<'_>]) -> String {
    let live = quantity::bytes(stacks::total_live(stacks).bytes);
    let span = quantity::duration(document.capture.seconds);
    let mode = escape::terminal(&document.capture.mode);
    format!("{live} allocated in {span} and not freed ({mode}); {LEGEND}")
}

/// The colour of every label. Two frames of different kinds can share a label only when a file is
/// named like a library on purpose; the first one then decides.
fn palette(stacks: &[Stack<'_>]) -> PaletteMap {
    let mut palette = PaletteMap::default();
    for frame in stacks.iter().flat_map(|stack| &stack.frames) {
        let name = label::folded(frame);
        if palette.get(&name).is_none() {
            let colour = colour(frame, &name);
            palette.insert(name, colour);
        }
    }
    let grey = Color { r: 0xd0, g: 0xd0, b: 0xcc };
    palette.insert("", grey);
    palette.insert("(no stack)", grey);
    palette
}

/// The lightest and darkest shade of a kind; chosen to differ for the colour-blind too.
fn shades(frame: &Frame) -> [[u8; 3]; 2] {
    match (frame.kind, origin::of_frame(frame)) {
        (FrameKind::Native, _) => [[0xb4, 0xcd, 0xec], [0x86, 0xab, 0xdb]],
        (FrameKind::Python, Origin::Application) => [[0xf9, 0xa8, 0x5c], [0xea, 0x7f, 0x26]],
        (FrameKind::Python, _) => [[0xfb, 0xe3, 0x98], [0xef, 0xcb, 0x5c]],
    }
}

fn colour(frame: &Frame, name: &str) -> Color {
    let [light, dark] = shades(frame);
    // FNV-1a; the shade needs no more than one even byte of it.
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let share = (hash >> 16) & 0xff;
    let mix = |channel: usize| {
        let (light, dark) = (u32::from(light[channel]), u32::from(dark[channel]));
        u8::try_from((light * share + dark * (255 - share)) / 255).unwrap_or(u8::MAX)
    };
    Color { r: mix(0), g: mix(1), b: mix(2) }
}

/// inferno takes an empty graph for an error; an empty one is a good answer here.
pub(super) fn write_empty(title: &str, sentence: &str, out: &mut dyn Write) -> io::Result<()> {
    let title: Cow<'_, str> = escape::xml(title);
    writeln!(
        out,
        r##"<?xml version="1.0" standalone="no"?>
<svg version="1.1" width="1200" height="90" viewBox="0 0 1200 90" xmlns="http://www.w3.org/2000/svg">
    <rect x="0" y="0" width="100%" height="90" fill="#fafaf7"/>
    <text x="50%" y="32" text-anchor="middle" font-family="monospace" font-size="17">{title}</text>
    <text x="50%" y="62" text-anchor="middle" font-family="monospace" font-size="12">{sentence}</text>
</svg>"##
    )
}
