//! What a leak is known as from other programs: rows of patterns over the path that retains it, its type and
//! the code that made it, each with a sentence and what to do. A new kind is a new row; `docs/kinds.md` is
//! written from the rows.
//!
//! A kind is told of what is a leak by other evidence, and is none itself: it changes no verdict.

mod general;
mod packages;
mod pattern;
mod standard;
#[cfg(test)]
mod tests;

use crate::model::{Document, FrameKind, Hop, KnownKind, Leak, Note};

/// A known kind.
struct Row {
    kind: KnownKind,
    /// Any of these tells it.
    signs: &'static [Sign],
    /// A path as reports have it, root first, up to what leaks; of [`Sign::Named`], [`Sign::Uncollected`] and [`Sign::Frozen`] the type, of [`Sign::MadeBy`]
    /// function and file. Taken from a real program where there is a path.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the page and the tests of the kinds have it")
    )]
    example: &'static [&'static str],
}

/// What tells a kind. References are written as reports have them, `.handlers: list`, where `*` stands for any
/// text, `[]` for any key or index, and `…` for any references.
enum Sign {
    /// The path to the container that grows ends so.
    In(&'static [&'static str]),
    /// The path from the container that grows to what leaks begins so.
    From(&'static [&'static str]),
    /// This is somewhere on the path from the root to what leaks.
    Along(&'static [&'static str]),
    /// The leak is named by this type.
    Named(&'static str),
    /// The leak is named by this type, or objects of it come along with what it is named by.
    With(&'static str),
    /// Nothing was found that refers to it, and the interpreter does not collect garbage by itself.
    Uncollected,
    /// Nothing was found that refers to it, and the program freezes what there is again and again.
    Frozen,
    /// A function of that name in that file was running when it was allocated.
    MadeBy(&'static str, &'static str),
}

/// All rows. The first that fits is told, so those of packages come before those of what they are built from.
fn rows() -> impl Iterator<Item = &'static Row> {
    [packages::ROWS, standard::ROWS, general::ROWS].into_iter().flatten()
}

/// The kind of a leak, where it is known: by its path rather than by its name.
pub fn known(document: &Document, leak: &Leak) -> Option<KnownKind> {
    let leak = Some(leak).filter(|leak| leak.is_leak())?;
    let traits = Traits::of(document, leak);
    let is_name = |sign: &Sign| matches!(sign, Sign::Named(_) | Sign::With(_));
    let fits = |row: &Row, by_name| {
        row.signs.iter().any(|sign| is_name(sign) == by_name && traits.fit(sign))
    };
    let first = |by_name| rows().find(|row| fits(row, by_name));
    first(false).or_else(|| first(true)).map(|row| row.kind)
}

/// What patterns are compared with.
struct Traits<'a> {
    leak: &'a Leak,
    /// The path to the container; empty where none is known.
    kept: Vec<String>,
    /// Paths to what leaks.
    whole: Vec<Vec<String>>,
    /// Whether it may be garbage that nobody collects: none runs, or it was frozen.
    is_uncollected: bool,
    is_frozen: bool,
}

impl<'a> Traits<'a> {
    fn of(document: &Document, leak: &'a Leak) -> Self {
        let kept = leak.retained_by.as_ref().map(|by| plain(&by.path)).unwrap_or_default();
        let types = document.types.as_deref().unwrap_or_default().iter();
        let types = types.filter(|found| leak.evidence.types.contains(&found.name));
        let types = types.filter(|found| !kept.is_empty() || found.name == leak.name);
        let stacks = document.findings.iter();
        let stacks = stacks.filter(|found| leak.evidence.findings.contains(&found.site.id));
        let stacks = stacks.filter(|found| !found.evidence.arenas && !kept.is_empty());
        let paths = types.map(|found| &found.retainer).chain(stacks.map(|found| &found.retainer));
        let paths = paths.flatten().map(|path| plain(path));
        // The frame that a path begins at is chance.
        let is_behind = |path: &Vec<String>| {
            path.get(1..kept.len().max(1))
                .is_some_and(|path| path == kept.get(1..).unwrap_or_default())
        };
        let from = runs_from(&kept);
        let whole = paths.filter(is_behind).map(|path| path[from..].to_vec()).collect();
        let kept = kept[from..].to_vec();
        let is_off = |note: &Note| matches!(note, Note::CollectionOff { .. });
        let notes = &document.capture.notes;
        let is_garbage = leak.retained_by.is_none() && !leak.evidence.types.is_empty();
        let is_uncollected = is_garbage && notes.iter().any(is_off);
        let is_frozen = is_garbage && notes.contains(&Note::CollectionFrozen);
        Self { leak, kept, whole, is_uncollected, is_frozen }
    }

    fn fit(&self, sign: &Sign) -> bool {
        match sign {
            Sign::In(pattern) => pattern::ends(pattern, &self.kept),
            Sign::From(pattern) => {
                let container = self.kept.len().saturating_sub(1);
                let paths = self.whole.iter().filter_map(|path| path.get(container..));
                paths.into_iter().any(|path| pattern::begins(pattern, path))
            }
            Sign::Along(pattern) => {
                let mut paths = self.whole.iter().chain([&self.kept]);
                paths.any(|path| pattern::contains(pattern, path))
            }
            Sign::Named(name) => pattern::fits(name, &self.leak.name),
            Sign::With(name) => {
                let types = self.leak.evidence.types.iter().chain([&self.leak.name]);
                types.into_iter().any(|found| pattern::fits(name, found))
            }
            Sign::Uncollected => self.is_uncollected,
            Sign::Frozen => self.is_frozen,
            Sign::MadeBy(function, file) => self.is_made_by(function, file),
        }
    }

    fn is_made_by(&self, function: &str, file: &str) -> bool {
        let Some(first) = self.leak.created_at.first() else { return false };
        let fits = |pattern, text: &Option<_>| {
            text.as_deref().is_some_and(|text| pattern::fits(pattern, text))
        };
        let mut frames = first.stack.iter().filter(|frame| frame.kind == FrameKind::Python);
        frames.any(|frame| fits(function, &frame.function) && fits(file, &frame.file))
    }
}

/// Where a path begins that leads through an event loop or a coroutine to the container: how these are retained says
/// nothing of what they do.
fn runs_from(kept: &[String]) -> usize {
    let before = kept.len().saturating_sub(1);
    let runs = |words: &String| words.ends_with("EventLoop") || words.ends_with(": coroutine");
    kept[..before].iter().rposition(runs).unwrap_or(0)
}

/// References as patterns have them: without keys, indices and details. What is gone since out of a container was one of
/// its items.
fn plain(words: &[String]) -> Vec<String> {
    let has_items = |words: &String| Hop::parse(words).is_some_and(|hop| hop.items().is_some());
    let reference = |pair: &[String]| match Hop::parse(&pair[1]) {
        Some(hop) if hop.via.starts_with('[') || (hop.is_gone() && has_items(&pair[0])) => {
            format!("[]: {}", hop.class)
        }
        Some(hop) => format!("{}: {}", hop.via, hop.class),
        None => pair[1].clone(),
    };
    let root = words.first().cloned();
    root.into_iter().chain(words.windows(2).map(reference)).collect()
}
