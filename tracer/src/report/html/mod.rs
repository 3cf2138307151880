//! The report as one page for the browser. Needs no network and no script, and runs none: its
//! policy forbids both, should a name ever get through.

mod finding;
mod leaks;
mod markup;
mod measure;
mod objects;
mod pictures;
mod process;
mod several;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use self::markup::HtmlPage;
use super::{Exporter, Options, callsite, quantity};
use crate::model::Document;

pub use self::several::write as write_several;

/// A page for the browser.
pub struct Html;

/// Findings that are shown by default.
const TOP: usize = 20;

/// Nothing may be fetched or run; styles and pictures stand in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("style.css");

impl Exporter for Html {
    fn write(&self, document: &Document, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let mut page = HtmlPage::default();
        page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n");
        head(&mut page, &who(document));
        page.raw("<body>\n<main>\n");
        body(&mut page, document, options)?;
        page.raw("</main>\n</body>\n</html>\n");
        out.write_all(page.text().as_bytes())
    }

    fn needs_history(&self) -> bool {
        true
    }
}

/// All of one process.
fn body(page: &mut HtmlPage, document: &Document, options: &Options) -> io::Result<()> {
    process::write(page, document);
    leaks::write(page, document, options);
    pictures::memory(page, document)?;
    findings(page, document, options)?;
    objects::write(page, document);
    pictures::flame_graph(page, document, options)?;
    measure::write(page, document);
    Ok(())
}

fn head(page: &mut HtmlPage, of: &str) {
    page.raw("<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"");
    page.raw(POLICY);
    page.raw("\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    page.raw("<meta name=\"referrer\" content=\"no-referrer\">\n");
    page.element("title", &format!("leakspy: {of}"));
    page.raw("<style>\n");
    page.raw(STYLE);
    page.raw("</style>\n</head>\n");
}

/// `panel (pid 4711, CPython 3.11.7)`
fn who(document: &Document) -> String {
    let target = &document.target;
    let python = target.python.as_ref().map(|python| format!(", CPython {}", python.version));
    format!("{} (pid {}{})", target.comm, target.pid, python.unwrap_or_default())
}

fn findings(page: &mut HtmlPage, document: &Document, options: &Options) -> io::Result<()> {
    page.open("section", "");
    page.element("h2", "What grows");
    if document.findings.is_empty() {
        page.element("p", &no_leak(document));
        page.close("section");
        return Ok(());
    }
    pictures::growth(page, document)?;
    let top = options.top.unwrap_or(TOP);
    for finding in document.findings.iter().take(top) {
        finding::write(page, document, finding, options)?;
    }
    let hidden = document.findings.len().saturating_sub(top);
    if hidden > 0 {
        let hidden = u64::try_from(hidden).unwrap_or(u64::MAX);
        let more = quantity::counted(hidden, "more stack grows", "more stacks grow");
        page.element("p", &format!("{more}; --top shows more of them."));
    }
    page.close("section");
    Ok(())
}

/// What to say when nothing was found.
fn no_leak(document: &Document) -> String {
    let Some(growth) = &document.growth else {
        return "This report has no verdicts on growth: nobody asked for them.".to_owned();
    };
    let looked_at = quantity::counted(growth.looked_at, "stack was", "stacks were");
    let no_leak = format!("No leak: {looked_at} examined, and none of them grows without an end.");
    match growth.needs_hours.filter(|hours| hours.is_finite() && *hours > 0.0) {
        Some(hours) => format!(
            "{no_leak} About {} more of watching would make that surer.",
            quantity::duration(hours * 3_600.0)
        ),
        None => no_leak,
    }
}
