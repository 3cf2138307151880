//! Paths in Rust code: what a file imports, and what else it names.

use super::source::Rust;

/// A path, segment by segment; the last one of `use a::*` is a star.
pub type Path = Vec<String>;

/// A path at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// As it is written, with the groups of `use` taken apart.
    pub path: Path,
    /// Counted from 1.
    pub line: usize,
    /// Whether that line is tests.
    pub test: bool,
    /// Modules of the file around it.
    pub inline: Path,
    /// How it is used.
    pub usage: Usage,
}

/// How a path is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// It is imported under this name.
    Import(String),
    /// It is called as a macro.
    Macro,
    /// Anything else, keywords included.
    Plain,
}

/// Every path of a file.
pub fn all(file: &Rust) -> Vec<Named> {
    let mut tokens = Vec::new();
    for (index, line) in file.lines.iter().enumerate() {
        tokenise(&line.code, index, &mut tokens);
    }
    let mut reader =
        Reader { file, tokens, at: 0, found: Vec::new(), depth: 0, inline: Vec::new() };
    reader.run();
    reader.found
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Colons,
    Mark(char),
}

/// Words, `::` and single marks, each with the number of its line; no lifetimes and no numbers.
fn tokenise<'a>(code: &'a str, line: usize, tokens: &mut Vec<(Token<'a>, usize)>) {
    let part_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut rest = code;
    while let Some(next) = rest.chars().next() {
        if rest.starts_with("::") {
            tokens.push((Token::Colons, line));
            rest = &rest[2..];
        } else if part_of_word(next) || next == '\'' {
            let start = rest.strip_prefix("r#").unwrap_or(rest);
            let start = start.strip_prefix('\'').unwrap_or(start);
            let end = start.find(|letter| !part_of_word(letter)).unwrap_or(start.len());
            if next != '\'' && !next.is_ascii_digit() {
                tokens.push((Token::Word(&start[..end]), line));
            }
            rest = &start[end..];
        } else {
            if !next.is_whitespace() {
                tokens.push((Token::Mark(next), line));
            }
            rest = &rest[next.len_utf8()..];
        }
    }
}

struct Reader<'a> {
    file: &'a Rust,
    tokens: Vec<(Token<'a>, usize)>,
    at: usize,
    found: Vec<Named>,
    /// Braces that are open.
    depth: usize,
    /// Modules that are open, each with the braces around it.
    inline: Vec<(usize, &'a str)>,
}

impl<'a> Reader<'a> {
    fn run(&mut self) {
        while let Some(token) = self.token(0) {
            match (token, self.token(1), self.token(2)) {
                (Token::Word("use"), Some(next), _) if next != Token::Mark('<') => {
                    self.at += 1;
                    self.tree(Vec::new());
                }
                (Token::Word("extern"), Some(Token::Word("crate")), Some(Token::Word(_))) => {
                    self.at += 2;
                    self.tree(Vec::new());
                }
                (Token::Word("mod"), Some(Token::Word(name)), Some(Token::Mark('{'))) => {
                    self.inline.push((self.depth, name));
                    self.depth += 1;
                    self.at += 3;
                }
                (Token::Word(_) | Token::Colons, ..) => self.plain(),
                (Token::Mark(mark), ..) => self.mark(mark),
            }
        }
    }

    fn token(&self, ahead: usize) -> Option<Token<'a>> {
        self.tokens.get(self.at + ahead).map(|(token, _)| *token)
    }

    fn mark(&mut self, mark: char) {
        self.at += 1;
        match mark {
            '{' => self.depth += 1,
            '}' => {
                self.depth = self.depth.saturating_sub(1);
                let depth = self.depth;
                self.inline.retain(|(around, _)| *around < depth);
            }
            _ => {}
        }
    }

    /// Reads one member of a tree of imports behind `base`.
    fn tree(&mut self, mut base: Path) {
        loop {
            match self.token(0) {
                Some(Token::Colons) => self.at += 1,
                Some(Token::Mark('{')) => return self.group(&base),
                Some(Token::Mark('*')) => {
                    base.push("*".to_owned());
                    return self.leaf(base);
                }
                Some(Token::Word(word)) => {
                    if word != "self" || base.is_empty() {
                        base.push(word.to_owned());
                    }
                    if self.token(1) != Some(Token::Colons) {
                        return self.leaf(base);
                    }
                    self.at += 1;
                }
                _ => return,
            }
        }
    }

    fn group(&mut self, base: &Path) {
        self.at += 1;
        while let Some(token) = self.token(0) {
            match token {
                Token::Mark('}') => {
                    self.at += 1;
                    return;
                }
                Token::Mark(',') => self.at += 1,
                Token::Mark(mark) if !matches!(mark, '{' | '*') => return,
                _ => self.tree(base.clone()),
            }
        }
    }

    /// The end of an import, whose last token is the next one.
    fn leaf(&mut self, path: Path) {
        let own = path.last().cloned().unwrap_or_default();
        let line = self.tokens.get(self.at).map_or(0, |(_, line)| *line);
        self.at += 1;
        let mut name = own;
        if let (Some(Token::Word("as")), Some(Token::Word(alias))) = (self.token(0), self.token(1))
        {
            alias.clone_into(&mut name);
            self.at += 2;
        }
        self.add(path, line, Usage::Import(name));
    }

    /// A path that is no import, or the rest of one behind arguments of types.
    fn plain(&mut self) {
        let line = self.tokens.get(self.at).map_or(0, |(_, line)| *line);
        let before = |back: usize| {
            self.at.checked_sub(back).and_then(|at| self.tokens.get(at)).map(|(token, _)| *token)
        };
        let is_field = before(1) == Some(Token::Mark('.')) && before(2) != Some(Token::Mark('.'));
        let is_rest = self.token(0) == Some(Token::Colons) && before(1) == Some(Token::Mark('>'));
        let mut path = Vec::new();
        while let Some(token) = self.token(0) {
            match token {
                Token::Word(word) => path.push(word.to_owned()),
                Token::Colons if matches!(self.token(1), Some(Token::Word(_))) => {
                    self.at += 1;
                    continue;
                }
                _ => break,
            }
            self.at += 1;
            if self.token(0) != Some(Token::Colons) {
                break;
            }
        }
        if path.is_empty() {
            self.at += 1;
        }
        let is_macro = self.token(0) == Some(Token::Mark('!'))
            && self.token(1).is_some_and(|next| matches!(next, Token::Mark('(' | '[' | '{')));
        if !is_field && !is_rest && !path.is_empty() {
            self.add(path, line, if is_macro { Usage::Macro } else { Usage::Plain });
        }
    }

    fn add(&mut self, path: Path, line: usize, usage: Usage) {
        let test = self.file.test || self.file.lines.get(line).is_some_and(|line| line.test);
        let inline = self.inline.iter().map(|(_, name)| (*name).to_owned()).collect();
        self.found.push(Named { path, line: line + 1, test, inline, usage });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths of more than a word, imports and macros, with their lines.
    fn found(source: &str) -> Vec<String> {
        let file = Rust::new("tracer/src/a.rs".to_owned(), source);
        let shown = all(&file).into_iter().filter_map(|named| {
            let path = named.path.join("::");
            match named.usage {
                Usage::Import(name) => Some(format!("{}: {path} as {name}", named.line)),
                Usage::Macro => Some(format!("{}: {path}!", named.line)),
                Usage::Plain => (named.path.len() > 1).then(|| format!("{}: {path}", named.line)),
            }
        });
        shown.collect()
    }

    #[test]
    fn trees_of_imports_are_taken_apart() {
        let source = "pub use a::{\n    self, b::{C, d as e},\n    f::*,\n};\nuse ::libc as c;";
        let leaves =
            ["2: a as a", "2: a::b::C as C", "2: a::b::d as e", "3: a::f::* as *", "5: libc as c"];
        assert_eq!(found(source), leaves);
        assert_eq!(found("use {libc, super::{x}};"), ["1: libc as libc", "1: super::x as x"]);
        assert_eq!(found("extern crate libc as l;"), ["1: libc as l"]);
        assert_eq!(found("use a::{b,"), ["1: a::b as b"]);
    }

    #[test]
    fn paths_and_macros_are_found_wherever_they_stand() {
        let source = "fn f<'a>(x: &'a self::X) -> impl use<'a> Y { ::libc::y(..z::W::new(), 1) }";
        assert_eq!(found(source), ["1: self::X", "1: libc::y", "1: z::W::new"]);
        assert_eq!(found("println![]; std::println! {}"), ["1: println!", "1: std::println!"]);
        assert_eq!(found("if a != b { x.c::<T>() } Vec::<u8>::with(r#in::z)"), ["1: in::z"]);
    }

    #[test]
    fn modules_of_the_file_are_known() {
        let file = Rust::new("a.rs".to_owned(), "mod b { mod c { d::e } f::g }\nh::i");
        let inline: Vec<String> = all(&file)
            .into_iter()
            .filter(|named| named.path.len() > 1)
            .map(|named| named.inline.join("::"))
            .collect();
        assert_eq!(inline, ["b::c", "b", ""]);
    }
}
