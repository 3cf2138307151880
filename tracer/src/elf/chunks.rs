//! Bytes of a file that are read chunk by chunk as they are asked for: of most files of a process
//! only a few tables are of interest.

use object::read::{ReadCache, ReadCacheOps};

/// Something that can be read at any place.
pub trait ReadAt {
    /// Bytes in all.
    fn size(&self) -> u64;

    /// Fills `into` from `offset`; false when not all of it could be read.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> bool;
}

/// Bytes for [`super::Elf::parse`] (by reference); chunks once read are kept until this is dropped.
pub type Chunks<S> = ReadCache<Cursor<S>>;

/// Chunks of `source`.
pub fn chunks<S: ReadAt>(source: S) -> Chunks<S> {
    ReadCache::new(Cursor { source, position: 0 })
}

/// A source and a position of its own, so that readers of one source do not disturb each other.
#[derive(Debug)]
pub struct Cursor<S> {
    source: S,
    position: u64,
}

impl<S: ReadAt> ReadCacheOps for Cursor<S> {
    fn len(&mut self) -> Result<u64, ()> {
        Ok(self.source.size())
    }

    fn seek(&mut self, position: u64) -> Result<u64, ()> {
        self.position = position;
        Ok(position)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<usize, ()> {
        let left = self.source.size().saturating_sub(self.position);
        let length = usize::try_from(left).map_or(into.len(), |left| left.min(into.len()));
        self.read_exact(&mut into[..length])?;
        Ok(length)
    }

    fn read_exact(&mut self, into: &mut [u8]) -> Result<(), ()> {
        if !self.source.read_at(self.position, into) {
            return Err(());
        }
        self.position = self.position.saturating_add(u64::try_from(into.len()).map_err(drop)?);
        Ok(())
    }
}
