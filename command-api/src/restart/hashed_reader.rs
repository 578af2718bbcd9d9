//! A file with a hash at its end, read and hashed at once.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::snapshot::{BUFFER_BYTES, HASH_BYTES};

/// Reads what is before the hash. Its buffer is its own: a state is read byte by byte.
pub(super) struct HashedReader {
    file: File,
    /// How much before the hash isn't in the buffer yet.
    left: u64,
    buffer: Vec<u8>,
    /// How much of the buffer was read on.
    taken: usize,
    filled: usize,
    hash: Sha256,
    /// Why the file gave no more, where whoever reads is told something else.
    failed: Option<io::Error>,
}

impl HashedReader {
    /// Nothing where the file is too short for a hash.
    pub(super) fn open(file: &Path) -> io::Result<Option<Self>> {
        let file = File::open(file)?;
        let Some(left) = file.metadata()?.len().checked_sub(HASH_BYTES as u64) else {
            return Ok(None);
        };
        let (buffer, hash) = (vec![0; BUFFER_BYTES], Sha256::new());
        Ok(Some(Self { file, left, buffer, taken: 0, filled: 0, hash, failed: None }))
    }

    /// Whether there is more before the hash.
    pub(super) const fn has_more(&self) -> bool {
        self.taken < self.filled || self.left > 0
    }

    /// Reads the rest, and gives whether all bytes give the hash at the end.
    pub(super) fn has_right_hash(mut self) -> io::Result<bool> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        while self.left > 0 {
            self.fill()?;
        }
        let mut hash = [0; HASH_BYTES];
        self.file.read_exact(&mut hash)?;
        Ok(self.hash.finalize().as_slice() == hash.as_slice())
    }

    fn fill(&mut self) -> io::Result<()> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.buffer.len());
        let filled = loop {
            match self.file.read(&mut self.buffer[..wanted]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if filled == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.hash.update(&self.buffer[..filled]);
        self.left -= filled as u64;
        (self.taken, self.filled) = (0, filled);
        Ok(())
    }
}

impl Read for HashedReader {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.filled
            && self.left > 0
            && let Err(error) = self.fill()
        {
            let kind = error.kind();
            let same = error.raw_os_error().map(io::Error::from_raw_os_error);
            self.failed = Some(error);
            return Err(same.unwrap_or_else(|| kind.into()));
        }
        let there = &self.buffer[self.taken..self.filled];
        let count = there.len().min(into.len());
        into[..count].copy_from_slice(&there[..count]);
        self.taken += count;
        Ok(count)
    }
}
