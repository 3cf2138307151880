//! Rust source without its comments, and which of its lines are tests.

use super::item;
use super::line::Line;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    LineComment,
    /// How deep.
    BlockComment(usize),
    Text,
    /// How many `#` end it.
    RawText(usize),
}

/// Splits a file, and marks what is compiled for tests only.
pub fn lines(source: &str) -> Vec<Line> {
    let mut lines = Lexer { rest: source, state: State::Code, lines: vec![Line::default()] }.run();
    item::mark_tests(&mut lines);
    lines
}

struct Lexer<'a> {
    rest: &'a str,
    state: State,
    lines: Vec<Line>,
}

impl Lexer<'_> {
    fn run(mut self) -> Vec<Line> {
        while let Some(next) = self.rest.chars().next() {
            if next == '\n' {
                if self.state == State::LineComment {
                    self.state = State::Code;
                }
                self.lines.push(Line::default());
                self.skip(1);
                continue;
            }
            match self.state {
                State::Code => self.code(next),
                State::LineComment => self.skip(next.len_utf8()),
                State::BlockComment(depth) => self.block_comment(next, depth),
                State::Text => self.text(next),
                State::RawText(hashes) => self.raw_text(next, hashes),
            }
        }
        self.lines
    }

    fn code(&mut self, next: char) {
        let raw = raw_start(self.rest).filter(|_| !self.after_word());
        if self.rest.starts_with("//") {
            self.enter(State::LineComment, 2);
        } else if self.rest.starts_with("/*") {
            self.enter(State::BlockComment(1), 2);
        } else if let Some((length, hashes)) = raw {
            self.line().code.push('"');
            self.enter(State::RawText(hashes), length);
        } else if next == '"' {
            self.line().code.push('"');
            self.enter(State::Text, 1);
        } else if let Some(length) = character(self.rest) {
            self.line().code.push_str("' '");
            self.skip(length);
        } else {
            self.line().code.push(next);
            self.skip(next.len_utf8());
        }
    }

    fn block_comment(&mut self, next: char, depth: usize) {
        if self.rest.starts_with("*/") {
            let outer = if depth == 1 { State::Code } else { State::BlockComment(depth - 1) };
            self.enter(outer, 2);
        } else if self.rest.starts_with("/*") {
            self.enter(State::BlockComment(depth + 1), 2);
        } else {
            self.skip(next.len_utf8());
        }
    }

    fn text(&mut self, next: char) {
        if next == '"' {
            self.end_of_text();
            self.enter(State::Code, 1);
        } else if next == '\\' && !self.rest.starts_with("\\\n") {
            let escaped = self.rest.chars().nth(1).map_or(0, char::len_utf8);
            self.skip(1 + escaped);
        } else {
            self.line().text.push(next);
            self.skip(next.len_utf8());
        }
    }

    fn raw_text(&mut self, next: char, hashes: usize) {
        let end = format!("\"{}", "#".repeat(hashes));
        if self.rest.starts_with(&end) {
            self.end_of_text();
            self.enter(State::Code, end.len());
        } else {
            self.line().text.push(next);
            self.skip(next.len_utf8());
        }
    }

    fn end_of_text(&mut self) {
        self.line().code.push('"');
        self.line().text.push('\n');
    }

    fn line(&mut self) -> &mut Line {
        self.lines.last_mut().expect("invariant: a line is there from the start")
    }

    fn after_word(&mut self) -> bool {
        self.line().code.ends_with(|last: char| last.is_alphanumeric() || last == '_')
    }

    fn enter(&mut self, state: State, length: usize) {
        self.state = state;
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.rest = &self.rest[length..];
    }
}

/// Length of the start of a raw string, and its number of `#`.
fn raw_start(rest: &str) -> Option<(usize, usize)> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then(|| (rest.len() - after.len() + hashes + 1, hashes))
}

/// Length of a character literal; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    if inside.starts_with('\\') {
        // The escaped character may itself be a quote.
        let end = inside.get(2..)?.find('\'')?;
        return Some(1 + 2 + end + 1);
    }
    let one = inside.chars().next()?;
    inside[one.len_utf8()..].starts_with('\'').then_some(2 + one.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> Vec<String> {
        lines(source).into_iter().map(|line| line.code).collect()
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        assert_eq!(code("a // b\nc /* d\n /* e */ f */ g"), ["a ", "c ", " g"]);
        assert_eq!(code(r#"a("x \" // y", b'"', '\'', 'z') // c"#), [r#"a("", b' ', ' ', ' ') "#]);
        assert_eq!(code(r##"a(r#"x " y"#, r"\", br"z")"##), [r#"a("", "", "")"#]);
    }

    #[test]
    fn lifetimes_are_code() {
        assert_eq!(code("fn f<'a>(x: &'a str) -> &'a u8"), ["fn f<'a>(x: &'a str) -> &'a u8"]);
    }

    #[test]
    fn texts_over_several_lines_stay_texts() {
        let lines = lines("a(\"one\\\n  // two\", b)");
        assert_eq!(lines[1].text, "  // two\n");
        assert_eq!(lines[1].code, "\", b)");
    }
}
