//! Reading a target's memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::procfs;
use crate::model::{Address, Memory};

/// Most bytes of one read; callers bound their reads far below, this bounds their mistakes.
const READ_LIMIT: usize = 64 << 20;

/// Memory of a live process.
///
/// Reads go through an open `/proc/PID/mem`: the file stays bound to the address space that it was
/// opened on, so that neither a reused pid nor an `exec` can pass off another program's bytes as
/// the target's. Where that file cannot be opened (another user's process without
/// `CAP_DAC_READ_SEARCH`), `process_vm_readv` serves, which goes by pid.
#[derive(Clone, Debug)]
pub struct ProcessMemory {
    pid: u32,
    file: Option<Arc<File>>,
}

impl ProcessMemory {
    pub(super) fn open(pid: u32) -> Self {
        Self { pid, file: File::open(procfs::path(pid, "mem")).ok().map(Arc::new) }
    }

    /// The same, by pid.
    #[cfg(test)]
    pub(super) fn without_file(&self) -> Self {
        Self { pid: self.pid, file: None }
    }

    /// Whether the address space is known to be gone (exited, or replaced by `exec`). `None` when
    /// this cannot be reported, because access goes by pid.
    pub fn is_gone(&self) -> Option<bool> {
        // Reading nothing without an error means that the address space has no users left
        // (fs/proc/base.c, mem_rw); an address that is not mapped is EIO.
        Some(matches!(self.file.as_ref()?.read_at(&mut [0], 0), Ok(0)))
    }

    /// Like [`Memory::read`], with the kernel's reason.
    pub fn try_read(&self, address: Address, into: &mut [u8]) -> io::Result<()> {
        if into.len() > READ_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        match &self.file {
            Some(file) => file.read_exact_at(into, address.0),
            None => self.read_by_pid(address, into),
        }
    }

    fn read_by_pid(&self, address: Address, into: &mut [u8]) -> io::Result<()> {
        let pid = libc::pid_t::try_from(self.pid).map_err(io::Error::other)?;
        let remote_base = usize::try_from(address.0).map_err(io::Error::other)?;
        let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
        let remote = libc::iovec {
            iov_base: std::ptr::without_provenance_mut(remote_base),
            iov_len: into.len(),
        };
        // SAFETY: `local` describes exactly `into`, which is exclusively borrowed for the call. The
        // kernel never dereferences `remote` in this process: it is an address in another one.
        let read =
            unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
        match usize::try_from(read) {
            Ok(read) if read == into.len() => Ok(()),
            Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }
}

impl Memory for ProcessMemory {
    fn read(&self, address: Address, into: &mut [u8]) -> bool {
        self.try_read(address, into).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways() -> [ProcessMemory; 2] {
        let whole = ProcessMemory::open(std::process::id());
        assert!(whole.file.is_some());
        [ProcessMemory { file: None, ..whole }, whole]
    }

    fn address_of<T: ?Sized>(value: &T) -> Address {
        Address(u64::try_from(std::ptr::from_ref(value).cast::<u8>() as usize).unwrap())
    }

    #[test]
    fn both_ways_read_the_same() {
        let secret = *b"an unmistakable byte string";
        for memory in ways() {
            assert_eq!(memory.bytes(address_of(&secret), secret.len()).unwrap(), secret);
        }
    }

    /// Two mapped pages of which only the first can be read: the file ends with it.
    fn half() -> memmap2::Mmap {
        use std::io::Write as _;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[1; 4096]).unwrap();
        // SAFETY: nobody else knows the file, and the test does not look at the mapping itself.
        unsafe { memmap2::MmapOptions::new().len(8192).map(&file).unwrap() }
    }

    #[test]
    fn a_partial_read_is_no_read() {
        let half = half();
        let last = Address(address_of(&half[..]).0 + 4096 - 8);
        for memory in ways() {
            let mut bytes = [7; 16];
            assert!(!memory.read(Address(u64::MAX - 4), &mut bytes));
            assert!(!memory.read(Address::NULL, &mut bytes));
            assert!(memory.read(last, &mut bytes[..8]));
            assert!(!memory.read(last, &mut bytes));
        }
    }

    #[test]
    fn absurd_lengths_are_refused_before_anything_is_read() {
        let mut bytes = vec![0; READ_LIMIT + 1];
        for memory in ways() {
            let refused = memory.try_read(Address::NULL, &mut bytes).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
        }
    }

    #[test]
    fn a_living_address_space_is_not_gone() {
        let [by_pid, whole] = ways();
        assert_eq!(by_pid.is_gone(), None);
        assert_eq!(whole.is_gone(), Some(false));
    }
}
