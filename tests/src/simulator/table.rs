//! All families, many seeds, one table.

use std::fmt::Write;

use super::family::{FAMILIES, Family, Kind};
use super::trial::{Outcome, run};
use super::world::WEEK;

/// What came of a family.
pub struct Row {
    /// Which.
    pub family: Family,
    /// One per seed.
    pub outcomes: Vec<Outcome>,
}

/// Judges `seeds` processes of each family whose name contains `filter`.
pub fn rows(seeds: u64, filter: &str) -> Vec<Row> {
    FAMILIES
        .into_iter()
        .filter(|family| family.name.contains(filter))
        .map(|family| Row {
            family,
            outcomes: (1..=seeds).map(|seed| run(&family, seed)).collect(),
        })
        .collect()
}

impl Row {
    /// Processes.
    pub fn runs(&self) -> usize {
        self.outcomes.len()
    }

    /// Weeks watched, of all processes together.
    pub fn weeks(&self) -> f64 {
        self.outcomes.iter().map(|outcome| outcome.seconds).sum::<f64>() / WEEK
    }

    /// Something harmless called a leak that is likely, or surer.
    pub fn false_alarms(&self) -> u64 {
        self.outcomes.iter().map(|outcome| outcome.false_alarms).sum()
    }

    /// Something harmless called a confirmed leak.
    pub fn false_proofs(&self) -> u64 {
        self.outcomes.iter().map(|outcome| outcome.false_proofs).sum()
    }

    /// Processes in which anything was confirmed before the cache was full.
    pub fn confirmed_early(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.confirmed_early).count()
    }

    /// Processes whose leak was likely within this many seconds.
    pub fn found_within(&self, seconds: f64) -> usize {
        let found = |outcome: &&Outcome| outcome.likely.is_some_and(|t| t <= seconds);
        self.outcomes.iter().filter(found).count()
    }

    /// Processes whose leak was first or second after 120 seconds.
    pub fn first_or_second(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.rank.is_some_and(|rank| rank <= 2)).count()
    }

    /// Share of the slope intervals that covered the truth, and their number.
    pub fn coverage(&self) -> (f64, usize) {
        share(self.outcomes.iter().flat_map(|outcome| &outcome.covered))
    }

    /// The same for the time to the limit.
    pub fn limit_coverage(&self) -> (f64, usize) {
        share(self.outcomes.iter().flat_map(|outcome| &outcome.limit_covered))
    }
}

fn share<'a>(hits: impl Iterator<Item = &'a bool>) -> (f64, usize) {
    let hits: Vec<bool> = hits.copied().collect();
    let yes = hits.iter().filter(|hit| **hit).count();
    (yes as f64 / hits.len().max(1) as f64, hits.len())
}

/// The tables in Markdown.
pub fn print(rows: &[Row]) -> String {
    let mut text = String::new();
    let of = |kind: Kind| rows.iter().filter(move |row| row.family.kind == kind);
    text.push_str(SLOW);
    for row in of(Kind::Slow) {
        let mut times: Vec<f64> =
            row.outcomes.iter().filter_map(|outcome| outcome.likely).collect();
        times.sort_by(f64::total_cmp);
        let middle = times.get(times.len() / 2).copied();
        line(
            &mut text,
            &[
                row.family.name.to_owned(),
                format!("{} of {}", times.len(), row.runs()),
                hours(middle),
                hours(times.last().copied()),
                confirmed(row),
                covered(row.coverage()),
                covered(row.limit_coverage()),
                row.false_alarms().to_string(),
            ],
        );
    }
    text.push_str(FAST);
    for row in of(Kind::Fast) {
        let first = row.outcomes.iter().filter(|outcome| outcome.rank == Some(1)).count();
        line(
            &mut text,
            &[
                row.family.name.to_owned(),
                format!("{first} of {}", row.runs()),
                format!("{} of {}", row.first_or_second(), row.runs()),
                covered(row.coverage()),
                row.false_alarms().to_string(),
            ],
        );
    }
    text.push_str(HARMLESS);
    let (mut alarms, mut weeks) = (0, 0.0);
    for row in of(Kind::Harmless) {
        alarms += row.false_alarms();
        weeks += row.weeks();
        line(
            &mut text,
            &[
                row.family.name.to_owned(),
                format!(
                    "{} of {:.0} min",
                    row.runs(),
                    row.weeks() * WEEK / 60.0 / row.runs() as f64
                ),
                row.false_alarms().to_string(),
                format!(
                    "{:.2}",
                    row.false_alarms() as f64 / row.weeks().max(row.runs() as f64 / 1e9)
                ),
                row.false_proofs().to_string(),
                row.family
                    .full
                    .map_or_else(|| "–".to_owned(), |_| row.confirmed_early().to_string()),
            ],
        );
    }
    let _ = write!(
        text,
        "\nAll harmless families: {alarms} false `likely` in {weeks:.1} process-weeks, {:.3} a week.\n",
        alarms as f64 / f64::max(weeks, 1e-9)
    );
    text
}

const SLOW: &str = "## Slow leaks, watched for a week

| family | found | usually after | at the latest | confirmed | slope covered | limit covered | false alarms |
|---|---|---|---|---|---|---|---|
";
const FAST: &str = "
## Fast leaks, after 120 seconds

| family | first | first or second | slope covered | false alarms |
|---|---|---|---|---|
";
const HARMLESS: &str = "
## No leak

| family | processes | false `likely` | per process-week | false `confirmed` | confirmed before full |
|---|---|---|---|---|---|
";

fn line(text: &mut String, cells: &[String]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn hours(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{:.1} h", seconds / 3600.0))
}

fn confirmed(row: &Row) -> String {
    let mut times: Vec<f64> = row.outcomes.iter().filter_map(|outcome| outcome.confirmed).collect();
    times.sort_by(f64::total_cmp);
    match times.get(times.len() / 2) {
        Some(middle) => format!("{} ({})", times.len(), hours(Some(*middle))),
        None => "0".to_owned(),
    }
}

fn covered((share, number): (f64, usize)) -> String {
    if number == 0 { "–".to_owned() } else { format!("{:.1} % of {number}", 100.0 * share) }
}
