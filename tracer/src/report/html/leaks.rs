//! The leaks, in the words of the text.

use super::markup::HtmlPage;
use crate::model::{Document, Leak};
use crate::report::Options;
use crate::report::answer::rows;
use crate::report::quantity::counted;

/// Leaks that are shown by default.
const TOP: usize = 10;

/// Writes them; nothing where there are none.
pub fn write(page: &mut HtmlPage, document: &Document, options: &Options) {
    if document.leaks.is_empty() {
        return;
    }
    page.open("section", "");
    page.element("h2", "Leaks");
    let shown = document.leaks.len().min(options.top.unwrap_or(TOP));
    for leak in &document.leaks[..shown] {
        one(page, leak, document);
    }
    let hidden = u64::try_from(document.leaks.len() - shown).unwrap_or(u64::MAX);
    if hidden > 0 {
        let more = counted(hidden, "more leak", "more leaks");
        page.element("p", &format!("{more}; --top shows more of them."));
    }
    page.close("section");
}

fn one(page: &mut HtmlPage, leak: &Leak, document: &Document) {
    page.open("article", "");
    page.open("h3", "");
    page.words(&format!("{}. {} ", leak.rank, rows::title(leak)));
    page.classed("span", "verdict", rows::word(leak));
    page.close("h3");
    page.element("p", &rows::figures(leak).join(", "));
    let rows = rows::rows(leak, document).into_iter().map(|row| (row.label, row.text));
    let id = ("id", leak.id.clone());
    page.facts(&rows.chain([id]).collect::<Vec<_>>());
    page.close("article");
}
