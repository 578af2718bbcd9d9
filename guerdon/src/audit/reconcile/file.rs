//! A file of somebody else's, in CSV with a header.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use csv::{Reader, ReaderBuilder, StringRecord, Trim};

/// A file that is read line by line.
pub(super) struct CsvFile {
    file: PathBuf,
    reader: Reader<BufReader<File>>,
    header: StringRecord,
}

impl CsvFile {
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        let opened = File::open(file).with_context(|| format!("can't open {}", file.display()))?;
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(BufReader::new(opened));
        let header = reader.headers().cloned();
        let header = header.with_context(|| format!("can't read {}", file.display()))?;
        Ok(Self { file: file.into(), reader, header })
    }

    /// Where a column is that must be there.
    pub(super) fn column(&self, name: &str) -> anyhow::Result<usize> {
        self.header.iter().position(|column| column == name).ok_or_else(|| {
            anyhow!("{} has no column `{name}` in its first line", self.file.display())
        })
    }

    /// The other columns, with their names.
    pub(super) fn other_columns(&self, known: &[usize]) -> Vec<(usize, String)> {
        let columns = self.header.iter().enumerate().filter(|(at, _)| !known.contains(at));
        columns.map(|(at, name)| (at, name.to_owned())).collect()
    }

    /// The next line with its number, if there is one.
    pub(super) fn next_line(&mut self) -> anyhow::Result<Option<(u64, StringRecord)>> {
        let mut record = StringRecord::new();
        let file = &self.file;
        let found = self.reader.read_record(&mut record);
        if !found.with_context(|| format!("can't read {}", file.display()))? {
            return Ok(None);
        }
        let line = record.position().map_or(0, csv::Position::line);
        Ok(Some((line, record)))
    }

    /// A text that must be there.
    pub(super) fn text<'a>(
        &self,
        (line, record): (u64, &'a StringRecord),
        column: usize,
    ) -> anyhow::Result<&'a str> {
        match record.get(column) {
            Some(text) if !text.is_empty() => Ok(text),
            _ => bail!("{}:{line}: {} is empty", self.file.display(), self.name(column)),
        }
    }

    /// A whole number, if there is one.
    pub(super) fn number(
        &self,
        (line, record): (u64, &StringRecord),
        column: usize,
    ) -> anyhow::Result<Option<i64>> {
        match record.get(column) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                let (file, name) = (self.file.display(), self.name(column));
                anyhow!("{file}:{line}: {name} is {text:?}, which is not a whole number")
            }),
        }
    }

    fn name(&self, column: usize) -> &str {
        self.header.get(column).unwrap_or_default()
    }
}
