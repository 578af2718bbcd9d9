//! A short file of text, which isn't read further than it may be long.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// A file's text, if it has at most so many bytes; or why it can't be read.
pub(super) fn read(file: &Path, bytes_max: u64) -> Result<String, String> {
    let cannot = |why: String| format!("{} can't be read: {why}", file.display());
    let mut text = String::new();
    let opened = File::open(file).map_err(|error| cannot(error.to_string()))?;
    let read = opened.take(bytes_max + 1).read_to_string(&mut text);
    read.map_err(|error| cannot(error.to_string()))?;
    if text.len() as u64 > bytes_max {
        return Err(cannot(format!("it has more than {bytes_max} bytes")));
    }
    Ok(text)
}
