//! Which lines belong to an item that is compiled for tests only.

use super::line::Line;

const ATTRIBUTE: &str = "#[cfg(test)]";

/// Items that end at their semicolon, whatever braces come before it.
const STATEMENTS: [&str; 5] = ["use", "static", "type", "let", "extern crate"];
/// Items that end with their block, or at a semicolon where they have none. A comma ends none of
/// them.
const BLOCKS: [&str; 14] = [
    "fn",
    "mod",
    "impl",
    "struct",
    "enum",
    "union",
    "trait",
    "unsafe",
    "async",
    "extern",
    "const fn",
    "const unsafe fn",
    "const async fn",
    "macro_rules!",
];

/// How an item ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Semicolon,
    Block,
    /// A field, a variant or an arm: at its comma, or where what it is in ends.
    Comma,
}

/// Marks the lines of each item behind a `#[cfg(test)]` that begins its line, the attribute with
/// them. What does not parse marks too few lines rather than too many: a rule that is checked where
/// it need not be is noticed, one that is not checked is not.
pub fn mark_tests(lines: &mut [Line]) {
    let mut from = 0;
    while from < lines.len() {
        let code = lines[from].code.trim_start();
        let Some(rest) = code.strip_prefix(ATTRIBUTE) else {
            from += 1;
            continue;
        };
        let first = (lines[from].code.len() - rest.len(), from);
        let until = last_line(lines, first);
        for line in &mut lines[from..=until] {
            line.test = true;
        }
        from = until + 1;
    }
}

/// The module that a line declares to be in a file of its own: the name in `pub(super) mod name;`.
pub fn declared_module(line: &Line) -> Option<&str> {
    let code = line.code.trim();
    let code = code.strip_prefix(ATTRIBUTE).unwrap_or(code);
    let name = without_visibility(code).strip_prefix("mod ")?.strip_suffix(';')?;
    Some(name.trim())
}

/// The line on which the item ends that begins in line `start.1` at byte `start.0`.
fn last_line(lines: &[Line], (column, first): (usize, usize)) -> usize {
    let mut reader = Reader { end: None, depth: 0, attribute: false };
    for (index, line) in lines.iter().enumerate().skip(first) {
        let mut rest = if index == first { &line.code[column..] } else { line.code.as_str() };
        while let Some(next) = rest.chars().next() {
            if reader.ends_at(next, rest) {
                return index;
            }
            rest = &rest[next.len_utf8()..];
        }
    }
    lines.len().saturating_sub(1)
}

/// Follows the brackets of one item.
struct Reader {
    /// Known from the item's first word on.
    end: Option<End>,
    depth: usize,
    /// Inside of a further attribute, before the item itself.
    attribute: bool,
}

impl Reader {
    /// Whether the item ends at `next`, which `rest` begins with.
    fn ends_at(&mut self, next: char, rest: &str) -> bool {
        if self.end.is_none() && self.depth == 0 && !next.is_whitespace() {
            if next == '#' {
                self.attribute = true;
            } else if !self.attribute {
                self.end = Some(end_of(rest));
            }
        }
        match next {
            '{' | '(' | '[' => self.depth += 1,
            '}' | ')' | ']' => return self.closes(next),
            ';' => return self.depth == 0,
            ',' => return self.depth == 0 && self.end == Some(End::Comma),
            _ => {}
        }
        false
    }

    fn closes(&mut self, bracket: char) -> bool {
        if self.depth == 0 {
            return true; // of what the item is in
        }
        self.depth -= 1;
        if self.depth == 0 && self.attribute {
            self.attribute = false;
            return false;
        }
        self.depth == 0 && bracket == '}' && self.end != Some(End::Semicolon)
    }
}

/// How the item ends that `code` begins with.
fn end_of(code: &str) -> End {
    let code = without_visibility(code);
    let begins = |words: &&str| {
        code.strip_prefix(*words).is_some_and(|rest| !rest.starts_with(part_of_word))
    };
    if STATEMENTS.iter().any(begins) {
        End::Semicolon
    } else if BLOCKS.iter().any(begins) {
        End::Block
    } else if begins(&"const") {
        End::Semicolon
    } else {
        End::Comma
    }
}

/// `code` after `pub`, `pub(crate)` or `pub(in path)`.
fn without_visibility(code: &str) -> &str {
    let code = code.trim_start();
    let Some(rest) = code.strip_prefix("pub").filter(|rest| !rest.starts_with(part_of_word)) else {
        return code;
    };
    let rest = rest.trim_start();
    let inside = rest.strip_prefix('(').and_then(|inside| inside.split_once(')'));
    inside.map_or(rest, |(_, after)| after).trim_start()
}

fn part_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::super::lexer::lines;
    use super::declared_module;

    /// The lines that are marked, counted from 1.
    fn marked(source: &str) -> Vec<usize> {
        let lines = lines(source);
        let numbered = lines.iter().enumerate().filter(|(_, line)| line.test);
        numbered.map(|(index, _)| index + 1).collect()
    }

    #[test]
    fn a_declaration_is_one_line() {
        assert_eq!(marked("use a;\n#[cfg(test)]\nmod tests;\nfn f() {}\n"), [2, 3]);
        assert_eq!(marked("#[cfg(test)] mod tests;\nuse a;"), [1]);
        assert_eq!(marked("#[cfg(test)]\npub(super) mod samples;\n\nmod a;"), [1, 2]);
    }

    #[test]
    fn a_block_is_followed_to_its_end() {
        let source = "#[cfg(test)]\nmod tests {\n fn f() { \"}\"; }\n // }\n}\nuse a;";
        assert_eq!(marked(source), [1, 2, 3, 4, 5]);
        assert_eq!(
            marked("impl A {\n#[cfg(test)]\nfn f<A, B>(a: [u8; 2]) {\n}\nfn g() {}\n}"),
            [2, 3, 4]
        );
        assert_eq!(marked("#[cfg(test)]\npub const fn f() {\n}\nuse a;"), [1, 2, 3]);
    }

    #[test]
    fn a_statement_is_followed_to_its_semicolon() {
        assert_eq!(marked("#[cfg(test)]\nuse a::{\n b,\n};\nuse libc;"), [1, 2, 3, 4]);
        assert_eq!(marked("#[cfg(test)]\nconst A: B = B {\n a: 1,\n};\nuse c;"), [1, 2, 3, 4]);
        assert_eq!(marked("#[cfg(test)]\nextern crate std;\nuse c;"), [1, 2]);
    }

    #[test]
    fn fields_and_arms_end_at_their_comma() {
        assert_eq!(marked("struct A {\n#[cfg(test)]\na: [u8; 2],\nb: u8,\n}\nuse c;"), [2, 3]);
        assert_eq!(marked("struct A {\n#[cfg(test)]\na: u8\n}\nuse c;"), [2, 3, 4]);
        assert_eq!(marked("match a {\n#[cfg(test)]\nA => {\n}\nB => {}\n}"), [2, 3, 4]);
    }

    #[test]
    fn other_attributes_belong_to_the_item() {
        let source = "#[cfg(test)]\n#[derive(A, B)]\n#[c = \"d\"]\nstruct E {\n}\nuse f;";
        assert_eq!(marked(source), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn several_items_are_marked_each_for_itself() {
        assert_eq!(
            marked("#[cfg(test)]\nmod a;\nmod b;\n#[cfg(test)]\nmod c {}\nmod d;"),
            [1, 2, 4, 5]
        );
    }

    #[test]
    fn what_is_no_attribute_of_tests_marks_nothing() {
        assert_eq!(
            marked("// #[cfg(test)]\nmod a;\n\"#[cfg(test)]\";\n#[cfg(not(test))]\nmod b;"),
            [0; 0]
        );
    }

    #[test]
    fn declared_modules_have_a_name() {
        let named = |code: &str| declared_module(&lines(code)[0]).map(str::to_owned);
        assert_eq!(named("pub(in crate::a) mod samples; // b").as_deref(), Some("samples"));
        assert_eq!(named("#[cfg(test)] mod tests;").as_deref(), Some("tests"));
        assert_eq!(named("mod tests {"), None);
        assert_eq!(named("public mod a;"), None);
    }
}
