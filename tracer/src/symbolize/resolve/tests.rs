use std::path::PathBuf;
use std::sync::Arc;

use leakspy_ebpf::walk::Word;

use super::super::code::{CodeFile, Detail};
use super::super::image::{ModuleId, ModuleImage};
use super::super::merge::{MergeNote, Merged, MixedStack};
use super::super::native::NativeNames;
use super::super::parts::ImageBytes;
use super::super::stack::{NativeFrame, Place, WalkEnd};
use super::{PythonNames, Resolver, hide_main, hide_start, nameless_python};
use crate::model::{Frame, FrameKind, StackNote};

/// Code objects at 8, 16, … are named by their order; others are gone.
struct Numbered;

impl PythonNames for Numbered {
    fn name(&self, word: Word, generation: u32) -> Result<Option<Frame>, StackNote> {
        match word.code() {
            code @ 8..=80 => {
                Ok(Some(Frame::python(format!("f{code}.{generation}"), "app.py", Some(1))))
            }
            _ => Err(StackNote::CodeFreed),
        }
    }
}

fn native(svma: u64) -> NativeFrame {
    let place = Some(Place { module: ModuleId(0), svma });
    NativeFrame { address: svma, place, sp: 0, cfa: None, by_frame_pointer: false }
}

fn python(code: u64) -> Merged {
    Merged::Python { word: Word::python(code, 0, false), generation: 2 }
}

fn named(function: Option<&str>, module: &str) -> Frame {
    Frame {
        kind: FrameKind::Native,
        function: function.map(Into::into),
        module: Some(module.into()),
        ..nameless_python()
    }
}

fn resolve(stack: &MixedStack) -> super::Resolved {
    let mut names = NativeNames::new(Detail::Symbols);
    let nothing: ImageBytes = Arc::new(Vec::new());
    let image = ModuleImage {
        path: "/usr/bin/python".into(),
        open: PathBuf::from("/nonexistent"),
        bias: 0,
        executable: Vec::new(),
        code: CodeFile::new(&nothing),
    };
    names.add(ModuleId(0), &image);
    Resolver { python: &Numbered, native: &names, interpreter: None }.resolve(stack)
}

#[test]
fn root_first_and_the_caller_of_the_allocator_last() {
    let entries =
        vec![Merged::Native(native(0x30)), python(8), python(16), Merged::Evaluation(native(0x20))];
    let resolved = resolve(&MixedStack { entries, notes: Vec::new() });
    let shown: Vec<_> = resolved
        .frames
        .iter()
        .map(|frame| (frame.function.as_deref(), frame.offset, frame.is_runtime))
        .collect();
    assert_eq!(
        shown,
        [
            (None, Some(0x20), true),
            (Some("f16.2"), None, false),
            (Some("f8.2"), None, false),
            (None, Some(0x30), false),
        ]
    );
}

#[test]
fn a_nameless_python_frame_stays_in_place_and_says_why_once() {
    let entries = vec![python(0x1000), python(8), python(0x2000)];
    let resolved = resolve(&MixedStack { entries, notes: Vec::new() });
    let names: Vec<_> = resolved.frames.iter().map(|frame| frame.function.as_deref()).collect();
    assert_eq!(names, [None, Some("f8.2"), None]);
    assert_eq!(resolved.notes, [StackNote::CodeFreed]);
}

#[test]
fn what_is_missing_is_noted() {
    let notes = vec![
        MergeNote::NativeEnded(WalkEnd::CopyEnd),
        MergeNote::NativeLeftOut { frames: 3 },
        MergeNote::OtherStack { frames: 2 },
        MergeNote::IdleEvaluation { frames: 1 },
        MergeNote::FramePointer { frames: 1 },
    ];
    let resolved = resolve(&MixedStack { entries: vec![python(8)], notes });
    let codes: Vec<&str> = resolved.notes.iter().map(StackNote::code).collect();
    let expected =
        ["copy-too-short", "native-left-out", "other-stack", "idle-evaluation", "by-frame-pointer"];
    assert_eq!(codes, expected);
}

#[test]
fn stripped_start_code_is_a_runtime_frame() {
    let mut frames = vec![
        named(Some("_start"), "python"),
        named(Some("__libc_start_main"), "libc"),
        named(None, "libc"),
        named(None, "python"),
    ];
    hide_start(&mut frames, true);
    let hidden: Vec<bool> = frames.iter().map(|frame| frame.is_runtime).collect();
    assert_eq!(hidden, [true, true, true, false]);
}

#[test]
fn the_first_frame_of_a_part_is_not_start_code() {
    let mut frames = vec![named(None, "libc"), named(None, "libc")];
    hide_start(&mut frames, false);
    assert!(frames.iter().all(|frame| !frame.is_runtime));
    hide_start(&mut frames, true);
    assert!(frames.iter().all(|frame| frame.is_runtime));
}

#[test]
fn main_is_a_runtime_frame_when_it_calls_python() {
    let mut python = named(Some("Py_BytesMain"), "libpython");
    python.is_runtime = true;
    let mut frames = vec![named(Some("main"), "python3"), python];
    hide_main(&mut frames);
    assert!(frames[0].is_runtime);
    let mut frames = vec![named(Some("main"), "server"), named(Some("serve"), "server")];
    hide_main(&mut frames);
    assert!(!frames[0].is_runtime);
}
