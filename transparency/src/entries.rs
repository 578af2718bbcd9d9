//! Bundles of entries: each entry with its length before it, in two bytes, big-endian.

/// A bundle that isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry is longer than two bytes can say.
    #[error("an entry has {0} bytes, more than the 65,535 that a bundle can say")]
    TooLong(usize),
    /// The bundle ends within an entry.
    #[error("the bundle ends within its entry {0}")]
    Cut(usize),
}

/// The bundle of these entries.
pub fn bundle<T: AsRef<[u8]>>(
    entries: impl IntoIterator<Item = T>,
) -> Result<Vec<u8>, BundleError> {
    let mut bytes = vec![];
    for entry in entries {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len()).map_err(|_| BundleError::TooLong(entry.len()))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle.
pub fn unbundle(mut bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = vec![];
    while !bundle.is_empty() {
        let cut = BundleError::Cut(entries.len() + 1);
        let (length, rest) = bundle.split_first_chunk().ok_or(cut)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length).ok_or(cut)?;
        entries.push(entry);
        bundle = rest;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_from_their_bundle() {
        let entries: [&[u8]; 3] = [b"a", b"", &[7; 300]];
        let bytes = bundle(entries).expect("a bundle");
        assert_eq!(unbundle(&bytes), Ok(entries.to_vec()));
        assert_eq!(unbundle(&[]), Ok(vec![]));
        assert_eq!(unbundle(&bytes[..bytes.len() - 1]), Err(BundleError::Cut(3)));
        assert_eq!(unbundle(&bytes[..1]), Err(BundleError::Cut(1)));
        assert_eq!(bundle([vec![0; 65_536]]), Err(BundleError::TooLong(65_536)));
    }
}
