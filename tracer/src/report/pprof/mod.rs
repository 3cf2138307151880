//! A profile for pprof and everything that reads its format: gzip around a protocol buffer. The
//! only module that names prost and flate2.
//!
//! Sample types are those of Go's heap profiles, in Go's order, so that every reader knows them.
//! Addresses are those inside each ELF file, not of one process: two profiles of one program can be
//! subtracted (`pprof -base`).

mod build;
mod message;

#[cfg(test)]
pub(super) mod tests;

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use prost::Message;

use super::{Exporter, Options};
use crate::model::Document;

/// A profile for pprof.
pub struct Pprof;

impl Exporter for Pprof {
    fn write(&self, document: &Document, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let profile = build::profile(document, options);
        // Without a time and a name in its header, the same profile is always the same bytes.
        let mut gzip = GzBuilder::new().mtime(0).write(out, Compression::default());
        gzip.write_all(&profile.encode_to_vec())?;
        gzip.finish()?.flush()
    }
}
