//! Debian's and Ubuntu's packages.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{as_root, can_be_root, command, find, output, run};

/// Whether `packages` can be installed here. Asks the archive first: the lists of a fresh system
/// name the versions of its release, and later ones can be what is needed.
pub fn offers(packages: &[&str]) -> Result<bool> {
    if find("apt-get").is_none() {
        return Ok(false);
    }
    if can_be_root() {
        update()?;
    }
    has_candidates(packages)
}

/// Brings `packages` to the newest version that the archive has.
pub fn upgrade(packages: &[&str]) -> Result<()> {
    ensure!(
        can_be_root(),
        "not root; run: apt-get install --no-install-recommends {}",
        packages.join(" ")
    );
    println!("Installing with apt-get: {}", packages.join(" "));
    run(as_root("env")?
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--quiet"])
        .arg("--no-install-recommends")
        .args(packages))
}

/// Installs those of `packages` that are missing, and nothing that they only recommend.
pub fn install(packages: &[&str]) -> Result<()> {
    if find("apt-get").is_none() {
        bail!("no apt-get here: install yourself what Debian 12 calls {}", packages.join(" "));
    }
    let missing = missing(packages, Path::new("/"))?;
    if missing.is_empty() {
        return Ok(());
    }
    if !has_candidates(&missing)? && can_be_root() {
        update()?;
    }
    upgrade(&missing)
}

/// Those of `packages` that are not installed in the system at `root`.
pub fn missing<'a>(packages: &[&'a str], root: &Path) -> Result<Vec<&'a str>> {
    let status = root.join("var/lib/dpkg/status");
    let status =
        fs::read_to_string(&status).with_context(|| format!("cannot read {}", status.display()))?;
    Ok(packages.iter().copied().filter(|package| !installed(&status, package)).collect())
}

/// The archive of Debian's own that this system installs from.
pub fn mirror() -> Result<String> {
    if let Ok(mirror) = std::env::var("LEAKSPY_MIRROR") {
        return Ok(mirror);
    }
    let format = "$(LABEL) $(REPO_URI)";
    let targets = output(command("apt-get").args(["indextargets", "--format", format]))?;
    match targets.lines().find_map(|line| line.strip_prefix("Debian ")) {
        Some(mirror) => Ok(mirror.to_owned()),
        None => bail!("apt is not set up for Debian; name an archive of it in LEAKSPY_MIRROR"),
    }
}

fn update() -> Result<()> {
    run(as_root("apt-get")?.args(["update", "--quiet"]))
}

fn has_candidates(packages: &[&str]) -> Result<bool> {
    // One paragraph per known package; apt-cache says nothing about the others.
    let policy = output(command("apt-cache").arg("policy").args(packages).env("LC_ALL", "C"))?;
    let known = policy.lines().filter_map(|line| line.trim().strip_prefix("Candidate: "));
    Ok(known.filter(|version| *version != "(none)").count() == packages.len())
}

fn installed(status: &str, package: &str) -> bool {
    status.split("\n\n").any(|paragraph| {
        paragraph.lines().next().and_then(|line| line.strip_prefix("Package: ")) == Some(package)
            && paragraph.lines().any(|line| line == "Status: install ok installed")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_configured_package_is_installed() {
        let status = "Package: a\nStatus: install ok installed\n\n\
                      Package: b\nStatus: deinstall ok config-files\n\n\
                      Package: ab\nStatus: install ok installed\n";
        assert!(installed(status, "a"));
        assert!(installed(status, "ab"));
        assert!(!installed(status, "b"));
        assert!(!installed(status, "c"));
    }
}
