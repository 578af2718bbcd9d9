//! Bytes that are hashed on their way, and SHA-256 as text.

use std::fmt;
use std::io::{self, Read, Write};

use log_record::{Checksum, hex, parse_hex};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256, as 64 hexadecimal digits where it is text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha256Hex(pub [u8; 32]);

impl Sha256Hex {
    /// The SHA-256 of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl From<Checksum> for Sha256Hex {
    fn from(checksum: Checksum) -> Self {
        Self(checksum.0)
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = parse_hex(&text).map(Self);
        hash.ok_or_else(|| D::Error::custom("a SHA-256 is 64 hexadecimal digits"))
    }
}

/// What is written or read through it is counted and hashed.
pub(crate) struct Hashed<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Hashed<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// What is below, how many bytes went through, and their SHA-256.
    pub(crate) fn finish(self) -> (T, u64, Sha256Hex) {
        (self.inner, self.bytes, Sha256Hex(self.hash.finalize().into()))
    }

    /// How many bytes went through by now, and their SHA-256.
    pub(crate) fn so_far(&self) -> (u64, Sha256Hex) {
        (self.bytes, Sha256Hex(self.hash.clone().finalize().into()))
    }

    fn note(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.note(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.note(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}
