//! The document as one JSON object: the contract for programs.

pub mod contract;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::{Exporter, Options, escape};
use crate::model::{Document, History};
use contract::DocumentJson;

/// The contract for programs. Complete: only `top` applies to it.
pub struct Json;

impl Exporter for Json {
    fn write(&self, document: &Document, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        write_value(&DocumentJson::new(document, options.top.unwrap_or(usize::MAX)), out)
    }
}

/// Writes any value the way this module writes JSON: indented, one line feed at the end, and
/// nothing in it that a terminal would obey.
///
/// # Errors
/// Those of `out`.
pub fn write_value(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let formatter = TerminalSafe(PrettyFormatter::with_indent(b"  "));
    value.serialize(&mut Serializer::with_formatter(&mut *out, formatter))?;
    out.write_all(b"\n")
}

/// A copy of all that is not about single sites.
pub(super) fn without_sites(document: &Document) -> Document {
    Document {
        schema: document.schema,
        tool: document.tool.clone(),
        target: document.target.clone(),
        capture: document.capture.clone(),
        losses: document.losses.clone(),
        memory: document.memory.clone(),
        malloc: document.malloc.clone(),
        growth: document.growth.clone(),
        leaks: document.leaks.clone(),
        findings: document.findings.clone(),
        types: document.types.clone(),
        sites: Vec::new(),
        history: History::default(),
    }
}

/// Writes control characters beyond ASCII, and characters that reorder text, as `\uXXXX`: the same
/// JSON value, but harmless when somebody prints it on a terminal.
struct TerminalSafe(PrettyFormatter<'static>);

impl Formatter for TerminalSafe {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| c == '\u{7f}' || escape::is_unsafe_in_json(c)) {
            let (safe, bad) = rest.split_at(at);
            writer.write_all(safe.as_bytes())?;
            let Some(c) = bad.chars().next() else { break };
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &bad[c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_terminals_obey_is_a_number() {
        let mut out = Vec::new();
        write_value(&"\u{1b}\u{7f}\u{9b}\u{202e}\u{e0001}é", &mut out).expect("written");
        let json = String::from_utf8(out).expect("JSON is UTF-8");
        assert_eq!(json, "\"\\u001b\\u007f\\u009b\\u202e\\udb40\\udc01é\"\n");
    }

    proptest! {
        #[test]
        fn strings_survive_and_are_harmless(text in ".*") {
            let mut out = Vec::new();
            write_value(&[&text], &mut out).expect("a vector takes everything");
            let json = String::from_utf8(out).expect("JSON is UTF-8");
            let obeyed = json.chars().any(|c| c == '\u{7f}' || escape::is_unsafe_in_json(c));
            prop_assert!(!obeyed);
            let back: Vec<String> = serde_json::from_str(&json).expect("valid JSON");
            prop_assert_eq!(back, vec![text]);
        }
    }
}
