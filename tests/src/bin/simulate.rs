//! The detector against simulated processes: `cargo xtask simulate` runs this and keeps its table.
#![allow(clippy::print_stdout)] // a program for the terminal

use anyhow::{Context, Result, bail};
use leakspy_tests::simulator::{objects, table};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let seeds = arguments.next().unwrap_or_else(|| "50".to_owned());
    let seeds: u64 = seeds.parse().with_context(|| format!("no number of seeds: {seeds}"))?;
    let filter = arguments.next().unwrap_or_default();
    let rows = table::rows(seeds, &filter);
    let types = objects::table::print(seeds, &filter);
    if (rows.is_empty() && types.is_empty()) || seeds == 0 {
        bail!("nothing to simulate: no seeds, or no family of this name");
    }
    if !rows.is_empty() {
        print!("{}", table::print(&rows));
    }
    print!("{types}");
    Ok(())
}
