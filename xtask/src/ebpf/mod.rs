//! Builds the eBPF object, and proves that the committed one is what its sources say.

mod sources;
mod stamp;
pub mod toolchain;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{root, run, target_dir};
use stamp::Stamp;
use toolchain::{Route, Toolchain};

/// Where the object lies, from the root of the workspace.
const OBJECT: &str = "tracer/object/leakspy.bpf.o";
const STAMP: &str = "tracer/object/stamp.json";

/// How the object is compiled. `v3` has 32-bit arithmetic and the atomic instructions of the
/// kernel.
const FLAGS: [&str; 6] = [
    "-Ctarget-cpu=v3",
    "-Copt-level=3",
    "-Ccodegen-units=1",
    "-Cdebuginfo=0",
    "-Cpanic=abort",
    "-Coverflow-checks=off",
];

/// Options of `cargo xtask ebpf`.
#[derive(clap::Args)]
pub struct Options {
    /// Change nothing: fail when the committed object is not what its sources and this toolchain
    /// make.
    #[arg(long)]
    check: bool,
    /// With --check: trust the stamp, build nothing.
    #[arg(long, requires = "check")]
    no_build: bool,
    /// The compiler to use; by default the distribution's if it is there, else rustup's nightly.
    #[arg(long, value_enum)]
    toolchain: Option<Route>,
}

impl Options {
    /// The whole check.
    pub fn rebuild_and_compare() -> Self {
        Self { check: true, no_build: false, toolchain: None }
    }

    /// A check that needs no eBPF compiler.
    pub fn stamp_only() -> Self {
        Self { check: true, no_build: true, toolchain: None }
    }
}

/// Runs the task.
pub fn run_task(options: &Options) -> Result<()> {
    if options.check { check(options) } else { rebuild(options) }
}

fn rebuild(options: &Options) -> Result<()> {
    let toolchain = Toolchain::find(options.toolchain)?;
    let object = build(&toolchain)?;
    let stamp = Stamp::new(&object, &toolchain, &FLAGS)?;
    let path = root().join(OBJECT);
    let folder = path.parent().expect("invariant: OBJECT has a folder");
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(&path, &object).with_context(|| format!("cannot write {}", path.display()))?;
    stamp.write(&root().join(STAMP))?;
    println!("{OBJECT}: {} bytes, {}", object.len(), toolchain.name());
    Ok(())
}

fn check(options: &Options) -> Result<()> {
    let stamp = Stamp::read(&root().join(STAMP))?;
    let committed =
        fs::read(root().join(OBJECT)).with_context(|| format!("cannot read {OBJECT}"))?;
    stamp.fits_sources(&FLAGS)?;
    stamp.fits_object(&committed)?;
    if options.no_build {
        println!("{OBJECT} fits its stamp, and the stamp its sources (not rebuilt)");
        return Ok(());
    }
    let toolchain = Toolchain::find(options.toolchain)?;
    let rebuilt = build(&toolchain)?;
    if let Some(difference) = stamp.other_toolchain(&toolchain) {
        println!("{OBJECT} fits its sources and they build here; bytes not compared: {difference}");
        return Ok(());
    }
    if rebuilt != committed {
        let kept = target_dir().join("ebpf/rebuilt.bpf.o");
        fs::write(&kept, &rebuilt).with_context(|| format!("cannot write {}", kept.display()))?;
        bail!(
            "{OBJECT} is not what its sources make: compare it with {}, then run `cargo xtask ebpf`",
            kept.display()
        );
    }
    println!("{OBJECT} is what its sources make, byte for byte ({})", toolchain.name());
    Ok(())
}

fn build(toolchain: &Toolchain) -> Result<Vec<u8>> {
    let target = target_dir().join("ebpf");
    let mut cargo = toolchain.cargo();
    cargo
        .args(["build", "--locked", "--release", "--target", "bpfel-unknown-none"])
        .args(["-Zbuild-std=core", "--package", "leakspy-ebpf", "--bin", "leakspy-probes"])
        .args(["--features", "probes", "--target-dir"])
        .arg(&target)
        .env("CARGO_ENCODED_RUSTFLAGS", toolchain.flags(&FLAGS).join("\u{1f}"))
        .env("CARGO_PROFILE_RELEASE_LTO", "fat")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0");
    run(&mut cargo)?;
    let built: PathBuf = target.join("bpfel-unknown-none/release/leakspy-probes");
    let object = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    ensure!(object.starts_with(b"\x7fELF"), "{} is no ELF file", built.display());
    Ok(object)
}
