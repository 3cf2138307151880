//! bpf-linker, built against the LLVM that the distribution's compiler uses.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{command, find, run, target_dir};
use crate::ebpf::toolchain;

const VERSION: &str = "0.13.0";

/// Builds and installs it with cargo, unless it is there.
pub fn install() -> Result<()> {
    if find("bpf-linker").is_some() {
        return Ok(());
    }
    let llvm = toolchain::distribution_llvm()?;
    let major = llvm.split('.').next().unwrap_or(&llvm).to_owned();
    let library = library(&major)?;
    let prefix = target_dir().join("ebpf/llvm");
    offer(&library, &prefix)?;
    run(command("cargo")
        .args(["install", "bpf-linker", "--locked", "--version", VERSION])
        .args(["--no-default-features", "--features", &format!("llvm-{major}")])
        .env("LLVM_PREFIX", &prefix)
        .env("RUSTFLAGS", format!("-L{}", prefix.join("lib").display())))
}

/// The shared library of LLVM `major`; packages without headers have no plain `libLLVM.so`.
fn library(major: &str) -> Result<PathBuf> {
    let wanted = format!("libLLVM.so.{major}");
    let folders = fs::read_dir("/usr/lib").context("cannot list /usr/lib")?;
    folders
        .filter_map(|folder| fs::read_dir(folder.ok()?.path()).ok())
        .flatten()
        .filter_map(|file| Some(file.ok()?.path()))
        .find(|file| {
            file.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                name == wanted || name.starts_with(&format!("{wanted}."))
            })
        })
        .with_context(|| format!("no {wanted} under /usr/lib, though its compiler is installed"))
}

/// Makes `prefix` look like an installation of LLVM to the linker.
fn offer(library: &Path, prefix: &Path) -> Result<()> {
    let folder = prefix.join("lib");
    let link = folder.join("libLLVM.so");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    if link.is_symlink() {
        fs::remove_file(&link).with_context(|| format!("cannot replace {}", link.display()))?;
    }
    symlink(library, &link).with_context(|| format!("cannot make {}", link.display()))
}
