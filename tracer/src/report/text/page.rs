//! Lines, paragraphs and the few styles of a text report.

use std::io::{self, Write};

use crate::report::width::{COLUMNS, NARROW, columns, wrap};

/// How a piece of text looks on a terminal with colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it comes.
    Plain,
    /// What to read first.
    Bold,
    /// What to read last.
    Dim,
    /// What is wrong.
    Warning,
}

impl Style {
    /// The parameters of "select graphic rendition".
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Warning => "33",
        }
    }
}

/// A page being written. Text that comes here is already escaped.
pub struct Page<'w> {
    out: &'w mut dyn Write,
    colour: bool,
    columns: usize,
}

impl<'w> Page<'w> {
    /// An empty page.
    pub fn new(out: &'w mut dyn Write, colour: bool) -> Self {
        Self { out, colour, columns: COLUMNS }
    }

    /// An empty page of [`NARROW`] columns.
    pub fn narrow(out: &'w mut dyn Write, colour: bool) -> Self {
        Self { out, colour, columns: NARROW }
    }

    /// An empty line.
    pub fn gap(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A heading, and an empty line after it.
    pub fn heading(&mut self, text: &str) -> io::Result<()> {
        self.headline(text)?;
        self.gap()
    }

    /// A heading that the next line belongs to.
    pub fn headline(&mut self, text: &str) -> io::Result<()> {
        for line in wrap(text, self.columns) {
            self.line(&[(Style::Bold, &line)])?;
        }
        Ok(())
    }

    /// One line, already fitted: pieces of text with their styles.
    pub fn line(&mut self, pieces: &[(Style, &str)]) -> io::Result<()> {
        let mut line = String::new();
        for (style, text) in pieces {
            line.push_str(&self.styled(*style, text));
        }
        writeln!(self.out, "{}", line.trim_end())
    }

    /// Wrapped text.
    pub fn paragraph(&mut self, indent: usize, text: &str) -> io::Result<()> {
        self.item(indent, "", Style::Plain, text)
    }

    /// Wrapped text after a `mark`, whose further lines begin under the first letter of the text.
    pub fn item(&mut self, indent: usize, mark: &str, style: Style, text: &str) -> io::Result<()> {
        let hang = indent + columns(mark);
        for (index, line) in wrap(text, self.columns.saturating_sub(hang)).iter().enumerate() {
            let before = if index == 0 {
                format!("{:indent$}{}", "", self.styled(style, mark))
            } else {
                " ".repeat(hang)
            };
            writeln!(self.out, "{before}{line}")?;
        }
        Ok(())
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colour && style != Style::Plain && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", style.code())
        } else {
            text.to_owned()
        }
    }
}
