//! The table of what was measured, and the document that it is part of.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::round::Round;
use super::server::Server;
use super::statistics::Middle;
use super::tool::Tool;
use crate::command::root;

const BEGIN: &str = "<!-- begin: cargo xtask bench -->\n";
const END: &str = "<!-- end -->";

/// What was measured of a server and a tool.
pub struct Row {
    /// The server.
    pub server: &'static Server,
    /// The tool.
    pub tool: &'static Tool,
    /// All rounds.
    pub rounds: Vec<Round>,
}

impl Row {
    fn middle(&self, value: impl Fn(&Round) -> f64) -> Middle {
        Middle::of(self.rounds.iter().map(value))
    }

    /// In a line.
    pub fn brief(&self) -> String {
        let after = self.middle(|round| round.ratios().1);
        format!("{} with {}: × {}", self.server.name, self.tool.name, range(after, 3))
    }

    fn cells(&self) -> Vec<String> {
        let named = self.rounds.iter().filter(|round| round.used.named).count();
        let latency = |part: fn((f64, f64)) -> f64| {
            let without = self.middle(|round| part(round.without.latency)).middle;
            format!("{without:.1} → {:.1}", self.middle(|round| part(round.after.latency)).middle)
        };
        vec![
            self.server.name.to_owned(),
            self.tool.name.to_owned(),
            range(self.middle(|round| round.ratios().0), 3),
            range(self.middle(|round| round.ratios().1), 3),
            range(self.middle(|round| round.added().1), 3),
            latency(|latency| latency.0),
            latency(|latency| latency.1),
            format!("{:.1}", self.middle(|round| round.used.attach).middle),
            format!("{:.3}", self.middle(|round| round.used.cores).middle),
            known(self.middle(|round| round.used.peak_mib).middle),
            format!("{:.0}", self.middle(|round| round.used.map_mib).middle),
            format!("{named} of {}", self.rounds.len()),
        ]
    }
}

/// What works inside the server has no memory of its own to tell.
fn known(value: f64) -> String {
    if value.is_nan() { "–".to_owned() } else { format!("{value:.0}") }
}

fn range(middle: Middle, digits: usize) -> String {
    let Middle { middle, low, high } = middle;
    format!("{middle:.digits$} ({low:.digits$} to {high:.digits$})")
}

const HEAD: [&str; 12] = [
    "server",
    "tool",
    "CPU, first 15 s",
    "CPU, then",
    "cores added",
    "p50, ms",
    "p99, ms",
    "attach, s",
    "tool's cores",
    "tool's MiB",
    "maps' MiB",
    "leak named",
];

/// All rows in Markdown, with where and how they were measured.
pub fn table(rows: &[Row], rounds: u32, seconds: u64) -> String {
    let mut table = String::new();
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    table += &line(&HEAD.map(str::to_owned));
    table += &line(&HEAD.map(|_| "---".to_owned()));
    for row in rows {
        table += &line(&row.cells());
    }
    table += "\n";
    for row in rows {
        let about = format!("- `{}`: {}\n", row.server.name, row.server.what);
        if !table.contains(&about) {
            table += &about;
        }
    }
    // Writing to a string does not fail.
    let _ = writeln!(table, "\n{} rounds of twice {seconds} s; {}.", rounds, machine());
    table
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    format!("{cores} cores of {model}, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}

/// Puts the table into docs/cost.md.
///
/// # Errors
/// The document has no place for it, or cannot be written.
pub fn write(table: &str) -> Result<()> {
    let path = root().join("docs/cost.md");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let changed = placed(&text, table);
    let changed =
        changed.with_context(|| format!("{} has no place for a table", path.display()))?;
    ensure!(!table.is_empty(), "nothing was measured");
    fs::write(&path, changed).with_context(|| format!("cannot write {}", path.display()))
}

fn placed(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_last_one() {
        let text = format!("About.\n{BEGIN}old\n{END}\nMore.\n");
        let once = placed(&text, "| new |\n").expect("a place");
        assert_eq!(once, format!("About.\n{BEGIN}\n| new |\n\n{END}\nMore.\n"));
        assert_eq!(placed(&once, "| new |\n").as_deref(), Some(once.as_str()));
        assert_eq!(placed("nothing", "| new |\n"), None);
    }
}
