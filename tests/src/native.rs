//! How the C parts are compiled: once per test program, with the system's compiler.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};

use crate::interpreter::Interpreter;

/// Each call site stays a function and each call a call, with lines that reports can show.
const FLAGS: [&str; 7] =
    ["-O1", "-g", "-Wall", "-Wextra", "-fno-builtin", "-fno-optimize-sibling-calls", "-pthread"];

/// One compiler at a time: tests of one program share what is built.
static COMPILING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Where the sources of all workloads are.
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads")
}

/// A program from `native/NAME.c`.
pub fn program(name: &str) -> Result<PathBuf> {
    compile(&sources().join(format!("native/{name}.c")), name, &[])
}

/// A shared library from `native/NAME.c`.
pub fn library(name: &str) -> Result<PathBuf> {
    let flags = ["-shared".into(), "-fPIC".into()];
    compile(&sources().join(format!("native/{name}.c")), &format!("{name}.so"), &flags)
}

/// The C extension. It keeps to the limited API of 3.8, so that one build serves all; the headers
/// are those of the oldest interpreter of the table.
pub fn extension() -> Result<PathBuf> {
    let headers = Interpreter::find("3.8")?.headers()?;
    let mut include = OsString::from("-I");
    include.push(headers);
    let flags = ["-shared".into(), "-fPIC".into(), include];
    compile(&sources().join("ext/leakspy_keep.c"), "leakspy_keep.abi3.so", &flags)
}

fn compile(source: &Path, name: &str, more: &[OsString]) -> Result<PathBuf> {
    let output = directory()?.join(name);
    let mut done = COMPILING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if done.contains(&output) {
        return Ok(output);
    }
    let beside = output.with_extension(format!("{}.tmp", std::process::id()));
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let result = Command::new(&compiler)
        .args(FLAGS)
        .args(more)
        .arg(source)
        .arg("-o")
        .arg(&beside)
        .output()
        .with_context(|| format!("no C compiler {compiler:?}: install build-essential"))?;
    ensure!(
        result.status.success(),
        "{}: {}",
        source.display(),
        String::from_utf8_lossy(&result.stderr)
    );
    std::fs::rename(&beside, &output).with_context(|| format!("name {}", output.display()))?;
    done.push(output.clone());
    Ok(output)
}

/// Beside the test programs, in the build's own directory.
fn directory() -> Result<PathBuf> {
    let test = std::env::current_exe().context("path of the test program")?;
    let Some(profile) = test.ancestors().nth(2) else {
        bail!("{} is not in a build directory", test.display());
    };
    let directory = profile.join("leakspy-tests");
    std::fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
    Ok(directory)
}
