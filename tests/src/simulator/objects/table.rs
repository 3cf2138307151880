//! All families of types in all watches, as one table.

use std::fmt::Write;

use super::super::stalled::Halt;
use super::family::FAMILIES;
use super::trial::{Tally, WATCHES, tally};

const HEAD: &str = "
## Types of Python objects

Heaps whose every object is known, 6 snapshots in two minutes, 18 in nine, 60 in half an hour and 120 in ten hours: of types that
leak the share that was not called a leak yet, of all others the share that was. After the stroke the same where leakspy took
no snapshots for three tenths of the watch. The word counts, however sure it is: `suspect` too.

| family | wrong is | 6 | 18 | 60 | 120 |
|---|---|---|---|---|---|
";

/// The table in Markdown, of so many heaps of each family whose name contains `filter`.
pub fn print(seeds: u64, filter: &str) -> String {
    let mut text = String::new();
    for family in FAMILIES.iter().filter(|family| family.name.contains(filter)) {
        let cells = WATCHES.map(|watch| {
            (watch.snapshots >= family.least).then(|| {
                let gap = Halt::Tracer(0.4 * watch.seconds(), 0.7 * watch.seconds());
                [Halt::None, gap].map(|halt| tally(family, watch, halt, seeds))
            })
        });
        let leaks = cells.iter().flatten().any(|[plain, _]| plain.leaks.0 > 0);
        let cells = cells.map(|cell| cell.map_or_else(|| "–".to_owned(), |both| words(&both)));
        let wrong = if leaks { "missed" } else { "accused" };
        let _ = writeln!(text, "| {} | {wrong} | {} |", family.name, cells.join(" | "));
    }
    if text.is_empty() { text } else { format!("{HEAD}{text}") }
}

fn words(both: &[Tally; 2]) -> String {
    let wrong = |tally: &Tally| match tally.leaks.0 {
        0 => tally.accused(),
        _ => tally.missed(),
    };
    let [plain, halted] = both;
    format!("{:.0} % / {:.0} %", 100.0 * wrong(plain), 100.0 * wrong(halted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_a_row() {
        let table = print(1, "sawtooth");
        assert_eq!(table.lines().filter(|line| line.starts_with("| sawtooth")).count(), 2);
        assert_eq!(print(1, "no such family"), "");
        assert!(WATCHES.iter().all(|watch| table.contains(&watch.snapshots.to_string())));
    }
}
