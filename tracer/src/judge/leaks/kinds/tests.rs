use std::path::Path;

use super::*;
use crate::judge::leaks::leaks;
use crate::judge::leaks::tests::{grown, judged, stack};
use crate::model::{Frame, Note, TypeGrowth, Verdict};

/// What a document with the example of a row tells.
fn told(row: &Row) -> Vec<Leak> {
    let (named, made): (Vec<_>, Vec<_>) = match (row.signs, row.example) {
        ([Sign::MadeBy(..), ..], [function, file]) => {
            let mut found = stack(Verdict::Leak, "handle", 1e6);
            let inner = Frame::python(*function, *file, Some(210));
            found.site.stack = found.site.stack.iter().cloned().chain([inner]).collect();
            (Vec::new(), vec![found])
        }
        (_, [name]) => (vec![of(name, &[])], Vec::new()),
        (_, path) => (vec![of(class(path), path)], Vec::new()),
    };
    let mut document = judged(named, made);
    let note = match row.signs {
        [Sign::Uncollected] => Some(Note::CollectionOff { threshold: None }),
        [Sign::Frozen] => Some(Note::CollectionFrozen),
        _ => None,
    };
    if let Some(note) = note {
        document.capture.notes.push(note);
        document.leaks = leaks(&document);
    }
    document.leaks
}

/// The type that a path leads to.
fn class(path: &[&'static str]) -> &'static str {
    let last = path.last().expect("an example");
    Hop::parse(last).expect("a reference").class
}

fn of(name: &str, path: &[&str]) -> TypeGrowth {
    grown(1, name, [0, 400, 100], path)
}

fn kind_of(path: &[&'static str]) -> Option<&'static str> {
    let leaks = judged(vec![of(class(path), path)], Vec::new()).leaks;
    leaks[0].known_kind.map(|kind| kind.code)
}

#[test]
fn every_row_knows_its_example() {
    for row in rows() {
        let leaks = told(row);
        let kinds: Vec<_> =
            leaks.iter().map(|leak| leak.known_kind.map(|kind| kind.code)).collect();
        assert_eq!(kinds, [Some(row.kind.code)], "{:?}", leaks);
    }
}

#[test]
fn codes_are_different_and_sentences_plain() {
    let mut codes: Vec<_> = rows().map(|row| row.kind.code).collect();
    codes.sort_unstable();
    let all = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), all);
    for KnownKind { code, says, so, unless } in rows().map(|row| row.kind) {
        assert!(code.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'), "{code}");
        for text in [says, so].into_iter().chain(unless) {
            assert!(!text.ends_with('.') && !text.contains("  ") && text.len() < 180, "{text}");
        }
    }
}

/// A container of the program's own is no known kind, whatever is in it and wherever it hangs.
#[test]
fn what_is_behind_the_container_tells_nothing_of_it() {
    let kept = ["module app", ".KEPT: list (400 items)", "[3]: app.Board"];
    let inside = |rest: &[&'static str]| kind_of(&[&kept[..], rest].concat());
    assert_eq!(inside(&[]), None);
    let watchers = ["._param_watchers: dict (9 items)", "['x']: app.Watcher"];
    assert_eq!(inside(&watchers), None, "each has watchers, but the list keeps them");
    assert_eq!(
        inside(&[".log: logging.Logger", ".handlers: list (2 items)", "[0]: app.Log"]),
        None
    );
    let task = [
        "thread 7 (main), frame run (a.py:1)",
        "local tasks: list (3 items)",
        "[0]: _asyncio.Task",
        "._coro: coroutine (serve (a.py:9))",
        "local kept: list (400 items)",
        "[8]: app.Page",
    ];
    assert_eq!(kind_of(&task), None, "a task of many that runs is no leak");
}

/// Of an exception that is an item of what grows the traceback is as long as the calls were deep.
#[test]
fn an_exception_of_many_is_not_raised_again() {
    let raised = [".__traceback__: traceback", ".tb_next × 12: traceback", ".tb_frame: frame"];
    let told = |from: &[&'static str]| kind_of(&[from, &raised, &["local job: app.Job"]].concat());
    let kept =
        ["module app", ".FAILED: list (400 items)", "[7]: tuple (2 items)", "[1]: ValueError"];
    assert_eq!(told(&kept), Some("exceptions-kept"));
    assert_eq!(told(&["module app", ".BUSY: app.Busy"]), Some("exception-reused"));
}

/// A kind says what a leak is known as, not that it is one.
#[test]
fn what_is_no_leak_is_no_known_kind() {
    let path = ["module logging", ".manager: logging.Manager", ".loggerDict: dict (400 items)"];
    let path = [&path[..], &["['a']: logging.Logger"]].concat();
    assert_eq!(kind_of(&path), Some("logger-per-job"));
    let mut document = judged(vec![of("logging.Logger", &path)], Vec::new());
    let leak = document.leaks.remove(0);
    let open = Leak { verdict: Verdict::Undetermined, ..leak.clone() };
    assert_eq!(known(&document, &open), None);
    document.types.iter_mut().flatten().for_each(|found| found.verdict = Verdict::CacheBounded);
    assert!(leaks(&document).is_empty());
}

/// `docs/kinds.md` has every row. `LEAKSPY_BLESS=1` writes it again.
#[test]
fn every_row_is_documented() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/kinds.md");
    let known = std::fs::read_to_string(&file).expect("docs/kinds.md");
    let (before, _) = known.split_once(BEGIN).expect("a place for the rows");
    let text = format!("{before}{BEGIN}\n{}", rows().map(section).collect::<String>());
    if std::env::var_os("LEAKSPY_BLESS").is_some() {
        std::fs::write(&file, text).expect("written");
    } else {
        assert_eq!(known, text, "cargo xtask golden writes it again");
    }
}

/// What is behind this line is written from the rows.
const BEGIN: &str = "<!-- written from tracer/src/judge/leaks/kinds -->";

fn section(row: &Row) -> String {
    let KnownKind { code, says, so, unless } = row.kind;
    let example = row.example.join("\n    ");
    let unless =
        unless.map_or_else(String::new, |unless| format!("\n\nIt is no leak if {unless}."));
    format!("\n## `{code}`\n\nIt is that {says}.\n\nWhat to do: {so}.{unless}\n\n    {example}\n")
}
