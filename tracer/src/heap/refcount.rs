//! Reference counts: how they are written, and what says that an object is none.

/// First minor version with objects that are never freed (PEP 683).
const FIRST_IMMORTAL: u8 = 12;
/// First minor version that keeps flags beside the count (`Include/refcount.h`).
const FIRST_FLAGGED: u8 = 14;
/// No object has more references than fit into memory.
const ABSURD: u64 = 1 << 44;

/// References to one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// So many it counts; nothing where that is not asked for.
    pub counted: Option<u32>,
    /// So many were found.
    pub found: u32,
}

/// How the first word of an object holds its reference count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refcount {
    minor: u8,
}

impl Refcount {
    /// That of a minor version.
    pub const fn for_minor(minor: u8) -> Self {
        Self { minor }
    }

    /// Whether the word can begin an object that is alive.
    #[inline]
    pub fn is_alive(self, word: u64) -> bool {
        match self.minor {
            ..FIRST_IMMORTAL => word > 0 && word < ABSURD,
            FIRST_IMMORTAL..FIRST_FLAGGED => word > 0 && word <= u64::from(u32::MAX),
            // Between count and flags nothing is in use (`ob_overflow`).
            _ => word & 0xffff_ffff > 0 && word >> 32 & 0xffff == 0,
        }
    }

    /// References that it counts; `None` of an object that is never freed: the lower half is
    /// negative then (`_Py_IsImmortal`).
    pub fn count(self, word: u64) -> Option<u64> {
        let low = word & 0xffff_ffff;
        match self.minor {
            ..FIRST_IMMORTAL => Some(word),
            _ => (low >> 31 == 0).then_some(low),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_versions() {
        let (old, immortal, flagged) =
            (Refcount::for_minor(8), Refcount::for_minor(12), Refcount::for_minor(14));
        assert!(old.is_alive(3) && !old.is_alive(0) && !old.is_alive(0x7f00_1122_3344));
        assert_eq!(old.count(u64::from(u32::MAX)), Some(u64::from(u32::MAX)));
        assert!(immortal.is_alive(0xffff_ffff) && !immortal.is_alive(0x7f00_1122_3344));
        assert_eq!((immortal.count(0xffff_ffff), immortal.count(5)), (None, Some(5)));
        assert!(
            flagged.is_alive(0x0004_0000_0000_0002) && !flagged.is_alive(0x0004_0000_0000_0000)
        );
        assert!(!flagged.is_alive(0x7f00_1122_3344));
        assert_eq!(flagged.count(0x0004_0000_0000_0002), Some(2));
    }
}
