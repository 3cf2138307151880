//! Retainers in the language of Graphviz.

use std::io::{self, Write};

use super::tree::{Node, Tree};
use super::{RetainersExporter, text};
use crate::model::RetainerReport;
use crate::report::width::cut_middle;
use crate::report::{Options, escape};

/// Most columns of a name; Graphviz makes boxes as wide as their text.
const NAME_COLUMNS: usize = 60;

/// The graph.
pub struct Dot;

impl RetainersExporter for Dot {
    fn write(
        &self,
        retainers: &RetainerReport,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let shown = options.shown(&retainers.groups);
        let tree = Tree::from_groups(shown);
        writeln!(out, "digraph who {{")?;
        writeln!(out, "  rankdir=LR;")?;
        writeln!(out, "  labelloc=t;")?;
        writeln!(out, "  label=\"{}\";", escape::dot(&text::sentence(retainers)))?;
        writeln!(out, "  node [shape=box, style=rounded, fontname=\"monospace\"];")?;
        writeln!(out, "  edge [fontname=\"monospace\"];")?;
        for (number, node) in tree.nodes.iter().enumerate() {
            writeln!(out, "  n{number} [label=\"{}\"];", label(node))?;
            for next in &node.next {
                arrow(out, number, *next, &tree.nodes[*next])?;
            }
            if let Some(end) = node.end {
                let words = escape::dot(&end.words()).into_owned();
                writeln!(out, "  e{number} [shape=plaintext, label=\"{words}\"];")?;
                writeln!(out, "  n{number} -> e{number} [arrowhead=none, style=dotted];")?;
            }
        }
        writeln!(out, "}}")
    }
}

fn arrow(out: &mut dyn Write, from: usize, to: usize, node: &Node) -> io::Result<()> {
    let style = if node.certain { "" } else { ", style=dashed" };
    let via = cut_middle(&node.via, NAME_COLUMNS);
    writeln!(out, "  n{from} -> n{to} [label=\"{}\"{style}];", escape::dot(&via))
}

fn label(node: &Node) -> String {
    let title = escape::dot(&cut_middle(&node.title, NAME_COLUMNS)).into_owned();
    match node.detail.as_str() {
        "" => title,
        detail => format!("{title}\\n{}", escape::dot(&cut_middle(detail, NAME_COLUMNS))),
    }
}
