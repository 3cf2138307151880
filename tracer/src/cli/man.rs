//! `leakspy man`

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Command};
use clap_mangen::Man;

use super::examples;
use super::exit::Exit;
use super::output::Output;

/// Manual pages of programs for administrators.
const SECTION: &str = "8";

/// Options of `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Folder to write one file per page into [default: all pages to standard output]
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// Prints the manual pages of `program`, or writes them into a folder.
pub fn run(args: &ManArgs, program: Command) -> Result<Exit> {
    let pages = pages(program).context("cannot make the manual pages")?;
    match &args.output {
        None => {
            let mut output = Output::standard();
            for (_, page) in &pages {
                output.write_all(page)?;
            }
            output.finish()?;
        }
        Some(folder) => write_into(folder, &pages)?,
    }
    Ok(Exit::Fine)
}

fn write_into(folder: &Path, pages: &[(String, Vec<u8>)]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, page) in pages {
        let path = folder.join(name);
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Every page: its file name and its text.
pub fn pages(mut main: Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    main.build();
    let mut pages = vec![page(&main, "leakspy", "")?];
    for command in main.get_subcommands() {
        pages.push(page(command, &format!("leakspy-{}", command.get_name()), command.get_name())?);
    }
    Ok(pages)
}

fn page(command: &Command, title: &str, name: &str) -> io::Result<(String, Vec<u8>)> {
    let man = Man::new(command.clone()).title(title.to_owned()).section(SECTION);
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    literal(&mut out, "EXAMPLES", examples::for_command(name).trim_start_matches("Examples:\n"))?;
    man.render_options_section(&mut out)?;
    if name.is_empty() {
        man.render_subcommands_section(&mut out)?;
    }
    exit_status(&mut out)?;
    Ok((format!("{title}.{SECTION}"), out))
}

fn exit_status(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, ".SH \"EXIT STATUS\"")?;
    for exit in Exit::all() {
        writeln!(out, ".TP\n{}\n{}", exit.code(), roff(&exit.meaning()))?;
    }
    Ok(())
}

/// A section whose lines stay as they are.
fn literal(out: &mut dyn Write, heading: &str, text: &str) -> io::Result<()> {
    writeln!(out, ".SH {heading}\n.nf")?;
    for line in text.lines() {
        writeln!(out, "{}", roff(line))?;
    }
    writeln!(out, ".fi")
}

/// Text that roff takes for text: no escapes, no requests, hyphens that can be copied.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
