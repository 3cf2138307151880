//! Real leaks: published packages that leaked, and programs that only look as if they did. Each
//! runs as it would in production, leakspy watches it, and what it says is held against the truth.

mod case;
mod judge;
mod live;
mod objects;
mod table;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::command::{command, root, run, target_dir};
use case::{Case, Kind, Version};
use judge::{Outcome, Row};
use live::Place;
use watch::Watcher;

/// Seconds in which a leak must be found.
const FOUND_WITHIN: u32 = 120;
/// Seconds in which nothing harmless may be called a leak.
const SILENT_FOR: u32 = 600;
/// Few packages, told apart soon, and every way to lose memory: for each change of the code.
const QUICK: [(&str, Version, u32); 3] = [
    ("lz4-corrupt", Version::Leaky, 60),
    ("shapely-buffer", Version::Leaky, 60),
    ("nonleak-session-sawtooth", Version::Leaky, 100),
];

/// Options of `cargo xtask leaks`.
#[derive(clap::Args, Default)]
pub struct Options {
    /// Only this case; may be repeated
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Which versions [default: leaky; programs that do not leak run with the fixed ones]
    #[arg(long, value_name = "WHICH", value_enum)]
    version: Option<Versions>,
    /// How long to watch each [default: 120 what leaks, 600 what does not]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..86_400))]
    seconds: Option<u32>,
    /// Only the few that need little and are told apart soon
    #[arg(long, conflicts_with_all = ["cases", "version", "seconds"])]
    quick: bool,
    /// Folder of the cases [default: LEAKSPY_CASES, or ../shared/leaks beside the repository]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Write the rows as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fail also when a case could not be run
    #[arg(long)]
    strict: bool,
    /// Folder for recordings and reports [default: in the target directory]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Ask `census` and `who` instead of `leaks`: of the leaks by references, which types grow, and
    /// who holds them
    #[arg(long, conflicts_with_all = ["quick", "again"])]
    objects: bool,
    /// Run nothing: judge the recordings that an earlier run kept
    #[arg(long, conflicts_with = "seconds")]
    again: bool,
}

/// Which versions to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Versions {
    /// What leaks.
    Leaky,
    /// What was cured, and what never leaked.
    Fixed,
    /// All.
    Both,
}

/// One case to run.
struct Run<'a> {
    case: &'a Case,
    version: Version,
    seconds: u32,
}

/// Runs the task.
pub fn run_task(options: &Options) -> Result<()> {
    run_with(options, program()?)
}

fn run_with(options: &Options, program: PathBuf) -> Result<()> {
    // Programs that we start run in the root of the repository, where a relative path would mean
    // another place.
    let folder = absolute(options.folder.clone().unwrap_or_else(default_folder))?;
    let cases = case::read(&folder)?;
    let runs = if options.quick { quick(&cases) } else { chosen(options, &cases)? };
    ensure!(!runs.is_empty(), "no case is left to run");
    if options.objects {
        return objects::run_all(&program, &folder, &runs, options.json.as_deref());
    }
    let watcher = Watcher { program, kept: kept(options)? };
    let rows = if options.again {
        runs.iter().filter_map(|run| watcher.row_again(run.case, run.version)).collect()
    } else {
        watched(&watcher, &folder, &runs)?
    };
    conclude(options, &rows)
}

/// The part of the tests: the quick cases, or a line that says what was not run.
pub fn test(program: PathBuf) -> Result<()> {
    let folder = default_folder();
    if !folder.join("run_case.sh").is_file() {
        println!(
            "NOT RUN: real leaks, for there is no folder of them (LEAKSPY_CASES, or {})",
            folder.display()
        );
        return Ok(());
    }
    run_with(&Options { quick: true, ..Options::default() }, program)
}

fn watched(watcher: &Watcher, folder: &Path, runs: &[Run<'_>]) -> Result<Vec<Row>> {
    let place = Place::new(folder)?;
    let mut rows = Vec::new();
    for (index, Run { case, version, seconds }) in runs.iter().enumerate() {
        let at = format!("{} of {}", index + 1, runs.len());
        println!("{at}: {} ({}), {seconds} s", case.name, version.name());
        let row = watcher.row(&place, case, *version, *seconds);
        println!("    {}", table::brief(&row));
        rows.push(row);
    }
    Ok(rows)
}

fn conclude(options: &Options, rows: &[Row]) -> Result<()> {
    println!("\n{}\n{}", table::table(rows), table::summary(rows));
    if let Some(file) = &options.json {
        let json = serde_json::to_string_pretty(rows).context("cannot write rows as JSON")?;
        fs::write(file, json + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    match (count(Outcome::Fail), count(Outcome::NotRun)) {
        (0, absent) if absent > 0 && options.strict => bail!("{absent} cases could not be run"),
        (0, _) => Ok(()),
        (failed, _) => bail!("{failed} cases failed"),
    }
}

/// What the options ask for.
fn chosen<'a>(options: &Options, cases: &'a [Case]) -> Result<Vec<Run<'a>>> {
    for name in &options.cases {
        let known = cases.iter().any(|case| case.name == *name);
        ensure!(known, "there is no case {name:?}; there are {}", names(cases));
    }
    let named = |case: &Case| options.cases.contains(&case.name);
    let all = options.cases.is_empty();
    let mut runs = Vec::new();
    let held = |case: &Case| !options.objects || case.kind == Kind::Python;
    for case in cases.iter().filter(|case| held(case) && (all || named(case))) {
        for version in [Version::Leaky, Version::Fixed] {
            if wanted(case, version, options.version.unwrap_or(Versions::Leaky), named(case)) {
                let own = match (options.objects, case.is_silent(version)) {
                    (true, _) => objects::WATCHED,
                    (false, true) => SILENT_FOR,
                    (false, false) => FOUND_WITHIN,
                };
                let seconds = options.seconds.unwrap_or(own);
                runs.push(Run { case, version, seconds });
            }
        }
    }
    Ok(runs)
}

/// A program that does not leak has one version. It belongs to the cured ones: both must be silent.
fn wanted(case: &Case, version: Version, versions: Versions, named: bool) -> bool {
    let calm = case.kind == Kind::NonLeak;
    match (version, versions) {
        (Version::Fixed, Versions::Leaky) => false,
        (Version::Fixed, _) => !calm,
        (Version::Leaky, Versions::Fixed) => calm,
        (Version::Leaky, Versions::Leaky) => !calm || named,
        (Version::Leaky, Versions::Both) => true,
    }
}

fn quick(cases: &[Case]) -> Vec<Run<'_>> {
    let run = |(name, version, seconds): &(&str, Version, u32)| {
        let case = cases.iter().find(|case| case.name == *name)?;
        Some(Run { case, version: *version, seconds: *seconds })
    };
    QUICK.iter().filter_map(run).collect()
}

fn names(cases: &[Case]) -> String {
    cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn default_folder() -> PathBuf {
    std::env::var_os("LEAKSPY_CASES")
        .map_or_else(|| root().join("../shared/leaks"), |folder| root().join(folder))
}

/// The program that LEAKSPY_BIN names, or a fresh release.
fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("LEAKSPY_BIN") {
        return absolute(PathBuf::from(program));
    }
    run(command("cargo").args(["build", "--release", "--package", "leakspy"]))?;
    Ok(target_dir().join("release/leakspy"))
}

fn kept(options: &Options) -> Result<PathBuf> {
    let usual = || target_dir().join("leakspy-cases/recordings");
    let folder = absolute(options.keep.clone().unwrap_or_else(usual))?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn absolute(path: PathBuf) -> Result<PathBuf> {
    std::path::absolute(&path).with_context(|| format!("{} is no path", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> Vec<Case> {
        let case = |name: &str, kind: &str| {
            let frames = "[expected]\nframes = [\"a.py:f\"]";
            toml::from_str(&format!("name = \"{name}\"\nkind = \"{kind}\"\n{frames}"))
                .expect("a case")
        };
        vec![case("calm", "non-leak"), case("c", "native"), case("py", "python")]
    }

    fn picked(options: &Options) -> Vec<(String, Version, u32)> {
        let cases = cases();
        let runs = chosen(options, &cases).expect("runs");
        runs.iter().map(|run| (run.case.name.clone(), run.version, run.seconds)).collect()
    }

    #[test]
    fn leaks_run_briefly_and_silence_long() {
        let expected = [("c", Version::Leaky, FOUND_WITHIN), ("py", Version::Leaky, FOUND_WITHIN)];
        assert_eq!(
            picked(&Options::default()),
            expected.map(|(name, version, seconds)| (name.to_owned(), version, seconds))
        );
        let fixed = Options { version: Some(Versions::Fixed), ..Options::default() };
        let picked = picked(&fixed);
        assert_eq!(picked[0], ("calm".to_owned(), Version::Leaky, SILENT_FOR));
        assert_eq!(picked[1], ("c".to_owned(), Version::Fixed, SILENT_FOR));
        assert_eq!(picked.len(), 3);
    }

    #[test]
    fn a_named_case_runs_and_an_unknown_one_is_an_error() {
        let calm = Options { cases: vec!["calm".to_owned()], ..Options::default() };
        assert_eq!(picked(&calm), [("calm".to_owned(), Version::Leaky, SILENT_FOR)]);
        let both =
            Options { version: Some(Versions::Both), seconds: Some(9), ..Options::default() };
        assert_eq!(picked(&both).len(), 5);
        let unknown = Options { cases: vec!["calm ".to_owned()], ..Options::default() };
        let cases = cases();
        let error = chosen(&unknown, &cases).map(drop).expect_err("no such case").to_string();
        assert_eq!(error, "there is no case \"calm \"; there are calm, c, py");
    }
}
