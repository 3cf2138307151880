//! Retainers as a picture: roots on the left, the objects in question on the right.

use std::io::{self, Write};

use super::place::{self, BOX, PlacedBoxes};
use super::tree::{Node, Tree, in_full};
use super::{RetainersExporter, text};
use crate::model::{RetainerReport, RootKind};
use crate::report::census::closing;
use crate::report::escape::xml;
use crate::report::width::{cut_middle, wrap};
use crate::report::{Options, escape};

/// Columns of text in a box, and on an arrow.
const TITLE_COLUMNS: usize = 30;
const DETAIL_COLUMNS: usize = 34;
const VIA_COLUMNS: usize = 20;
/// Most columns of what is shown when somebody points at a box.
const FULL_COLUMNS: usize = 600;
/// Lines of text above the picture.
const HEAD_LINE: usize = 18;

const STYLE: &str = "\
text{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328}\
.h{font-size:14px;font-weight:bold}.s{font-size:11px;fill:#57606a}.t{font-size:12px}.d,.v{font-size:10px;fill:#57606a}\
.v{paint-order:stroke;stroke:#fff;stroke-width:4px}.e{font-size:12px;font-weight:bold}\
rect{stroke-width:1.2;rx:5px}path{fill:none;stroke:#57606a;stroke-width:1.2}.m{stroke-dasharray:5 4}";

/// The picture.
pub struct RetainersSvg;

impl RetainersExporter for RetainersSvg {
    fn write(
        &self,
        retainers: &RetainerReport,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let shown = options.shown(&retainers.groups);
        let tree = Tree::from_groups(shown);
        let placed = place::place(&tree);
        let columns = (placed.width.saturating_sub(2 * place::MARGIN) / 9).max(60);
        let head = head(retainers, shown.len(), columns);
        let top = head.len() * HEAD_LINE + place::MARGIN;
        let (width, height) = (placed.width, placed.height + top);
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">"
        )?;
        writeln!(out, "<title>{}</title>", xml(&text::sentence(retainers)))?;
        writeln!(out, "<style>{STYLE}</style>")?;
        writeln!(
            out,
            "<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
             markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" style=\"fill:#57606a;stroke:none\"/>\
             </marker></defs>"
        )?;
        writeln!(
            out,
            "<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\" style=\"rx:0\"/>"
        )?;
        for (line, (class, words)) in head.iter().enumerate() {
            let y = place::MARGIN + line * HEAD_LINE + 4;
            writeln!(
                out,
                "<text class=\"{class}\" x=\"{}\" y=\"{y}\">{}</text>",
                place::MARGIN,
                xml(words)
            )?;
        }
        writeln!(out, "<g transform=\"translate(0 {top})\">")?;
        arrows(out, &tree, &placed)?;
        for (at, node) in tree.nodes.iter().enumerate() {
            draw(out, node, placed.at[at])?;
        }
        writeln!(out, "</g>\n</svg>")
    }
}

/// Lines above the picture, each with its class.
fn head(retainers: &RetainerReport, shown: usize, columns: usize) -> Vec<(&'static str, String)> {
    let headline = wrap(&text::sentence(retainers), columns);
    let mut lines: Vec<(&'static str, String)> =
        headline.into_iter().map(|line| ("h", line)).collect();
    let mut small = closing::snapshot_of(&retainers.target, &retainers.snapshot);
    let hidden = retainers.groups.len().saturating_sub(shown);
    let hidden = u64::try_from(hidden).unwrap_or(u64::MAX).saturating_add(retainers.more_groups);
    if hidden > 0 {
        small.push_str(" Kinds of paths that are not drawn: ");
        small.push_str(&crate::report::quantity::count(hidden));
        small.push('.');
    }
    if retainers.groups.iter().flat_map(|group| &group.path).any(|reference| !reference.certain) {
        small.push_str(" Dashed: looks like a reference, and may be none.");
    }
    lines.extend(wrap(&small, columns * 5 / 4).into_iter().map(|line| ("s", line)));
    lines
}

fn arrows(out: &mut dyn Write, tree: &Tree, placed: &PlacedBoxes) -> io::Result<()> {
    for (from, node) in tree.nodes.iter().enumerate() {
        for next in &node.next {
            let target = &tree.nodes[*next];
            let ((x1, y1), (x2, y2)) = (placed.at[from], placed.at[*next]);
            let (x1, y1, y2) = (x1 + BOX.0, y1 + BOX.1 / 2, y2 + BOX.1 / 2);
            let bend = x1 + (x2 - x1) / 4;
            let class = if target.certain { "" } else { " class=\"m\"" };
            writeln!(
                out,
                "<path{class} d=\"M{x1} {y1}C{bend} {y1} {x1} {y2} {bend} {y2}L{x2} {y2}\" marker-end=\"url(#a)\"/>"
            )?;
            let via = cut_middle(&target.via, VIA_COLUMNS);
            let (x, y) = (x2 - 10, y2 - 7);
            writeln!(
                out,
                "<text class=\"v\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{}</text>",
                xml(&via)
            )?;
        }
    }
    Ok(())
}

fn draw(out: &mut dyn Write, node: &Node, (x, y): (usize, usize)) -> io::Result<()> {
    let (fill, stroke) = if node.depth == 0 { colours(node.root) } else { ("#f6f8fa", "#8c959f") };
    let end = node.end.map(|end| end.words()).unwrap_or_default();
    let full = cut_middle(&in_full(node, &end), FULL_COLUMNS);
    writeln!(out, "<g><title>{}</title>", xml(&full))?;
    writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{fill}\" stroke=\"{stroke}\"/>",
        BOX.0, BOX.1
    )?;
    let title = cut_middle(&node.title, TITLE_COLUMNS);
    let (text_x, middle) = (x + 8, y + BOX.1 / 2 + 4);
    let title_y = if node.detail.is_empty() { middle } else { y + 16 };
    writeln!(out, "<text class=\"t\" x=\"{text_x}\" y=\"{title_y}\">{}</text>", xml(&title))?;
    if !node.detail.is_empty() {
        let detail = cut_middle(&node.detail, DETAIL_COLUMNS);
        let y = y + 30;
        writeln!(out, "<text class=\"d\" x=\"{text_x}\" y=\"{y}\">{}</text>", xml(&detail))?;
    }
    if node.end.is_some() {
        // Beside the last box; below one that paths go on from.
        let (x, y) = match node.next.is_empty() {
            true => (x + BOX.0 + 10, middle),
            false => (x, y + BOX.1 + 13),
        };
        writeln!(
            out,
            "<text class=\"e\" x=\"{x}\" y=\"{y}\">{}</text>",
            xml(&escape::terminal(&end))
        )?;
    }
    writeln!(out, "</g>")
}

/// Fill and line of a root.
const fn colours(root: RootKind) -> (&'static str, &'static str) {
    match root {
        RootKind::Module => ("#ddf4ff", "#0969da"),
        RootKind::Frame => ("#dafbe1", "#1a7f37"),
        RootKind::StaticType => ("#fbefff", "#8250df"),
        RootKind::Native => ("#fff1e5", "#bc4c00"),
        RootKind::Garbage => ("#eaeef2", "#57606a"),
    }
}
