//! Rows as a table for people.

use std::fmt::Write as _;

use super::judge::{Outcome, Row};

const HEAD: [&str; 9] =
    ["case", "kind", "version", "s", "rank", "verdict", "confidence", "growth per hour", "judged"];

/// A table with a line for each row and its notes below it.
pub fn table(rows: &[Row]) -> String {
    let lines: Vec<[String; 9]> = rows.iter().map(cells).collect();
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; 9] = std::array::from_fn(width);
    let mut text = String::new();
    write_line(&mut text, &HEAD.map(str::to_owned), &widths);
    for (row, line) in rows.iter().zip(&lines) {
        write_line(&mut text, line, &widths);
        for note in &row.notes {
            text.push_str("    ");
            text.extend(note.chars().map(harmless));
            text.push('\n');
        }
    }
    text
}

/// How many rows came out how, as a sentence.
pub fn summary(rows: &[Row]) -> String {
    let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    format!(
        "{} passed, {} failed, {} shown, {} not run",
        count(Outcome::Pass),
        count(Outcome::Fail),
        count(Outcome::Shown),
        count(Outcome::NotRun)
    )
}

/// A row in a few words, for those who wait for the others.
pub fn brief(row: &Row) -> String {
    let finding = row.rank.zip(row.verdict.as_ref()).zip(row.confidence);
    let found = finding
        .map(|((rank, verdict), confidence)| format!(": #{rank} {verdict}, {}", confidence.name()));
    let note = row.notes.first().map(|note| format!(": {note}"));
    let text = found.or(note).unwrap_or_default();
    row.outcome.name().chars().chain(text.chars().map(harmless)).collect()
}

fn cells(row: &Row) -> [String; 9] {
    let dash = || "-".to_owned();
    [
        row.case.clone(),
        row.kind.name().to_owned(),
        row.version.name().to_owned(),
        format!("{:.0}", row.seconds),
        row.rank.map_or_else(dash, |rank| rank.to_string()),
        row.verdict.clone().unwrap_or_else(dash),
        row.confidence.map_or_else(dash, |confidence| confidence.name().to_owned()),
        growth(row).unwrap_or_else(dash),
        row.outcome.name().to_owned(),
    ]
}

/// The slope, and its share of what was measured from outside.
fn growth(row: &Row) -> Option<String> {
    let slope = row.slope_bytes_per_hour?.est;
    let share = row.measured_bytes_per_hour.filter(|measured| *measured > 0.0);
    let share = share.map(|measured| format!(" (× {:.2})", slope / measured));
    Some(format!("{}{}", bytes(slope), share.unwrap_or_default()))
}

fn bytes(value: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB"];
    let mut value = value;
    for unit in &units[..3] {
        if value.abs() < 1024.0 {
            return format!("{value:.1} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1} {}", units[3])
}

fn write_line(text: &mut String, cells: &[String; 9], widths: &[usize; 9]) {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        // Writing to a string does not fail.
        let _ = write!(line, "{cell:width$}  ");
    }
    text.extend(line.trim_end().chars().map(harmless));
    text.push('\n');
}

/// Names come from the processes that were watched, and the table goes to a terminal.
fn harmless(letter: char) -> char {
    if letter.is_control() { '\u{fffd}' } else { letter }
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::Shown => "shown",
            Self::NotRun => "NOT RUN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::{Kind, Version};
    use super::super::judge::{Confidence, Interval};
    use super::*;

    fn row() -> Row {
        Row {
            case: "lz4".to_owned(),
            kind: Kind::Native,
            version: Version::Leaky,
            seconds: 120.4,
            rank: Some(1),
            verdict: Some("leak".to_owned()),
            confidence: Some(Confidence::Likely),
            slope_bytes_per_hour: Some(Interval { lo: 1.0, est: 1_572_864.0, hi: 2e6 }),
            measured_bytes_per_hour: Some(3_145_728.0),
            notes: vec!["a\u{1b}[31m".to_owned()],
            outcome: Outcome::Pass,
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let lost = Row {
            case: "a longer name".to_owned(),
            rank: None,
            verdict: None,
            confidence: None,
            slope_bytes_per_hour: None,
            notes: Vec::new(),
            outcome: Outcome::Fail,
            ..row()
        };
        let expected = "\
case           kind    version  s    rank  verdict  confidence  growth per hour   judged
lz4            native  leaky    120  1     leak     likely      1.5 MiB (× 0.50)  pass
    a\u{fffd}[31m
a longer name  native  leaky    120  -     -        -           -                 FAIL
";
        assert_eq!(table(&[row(), lost]), expected);
    }

    #[test]
    fn a_row_is_told_in_a_few_words() {
        assert_eq!(brief(&row()), "pass: #1 leak, likely");
        let lost = Row { rank: None, outcome: Outcome::Fail, ..row() };
        assert_eq!(brief(&lost), "FAIL: a\u{fffd}[31m");
    }

    #[test]
    fn outcomes_are_counted() {
        let failed = Row { outcome: Outcome::Fail, ..row() };
        let absent = Row { outcome: Outcome::NotRun, ..row() };
        let rows = [row(), failed, row(), absent];
        assert_eq!(summary(&rows), "2 passed, 1 failed, 0 shown, 1 not run");
        assert_eq!(summary(&[]), "0 passed, 0 failed, 0 shown, 0 not run");
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(bytes(0.0), "0.0 B");
        assert_eq!(bytes(-2048.0), "-2.0 KiB");
        assert_eq!(bytes(5e12), "4656.6 GiB");
    }
}
