//! Holds line tables against their truth, as many as there are; the tests have a small part of
//! them.

use std::fs;

use anyhow::{Context, Result, ensure};
use leakspy::python::layout::LineEncoding;
use leakspy::python::{LineTable, Version};
use serde_json::Value;

/// Checks every code unit of the tables in `path`.
pub fn check(path: &str) -> Result<()> {
    let tables: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let version = tables["version"].as_str().and_then(Version::from_text).context("no version")?;
    let encoding = match version.minor {
        ..=9 => LineEncoding::Increments,
        10 => LineEncoding::Ranges,
        _ => LineEncoding::Locations,
    };
    let codes = tables["codes"].as_array().context("no codes")?;
    let (mut units, mut without) = (0_u32, 0_u32);
    for code in codes {
        let first_line = i32::try_from(code[1].as_i64().context("no first line")?)?;
        let table = LineTable::new(encoding, first_line, unhex(&code[2])?);
        let mut index = 0;
        for run in code[3].as_array().context("no runs")? {
            let expected = run[1].as_i64().and_then(|line| u32::try_from(line).ok());
            for _ in 0..run[0].as_u64().context("no length")? {
                let found = table.line(index);
                let expected = expected.filter(|&line| line > 0);
                ensure!(found == expected, "{}: {found:?} is not {expected:?}", code[0]);
                without += u32::from(found.is_none());
                index += 1;
            }
        }
        units += index;
    }
    println!(
        "{version}: {} code objects, {units} code units, {without} without a line",
        codes.len()
    );
    Ok(())
}

fn unhex(text: &Value) -> Result<Vec<u8>> {
    let text = text.as_str().context("no table")?;
    let bytes = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16));
    Ok(bytes.collect::<Result<_, _>>()?)
}
