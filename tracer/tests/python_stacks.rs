//! Stacks of real interpreters, stopped by gdb at one allocation: the unwinder against gdb's own
//! backtrace, the merge against the order that the script is known to have.
//!
//! Needs gdb and the interpreters; run with `cargo test --test python_stacks -- --ignored`.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use leakspy::model::{Frame, FrameKind, StackNote};
use leakspy::symbolize::fragment::ranges_of_function;
use leakspy::symbolize::merge::{Input, Merged, MixedStack, merge};
use leakspy::symbolize::resolve::{Resolver, places};
use leakspy::symbolize::{
    Activations, CodeFile, CodeRanges, ImageBytes, NativeStack, PythonNames, Registers, StackCopy,
    WalkEnd,
};
use leakspy_ebpf::walk::Word;
use support::{Capture, load, symbol};

/// Python functions of the scenario `main`, innermost first.
const CALLS: [&str; 10] = [
    "allocate",
    "key",
    "__init__",
    "produce",
    "<listcomp>",
    "consume",
    "reduced",
    "outer",
    "work",
    "<module>",
];

struct Interpreter {
    python: PathBuf,
    version: &'static str,
    by: Activations,
    /// Whether list comprehensions are functions.
    comprehensions: bool,
}

fn pyenv(full: &str, version: &'static str, by: Activations) -> Interpreter {
    let root = std::env::var("PYENV_ROOT")
        .unwrap_or_else(|_| format!("{}/.pyenv", std::env::var("HOME").expect("HOME is set")));
    let python = Path::new(&root).join("versions").join(full).join("bin/python3");
    Interpreter { python, version, by, comprehensions: !matches!(by, Activations::ByEntry) }
}

const CFRAME_310: Activations = Activations::ByCframe { previous: 8, flagged: false };
const CFRAME_311: Activations = Activations::ByCframe { previous: 16, flagged: true };

fn interpreters() -> Vec<Interpreter> {
    vec![
        pyenv("3.8.18", "3.8", Activations::ByCode),
        pyenv("3.9.18", "3.9", Activations::ByCode),
        pyenv("3.10.13", "3.10", CFRAME_310),
        pyenv("3.11.7", "3.11", CFRAME_311),
        pyenv("3.12.1", "3.12", Activations::ByEntry),
        pyenv("3.13.0", "3.13", Activations::ByEntry),
        Interpreter {
            python: "/usr/bin/python3.11".into(),
            version: "3.11",
            by: CFRAME_311,
            comprehensions: true,
        },
    ]
}

/// Names words by the order in which the script is known to call.
struct Known {
    words: Vec<Word>,
    names: Vec<&'static str>,
}

impl PythonNames for Known {
    fn name(&self, word: Word, generation: u32) -> Result<Option<Frame>, StackNote> {
        let index = usize::try_from(generation).unwrap();
        assert_eq!(self.words[index], word);
        let nth = self.words[..index].iter().filter(|word| word.is_python()).count();
        Ok(Some(Frame::python(self.names[nth], "target.py", None)))
    }
}

struct Run {
    capture: Capture,
    native: NativeStack,
    mixed: MixedStack,
    frames: Vec<Frame>,
}

fn run(interpreter: &Interpreter, scenario: &str, names: Vec<&'static str>) -> Run {
    let capture = Capture::take(&interpreter.python, interpreter.version, scenario);
    let (mut unwinder, mut native_names, modules) = load(&capture.maps);
    let bytes = capture.stack();
    let stack = StackCopy { start: capture.sp, bytes: &bytes };
    let registers = Registers { ip: capture.ip, sp: capture.sp, bp: capture.bp };
    let native = unwinder.unwind(registers, &stack);
    let (module, image) =
        modules.iter().find(|(_, image)| image.executes(capture.eval)).expect("an interpreter");
    let hot = symbol(image.code.bytes(), "_PyEval_EvalFrameDefault").expect("an exported function");
    let ranges = ranges_of_function(&image.code, hot).into_iter();
    let code = CodeRanges::new(
        ranges.map(|range| range.start + image.bias..range.end + image.bias).collect(),
    );
    let words: Vec<Word> = capture.words.iter().copied().map(Word).collect();
    let generations: Vec<u32> = (0..u32::try_from(words.len()).unwrap()).collect();
    let mixed = merge(&Input {
        native: &native,
        words: &words,
        generations: &generations,
        complete: true,
        by: interpreter.by,
        cframe: capture.cframe,
        stack,
        code: &code,
    });
    // Two independent ways to know an evaluation loop: its frame's contents, and its code.
    for entry in &mixed.entries {
        match entry {
            Merged::Evaluation(frame) => assert!(code.contains(frame.address)),
            Merged::Native(frame) => assert!(!code.contains(frame.address)),
            Merged::Python { .. } => {}
        }
    }
    native_names.look_up(places([&mixed]));
    let python = Known { words, names };
    let resolver = Resolver { python: &python, native: &native_names, interpreter: Some(*module) };
    let resolved = resolver.resolve(&mixed);
    assert_eq!(resolved.notes, [], "{}", interpreter.python.display());
    Run { capture, native, mixed, frames: resolved.frames }
}

/// Debian 12 builds with profiles: the cold part of the evaluation loop is another function to the
/// unwind tables.
#[test]
#[ignore = "needs Debian 12's interpreter"]
fn fragments_of_the_evaluation_loop() {
    for interpreter in interpreters() {
        let program = fs::canonicalize(&interpreter.python).unwrap();
        let library = program
            .parent()
            .unwrap()
            .join(format!("../lib/libpython{}.so.1.0", interpreter.version));
        let path = if library.exists() { library } else { program };
        let bytes: ImageBytes = Arc::new(fs::read(&path).unwrap());
        let hot = symbol(&bytes, "_PyEval_EvalFrameDefault").unwrap();
        let ranges = ranges_of_function(&CodeFile::new(&bytes), hot.clone());
        let sizes: Vec<u64> = ranges.iter().map(|range| range.end - range.start).collect();
        if path.starts_with("/usr/bin") {
            assert_eq!(sizes, [55_644, 13_913]);
        } else {
            // Built without profiles: one part, and perhaps a few bytes for what cannot happen.
            assert!(sizes[1..].iter().all(|size| *size < 16), "{}: {sizes:?}", path.display());
        }
    }
}

/// Compares with gdb, frame by frame: the same calls, all of them, to the end.
fn assert_unwound(run: &Run, what: &str) {
    let truth: Vec<u64> = run.capture.backtrace.iter().map(|frame| frame.pc).collect();
    let mut found: Vec<u64> = run.native.frames.iter().map(|frame| frame.address + 1).collect();
    found[0] -= 1;
    assert_eq!(found, truth, "{what}");
    assert_eq!(run.native.end, WalkEnd::Root, "{what}");
}

fn names_of(interpreter: &Interpreter) -> Vec<&'static str> {
    CALLS.into_iter().filter(|name| interpreter.comprehensions || *name != "<listcomp>").collect()
}

#[test]
#[ignore = "needs gdb and the interpreters"]
fn every_version_main_thread() {
    for interpreter in interpreters() {
        let what = interpreter.python.display().to_string();
        let names = names_of(&interpreter);
        let run = run(&interpreter, "main", names.clone());
        assert_unwound(&run, &what);
        assert_order(&run, &names, &what);
    }
}

#[test]
#[ignore = "needs gdb and the interpreters"]
fn every_version_other_thread() {
    for interpreter in interpreters() {
        let what = interpreter.python.display().to_string();
        let mut names = names_of(&interpreter);
        names.pop();
        names.extend(["run", "_bootstrap_inner", "_bootstrap"]);
        let run = run(&interpreter, "thread", names.clone());
        assert_unwound(&run, &what);
        assert_order(&run, &names, &what);
    }
}

#[test]
#[ignore = "needs gdb and the interpreters"]
fn every_version_deep_recursion() {
    for interpreter in interpreters() {
        let what = interpreter.python.display().to_string();
        let mut names = vec!["allocate"];
        names.extend(["deep"; 61]);
        names.push("<module>");
        let run = run(&interpreter, "deep", names);
        // Nothing is left out, nothing is invented.
        assert_unwound(&run, &what);
        let native = run.native.frames.len() - 1;
        let python = run.capture.words.iter().filter(|word| Word(**word).is_python()).count();
        assert_eq!(run.mixed.entries.len(), native + python, "{what}");
    }
}

/// The order that the script has: Python functions, and the C functions that call them back.
fn assert_order(run: &Run, names: &[&str], what: &str) {
    let python: Vec<&str> = run
        .frames
        .iter()
        .rev()
        .filter(|frame| frame.kind == FrameKind::Python)
        .filter_map(|frame| frame.function.as_deref())
        .collect();
    assert_eq!(python, names, "{what}");
    // Symbols of static functions are stripped in Debian's build, so only the named ones can show.
    let shown: Vec<&str> = run
        .frames
        .iter()
        .filter(|frame| !frame.is_runtime && !frame.inlined)
        .filter_map(|frame| frame.function.as_deref())
        .collect();
    let stripped = what == "/usr/bin/python3.11";
    let mut between = vec![
        ("outer", "reduced", "functools_reduce"),
        ("__init__", "key", "builtin_sorted"),
        ("__init__", "key", "list_sort_impl"),
        ("work", "outer", "map_next"),
    ];
    between.retain(|_| !stripped);
    for (outer, inner, native) in between {
        let at = |name: &str| {
            shown.iter().position(|shown| *shown == name).unwrap_or_else(|| {
                panic!("{what}: no {name} in {shown:#?}");
            })
        };
        assert!(at(outer) < at(native) && at(native) < at(inner), "{what}: {native} in {shown:#?}");
    }
    let last = shown.last().copied().unwrap_or_default();
    assert!(
        [
            "_PyObject_Malloc",
            "_PyObject_Realloc",
            "PyByteArray_Resize",
            "PyObject_Malloc",
            "_PyMem_RawMalloc"
        ]
        .contains(&last),
        "{what}: {shown:#?}"
    );
}
