//! What can be shown of a text from outside: one answer for every medium that a person looks at.
//!
//! What cannot be shown is shown as its code, `\x1b` or `\u{202e}`, so that a reader sees that
//! something was there.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` without control characters, line breaks, and what reorders or hides other characters.
pub fn text(text: &str) -> Cow<'_, str> {
    replace(text, |c| is_control(c) || is_deceptive(c), code)
}

/// C0, DEL and C1: what terminals obey.
pub fn is_control(c: char) -> bool {
    c.is_control()
}

/// Characters that change the order or presence of others without being seen: bidirectional
/// embeddings, overrides, isolates and marks, separators of lines and paragraphs, zero-width
/// characters, the soft hyphen, interlinear annotations, variation selectors, non-characters and
/// tags.
pub fn is_deceptive(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Writes `c` as its code.
pub fn code(c: char, out: &mut String) {
    let number = u32::from(c);
    // Writing to a string cannot fail.
    let _ = match c {
        '\n' => write!(out, "\\n"),
        '\r' => write!(out, "\\r"),
        '\t' => write!(out, "\\t"),
        _ if number < 0x100 => write!(out, "\\x{number:02x}"),
        _ => write!(out, "\\u{{{number:x}}}"),
    };
}

/// `text` with every character that is `bad` put as `put` writes it.
pub fn replace(
    text: &str,
    bad: impl Fn(char) -> bool,
    put: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    if !text.contains(&bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if bad(c) {
            put(c, &mut out);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}
