//! Retainers as a page to read: one sentence, then each kind of path.

use std::io::{self, Write};

use super::{RetainersExporter, outside};
use crate::model::{RetainerGroup, RetainerReport};
use crate::report::census::closing;
use crate::report::path;
use crate::report::quantity::{bytes, count, counted};
use crate::report::text::page::{Page, Style};
use crate::report::{Options, escape, subject, width};

/// Columns before the text of a group; room for its number.
const INDENT: usize = 4;
/// Columns before a reference.
const PATH_INDENT: usize = 6;

/// The page.
pub struct RetainersText;

impl RetainersExporter for RetainersText {
    fn write(
        &self,
        retainers: &RetainerReport,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut page = Page::narrow(out, options.colour);
        page.heading(&sentence(retainers))?;
        page.paragraph(0, &closing::snapshot_of(&retainers.target, &retainers.snapshot))?;
        let shown = options.shown(&retainers.groups);
        for (number, group) in (1_u64..).zip(shown) {
            page.gap()?;
            write_group(&mut page, number, group)?;
        }
        rest(&mut page, retainers, shown)?;
        closing::write(
            &mut page,
            &retainers.target,
            &retainers.snapshot,
            &retainers.tool,
            &legend(shown),
        )
    }
}

/// `57 objects of the type x.Y (1.2 MiB) are kept by 2 kinds of chains`
pub fn sentence(retainers: &RetainerReport) -> String {
    let shown = |words: &str| width::cut_middle(&escape::terminal(words), 200);
    let what = shown(&subject::with_count(&retainers.subject, retainers.count));
    let groups = u64::try_from(retainers.groups.len()).unwrap_or(u64::MAX);
    let kinds =
        counted(groups.saturating_add(retainers.more_groups), "kind of path", "kinds of paths");
    let verb = if retainers.count == 1 { "is" } else { "are" };
    match (retainers.count, groups) {
        (0, _) => format!("There are no {}", shown(&subject::words(&retainers.subject))),
        (_, 0) => {
            format!("{what} ({}) {verb} retained by nothing that was found", bytes(retainers.bytes))
        }
        _ => format!("{what} ({}) {verb} retained by {kinds}", bytes(retainers.bytes)),
    }
}

fn write_group(page: &mut Page<'_>, number: u64, group: &RetainerGroup) -> io::Result<()> {
    let headline = format!(
        "{} ({}), {}",
        counted(group.count, "object", "objects"),
        bytes(group.bytes),
        path::retained_from(group)
    );
    page.item(0, &format!("{number:>2}. "), Style::Bold, &headline)?;
    if let Some(outside) = &group.outside {
        page.paragraph(INDENT, &escape::terminal(&outside::words(outside)))?;
    }
    if group.path.is_empty() {
        return page.paragraph(INDENT, "It is retained there directly.");
    }
    page.gap()?;
    path::write(page, PATH_INDENT, &group.path)
}

/// What was not shown.
fn rest(
    page: &mut Page<'_>,
    retainers: &RetainerReport,
    shown: &[RetainerGroup],
) -> io::Result<()> {
    let hidden = u64::try_from(retainers.groups.len() - shown.len()).unwrap_or(u64::MAX);
    let more = retainers.more_groups.saturating_add(hidden);
    if more == 0 {
        return Ok(());
    }
    let told = shown.iter().fold(0, |sum: u64, group| sum.saturating_add(group.count));
    let objects = retainers.count.saturating_sub(told);
    let (kinds, keep) = if more == 1 { ("kind", "retains") } else { ("kinds", "retain") };
    page.gap()?;
    page.paragraph(
        0,
        &format!(
            "{} more {kinds} of paths {keep} {}; --top shows more.",
            count(more),
            counted(objects, "object", "objects")
        ),
    )
}

/// What a reader has to know about paths.
fn legend(shown: &[RetainerGroup]) -> Vec<String> {
    if shown.is_empty() {
        return Vec::new();
    }
    let mut sentences = vec![
        "Each path is a shortest one to one of its objects; others may retain the same objects, and only when \
         the last is cut are they freed."
            .to_owned(),
    ];
    if shown.iter().flat_map(|group| &group.path).any(|reference| !reference.certain) {
        sentences.push(
            "⇢ is a word in a structure of C code that looks like a reference and may be none."
                .to_owned(),
        );
    }
    sentences
}
