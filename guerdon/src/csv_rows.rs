//! Rows of a CSV file, read and checked one by one before anything is sent: what is wrong is named
//! by file and line.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest id that the ledger takes.
pub(crate) const ID_CHARACTERS_MAX: usize = 64;

/// The longest id of an account.
pub(crate) const ACCOUNT_ID_CHARACTERS_MAX: usize = 128;

/// The most malformed rows that a message lists; of the others it gives the number.
const BAD_ROWS_SHOWN_MAX: usize = 20;

/// What a file of gzip begins with, whatever its name is.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Where a row stands, as a sentence begins: `redemptions.csv, line 12`.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) file: Arc<Path>,
    pub(crate) line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file.display(), self.line)
    }
}

/// By what a journal knows a file again. Two files that agree in all three are taken for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilePrint {
    pub(crate) bytes: usize,
    pub(crate) crc32: u32,
    pub(crate) rows: usize,
}

/// Why a file's rows can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowsError {
    #[error("{} cannot be read", file.display())]
    Unreadable { file: PathBuf, source: io::Error },

    /// A sentence for each row that is wrong.
    #[error("malformed rows; nothing was sent\n{}", listed(.0.clone()))]
    Malformed(Vec<String>),
}

/// The columns of a file, in any order.
pub(crate) struct Columns<'a> {
    pub(crate) needed: &'a [&'a str],
    pub(crate) optional: &'a [&'a str],
}

impl Columns<'_> {
    fn check(&self, headers: &csv::StringRecord) -> Result<(), String> {
        let Self { needed, optional } = self;
        let is_known = |header: &str| needed.contains(&header) || optional.contains(&header);
        let has_all = needed.iter().all(|column| headers.iter().any(|header| header == *column));
        let has_twice = (1..)
            .zip(headers)
            .any(|(after, it)| headers.iter().skip(after).any(|other| other == it));
        if has_all && !has_twice && headers.iter().all(is_known) {
            return Ok(());
        }
        let found = headers.iter().collect::<Vec<_>>().join(",");
        let also = if optional.is_empty() { String::new() } else { optional.join(",") };
        let also = if also.is_empty() { also } else { format!(", with or without {also}") };
        Err(format!("the columns are {found}, not {}{also}", needed.join(",")))
    }
}

/// Sentences, one to a line, and how many more there are.
pub(crate) fn listed(mut sentences: Vec<String>) -> String {
    let more = sentences.len().saturating_sub(BAD_ROWS_SHOWN_MAX);
    sentences.truncate(BAD_ROWS_SHOWN_MAX);
    if more > 0 {
        sentences.push(format!("and {more} more"));
    }
    sentences.join("\n")
}

/// An id that may stand in a path as it is. Of dots alone it would be read as a step in the path.
pub(crate) fn id(column: &str, most: usize, text: Box<str>) -> Result<Box<str>, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let fits = (1..=most).contains(&text.len());
    if fits && text.bytes().all(allowed) && text.bytes().any(|byte| byte != b'.') {
        return Ok(text);
    }
    Err(format!("{column} is {text:?}, not 1 to {most} letters, digits and -_.:"))
}

/// Reads the whole file before anything is sent: a malformed last row shall not stop an import in
/// its middle. A year of a large shop is some tens of megabytes.
pub(crate) fn read_rows<C, R>(
    file: &Path,
    columns: &Columns<'_>,
    mut check: impl FnMut(Place, u64, C) -> Result<R, String>,
) -> Result<(Vec<R>, FilePrint), RowsError>
where
    C: DeserializeOwned,
{
    let unreadable = |source| RowsError::Unreadable { file: file.into(), source };
    let bytes = std::fs::read(file).map_err(unreadable)?;
    let mut crc = flate2::Crc::new();
    crc.update(&bytes);
    let text = unpack(&bytes).map_err(unreadable)?;
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let file: Arc<Path> = Arc::from(file);
    let place = |line| Place { file: Arc::clone(&file), line };

    let headers =
        reader.headers().map_err(|error| RowsError::Malformed(vec![bad(place(1), &error)]))?;
    if let Err(sentence) = columns.check(headers) {
        let sentence = format!("{}: {sentence}", place(1));
        return Err(RowsError::Malformed(vec![sentence]));
    }
    let headers = headers.clone();
    let (mut rows, mut sentences) = (Vec::new(), Vec::new());
    for (row, record) in (1..).zip(reader.records()) {
        let line = |position: Option<&csv::Position>| position.map_or(row + 1, csv::Position::line);
        match record {
            Err(error) => sentences.push(bad(place(line(error.position())), &error)),
            Ok(record) => {
                let place = place(line(record.position()));
                match record.deserialize::<C>(Some(&headers)) {
                    Err(error) => {
                        let sentence = unread(&error, &headers, &record);
                        sentences.push(sentence.map_or_else(
                            || bad(place.clone(), &error),
                            |sentence| format!("{place}: {sentence}"),
                        ));
                    }
                    Ok(found) => match check(place.clone(), row, found) {
                        Ok(found) => rows.push(found),
                        Err(sentence) => sentences.push(format!("{place}: {sentence}")),
                    },
                }
            }
        }
    }
    if !sentences.is_empty() {
        return Err(RowsError::Malformed(sentences));
    }
    let print = FilePrint { bytes: bytes.len(), crc32: crc.sum(), rows: rows.len() };
    Ok((rows, print))
}

fn unpack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(bytes.to_vec());
    }
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut text)?;
    Ok(text)
}

/// Which column's value can't be read, and why not.
fn unread(
    error: &csv::Error,
    headers: &csv::StringRecord,
    record: &csv::StringRecord,
) -> Option<String> {
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else { return None };
    let field = usize::try_from(err.field()?).ok()?;
    let (column, value) = (headers.get(field)?, record.get(field)?);
    Some(format!("{column} is {value:?}, and can't be read: {}", err.kind()))
}

/// The reader's complaint, without the place that it would give a second time.
fn bad(place: Place, error: &csv::Error) -> String {
    let sentence = match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} columns, not {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    format!("{place}: {sentence}")
}
