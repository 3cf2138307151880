//! A leak in one sentence, for lines that go by.

use super::rows;
use crate::model::{Document, Leak};
use crate::report::width::cut_middle;

/// Rows that are told, and most columns of a name.
const ROWS: usize = 2;
const NAME: usize = 60;

/// `app.Socket, likely: 900 a minute, 1.8 MiB a minute, 4.3 MiB now; kept in app.SOCKETS: dict, 2,120 items; created
/// at connect  app.py:559`, raw and without a full stop.
pub fn of(leak: &Leak, document: &Document) -> String {
    let name = cut_middle(&rows::title(leak), NAME);
    let figures = rows::figures(leak).join(", ");
    let mut text = format!("{name}, {}: {figures}", rows::word(leak));
    let is_advice = |label: &str| matches!(label, "so" | "unless" | "limit");
    let rows = rows::rows(leak, document);
    for row in rows.iter().filter(|row| !is_advice(row.label)).take(ROWS) {
        text.push_str(&format!("; {} {}", row.label, row.text));
    }
    text
}
