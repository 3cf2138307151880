//! A target's code against its files: every breakpoint is a difference.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A byte of code that differs from the file that it was mapped from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The mapped file, as the target names it.
    pub file: String,
    /// Address in the target.
    pub address: u64,
    /// The byte in the file.
    pub original: u8,
    /// The byte in the target.
    pub present: u8,
}

/// A mapping of code from a file.
struct Mapping {
    start: u64,
    end: u64,
    offset: u64,
    range: String,
    file: String,
}

/// All differences, in all mapped code of the process.
pub fn differences(pid: u32) -> Result<Vec<Difference>> {
    let memory =
        File::open(format!("/proc/{pid}/mem")).with_context(|| format!("memory of {pid}"))?;
    let mut found = Vec::new();
    for mapping in mappings(pid)? {
        compare(pid, &memory, &mapping, &mut found)?;
    }
    Ok(found)
}

/// Waits until no byte differs, as the kernel restores text some time after the tracer is gone.
pub fn await_clean(pid: u32) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let differences = differences(pid)?;
        let Some(first) = differences.first() else { return Ok(()) };
        if Instant::now() > deadline {
            bail!("{} bytes of code stay changed, the first is {first:x?}", differences.len());
        }
        std::thread::yield_now();
    }
}

fn mappings(pid: u32) -> Result<Vec<Mapping>> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))
        .with_context(|| format!("mappings of {pid}"))?;
    Ok(maps.lines().filter_map(parse).collect())
}

/// Reads a line of `maps`; nothing when it is not code of a file.
fn parse(line: &str) -> Option<Mapping> {
    let mut fields = line.split_whitespace();
    let range = fields.next()?.to_owned();
    let (start, end) = range.split_once('-')?;
    let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
    if !fields.next()?.contains('x') {
        return None;
    }
    let offset = u64::from_str_radix(fields.next()?, 16).ok()?;
    let inode = fields.nth(1)?;
    let file = fields.next()?.to_owned();
    (inode != "0").then_some(Mapping { start, end, offset, range, file })
}

fn compare(pid: u32, memory: &File, mapping: &Mapping, found: &mut Vec<Difference>) -> Result<()> {
    let path = format!("/proc/{pid}/map_files/{}", mapping.range);
    let file = File::open(&path).with_context(|| format!("open {path} ({})", mapping.file))?;
    let length = usize::try_from(mapping.end - mapping.start).context("length of a mapping")?;
    let (mut original, mut present) = (vec![0; length], vec![0; length]);
    let filled = read_as_much(&file, &mut original, mapping.offset)?;
    memory
        .read_exact_at(&mut present[..filled], mapping.start)
        .with_context(|| format!("read {path} in memory"))?;
    if original[..filled] == present[..filled] {
        return Ok(());
    }
    let pairs = original[..filled].iter().zip(&present[..filled]);
    for (index, (original, present)) in (mapping.start..).zip(pairs) {
        if original != present {
            let file = mapping.file.clone();
            found.push(Difference { file, address: index, original: *original, present: *present });
        }
    }
    Ok(())
}

/// The last page of a mapping may reach behind the end of the file.
fn read_as_much(file: &File, into: &mut [u8], offset: u64) -> Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        let position = offset + u64::try_from(filled).context("offset in a file")?;
        match file.read_at(&mut into[filled..], position).context("read a mapped file")? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_compared() {
        let line = "7f0000001000-7f0000003000 r-xp 00002000 fe:00 99 /usr/lib/some library.so";
        let mapping = parse(line).unwrap();
        assert_eq!(
            (mapping.start, mapping.end, mapping.offset),
            (0x7f00_0000_1000, 0x7f00_0000_3000, 0x2000)
        );
        assert!(
            parse("7f0000001000-7f0000003000 rw-p 00002000 fe:00 99 /usr/lib/data.so").is_none()
        );
        assert!(parse("7fff00001000-7fff00003000 r-xp 00000000 00:00 0 [vdso]").is_none());
    }

    #[test]
    fn a_process_that_nobody_traces_is_clean() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let result = differences(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(result.unwrap(), []);
    }
}
