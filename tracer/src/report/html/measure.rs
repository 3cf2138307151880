//! The end of the page: what was not seen, and how it was measured.

use super::markup::HtmlPage;
use crate::model::{CounterClass, Document, Loss};
use crate::report::quantity::count;
use crate::report::text::closing;

/// Writes it.
pub fn write(page: &mut HtmlPage, document: &Document) {
    page.open("section", "");
    page.element("h2", "What was not seen");
    losses(page, "Missing from the numbers", &document.losses, CounterClass::Loss);
    losses(
        page,
        "In the numbers, but with a lesser stack",
        &document.losses,
        CounterClass::Quality,
    );
    for sentence in closing::ledger_sentences(document) {
        page.element("p", &sentence);
    }
    page.element("h2", "How it was measured");
    page.element("p", &closing::measured(document).join(" "));
    page.close("section");
}

fn losses(page: &mut HtmlPage, title: &str, losses: &[Loss], class: CounterClass) {
    let losses: Vec<&Loss> =
        losses.iter().filter(|loss| loss.counter.class() == class && loss.count > 0).collect();
    if losses.is_empty() {
        return;
    }
    page.element("h3", title);
    page.open("table", "losses");
    for loss in losses {
        page.raw("<tr><th scope=\"row\">");
        page.words(&count(loss.count));
        page.raw("</th><td>");
        page.words(loss.counter.sentence());
        page.raw("</td></tr>\n");
    }
    page.close("table");
}
