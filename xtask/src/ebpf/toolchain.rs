//! Which compiler builds the object: the distribution's or rustup's nightly.
//!
//! The BPF target has no precompiled `core`, so either needs the standard library's sources of
//! exactly its version. Debian packages compiler, sources and LLVM together; rustup's way is
//! nightly with the component `rust-src`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{cargo_home, command, find, output, root};

/// Where a compiler comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Route {
    /// The packages of Debian or Ubuntu, under /usr.
    Distribution,
    /// rustup's nightly.
    Nightly,
}

/// A compiler that can build for BPF, and the linker.
pub struct Toolchain {
    route: Route,
    linker: PathBuf,
    sysroot: PathBuf,
    /// As in `rustc 1.96.0 (ac68faa20 2026-05-25)`.
    pub rustc: String,
    /// As in `22.1.8`.
    pub llvm: String,
    /// As in `bpf-linker 0.13.0`.
    pub bpf_linker: String,
}

impl Toolchain {
    /// The wanted one, or the first that is complete.
    pub fn find(wanted: Option<Route>) -> Result<Self> {
        let Some(linker) = find("bpf-linker") else {
            bail!("bpf-linker is not installed; `cargo xtask setup` installs it or says how");
        };
        let route = match wanted {
            Some(route) => route,
            None if complete(Path::new("/usr")) => Route::Distribution,
            None => Route::Nightly,
        };
        let sysroot = PathBuf::from(output(compiler(route).args(["--print", "sysroot"]))?.trim());
        if !complete(&sysroot) {
            bail!(
                "no sources of the standard library under {}; `cargo xtask setup` installs them or says how",
                sysroot.display()
            );
        }
        let (rustc, llvm) = versions(route)?;
        Ok(Self {
            route,
            rustc,
            llvm,
            bpf_linker: output(command(&linker).arg("--version"))?.trim().to_owned(),
            linker,
            sysroot,
        })
    }

    /// Its cargo, with the settings that make unstable options available.
    pub fn cargo(&self) -> Command {
        program(self.route, "cargo")
    }

    /// `flags`, the linker, and what keeps the folders of this machine out of the object.
    pub fn flags(&self, flags: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        all.push(format!("-Clinker={}", self.linker.display()));
        let folders = [
            (Some(root()), "/leakspy"),
            (cargo_home(), "/cargo"),
            (Some(self.sysroot.clone()), "/rust"),
        ];
        for (folder, name) in folders {
            if let Some(folder) = folder {
                all.push(format!("--remap-path-prefix={}={name}", folder.display()));
            }
        }
        all
    }

    /// For a person.
    pub fn name(&self) -> String {
        format!("{}, LLVM {}, {}", self.rustc, self.llvm, self.bpf_linker)
    }
}

/// Version of the LLVM in the distribution's compiler.
pub fn distribution_llvm() -> Result<String> {
    versions(Route::Distribution).map(|(_, llvm)| llvm)
}

fn versions(route: Route) -> Result<(String, String)> {
    let version = output(compiler(route).arg("-vV"))?;
    let llvm = version.lines().find_map(|line| line.strip_prefix("LLVM version: "));
    match (version.lines().next(), llvm) {
        (Some(rustc), Some(llvm)) => Ok((rustc.to_owned(), llvm.to_owned())),
        _ => bail!("rustc -vV said something unexpected: {version}"),
    }
}

fn complete(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file()
}

fn compiler(route: Route) -> Command {
    program(route, "rustc")
}

fn program(route: Route, name: &str) -> Command {
    let mut program = match route {
        Route::Distribution => {
            let mut program = command(Path::new("/usr/bin").join(name));
            // This cargo takes the first rustc on PATH, which may be rustup's.
            program
                .env("PATH", system_path())
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1");
            program
        }
        Route::Nightly => {
            let mut program = command("rustup");
            program.args(["run", "nightly", name]);
            program
        }
    };
    for name in ["RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WRAPPER"] {
        program.env_remove(name);
    }
    program
}

fn system_path() -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from("/usr/bin")).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or(path)
}
