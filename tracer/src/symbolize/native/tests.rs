use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object::{Object, ObjectSymbol};

use super::super::code::CodeFile;
use super::super::image::{ModuleId, ModuleImage};
use super::super::parts::ImageBytes;
use super::super::stack::Place;
use super::{Detail, NativeNames};

/// A function to find by name.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn leakspy_test_landmark(value: u64) -> u64 {
    std::hint::black_box(value) * 3
}

fn image(shown: &str, open: impl Into<PathBuf>) -> ModuleImage {
    let empty: ImageBytes = Arc::new(Vec::new());
    ModuleImage {
        path: shown.to_owned(),
        open: open.into(),
        bias: 0,
        executable: Vec::new(),
        code: CodeFile::new(&empty),
    }
}

/// The place of a symbol of this test program, by a part of its name.
fn place(part: &str) -> Place {
    let bytes = fs::read("/proc/self/exe").unwrap();
    let file = object::File::parse(bytes.as_slice()).unwrap();
    let symbol = file
        .symbols()
        .find(|symbol| symbol.size() > 0 && symbol.name().is_ok_and(|name| name.contains(part)))
        .unwrap();
    Place { module: ModuleId(0), svma: symbol.address() + 1 }
}

fn names(detail: Detail, open: impl Into<PathBuf>, place: Place) -> NativeNames {
    let mut names = NativeNames::new(detail);
    names.add(ModuleId(0), &image("/shown/path", open));
    names.look_up([place]);
    names
}

#[test]
fn function_file_and_line() {
    assert_eq!(leakspy_test_landmark(2), 6);
    let place = place("leakspy_test_landmark");
    let frames = names(Detail::Lines, "/proc/self/exe", place).frames(place);
    let frame = &frames[0];
    assert_eq!(frame.function.as_deref(), Some("leakspy_test_landmark"));
    assert!(frame.file.as_deref().is_some_and(|file| file.ends_with("native/tests.rs")));
    assert!(frame.line.is_some());
    assert_eq!(frame.module.as_deref(), Some("/shown/path"));
    assert_eq!(frame.offset, Some(place.svma));
}

#[test]
fn symbols_only() {
    let place = place("leakspy_test_landmark");
    let frames = names(Detail::Symbols, "/proc/self/exe", place).frames(place);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].function.as_deref(), Some("leakspy_test_landmark"));
    assert_eq!((frames[0].file.as_ref(), frames[0].line), (None, None));
}

#[test]
fn rust_names_are_demangled() {
    let place = place("symbols_only");
    let frames = names(Detail::Symbols, "/proc/self/exe", place).frames(place);
    let name = frames[0].function.as_deref().unwrap();
    assert!(name.contains("leakspy::symbolize::native::tests::symbols_only"), "{name}");
}

#[test]
fn a_deleted_file_keeps_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    fs::copy("/proc/self/exe", &path).unwrap();
    let file = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let place = place("leakspy_test_landmark");
    let open = Path::new("/proc/self/fd").join(file.as_raw_fd().to_string());
    let frames = names(Detail::Lines, open, place).frames(place);
    assert_eq!(frames[0].function.as_deref(), Some("leakspy_test_landmark"));
    assert_eq!(frames[0].module.as_deref(), Some("/shown/path"));
}

#[test]
fn without_names_there_is_module_and_offset() {
    let place = Place { module: ModuleId(0), svma: 0x1234 };
    let text = tempfile::NamedTempFile::new().unwrap();
    fs::write(text.path(), "no ELF file").unwrap();
    for open in [Path::new("/nonexistent"), text.path(), Path::new("/proc/self/exe")] {
        let frames = names(Detail::Lines, open, place).frames(place);
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].function, None);
        assert_eq!(frames[0].module.as_deref(), Some("/shown/path"));
        assert_eq!(frames[0].offset, Some(0x1234));
    }
}

/// The second one's path leads nowhere: it has the name from the first.
#[test]
fn what_one_target_looked_up_another_need_not() {
    let place = place("leakspy_test_landmark");
    let first = image("/first/path", "/proc/self/exe");
    let second = ModuleImage {
        path: "/second/path".to_owned(),
        open: PathBuf::from("/nonexistent"),
        ..first.clone()
    };
    let named = |image: &ModuleImage, detail| {
        let mut names = NativeNames::new(detail);
        names.add(ModuleId(0), image);
        names.look_up([place]);
        let frame = names.frames(place).swap_remove(0);
        (frame.function, frame.module)
    };
    let function: Option<Arc<str>> = Some("leakspy_test_landmark".into());
    let expected = |path: &str| (function.clone(), Some(Arc::from(path)));
    assert_eq!(named(&first, Detail::Lines), expected("/first/path"));
    assert_eq!(named(&second, Detail::Lines), expected("/second/path"));
    assert_eq!(named(&second, Detail::Symbols), (None, Some(Arc::from("/second/path"))));
}
