//! What this machine and one target allow, as a page to read and as JSON.

#[cfg(test)]
mod samples;
mod words;

use std::io::{self, Write};

use serde::Serialize;

use super::escape;
use super::json::write_value;
use super::width::{COLUMNS, columns, cut_end, wrap};
use crate::model::{CheckStatus, DoctorFact, DoctorReport};

/// The report for a person.
pub fn write_text(report: &DoctorReport, out: &mut dyn Write) -> io::Result<()> {
    for section in &report.sections {
        let checks: Vec<_> = section.facts.iter().map(|fact| (fact, words::check(fact))).collect();
        let names = checks.iter().map(|(_, check)| columns(&escape::terminal(&check.name)));
        let widest = names.max().unwrap_or(0).min(40);
        writeln!(out, "{}", escape::terminal(&words::topic(&section.topic)))?;
        for (fact, check) in &checks {
            write_check(fact.status(), check, widest, out)?;
        }
        writeln!(out)?;
    }
    let conclusion = match report.worst() {
        CheckStatus::Ok => "Everything is there.",
        CheckStatus::Warn => "Recording works; the lines marked `warn` say what it lacks.",
        CheckStatus::Missing => "Recording does not work; the lines marked `MISSING` say why.",
    };
    writeln!(out, "{conclusion}")
}

fn write_check(
    status: CheckStatus,
    check: &words::CheckWords,
    widest: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let status = match status {
        CheckStatus::Ok => "ok     ",
        CheckStatus::Warn => "warn   ",
        CheckStatus::Missing => "MISSING",
    };
    let name = escape::terminal(&check.name);
    let name = cut_end(&name, widest);
    let gap = widest - columns(&name) + 2;
    let indent = 2 + status.len() + 2 + widest + 2;
    let mut lines = wrap(&escape::terminal(&check.detail), COLUMNS - indent);
    if let Some(remedy) = check.remedy {
        lines.extend(wrap(&format!("→ {remedy}"), COLUMNS - indent));
    }
    let first = lines.first().map_or("", String::as_str);
    let line = format!("  {status}  {name}{:gap$}{first}", "");
    writeln!(out, "{}", line.trim_end())?;
    for line in lines.iter().skip(1) {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    Ok(())
}

/// The report for a program.
pub fn write_json(report: &DoctorReport, out: &mut dyn Write) -> io::Result<()> {
    let sections = report.sections.iter().map(|section| SectionJson {
        title: words::topic(&section.topic),
        checks: section.facts.iter().map(CheckJson::new).collect(),
    });
    write_value(&ReportJson { sections: sections.collect() }, out)
}

#[derive(Serialize)]
struct ReportJson {
    sections: Vec<SectionJson>,
}

#[derive(Serialize)]
struct SectionJson {
    title: String,
    checks: Vec<CheckJson>,
}

#[derive(Serialize)]
struct CheckJson {
    code: &'static str,
    name: String,
    status: CheckStatus,
    detail: String,
    remedy: Option<&'static str>,
}

impl CheckJson {
    fn new(fact: &DoctorFact) -> Self {
        let words::CheckWords { name, detail, remedy } = words::check(fact);
        // What a note says has a code of its own.
        let code = match fact {
            DoctorFact::NotSeen { note } => note.code(),
            fact => fact.code(),
        };
        Self { code, name, status: fact.status(), detail, remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DoctorSection, DoctorTopic, Lockdown};
    use crate::report::tests::agreed;

    fn text(report: &DoctorReport) -> String {
        let mut out = Vec::new();
        write_text(report, &mut out).expect("written");
        String::from_utf8(out).expect("text")
    }

    /// Every fact once, in its words: `golden/report/doctor-words.txt`, which `LEAKSPY_BLESS=1`
    /// rewrites.
    #[test]
    fn every_fact_has_its_words() {
        let worded = samples::facts().into_iter().map(|fact| {
            let check = words::check(&fact);
            let remedy = check.remedy.map(|remedy| format!(" → {remedy}"));
            let status = fact.status();
            let remedy = remedy.unwrap_or_default();
            (fact.code(), format!("{status:?}: {}: {}{remedy}", check.name, check.detail))
        });
        agreed::words("doctor-words.txt", &[(DoctorFact::CODES, worded.collect())]);
    }

    #[test]
    fn the_page_is_readable_and_harmless() {
        let page = text(&samples::report());
        assert!(!page.contains(|c: char| c.is_control() && c != '\n'));
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/report/doctor.txt");
        assert!(crate::golden::matches(&path, &page), "bless with LEAKSPY_BLESS=1 after reading");
    }

    #[test]
    fn the_conclusion_is_that_of_the_gravest_check() {
        let report = |facts| DoctorReport {
            sections: vec![DoctorSection { topic: DoctorTopic::Kernel, facts }],
        };
        assert_eq!(report(vec![]).worst(), CheckStatus::Ok);
        assert_eq!(report(vec![DoctorFact::NoPython]).worst(), CheckStatus::Warn);
        let locked = DoctorFact::Locked { lockdown: Lockdown::Confidentiality };
        let report = report(vec![DoctorFact::NoPython, locked, DoctorFact::Objects]);
        assert_eq!(report.worst(), CheckStatus::Missing);
        assert!(text(&report).contains("Recording does not work"));
    }

    #[test]
    fn json_has_the_code_of_each_check() {
        let mut out = Vec::new();
        write_json(&samples::report(), &mut out).expect("written");
        let json: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        let check = &json["sections"][0]["checks"][0];
        assert_eq!(check["code"], "kernel-release");
        assert_eq!(check["detail"], "6.18.0");
        assert_eq!(json["sections"][1]["checks"][1]["code"], "target-exited");
    }
}
