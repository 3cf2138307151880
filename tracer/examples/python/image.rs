//! Saves the memory that attaching and walking touch, after holding what they say against the
//! process's own answer.
//!
//! The file: `LSPYIMG1`, the length of a JSON header as `u32`, the header (addresses of symbols,
//! and the answer), then ranges of memory, each an address as `u64`, a length as `u32` and the
//! bytes; little-endian.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, anyhow, ensure};
use leakspy::model::{Address, Memory, RuntimeSymbols};
use leakspy::python::frame::Walker;
use leakspy::python::{CodeInfo, Python};
use serde_json::{Value, json};

use leakspy::os::Process;

use crate::process;

/// Checks process `pid` against its own answer and saves it as `image`.
pub fn save(pid: &str, answer: &str, image: &str) -> Result<()> {
    let answer: Value = serde_json::from_str(&fs::read_to_string(answer)?)?;
    let (process, symbols) = process::open(pid)?;
    let memory = Recorder { process, reads: RefCell::default() };
    let python = process::attach(&memory, &symbols)?;
    let frames = compare(&memory, &python, &answer)?;
    // The other ways to the same facts, so that the image holds what they read.
    for other in alternatives(&symbols) {
        let same = process::attach(&memory, &other)?;
        let agree = same.walk == python.walk && same.code_type == python.code_type;
        ensure!(agree, "other symbols lead to {same:#?} and not {python:#?}");
    }
    let bytes = memory.save(image, &header(&symbols, &answer))?;
    let threads = python.threads.len();
    let (version, source, slot) = (python.version, python.layout_source, python.slot);
    println!(
        "{version} from {source}: {frames} frames of {threads} threads agree; {slot:?}; {bytes} bytes"
    );
    Ok(())
}

/// Without the code type; without the version word; without the accessor of the thread state.
fn alternatives(symbols: &RuntimeSymbols) -> [RuntimeSymbols; 3] {
    [
        RuntimeSymbols { code_type: None, ..symbols.clone() },
        RuntimeSymbols { version_word: None, ..symbols.clone() },
        RuntimeSymbols { thread_state_function: None, ..symbols.clone() },
    ]
}

/// Frames that agree.
fn compare(memory: &dyn Memory, python: &Python, answer: &Value) -> Result<usize> {
    let mut walker = Walker::new(python.walk);
    let threads = answer["threads"].as_object().context("no threads in the answer")?;
    let mut count = 0;
    for (thread, expected) in threads {
        let expected = expected.as_array().context("no frames")?;
        let frames = walker.walk(memory, thread.parse()?);
        let mut found = Vec::new();
        for word in frames.words.iter().filter(|word| word.is_python()) {
            let code = Address(word.code());
            let code = CodeInfo::read(memory, &python.layout, python.code_type, code)
                .map_err(|reason| anyhow!("no code object: {reason:?}"))?;
            found.push(json!([code.function, code.file, code.lines.line(word.index())]));
        }
        ensure!(!frames.is_broken(), "thread {thread} is broken");
        ensure!(
            found.len() == expected.len() || frames.is_truncated() && found.len() > 100,
            "{} of {} frames: {found:#?}",
            found.len(),
            expected.len()
        );
        ensure!(found == expected[..found.len()], "{found:#?} is not {expected:#?}");
        count += found.len();
    }
    Ok(count)
}

pub fn header(symbols: &RuntimeSymbols, answer: &Value) -> Value {
    let address = |address: Option<Address>| address.map(|address| address.0);
    json!({
        "symbols": {
            "_PyRuntime": address(symbols.runtime),
            "PyCode_Type": address(symbols.code_type),
            "Py_Version": address(symbols.version_word),
            "Py_GetVersion": address(symbols.version_function),
            "PyGILState_GetThisThreadState": address(symbols.thread_state_function),
            "PyInterpreterState_Head": address(symbols.interpreters_head_function),
            "_PyThreadState_Current": address(symbols.thread_current),
        },
        "answer": answer,
    })
}

/// A live process, and what was read of it.
struct Recorder {
    process: Process,
    reads: RefCell<Vec<(u64, u64)>>,
}

impl Memory for Recorder {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        let read = self.process.memory().read(address, into);
        if read {
            self.reads.borrow_mut().push((address.0, address.0 + into.len() as u64));
        }
        read
    }
}

impl Recorder {
    fn save(&self, path: &str, header: &Value) -> Result<usize> {
        let image = image(self.process.memory(), &self.reads.borrow(), header)?;
        fs::write(path, &image)?;
        Ok(image.len())
    }
}

/// The file. The process stands still, so what was read before can be read again, in larger ranges.
pub fn image(memory: &dyn Memory, reads: &[(u64, u64)], header: &Value) -> Result<Vec<u8>> {
    let header = header.to_string();
    let mut image = b"LSPYIMG1".to_vec();
    image.extend(u32::try_from(header.len())?.to_le_bytes());
    image.extend(header.as_bytes());
    for (start, end) in merged(reads) {
        let mut bytes = vec![0; usize::try_from(end - start)?];
        ensure!(memory.read(Address(start), &mut bytes), "{start:#x} cannot be read again");
        image.extend(start.to_le_bytes());
        image.extend(u32::try_from(bytes.len())?.to_le_bytes());
        image.extend(bytes);
    }
    Ok(image)
}

/// Ranges that cover all of `reads`, no two of them near one another.
fn merged(reads: &[(u64, u64)]) -> BTreeMap<u64, u64> {
    const NEAR: u64 = 12;
    let mut sorted = reads.to_vec();
    sorted.sort_unstable();
    let mut ranges: BTreeMap<u64, u64> = BTreeMap::new();
    for (start, end) in sorted {
        match ranges.last_entry() {
            Some(mut last) if start <= *last.get() + NEAR => {
                let furthest = end.max(*last.get());
                last.insert(furthest);
            }
            _ => {
                ranges.insert(start, end);
            }
        }
    }
    ranges
}
