//! How many columns text takes, and making it fit.
//!
//! Lines are broken here and not by a crate: `textwrap` counts characters by itself, combining
//! marks and selectors as nothing, so that lines of hostile names become wider than the page; and
//! its way to be reported widths (one's own fragments) takes more code than the loop of [`wrap`].

use unicode_width::UnicodeWidthChar;

/// Columns of a report. Terminals of today have them, and a printed page too.
pub const COLUMNS: usize = 100;

/// Columns of a report that is read in any terminal.
pub const NARROW: usize = 80;

/// Columns that a terminal may use for `c` (Unicode Standard Annex #11, what is ambiguous counted
/// as one). Never none: marks that combine with others are counted too, so that no name can pile up
/// more of them than a line has columns.
pub fn char_columns(c: char) -> usize {
    c.width().unwrap_or(1).max(1)
}

/// Columns that a terminal may use for `text`.
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// `text`, its end cut off and marked when it takes more than `limit` columns.
pub fn cut_end(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = limit.saturating_sub(1);
    for c in text.chars() {
        match left.checked_sub(char_columns(c)) {
            Some(rest) => left = rest,
            None => break,
        }
        out.push(c);
    }
    if limit > 0 {
        out.push('…');
    }
    out
}

/// `text`, its start cut off and marked when it takes more than `limit` columns: the end of a path
/// says more than its start.
pub fn cut_start(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let mut left = limit.saturating_sub(1);
    let mut start = text.len();
    for (index, c) in text.char_indices().rev() {
        match left.checked_sub(char_columns(c)) {
            Some(rest) => left = rest,
            None => break,
        }
        start = index;
    }
    if limit == 0 { String::new() } else { format!("…{}", &text[start..]) }
}

/// `text`, its middle cut out and marked when it takes more than `limit` columns: of a qualified
/// name both ends say something.
pub fn cut_middle(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let start = cut_end(text, limit.div_ceil(2));
    let rest = limit.saturating_sub(columns(&start)).saturating_add(1);
    let end = cut_start(text, rest);
    match limit {
        0 => String::new(),
        _ => format!("{start}{}", end.trim_start_matches('…')),
    }
}

/// `text` in lines of at most `limit` columns, broken at spaces; a word that is longer than a line
/// is cut into pieces.
pub fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for piece in
        text.split(' ').filter(|word| !word.is_empty()).flat_map(|word| pieces(word, limit))
    {
        let needed = columns(piece);
        if used > 0 && used + 1 + needed > limit {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(piece);
        used += needed;
    }
    if used > 0 {
        lines.push(line);
    }
    lines
}

/// `word` in pieces of at most `limit` columns (or one character, where that is wider), whole names where they fit.
fn pieces(word: &str, limit: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (index, c) in word.char_indices() {
        // What is left behind a name that stays whole may have no room for a wide character.
        while used > 0 && used + char_columns(c) > limit {
            let end = name_end(word, start, index);
            pieces.push(&word[start..end]);
            (start, used) = (end, columns(&word[end..index]));
        }
        used += char_columns(c);
    }
    pieces.push(&word[start..]);
    pieces
}

/// Where to cut a word that has room up to `full`: before its last dot or slash, so that names stay whole.
fn name_end(word: &str, start: usize, full: usize) -> usize {
    let is_begin = |c: char| matches!(c, '.' | '/' | '[');
    let names = word[start..full].rfind(is_begin).map(|at| start + at);
    names.filter(|end| *end > start).unwrap_or(full)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn long_text_is_cut_where_it_says_least() {
        assert_eq!(cut_end("short", 10), "short");
        assert_eq!(cut_end("a_long_function", 8), "a_long_…");
        assert_eq!(cut_start("/srv/app/main.py:12", 12), "…/main.py:12");
        assert_eq!(cut_end("日本語", 5), "日本…");
        assert_eq!(cut_start("日本語", 4), "…語");
        assert_eq!(cut_start("日本語", 0), "");
        assert_eq!(cut_middle("short", 10), "short");
        assert_eq!(cut_middle("bokeh.document.Document", 12), "bokeh…cument");
        assert_eq!(cut_middle("日本語日本語", 7), "日…本語");
        assert_eq!((cut_middle("abc", 1), cut_middle("abc", 0)), ("…".into(), String::new()));
    }

    #[test]
    fn text_is_broken_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("abc.defgh.ij: dict", 10), ["abc.defgh", ".ij: dict"]);
        assert_eq!(wrap("a.bbbb語語語語", 8), ["a", ".bbbb語", "語語語"]);
        assert!(wrap("", 4).is_empty());
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in ".*", limit in 2_usize..60) {
            prop_assert!(columns(&cut_end(&text, limit)) <= limit);
            prop_assert!(columns(&cut_start(&text, limit)) <= limit);
            prop_assert!(columns(&cut_middle(&text, limit)) <= limit);
            for line in wrap(&text, limit) {
                prop_assert!(columns(&line) <= limit);
            }
        }

        #[test]
        fn wrapping_loses_nothing(text in ".*", limit in 2_usize..60) {
            let bare = |text: &str| text.replace(' ', "");
            prop_assert_eq!(bare(&wrap(&text, limit).concat()), bare(&text));
        }
    }
}
