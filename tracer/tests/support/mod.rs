//! Real stacks for tests of unwinding, without eBPF: of this process, and of Pythons under gdb.
#![allow(dead_code, clippy::unwrap_used, reason = "test code; each program uses a part")]

pub mod own;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use leakspy::symbolize::{CodeFile, ImageBytes, ModuleId, ModuleImage, NativeNames, Unwinder};
use object::{Object, ObjectSegment, ObjectSymbol};
use serde::Deserialize;

/// What `stacks/capture.py` writes.
#[derive(Deserialize)]
pub struct Capture {
    pub ip: u64,
    pub sp: u64,
    pub bp: u64,
    pub stack: String,
    pub words: Vec<u64>,
    pub cframe: u64,
    pub maps: String,
    pub backtrace: Vec<Truth>,
    pub eval: u64,
}

/// One frame as gdb sees it.
#[derive(Deserialize)]
pub struct Truth {
    pub pc: u64,
    pub name: Option<String>,
}

impl Capture {
    /// Runs a scenario of `stacks/target.py` in an interpreter until its one allocation.
    pub fn take(python: &Path, version: &str, scenario: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks");
        let out = tempfile::NamedTempFile::new().unwrap();
        let output = Command::new("gdb")
            .args(["-q", "-nx", "-batch", "-x"])
            .arg(folder.join("capture.py"))
            .arg("--args")
            .arg(python)
            .arg(folder.join("target.py"))
            .arg(scenario)
            .env("CAPTURE_VERSION", version)
            .env("CAPTURE_OUT", out.path())
            .output()
            .expect("gdb must be installed");
        let text = fs::read_to_string(out.path()).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
        })
    }

    pub fn stack(&self) -> Vec<u8> {
        let digit = |index: usize| u8::from_str_radix(&self.stack[index..index + 2], 16).unwrap();
        (0..self.stack.len()).step_by(2).map(digit).collect()
    }
}

/// The executable files of `/proc/PID/maps`.
pub fn images(maps: &str) -> Vec<ModuleImage> {
    let mut executable: BTreeMap<String, Vec<(Range<u64>, u64)>> = BTreeMap::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, mode, offset) =
            (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        let path = fields.nth(2).unwrap_or("");
        if !mode.contains('x') || !path.starts_with('/') {
            continue;
        }
        let hex = |text| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let mapping = (hex(start)..hex(end), hex(offset));
        executable.entry(path.to_owned()).or_default().push(mapping);
    }
    executable.into_iter().map(|(path, mappings)| image(path, &mappings)).collect()
}

fn image(path: String, mappings: &[(Range<u64>, u64)]) -> ModuleImage {
    let bytes: ImageBytes = Arc::new(fs::read(&path).unwrap());
    let file = object::File::parse((*bytes).as_ref()).unwrap();
    let (range, offset) = &mappings[0];
    let segment = file
        .segments()
        .find(|segment| {
            // Neighbouring segments can share a page of the file; only one of them is executable.
            let (start, length) = segment.file_range();
            let executable = matches!(segment.flags(),
                object::SegmentFlags::Elf { p_flags, .. } if (p_flags & object::elf::PF_X).0 != 0);
            executable && (start & !0xfff..start + length).contains(offset)
        })
        .unwrap();
    let svma = segment.address() + offset - segment.file_range().0;
    let bias = range.start.wrapping_sub(svma);
    let executable = mappings.iter().map(|(range, _)| range.clone()).collect();
    ModuleImage { open: PathBuf::from(&path), path, bias, executable, code: CodeFile::new(&bytes) }
}

/// An unwinder, and names, that know the modules of a process.
pub fn load(maps: &str) -> (Unwinder, NativeNames, Vec<(ModuleId, ModuleImage)>) {
    let mut unwinder = Unwinder::new();
    let mut names = NativeNames::new(leakspy::symbolize::Detail::Lines);
    let mut modules = Vec::new();
    for image in images(maps) {
        let id = unwinder.add(image.clone());
        names.add(id, &image);
        modules.push((id, image));
    }
    (unwinder, names, modules)
}

/// The range of an exported function of a file, as addresses of the file.
pub fn symbol(bytes: &ImageBytes, name: &str) -> Option<Range<u64>> {
    let file = object::File::parse((**bytes).as_ref()).unwrap();
    let symbol = file.dynamic_symbols().find(|symbol| symbol.name() == Ok(name))?;
    Some(symbol.address()..symbol.address() + symbol.size())
}
