//! One ranked stack of a text report: a sentence or two, then its frames.

use std::io;

use super::page::{Page, Style};
use crate::model::{Domain, Frame, FrameKind};
use crate::report::quantity::{block_size, bytes, count, counted, percent};
use crate::report::stacks::Stack;
use crate::report::width::{COLUMNS, columns, cut_middle, cut_start};
use crate::report::{blame, escape, label};

/// Columns before the text of an entry; room for the rank.
const INDENT: usize = 4;
/// Columns before a frame.
const FRAME_INDENT: usize = 8;
/// Most columns of a function's name in the list of frames.
const NAME_COLUMNS: usize = 44;
/// Most columns of a name inside a sentence.
const SENTENCE_NAME_COLUMNS: usize = 60;
/// Frames shown at the root's end of a stack that is too long for a page, and at the other.
const OUTER: usize = 8;
const INNER: usize = 32;

pub fn write(page: &mut Page<'_>, rank: usize, stack: &Stack<'_>, total: u64) -> io::Result<()> {
    if rank > 1 {
        page.gap()?;
    }
    page.item(0, &format!("{rank:>2}. "), Style::Bold, &headline(stack, total))?;
    page.paragraph(INDENT, &history(stack))?;
    for note in &stack.notes {
        page.item(INDENT, "Note: ", Style::Warning, &escape::terminal(note))?;
    }
    if !stack.frames.is_empty() {
        page.gap()?;
    }
    frames(page, &stack.frames)
}

/// `9.5 MiB (98.3 %) in 1,000 blocks of 10,000 B, allocated by `keep` (app.py:12) through numpy.`
fn headline(stack: &Stack<'_>, total: u64) -> String {
    format!(
        "{} ({}) in {}, {}.",
        bytes(stack.live.bytes),
        percent(stack.live.bytes, total),
        blocks(stack),
        by_whom(&stack.frames)
    )
}

fn blocks(stack: &Stack<'_>) -> String {
    let (one, many) = match stack.domain {
        Domain::Malloc => ("block", "blocks"),
        Domain::Mmap => ("mapping", "mappings"),
    };
    let blocks = counted(stack.live.count, one, many);
    if let Some(size) = stack.block_size() {
        return format!("{blocks} of {}", block_size(size));
    }
    let mean = block_size(stack.live.bytes.checked_div(stack.live.count).unwrap_or(0));
    // Classes are powers of two: the smallest begins above half its bound.
    let (least, most) = stack.size_classes;
    match least / 2 + 1 {
        _ if stack.size_classes.0 == stack.size_classes.1 => format!("{blocks} of about {mean}"),
        least => format!(
            "{blocks} of {} to {}, {mean} on average",
            block_size(if least <= 2 { 0 } else { least }),
            block_size(most)
        ),
    }
}

/// `allocated by `keep` (app.py:12) through numpy`
pub fn by_whom(frames: &[&Frame]) -> String {
    let Some(blame) = blame::of(frames) else {
        return "allocated where no stack could be taken".to_owned();
    };
    let name = label::cut(blame.frame, SENTENCE_NAME_COLUMNS);
    let through = match blame.through.as_slice() {
        [] => String::new(),
        names => format!(" through {}", list(names)),
    };
    match label::brief_place(blame.frame) {
        Some(place) => {
            let place = cut_start(&escape::terminal(&place), SENTENCE_NAME_COLUMNS);
            format!("allocated by `{name}` ({place}){through}")
        }
        None => format!("allocated by `{name}`{through}"),
    }
}

/// `a`, `a and b`, `a, b and c`, `a, b and 3 others`.
fn list(names: &[&str]) -> String {
    let name = |name: &str| cut_middle(&escape::terminal(name), SENTENCE_NAME_COLUMNS);
    match names {
        [] => String::new(),
        [only] => name(only),
        [first, second] => format!("{} and {}", name(first), name(second)),
        [first, second, third] => format!("{}, {} and {}", name(first), name(second), name(third)),
        [first, second, rest @ ..] => {
            format!("{}, {} and {} others", name(first), name(second), rest.len())
        }
    }
}

/// What became of all the blocks that were allocated here.
fn history(stack: &Stack<'_>) -> String {
    let functions: Vec<&str> = stack.allocators.iter().copied().collect();
    let functions = list(&functions);
    let freed = stack.allocated.count.saturating_sub(stack.live.count);
    let functions = if functions.is_empty() { "unknown functions".to_owned() } else { functions };
    match (freed, stack.allocated.count) {
        (0, 1) => format!("It came from {functions} and has not been freed."),
        (0, _) => format!("They came from {functions}; none has been freed."),
        (freed, all) => format!(
            "{} came from {functions} here since the start; {} of them {} freed again.",
            count(all),
            count(freed),
            if freed == 1 { "was" } else { "were" }
        ),
    }
}

/// The frames, root first, the innermost last; repeats in one line, the middle of long stacks left
/// out.
pub fn frames(page: &mut Page<'_>, frames: &[&Frame]) -> io::Result<()> {
    let runs = runs(frames);
    let (outer, inner) = if runs.len() > OUTER + INNER + 1 {
        (&runs[..OUTER], &runs[runs.len() - INNER..])
    } else {
        (&runs[..], &[][..])
    };
    let name_columns = outer
        .iter()
        .chain(inner)
        .map(|run| columns(&run.name).min(NAME_COLUMNS))
        .max()
        .unwrap_or(0);
    for run in outer {
        run.write(page, name_columns)?;
    }
    if !inner.is_empty() {
        let hidden: usize = runs[OUTER..runs.len() - INNER].iter().map(|run| run.frames).sum();
        let text = format!("{:FRAME_INDENT$}… {hidden} frames in between, see -f json …", "");
        page.line(&[(Style::Dim, &text)])?;
    }
    for run in inner {
        run.write(page, name_columns)?;
    }
    Ok(())
}

/// Frames that look the same, one directly inside the other.
struct Run {
    name: String,
    place: String,
    kind: FrameKind,
    frames: usize,
}

fn runs(frames: &[&Frame]) -> Vec<Run> {
    frames
        .chunk_by(|a, b| a.identity() == b.identity())
        .map(|run| Run {
            name: escape::terminal(&label::name(run[0])).into_owned(),
            place: escape::terminal(&label::place(run[0])).into_owned(),
            kind: run[0].kind,
            frames: run.len(),
        })
        .collect()
}

impl Run {
    fn write(&self, page: &mut Page<'_>, name_columns: usize) -> io::Result<()> {
        let name = label::cut_name(&self.name, name_columns);
        let gap = name_columns - columns(&name) + 2;
        let repeats = match self.frames {
            1 => String::new(),
            times => format!("  ({times} times)"),
        };
        let room = COLUMNS - FRAME_INDENT - name_columns - 2 - repeats.len();
        let place = cut_start(&self.place, room);
        let style = match self.kind {
            FrameKind::Python => Style::Plain,
            FrameKind::Native => Style::Dim,
        };
        let text = format!("{:FRAME_INDENT$}{name}{:gap$}{place}{repeats}", "", "");
        page.line(&[(style, &text)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_a_list() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d", "e"]), "a, b and 3 others");
    }

    #[test]
    fn recursion_is_one_line() {
        let frame = Frame::python("walk", "tree.py", Some(3));
        let other = Frame::python("walk", "tree.py", Some(4));
        let runs = runs(&[&frame, &frame, &frame, &other]);
        assert_eq!(runs.iter().map(|run| run.frames).collect::<Vec<_>>(), [3, 1]);
    }
}
