//! A secret in a file of its own, as container platforms hand them out: the file's whole text is
//! the value, but for the line break at its end.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// No URL and no list of properties is longer.
const SECRET_BYTES_MAX: u64 = 65_536;

/// The secret that a file holds; or what is wrong with the file.
pub(super) fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let cannot = |why: String| format!("{} can't be read: {why}", file.display());
    let opened = File::open(file).map_err(|error| cannot(error.to_string()))?;
    let limited = opened.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text);
    limited.map_err(|error| cannot(error.to_string()))?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(cannot(format!("it has more than {SECRET_BYTES_MAX} bytes")));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(format!("{} is empty", file.display()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_break_at_the_end_is_no_part_of_a_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret");
        for (text, secret) in [("a b", "a b"), ("a\n", "a"), ("a\r\n", "a"), ("a\nb\n", "a\nb")] {
            std::fs::write(&file, text).expect("written");
            assert_eq!(read(&file).as_deref(), Ok(secret));
        }
        for (bytes, why) in [
            (vec![], "is empty"),
            (b"\n".to_vec(), "is empty"),
            (vec![0xff], "UTF-8"),
            (vec![b'x'; 70_000], "more than 65536 bytes"),
        ] {
            std::fs::write(&file, bytes).expect("written");
            let refused = read(&file).expect_err(why);
            assert!(refused.contains(why), "{refused}");
        }
        assert!(read(folder.path()).expect_err("a folder").contains("can't be read"));
        assert!(read(&folder.path().join("none")).expect_err("none").contains("can't be read"));
    }
}
