//! Which installed package a file of the target belongs to, as the package's own metadata says (PEP 376 and 427:
//! `NAME.dist-info` with `RECORD` and `METADATA`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::procfs;
use crate::model::InstalledPackage;

/// Folders of packages, by name.
const FOLDERS: [&str; 2] = ["/site-packages/", "/dist-packages/"];
/// Most packages of a folder that are asked, and most bytes that are read of one file.
const MOST: usize = 4096;
const LONGEST: u64 = 16 << 20;
/// Longest name and version that are believed.
const WORD: usize = 128;

/// The packages to which files belong, in the order of the files; `None` of those that no package knows, or that are not in
/// a folder of packages. Paths are as the process sees them.
pub fn of_files(pid: u32, files: &[String]) -> Vec<Option<InstalledPackage>> {
    let root = procfs::path(pid, "root");
    let mut found = vec![None; files.len()];
    let split: Vec<Option<(&str, &str)>> = files.iter().map(|file| inside(file)).collect();
    let mut folders: Vec<&str> = split.iter().flatten().map(|(folder, _)| *folder).collect();
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        for metadata in metadata_of(&root.join(folder.trim_start_matches('/'))) {
            let Ok(record) = open(&metadata.join("RECORD")) else { continue };
            let known = listed(record, &split, folder);
            let package = if known.is_empty() { None } else { package(&metadata) };
            for file in known {
                found[file].clone_from(&package);
            }
        }
    }
    found
}

/// The folder of packages that a file is in, and its path from there.
fn inside(file: &str) -> Option<(&str, &str)> {
    let at = FOLDERS.iter().filter_map(|folder| Some(file.rfind(folder)? + folder.len())).max()?;
    let (folder, inside) = file.split_at(at);
    (!file.split('/').any(|part| part == "..") && !inside.is_empty()).then_some((folder, inside))
}

/// Folders of metadata in a folder of packages.
fn metadata_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|of| of == "dist-info")).take(MOST).collect()
}

/// Which of the files in a folder a record lists: `path,hash,size` in each line.
fn listed(record: File, files: &[Option<(&str, &str)>], folder: &str) -> Vec<usize> {
    let mut known = Vec::new();
    let lines = BufReader::new(record.take(LONGEST)).split(b'\n');
    for line in lines.map_while(io::Result::ok) {
        let (path, end) = line.strip_prefix(b"\"").map_or((&line[..], b','), |path| (path, b'"'));
        let is_listed = |inside: &str| {
            path.strip_prefix(inside.as_bytes()).and_then(<[u8]>::first) == Some(&end)
        };
        let here = |file: &Option<(&str, &str)>| {
            file.is_some_and(|(of, inside)| of == folder && is_listed(inside))
        };
        known.extend((0..files.len()).filter(|index| here(&files[*index])));
    }
    known
}

/// Name and version from `METADATA`.
fn package(metadata: &Path) -> Option<InstalledPackage> {
    let mut text = Vec::new();
    open(&metadata.join("METADATA")).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    let headers = || text.lines().take_while(|line| !line.is_empty());
    let header = |name: &str| {
        let value = headers().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?.trim();
        (!value.is_empty() && value.len() <= WORD).then(|| value.to_owned())
    };
    Some(InstalledPackage { name: header("Name")?, version: header("Version")? })
}

/// Opens a regular file: what the target calls one may be a device or a pipe, with which nothing is done.
fn open(path: &Path) -> io::Result<File> {
    let place = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)?;
    match place.metadata()?.is_file() {
        true => File::open(format!("/proc/self/fd/{}", place.as_raw_fd())),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_belong_to_the_packages_that_list_them() {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path().join("lib/site-packages");
        let metadata = packages.join("Some_Row-1.4.dist-info");
        fs::create_dir_all(&metadata).unwrap();
        fs::create_dir_all(packages.join("empty-1.dist-info")).unwrap();
        fs::write(
            metadata.join("RECORD"),
            "row/__init__.py,,\n\"row/c,1.so\",,\nrow/c.so,sha256=1,2\n",
        )
        .unwrap();
        fs::write(
            metadata.join("METADATA"),
            "Metadata-Version: 2.1\nName: Some.Row\nVersion: 1.4\n\nName: x\n",
        )
        .unwrap();
        let file = |inside: &str| packages.join(inside).to_str().unwrap().to_owned();
        let files = ["row/c.so", "row/c", "row/c,1.so", "other.so", "../x.so"].map(file);
        let found = of_files(std::process::id(), &files);
        let package = InstalledPackage { name: "Some.Row".into(), version: "1.4".into() };
        assert_eq!(found, [Some(package.clone()), None, Some(package), None, None]);
        let nowhere = ["/usr/lib/libc.so.6".to_owned(), "/site-packages/".to_owned()];
        assert_eq!(of_files(std::process::id(), &nowhere), [None, None]);
        fs::remove_file(metadata.join("METADATA")).unwrap();
        assert_eq!(of_files(std::process::id(), &files[..1]), [None]);
    }
}
