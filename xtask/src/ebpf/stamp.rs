//! The stamp beside the committed object: what it was made from, and with what.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::sources;
use super::toolchain::Toolchain;

/// Content of `stamp.json`.
pub struct Stamp(Value);

impl Stamp {
    /// Of an object that was just built.
    pub fn new(object: &[u8], toolchain: &Toolchain, flags: &[&str]) -> Result<Self> {
        Ok(Self(json!({
            "about": "written by `cargo xtask ebpf`; do not edit",
            "sources": sources::hash()?,
            "object": sources::hash_of(object),
            "rustc": toolchain.rustc,
            "llvm": toolchain.llvm,
            "bpf_linker": toolchain.bpf_linker,
            "flags": flags,
        })))
    }

    /// The committed one.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read {}; run `cargo xtask ebpf`", path.display()))?;
        let value = serde_json::from_str(&text)
            .with_context(|| format!("{} is no JSON; run `cargo xtask ebpf`", path.display()))?;
        Ok(Self(value))
    }

    /// Writes it for people to read and git to compare.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, format!("{:#}\n", self.0))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Fails when the sources or the flags are not those of the stamp.
    pub fn fits_sources(&self, flags: &[&str]) -> Result<()> {
        if self.0["sources"] != json!(sources::hash()?) {
            bail!("the eBPF sources changed after the object was built; run `cargo xtask ebpf`");
        }
        if self.0["flags"] != json!(flags) {
            bail!("the flags changed after the object was built; run `cargo xtask ebpf`");
        }
        Ok(())
    }

    /// Fails when the object is not the one that was stamped.
    pub fn fits_object(&self, object: &[u8]) -> Result<()> {
        if self.0["object"] != json!(sources::hash_of(object)) {
            bail!("the committed object is not the stamped one; run `cargo xtask ebpf`");
        }
        Ok(())
    }

    /// In what `toolchain` differs from the stamp's, if it does.
    pub fn other_toolchain(&self, toolchain: &Toolchain) -> Option<String> {
        let pairs = [
            ("rustc", &toolchain.rustc),
            ("llvm", &toolchain.llvm),
            ("bpf_linker", &toolchain.bpf_linker),
        ];
        pairs.into_iter().find_map(|(key, here)| {
            let there = self.0[key].as_str().unwrap_or("unknown");
            (there != here).then(|| format!("built with {key} {there}, here is {here}"))
        })
    }
}
