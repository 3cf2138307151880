//! `/proc/PID/maps`: what is mapped where.
//!
//! One line per mapping (kernel `fs/proc/task_mmu.c`, `show_map_vma`):
//!
//! ```text
//! 7f1c2a400000-7f1c2a428000 r-xp 00028000 08:01 1311768    /usr/lib/x86_64-linux-gnu/libc.so.6
//! ```
//!
//! Everything after the inode and the blanks is the path, blanks included. The kernel writes a
//! newline in it as `\012` and nothing else differently, and appends ` (deleted)`: a name can
//! imitate both, so neither is trusted for more than display.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use crate::model::Address;

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub start: Address,
    /// Address after the last.
    pub end: Address,
    /// Whether it can be read.
    pub readable: bool,
    /// Whether it can be written.
    pub writable: bool,
    /// Whether it can be executed.
    pub executable: bool,
    /// Whether writes reach the file.
    pub shared: bool,
    /// Where it begins in the file, bytes.
    pub offset: u64,
    /// Device of the file, major and minor.
    pub device: (u32, u32),
    /// Inode of the file; 0 when there is none.
    pub inode: u64,
    /// Path as the kernel shows it to us, or a name like `[heap]`; empty when it has none. The mark
    /// of deleted files is taken off.
    pub path: OsString,
    /// Whether the line ends as those of deleted files do.
    pub marked_deleted: bool,
}

impl Mapping {
    /// Whether `address` lies in it.
    pub fn holds(&self, address: Address) -> bool {
        address >= self.start && address < self.end
    }

    /// Its addresses.
    pub fn range(&self) -> Range<u64> {
        self.start.0..self.end.0
    }

    /// Its name in `/proc/PID/map_files`.
    pub fn file_name(&self) -> String {
        format!("{:x}-{:x}", self.start.0, self.end.0)
    }
}

/// Reads a whole `maps` file; lines that are not understood are left out.
pub fn parse(text: &[u8]) -> Vec<Mapping> {
    text.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<Mapping> {
    let mut fields = Fields(line);
    let range = fields.next()?;
    let permissions = fields.next()?.as_bytes();
    let offset = hexadecimal(fields.next()?)?;
    let (major, minor) = fields.next()?.split_once(':')?;
    let inode = fields.next()?.parse().ok()?;
    let (start, end) = range.split_once('-')?;
    let (start, end) = (Address(hexadecimal(start)?), Address(hexadecimal(end)?));
    if start >= end || permissions.len() != 4 {
        return None;
    }
    let (path, marked_deleted) = path(fields.0.trim_ascii_start());
    Some(Mapping {
        start,
        end,
        readable: permissions[0] == b'r',
        writable: permissions[1] == b'w',
        executable: permissions[2] == b'x',
        shared: permissions[3] == b's',
        offset,
        device: (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?),
        inode,
        path,
        marked_deleted,
    })
}

/// Splits fields off the front of a line, separated by single blanks.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == b' ').unwrap_or(self.0.len());
        let (field, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or(&[]);
        std::str::from_utf8(field).ok().filter(|field| !field.is_empty())
    }
}

/// `from_str_radix` would accept a sign.
fn hexadecimal(text: &str) -> Option<u64> {
    (!text.starts_with('+')).then(|| u64::from_str_radix(text, 16).ok())?
}

fn path(raw: &[u8]) -> (OsString, bool) {
    let (raw, deleted) = match raw.strip_suffix(b" (deleted)") {
        Some(path) if !path.is_empty() => (path, true),
        _ => (raw, false),
    };
    (unescape(raw), deleted)
}

/// Turns `\012` back into the newline that the kernel must not write.
fn unescape(raw: &[u8]) -> OsString {
    const NEWLINE: &[u8] = b"\\012";
    if !raw.windows(NEWLINE.len()).any(|window| window == NEWLINE) {
        return OsStr::from_bytes(raw).to_owned();
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, tail)) = rest.split_first() {
        if let Some(tail) = rest.strip_prefix(NEWLINE) {
            bytes.push(b'\n');
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] = b"\
55d0c0000000-55d0c0001000 r--p 00000000 08:01 131                        /usr/bin/python3.11
7f1c2a400000-7f1c2a428000 r-xp 00028000 103:0a 1311768                   /opt/a b/lib (1).so
7f1c2a428000-7f1c2a429000 rw-p 00000000 00:00 0 \n\
7f1c2a429000-7f1c2a42a000 r-xs 00001000 00:2f 18446744073709551615       /tmp/x\\012y\\0 (deleted)
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";

    #[test]
    fn reads_ordinary_and_hostile_lines() {
        let maps = parse(TEXT);
        assert_eq!(maps.len(), 6);
        assert_eq!(maps[0].start, Address(0x55d0_c000_0000));
        assert_eq!(maps[0].path, "/usr/bin/python3.11");
        assert!(maps[0].readable && !maps[0].writable && !maps[0].executable && !maps[0].shared);
        assert_eq!(maps[1].device, (0x103, 0x0a));
        assert_eq!((maps[1].offset, maps[1].inode), (0x28000, 1_311_768));
        assert_eq!(maps[1].path, "/opt/a b/lib (1).so");
        assert_eq!(maps[1].file_name(), "7f1c2a400000-7f1c2a428000");
        assert_eq!(maps[2].path, "");
        assert_eq!(maps[3].path, "/tmp/x\ny\\0");
        assert!(maps[3].marked_deleted && maps[3].shared && maps[3].executable);
        assert_eq!(maps[3].inode, u64::MAX);
        assert_eq!(maps[4].path, "[stack]");
        assert!(maps[5].holds(Address(0xffff_ffff_ff60_0fff)));
        assert!(!maps[5].holds(Address(0xffff_ffff_ff60_1000)));
    }

    #[test]
    fn leaves_out_what_it_does_not_understand() {
        for line in [
            "",
            "7f00-7f10",
            "7f10-7f00 r-xp 0 08:01 1 /backwards",
            "7f00-7f10 r-x 0 08:01 1 /short permissions",
            "7f00-7f10 r-xp zz 08:01 1 /offset",
            "7f00-7f10 r-xp 0 0801 1 /device",
            "7f00-7f10 r-xp 0 08:01 -1 /inode",
            "+7f00-+7f10 r-xp 0 08:01 1 /signs",
        ] {
            assert_eq!(parse(line.as_bytes()), [], "{line}");
        }
    }

    #[test]
    fn reads_its_own() {
        let maps = parse(&std::fs::read("/proc/self/maps").unwrap());
        let here = Address(u64::try_from(reads_its_own as fn() as usize).unwrap());
        let mapping = maps.iter().find(|mapping| mapping.holds(here)).unwrap();
        assert!(mapping.executable);
        assert_eq!(mapping.path, std::env::current_exe().unwrap());
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            parse(&bytes);
        }

        #[test]
        fn any_path_survives(path in "[^\\\\\n ][^\\\\\n]{0,40}[^\\\\\n )]") {
            let line = format!("1000-2000 r-xp 00000000 08:01 7    {path}\n");
            let maps = parse(line.as_bytes());
            prop_assert_eq!(maps[0].path.to_str(), Some(path.trim_ascii_start()));
        }
    }
}
