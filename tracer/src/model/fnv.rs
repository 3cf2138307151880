//! The hash from which ids are made.

/// FNV-1a with 64 bits (Fowler, Noll, Vo): simple, and the same everywhere and for ever.
pub struct Fnv(u64);

impl Fnv {
    /// Of nothing.
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// With a number.
    pub fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// With a text. Ends with a byte that is in no UTF-8 text, so that neighbours cannot run together.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0xff]);
    }

    /// With a text that may be missing, which differs from every text.
    pub fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.bytes(&[0xfe]),
        }
    }

    /// Eight hexadecimal digits.
    pub fn short(&self) -> String {
        format!("{:08x}", (self.0 >> 32) ^ (self.0 & 0xffff_ffff))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
