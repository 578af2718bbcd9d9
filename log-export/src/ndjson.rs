//! Writing events as lines of JSON, compressed with gzip.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use log_line::to_line;
use log_record::RecordedEvent;

use crate::Sha256Hex;
use crate::hashed::Hashed;

/// A file of lines that is being written. The gzip header has no time and no name, so that the same
/// lines give the same bytes.
pub(crate) struct Lines<W: Write>(Hashed<GzEncoder<W>>);

impl<W: Write> Lines<W> {
    pub(crate) fn new(into: W) -> Self {
        Self(Hashed::new(GzEncoder::new(into, Compression::default())))
    }

    pub(crate) fn add(&mut self, event: &RecordedEvent) -> io::Result<()> {
        let mut line = to_line(event)?;
        line.push('\n');
        self.0.write_all(line.as_bytes())
    }

    /// Ends the file; gives the SHA-256 of the lines.
    pub(crate) fn finish(self) -> io::Result<(W, Sha256Hex)> {
        let (packed, _, lines) = self.0.finish();
        Ok((packed.finish()?, lines))
    }
}
