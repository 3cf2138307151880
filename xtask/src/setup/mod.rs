//! Installs what a rebuild of the eBPF object and the privileged tests need.

mod apt;
mod linker;
mod pythons;
pub mod venv;

use anyhow::Result;

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
    /// Also install what the privileged tests need: CPython 3.14 and 3.15, allocators, numpy, greenlet.
    #[arg(long)]
    pythons: bool,
}

/// Runs the task; quick when everything is there.
pub fn run_task(options: &Options) -> Result<()> {
    compiler()?;
    if options.pythons {
        pythons::install()?;
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
