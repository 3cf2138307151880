//! The program from the outside, as far as it goes without root: what it prints, where, and how it
//! ends.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use leakspy::history::{Sink, SiteRow, SiteTotals, Tick};
use leakspy::model::{Amount, Capture, Domain, Frame, ProcessPoint, Target, Totals};
use leakspy::probe::{Guard, GuardProgram};
use leakspy::store::{Overwrite, Writer};
use tempfile::TempDir;

fn leakspy(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the program runs")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leakspy"));
    command.args(arguments).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The one line on standard error of a run that ended with `code`.
fn complaint(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("leakspy: "), "{text}");
    text
}

/// A recording with `sites` sites of 1,000 blocks each.
fn recording(sites: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.leakspy");
    let target = Target {
        pid: 4711,
        comm: "panel".into(),
        exe: "/usr/bin/python3".into(),
        started: 1_763_600_000,
        python: None,
        limit_bytes: None,
    };
    let capture = Capture {
        started: 1_763_691_300,
        seconds: 60.0,
        mode: "exact".into(),
        budget: None,
        cost_ratio: None,
        notes: Vec::new(),
    };
    let mut writer = Writer::create(&path, Overwrite::Never, None).expect("a recording");
    writer.begin(&target, &capture, 1_763_691_300.0).expect("begin");
    let mut totals = Vec::new();
    for line in 1..=sites {
        let stack = vec![Frame::python("keep", "/srv/app.py", Some(line))].into();
        let key = u64::from(line);
        let site = SiteRow {
            key,
            domain: Domain::Malloc,
            size_class: 16_384,
            allocator: "malloc",
            stack: &stack,
            notes: &[],
        };
        writer.site(&site).expect("site");
        let (bytes, count) = (10_000_000, 1_000);
        totals.push(SiteTotals {
            key,
            totals: Totals { allocated: Amount { bytes, count }, freed: Amount::default() },
        });
    }
    let tick = Tick {
        process: ProcessPoint { t: 60.0, ..ProcessPoint::default() },
        counters: &[],
        sites: &totals,
        keep_history: false,
        snapshot: None,
    };
    writer.tick(&tick).expect("tick");
    writer.finish(&capture).expect("finish");
    (folder, path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

#[test]
fn a_recording_is_shown_in_every_format() {
    let (_folder, path) = recording(3);
    let shown = |format: &str| {
        let output = leakspy(&["report", text(&path), "-f", format]);
        assert!(output.status.success());
        assert!(output.stderr.is_empty());
        stdout(&output)
    };
    assert!(shown("text").contains("9.5 MiB (33.3 %) in 1,000 blocks of 10,000 B"));
    assert!(shown("json").contains("\"live_bytes\": 10000000"));
    assert!(shown("folded").contains("keep (/srv/app.py:3) 10000000\n"));
    assert!(shown("svg").contains("</svg>"));
}

#[test]
fn a_file_gets_the_format_of_its_name_and_is_not_replaced_by_accident() {
    let (folder, path) = recording(1);
    let svg = folder.path().join("flame.svg");
    let run = |more: &[&str]| {
        let mut arguments = vec!["report", text(&path), "-o", text(&svg)];
        arguments.extend(more);
        leakspy(&arguments)
    };
    assert!(run(&[]).status.success());
    assert!(fs::read_to_string(&svg).expect("the file").contains("<svg"));
    assert!(complaint(&run(&[]), 1).contains("--force"));
    assert!(run(&["--force"]).status.success());
    let output = leakspy(&["report", text(&path), "-o", "flame.pdf"]);
    assert!(complaint(&output, 2).contains("-f"));
}

/// A report that cannot be made leaves no file, and an old one as it was.
#[test]
fn a_failed_report_leaves_nothing() {
    let (folder, path) = recording(1);
    fs::write(&path, "rubbish").expect("written");
    let out = folder.path().join("out.txt");
    fs::write(&out, "old").expect("written");
    let output = leakspy(&["report", text(&path), "-o", text(&out), "--force"]);
    assert!(complaint(&output, 1).contains("not an SQLite database"));
    assert_eq!(fs::read_to_string(&out).expect("the file"), "old");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 2);
}

#[test]
fn errors_are_one_line_with_a_code() {
    let missing = leakspy(&["report", "/nonexistent/a.leakspy"]);
    let line = complaint(&missing, 1);
    assert!(line.contains("cannot open /nonexistent/a.leakspy: No such file"), "{line}");
    let output = leakspy(&["record", "-p", "1", "-o", "-"]);
    assert!(complaint(&output, 2).contains("standard output"));
    assert_eq!(leakspy(&["record"]).status.code(), Some(2));
    assert_eq!(leakspy(&["--version"]).status.code(), Some(0));
    let weird = leakspy(&["report", "/nonexistent/\u{1b}[31m\nx"]);
    assert!(complaint(&weird, 1).contains("\\x1b[31m\\nx"));
}

/// `leakspy report … | head -1`: the reader that leaves is no failure, and no panic.
#[test]
fn a_reader_may_leave() {
    let (_folder, path) = recording(2_000);
    let mut child = command(&["report", text(&path), "-f", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut first = [0; 16];
    let mut pipe = child.stdout.take().expect("a pipe");
    pipe.read_exact(&mut first).expect("the beginning");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn colours_are_for_those_who_ask() {
    let (_folder, path) = recording(1);
    let plain = leakspy(&["report", text(&path)]);
    assert!(!stdout(&plain).contains('\u{1b}'));
    let coloured = leakspy(&["report", text(&path), "--color", "always"]);
    assert!(stdout(&coloured).contains("\u{1b}[1m"));
}

#[test]
fn manuals_and_completions_are_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(stdout(&leakspy(&["man"])).contains(".SH EXAMPLES"));
    assert!(leakspy(&["man", "-o", text(folder.path())]).status.success());
    assert!(folder.path().join("leakspy-record.8").exists());
    assert!(stdout(&leakspy(&["completions", "bash"])).contains("leakspy"));
}

#[test]
fn a_recording_is_judged() {
    let (folder, path) = recording(3);
    let judged = |more: &[&str]| {
        let mut arguments = vec!["leaks", text(&path)];
        arguments.extend(more);
        leakspy(&arguments)
    };
    let page = judged(&["--fail-on", "suspect"]);
    assert!(page.status.success() && page.stderr.is_empty(), "{page:?}");
    assert!(stdout(&page).contains("\nMore: sudo leakspy record "), "{page:?}");
    let json = stdout(&judged(&["-j"]));
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(value["growth"]["verdict"].is_string() && value["findings"].is_array(), "{json}");
    assert_eq!(value["sites"].as_array().map(Vec::len), Some(3));
    let file = folder.path().join("verdict.json");
    assert!(judged(&["-o", text(&file)]).status.success());
    assert_eq!(fs::read_to_string(&file).expect("the file"), json);
}

/// What is wrong with the words is said before anything is watched or read.
#[test]
fn a_leak_that_is_not_there_is_named() {
    let (folder, path) = recording(2);
    let picture = folder.path().join("leak.png");
    let (file, picture) = (text(&path), text(&picture));
    for words in [
        &["report", file, "-f", "svg", "--leak", "cafe0000"][..],
        &["diff", file, "--leak", "cafe0000", "--from", "10s", "-f", "folded"],
        &["plot", file, "--leak", "cafe0000", "-o", picture],
    ] {
        let line = complaint(&leakspy(words), 2);
        assert!(line.contains("there is no leak cafe0000; "), "{line}");
    }
    assert!(!Path::new(picture).exists());
    let both = leakspy(&["diff", file, file, "--leak", "cafe0000"]);
    assert_eq!(both.status.code(), Some(2), "{both:?}");
}

#[test]
fn wrong_words_about_leaks_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let known = folder.path().join("known.supp");
    fs::write(&known, "# fine\nleak:keep\nrubbish\n").expect("written");
    for (words, named) in [
        (["--include", "a[b"], "--include a[b: unclosed character class"),
        (["--exclude", "{a"], "--exclude {a: "),
        (["--suppressions", text(&known)], "known.supp, line 3: `rubbish` is neither"),
        (["-o", "verdict.svg"], "add -f with one of text, json"),
    ] {
        let mut arguments = vec!["leaks", "/nonexistent/a.leakspy"];
        arguments.extend(words);
        let line = complaint(&leakspy(&arguments), 2);
        assert!(line.contains(named), "{line}");
    }
    let output = leakspy(&["leaks", "a.leakspy", "--suppressions", "/nonexistent/known"]);
    assert!(complaint(&output, 1).contains("/nonexistent/known"));
    for words in [
        &["leaks"][..],
        &["leaks", "-p", "1", "a.leakspy"],
        &["leaks", "a.leakspy", "-d", "1m"],
        &["leaks", "a.leakspy", "--save", "b.leakspy"],
        &["leaks", "a.leakspy", "--min-growth", "fast"],
        &["leaks", "a.leakspy", "--fail-on", "always"],
        &["leaks", "a.leakspy", "-f", "svg"],
    ] {
        assert_eq!(leakspy(words).status.code(), Some(2), "{words:?}");
    }
}

/// The lines that nothing needed are named to whoever asks for more words.
#[test]
fn suppressions_that_nothing_needed_are_named() {
    let (folder, path) = recording(1);
    let known = folder.path().join("known.supp");
    fs::write(&known, "leak:nobody\n").expect("written");
    let run = |more: &[&str]| {
        let mut arguments = vec!["leaks", text(&path), "--suppressions", text(&known)];
        arguments.extend(more);
        leakspy(&arguments)
    };
    assert!(run(&[]).stderr.is_empty());
    assert!(complaint(&run(&["-v"]), 0).contains("known.supp:1: leak:nobody"));
}

#[test]
fn what_cannot_be_looked_at_is_said_in_one_line() {
    for command in [&["census"][..], &["who", "Document"]] {
        let nobody = [command, &["-p", "no such process"]].concat();
        let text = complaint(&leakspy(&nobody), 1);
        assert!(text.contains("no process is called"), "{text}");
    }
    let wrong = leakspy(&["census", "-p", "1", "-d", "1m", "--every", "2m"]);
    assert!(complaint(&wrong, 2).contains("--every is longer than -d"));
    let wrong = leakspy(&["who", "-p", "1", "Document", "-o", "who.png"]);
    assert!(complaint(&wrong, 2).contains("text, json, dot, svg"));
    let wrong = leakspy(&["who", "-p", "1", "0xyz"]);
    assert_eq!(wrong.status.code(), Some(2));
}

/// A process that cannot be looked at leaves no half a report, and what was there stays.
#[test]
fn a_snapshot_that_fails_leaves_the_output_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("who.svg");
    fs::write(&path, "old").expect("written");
    let output = path.to_str().expect("a path");
    let arguments = ["who", "-p", "no such process", "Document", "-o", output];
    assert!(complaint(&leakspy(&arguments), 1).contains("already exists; add --force"));
    complaint(&leakspy(&[&arguments[..], &["--force"]].concat()), 1);
    assert_eq!(fs::read_to_string(&path).expect("the file"), "old");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
}

/// From a thread, while others run: a guard is a program of its own.
#[test]
fn a_guard_starts_in_any_thread_and_ends_with_its_owner() {
    let program = GuardProgram {
        path: env!("CARGO_BIN_EXE_leakspy").into(),
        argument: GuardProgram::ARGUMENT.into(),
    };
    let mut guards: Vec<Guard> = std::thread::scope(|scope| {
        let starters: Vec<_> = (0..3).map(|_| scope.spawn(|| Guard::start(&program))).collect();
        let started = starters.into_iter().map(|starter| starter.join().expect("a thread"));
        started.map(|guard| guard.expect("a guard")).collect()
    });
    for guard in &mut guards {
        guard.release(0).expect("an answer");
    }
    // Waits for each of them.
    drop(guards);
}

#[test]
fn a_guard_is_nothing_for_people() {
    let typed = complaint(&leakspy(&[GuardProgram::ARGUMENT]), 2);
    assert!(typed.contains("only for leakspy itself"), "{typed}");
    for page in [&["--help"][..], &["man"], &["completions", "bash"]] {
        assert!(!stdout(&leakspy(page)).contains("guard"), "{page:?}");
    }
}
