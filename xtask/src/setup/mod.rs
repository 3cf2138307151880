//! Installs what the tests, a rebuild of the eBPF object and the demo need.

mod apt;
mod linker;
mod pythons;
pub mod venv;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{can_be_root, command, find, output, run};
use crate::ebpf::toolchain::Toolchain;

/// Compiler, cargo and the standard library's sources, all of one version.
const COMPILER: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

const ELSEWHERE: &str = "\
This system has no packages for the eBPF compiler. With rustup:

    rustup toolchain install nightly --component rust-src
    cargo install bpf-linker --locked

Only people who change tracer-ebpf need it: the built object is committed.";

/// Options of `cargo xtask setup`.
#[derive(clap::Args)]
pub struct Options {
    /// Also install what the tests that need root need: CPython 3.14 and 3.15, allocators, numpy,
    /// greenlet, gevent.
    #[arg(long)]
    pythons: bool,
}

/// Runs the task; quick when everything is there.
pub fn run_task(options: &Options) -> Result<()> {
    compiler()?;
    if options.pythons {
        pythons::install()?;
        for lack in pythons::missing() {
            println!("MISSING, its tests will fail: {lack}");
        }
    }
    Ok(())
}

/// Installs what `cargo xtask test` needs, those tests that need root included.
///
/// # Errors
/// There is no way to become root, or something cannot be installed.
pub fn for_tests() -> Result<()> {
    // Rather now than after minutes.
    ensure!(
        can_be_root(),
        "the tests that attach to processes need root: run this as root, or with --unprivileged"
    );
    let how = "cannot install what the tests need (--no-setup runs them with what is there)";
    rust_components().and_then(|()| compiler()).and_then(|()| pythons::install()).context(how)
}

/// What the tests that need root will not find here.
pub fn missing() -> Vec<String> {
    pythons::missing()
}

/// A `python3` for the demo's server.
pub fn python3() -> Result<()> {
    if find("python3").is_some() {
        return Ok(());
    }
    if find("apt-get").is_none() {
        bail!("the demo's server needs a python3: install one, or name one with --python");
    }
    apt::install(&["python3"]).context("the demo's server needs a python3")
}

/// What a minimal installation of Rust leaves out.
fn rust_components() -> Result<()> {
    for (component, program) in [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")] {
        if find(program).is_some_and(|path| output(command(path).arg("--version")).is_ok()) {
            continue;
        }
        if find("rustup").is_none() {
            bail!("{program} is not installed, and there is no rustup to install it with");
        }
        println!("Installing with rustup: {component}");
        run(command("rustup").args(["component", "add", component]))?;
    }
    Ok(())
}

fn compiler() -> Result<()> {
    if let Ok(toolchain) = Toolchain::find(None) {
        println!("eBPF compiler: {}", toolchain.name());
        return Ok(());
    }
    if !apt::offers(&COMPILER)? {
        println!("{ELSEWHERE}");
        return Ok(());
    }
    apt::upgrade(&COMPILER)?;
    linker::install()?;
    println!("eBPF compiler: {}", Toolchain::find(None)?.name());
    Ok(())
}
