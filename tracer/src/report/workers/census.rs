//! Censuses of several processes: a page for each, or one JSON object.

use std::io::{self, Write};

use serde::Serialize;

use super::SeveralJson;
use crate::model::Census;
use crate::report::json::contract::CensusJson;
use crate::report::text::page::Page;
use crate::report::{CensusFormat, Options, escape, write_json};

/// Processes of one program; at least one.
pub type CensusGroup<'a> = Vec<&'a Census>;

#[derive(Serialize)]
struct GroupJson<'a> {
    comm: &'a str,
    pids: Vec<u32>,
}

/// Writes them in a format of one census; JSON also says which processes belong together.
///
/// # Errors
/// Those of `out`.
pub fn write(
    groups: &[CensusGroup<'_>],
    format: &CensusFormat,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    if format.name == "json" {
        return json(groups, options, out);
    }
    for (index, census) in groups.iter().flatten().enumerate() {
        let mut page = Page::new(out, options.colour);
        if index > 0 {
            page.gap()?;
        }
        let comm = escape::terminal(&census.target.comm);
        page.heading(&format!("== {comm} (pid {}) ==", census.target.pid))?;
        format.exporter.write(census, options, out)?;
    }
    Ok(())
}

fn json(groups: &[CensusGroup<'_>], options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let top = options.top.unwrap_or(usize::MAX);
    let all: Vec<&Census> = groups.iter().flatten().copied().collect();
    let first = all.first();
    let value = SeveralJson {
        schema: first.map_or(0, |census| census.schema),
        tool: first.map(|census| &census.tool),
        targets: all.iter().map(|census| CensusJson::new(census, top)).collect(),
        groups: groups
            .iter()
            .map(|group| GroupJson {
                comm: group.first().map_or("", |census| &census.target.comm),
                pids: group.iter().map(|census| census.target.pid).collect(),
            })
            .collect(),
    };
    write_json(&value, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::census::samples;
    use crate::report::{CENSUS_FORMATS, Format};

    fn written(format: &str) -> String {
        let (mut one, mut two) = (samples::once(), samples::once());
        (one.target.pid, two.target.pid) = (11, 12);
        let format = Format::named_in(CENSUS_FORMATS, format).expect("a format");
        let mut out = Vec::new();
        write(&[vec![&one, &two]], format, &Options::default(), &mut out).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn each_has_its_page() {
        let text = written("text");
        let (first, second) = (text.find("(pid 11) =="), text.find("(pid 12) =="));
        assert!(first.is_some() && first < second, "{text}");
    }

    #[test]
    fn programs_read_all_of_them() {
        let value: serde_json::Value = serde_json::from_str(&written("json")).expect("JSON");
        assert_eq!(value["targets"][1]["target"]["pid"], 12);
        assert_eq!(value["groups"][0]["pids"], serde_json::json!([11, 12]));
    }
}
