//! The answer: what the process does, then its leaks, each on a few lines; then what was left out and what to
//! ask next, a line each. For the person on call: good at 80 columns, one screen for one leak. The same words
//! stand on the page for the browser and in first words.

mod advice;
mod block;
pub mod brief;
mod closing;
mod doubt;
mod head;
pub mod headline;
mod lines;
mod loser;
mod lost;
mod place;
pub mod rows;

use std::io;

use super::Options;
use super::text::page::Page;
use crate::model::Document;

/// Leaks that are shown by default.
const TOP: usize = 5;

/// Writes all of it.
///
/// # Errors
/// Those of the page.
pub fn write(page: &mut Page<'_>, document: &Document, options: &Options) -> io::Result<()> {
    head::write(page, document)?;
    let shown = document.leaks.len().min(options.top.unwrap_or(TOP));
    for leak in &document.leaks[..shown] {
        block::write(page, leak, document, options.verbose)?;
    }
    closing::write(page, document, document.leaks.len() - shown, options)
}
