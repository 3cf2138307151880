//! Where output goes: opened before the work, put in place after it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::os::unix::fs::fchown;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

use crate::os::privilege;

/// An open output. A file appears under its name only with [`Output::finish`], whole.
pub enum Output {
    /// Standard output.
    Standard(BufWriter<Stdout>),
    /// A device or a pipe: written as it is.
    Special(BufWriter<File>),
    /// A file being written beside its place, which is the second; removed again when it never gets
    /// there.
    Draft(BufWriter<NamedTempFile>, PathBuf),
}

/// A new file beside `place` that only its owner can read, as a recording is: it names files,
/// functions and people's folders. Under `sudo` it belongs to the person who typed `sudo`.
fn draft(place: &Path, name: &OsStr) -> io::Result<NamedTempFile> {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(&prefix).suffix(".draft").tempfile_in(folder)?;
    if let Some(owner) = privilege::invoking_owner() {
        fchown(file.as_file(), Some(owner.user), Some(owner.group))?;
    }
    Ok(file)
}

impl Output {
    /// Standard output.
    pub fn standard() -> Self {
        Self::Standard(BufWriter::new(io::stdout()))
    }

    /// What `path` names: `-` is standard output, all else a file.
    pub fn named(path: &Path, force: bool) -> Result<Self> {
        match path.as_os_str() == OsStr::new("-") {
            true => Ok(Self::standard()),
            false => Self::file(path, force),
        }
    }

    /// The file at `path`; what is wrong with it is said now.
    pub fn file(path: &Path, force: bool) -> Result<Self> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => bail!("{} is a folder", path.display()),
            Ok(metadata) if !metadata.is_file() => return special(path),
            Ok(_) if !force => {
                bail!("{} already exists; add --force to replace it", path.display())
            }
            _ => {}
        }
        let name = path.file_name().with_context(|| format!("{} is no file", path.display()))?;
        let draft = draft(path, name).with_context(|| cannot_create(path))?;
        Ok(Self::Draft(BufWriter::new(draft), path.to_owned()))
    }

    /// Whether somebody reads it on a terminal.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Standard(_)) && io::stdout().is_terminal()
    }

    /// Everything is written; a file takes its place.
    pub fn finish(self) -> Result<()> {
        let unwritten = "cannot write the output";
        match self {
            Self::Standard(mut writer) => writer.flush().context(unwritten),
            Self::Special(mut writer) => writer.flush().context(unwritten),
            Self::Draft(writer, place) => {
                let whole = writer.into_inner().map_err(io::IntoInnerError::into_error);
                let whole = whole.context(unwritten)?;
                whole.persist(&place).with_context(|| cannot_create(&place))?;
                Ok(())
            }
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Standard(writer) => writer,
            Self::Special(writer) => writer,
            Self::Draft(writer, _) => writer,
        }
    }
}

fn cannot_create(path: &Path) -> String {
    format!("cannot create {}", path.display())
}

fn special(path: &Path) -> Result<Output> {
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Output::Special(BufWriter::new(file)))
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.txt");
        let mut output = Output::file(&path, false).expect("an output");
        output.write_all(b"half").expect("written");
        assert!(!path.exists());
        output.write_all(b" and half").expect("written");
        output.finish().expect("finished");
        assert_eq!(fs::read(&path).expect("the file"), b"half and half");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
    }

    #[test]
    fn work_that_fails_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.txt");
        fs::write(&path, "old").expect("written");
        assert!(Output::file(&path, false).is_err());
        let mut output = Output::file(&path, true).expect("an output");
        output.write_all(b"new").expect("written");
        drop(output);
        assert_eq!(fs::read(&path).expect("the file"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_said_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Output::file(folder.path(), true).is_err());
        assert!(Output::file(&folder.path().join("missing/report.txt"), true).is_err());
        let mut null = Output::file(Path::new("/dev/null"), false).expect("a device");
        null.write_all(b"gone").expect("written");
        null.finish().expect("finished");
    }
}
