//! Every version's layout, proven on a saved process of that version.
//!
//! `fixtures/make.py images` starts an interpreter on `fixtures/target.py`, which brings three
//! threads to a standstill in every kind of frame and prints what the interpreter says of them;
//! `examples/python_image.rs` saves the memory that attaching touches. Here the same code must find
//! the same functions, files and lines in the saved memory.

use std::collections::BTreeMap;

use leakspy_ebpf::walk::Word;
use serde_json::Value;

use super::check::Failed;
use super::frame::{Frames, Walker};
use super::slot::SlotEvidence;
use super::{CodeInfo, LayoutSource, Python, PythonRefusal, Version, attach};
use crate::model::{Address, Memory, RuntimeSymbols};

/// A saved process.
pub(crate) struct Image {
    pub(crate) header: Value,
    pub(crate) ranges: BTreeMap<u64, Vec<u8>>,
}

impl Memory for Image {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let Some((start, bytes)) = self.ranges.range(..=address.0).next_back() else {
            return false;
        };
        let start = usize::try_from(address.0 - start).unwrap();
        let end = start.checked_add(into.len());
        let Some(bytes) = end.and_then(|end| bytes.get(start..end)) else { return false };
        into.copy_from_slice(bytes);
        true
    }
}

impl Image {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut rest = bytes.strip_prefix(b"LSPYIMG1").unwrap();
        let mut take = |length: usize| rest.split_off(..length).unwrap();
        let length = u32::from_le_bytes(take(4).try_into().unwrap());
        let header = serde_json::from_slice(take(length as usize)).unwrap();
        let mut ranges = BTreeMap::new();
        while !rest.is_empty() {
            let mut take = |length: usize| rest.split_off(..length).unwrap();
            let start = u64::from_le_bytes(take(8).try_into().unwrap());
            let length = u32::from_le_bytes(take(4).try_into().unwrap());
            ranges.insert(start, take(length as usize).to_vec());
        }
        Self { header, ranges }
    }

    pub(crate) fn symbols(&self) -> RuntimeSymbols {
        let find = |name: &str| self.header["symbols"][name].as_u64().map(Address);
        RuntimeSymbols {
            runtime: find("_PyRuntime"),
            code_type: find("PyCode_Type"),
            version_word: find("Py_Version"),
            version_function: find("Py_GetVersion"),
            thread_state_function: find("PyGILState_GetThisThreadState"),
            version_text: None,
            interpreters_head_function: find("PyInterpreterState_Head"),
            thread_current: find("_PyThreadState_Current"),
        }
    }

    fn version(&self) -> Version {
        Version::from_text(self.header["answer"]["version"].as_str().unwrap()).unwrap()
    }

    /// The interpreter's own answer: by thread, the function, file and line of every frame,
    /// innermost first.
    fn answer(&self) -> BTreeMap<u64, Vec<Value>> {
        let threads = self.header["answer"]["threads"].as_object().unwrap();
        threads
            .iter()
            .map(|(thread, frames)| (thread.parse().unwrap(), frames.as_array().unwrap().clone()))
            .collect()
    }

    fn walk(&self, python: &Python, thread: u64) -> Frames {
        Walker::new(python.walk).walk(self, thread)
    }

    fn named(&self, python: &Python, frames: &Frames) -> Vec<Value> {
        let named = |word: &Word| {
            let code = Address(word.code());
            let code = CodeInfo::read(self, &python.layout, python.code_type, code).unwrap();
            serde_json::json!([code.function, code.file, code.lines.line(word.index())])
        };
        frames.words.iter().filter(|word| word.is_python()).map(named).collect()
    }
}

macro_rules! images {
    ($($name:ident $file:literal)+) => {
        /// Every image, by file name.
        pub(super) fn all() -> Vec<(&'static str, Image)> {
            vec![$(($file, Image::parse(include_bytes!(concat!("fixtures/images/", $file, ".image"))))),+]
        }

        $(
            #[test]
            fn $name() {
                let bytes = include_bytes!(concat!("fixtures/images/", $file, ".image"));
                agrees_with_the_interpreter(&Image::parse(bytes));
            }
        )+
    };
}

images! {
    python_3_6 "3.6" python_3_7 "3.7" python_3_8 "3.8" python_3_9 "3.9" python_3_10 "3.10" python_3_11 "3.11"
    python_3_11_static "3.11-static" python_3_12 "3.12" python_3_13 "3.13" python_3_14_static "3.14-static"
    python_3_15_static "3.15-static"
}

fn agrees_with_the_interpreter(image: &Image) {
    let python = attach(image, &image.symbols()).unwrap();
    assert_eq!(python.version, image.version());
    let source =
        if python.version.minor < 13 { LayoutSource::Table } else { LayoutSource::Published };
    assert_eq!(python.layout_source, source);
    let answer = image.answer();
    assert_eq!(answer.len(), 3);
    for (&thread, expected) in &answer {
        let frames = image.walk(&python, thread);
        assert!(!frames.is_broken());
        let found = image.named(&python, &frames);
        // One of the threads recurses deeper than the walk goes, and keeps the innermost frames.
        let kept = if frames.is_truncated() { found.len() } else { expected.len() };
        assert_eq!(found, expected[..kept]);
        assert!(frames.is_truncated() == (expected.len() > 128) && kept >= 5);
        activations(&python, &frames);
    }
    assert_eq!((python.checked.threads, python.slot.threads), (3, 3));
    assert_ne!(python.slot.agrees_with_key, Some(false));
    assert!(python.code_dealloc.is_some());
}

/// What tells the activations of the evaluation loop apart ends each of them, and the stack.
fn activations(python: &Python, frames: &Frames) {
    let ends = |word: &&Word| word.is_outermost() || !word.is_python();
    let count = frames.words.iter().filter(ends).count();
    match python.version.minor {
        ..=10 => assert_eq!(count, 0),
        _ if frames.is_truncated() => assert_eq!(count, 0),
        _ => {
            assert!(count >= 2);
            assert!(ends(&frames.words.last().unwrap()));
        }
    }
    assert_eq!(frames.cframe != 0, matches!(python.version.minor, 10..=12));
}

#[test]
fn what_is_not_exported_is_learnt_from_frames_and_code() {
    for (name, image) in all() {
        let python = attach(&image, &image.symbols()).unwrap();
        let hidden = RuntimeSymbols { code_type: None, version_word: None, ..image.symbols() };
        assert_eq!(attach(&image, &hidden).as_ref(), Ok(&python), "{name}");
        let no_accessor = RuntimeSymbols { thread_state_function: None, ..image.symbols() };
        let other = attach(&image, &no_accessor).unwrap();
        assert_eq!(other.slot.evidence, SlotEvidence::OnlyOne, "{name}");
        assert_eq!(other.walk, python.walk, "{name}");
    }
}

#[test]
fn without_a_version_there_is_no_guess() {
    for (name, image) in all() {
        let published = image.version().minor >= 13;
        let hidden =
            RuntimeSymbols { version_word: None, version_function: None, ..image.symbols() };
        let refused = attach(&image, &hidden) == Err(PythonRefusal::NoVersion);
        assert_eq!(refused, !published, "{name}");
        let told = Some(image.version().to_string());
        let hidden = RuntimeSymbols { version_text: told, ..hidden };
        assert!(attach(&image, &hidden).is_ok(), "{name}");
        let lied = RuntimeSymbols { version_text: Some("3.5.2".to_owned()), ..image.symbols() };
        assert!(matches!(attach(&image, &lied), Err(PythonRefusal::TwoVersions { .. })), "{name}");
    }
}

/// A layout of another version must be noticed by what it says about the process. The layouts of
/// 3.8, 3.9 and 3.10 differ in nothing that can be noticed but the place of the GIL's holder, so
/// among them only the version itself tells.
#[test]
fn the_layout_of_another_version_is_refused() {
    for (name, image) in all() {
        let minor = image.version().minor;
        if minor >= 13 {
            continue;
        }
        for other in (6..=12).filter(|&other| other != minor) {
            let alike = |minor| (8..=10).contains(&minor);
            if alike(minor) && alike(other) {
                continue;
            }
            let forged = RuntimeSymbols {
                version_word: None,
                version_function: None,
                version_text: Some(Version::new(3, other, 9).to_string()),
                ..image.symbols()
            };
            assert!(attach(&image, &forged).is_err(), "{name} as 3.{other}");
        }
    }
}

#[test]
fn versions_that_publish_are_refused_when_they_do_not() {
    let (_, mut image) = all().into_iter().find(|(name, _)| *name == "3.13").unwrap();
    let symbols = image.symbols();
    let runtime = symbols.runtime.unwrap().0;
    let (start, bytes) = image.ranges.range_mut(..=runtime).next_back().unwrap();
    bytes[usize::try_from(runtime - start).unwrap()] = b'X';
    let version = Version::new(3, 13, 0);
    assert_eq!(attach(&image, &symbols), Err(PythonRefusal::NoDebugOffsets { version }));
}

/// Python 2 has all the symbols, and is told by its version.
#[test]
fn python_2_is_refused_by_its_version() {
    let (_, image) = all().into_iter().find(|(name, _)| *name == "3.8").unwrap();
    let text = Some("2.7.18 (default, Apr 20 2020) \n[GCC 9]".to_owned());
    let symbols = RuntimeSymbols { version_text: text, ..RuntimeSymbols::default() };
    let version = Version::new(2, 7, 18);
    assert_eq!(attach(&image, &symbols), Err(PythonRefusal::UnknownVersion { version }));
}

#[test]
fn a_wrong_code_type_is_refused() {
    for (name, image) in all() {
        let symbols = image.symbols();
        let wrong = symbols.code_type.and_then(|at| at.offset(8));
        let refusal = attach(&image, &RuntimeSymbols { code_type: wrong, ..symbols }).unwrap_err();
        let check = |reason: &Failed| {
            matches!(reason, Failed::TypeName { .. } | Failed::TypeUnreadable { .. })
        };
        assert!(
            matches!(&refusal, PythonRefusal::Check { reason, .. } if check(reason)),
            "{name}: {refusal:?}"
        );
    }
}

/// A page that is not there costs frames further out, and never makes one up.
#[test]
fn missing_memory_shortens_stacks_and_changes_none() {
    for (name, mut image) in all() {
        let python = attach(&image, &image.symbols()).unwrap();
        let answer = image.answer();
        let starts: Vec<u64> = image.ranges.keys().copied().collect();
        for start in starts {
            let bytes = image.ranges.remove(&start).unwrap();
            for (&thread, expected) in &answer {
                let frames = image.walk(&python, thread);
                for (word, expected) in
                    frames.words.iter().filter(|word| word.is_python()).zip(expected)
                {
                    let code = Address(word.code());
                    let code = CodeInfo::read(&image, &python.layout, python.code_type, code);
                    let Ok(code) = code else { continue };
                    let line = code.lines.line(word.index());
                    assert_eq!(expected[1], code.file, "{name}");
                    assert!(line.is_none() || expected[2] == line.unwrap(), "{name}");
                }
            }
            image.ranges.insert(start, bytes);
        }
    }
}
