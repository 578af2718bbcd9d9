//! A table of two sides, row by row in the order of the key: what differs, and a digest of each
//! side.

use std::cmp::Ordering;

use log_record::{PackedPlace, hex};
use read_model::{ReadModelError, Table};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::snapshot::{Cell, Read, Snapshot};
use super::{NAMED_MAX, Share};

/// Columns with what people said and where they live; of these only the length is shown.
const PRIVATE: [&str; 5] = ["by", "deliver_to", "name", "reason", "subject"];

/// Tables in which a name is nobody's.
const NAMES_OF_THINGS: [&str; 2] = ["offer_availability", "unit"];

/// Columns that name a place in the log.
const PLACES: [&str; 6] = ["place", "lot", "request", "last_place", "changed_at", "made_at"];

/// A table of both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDigest {
    /// Its name.
    pub table: &'static str,
    /// How many rows are there.
    pub rows: u64,
    /// How many rows the log gives.
    pub rows_of_log: u64,
    /// SHA-256 over the rows that are there, in the order of their keys.
    pub digest: String,
    /// SHA-256 over the rows that the log gives.
    pub digest_of_log: String,
    /// How many rows differ.
    pub differences: u64,
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowDifferenceKind {
    /// The log gives another value.
    Changed,
    /// The log gives a row that isn't there.
    Missing,
    /// There is a row that the log doesn't give.
    Unexpected,
    /// A row with the same key is there a second time.
    Doubled,
}

/// A row, or one value of it, that isn't what the log gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowDifference {
    /// How it differs.
    pub kind: RowDifferenceKind,
    /// The table.
    pub table: &'static str,
    /// The row's key: `account_id=ann, unit=miles`.
    pub row: String,
    /// The column, where a value differs.
    pub column: Option<&'static str>,
    /// What the log says.
    pub log: Option<String>,
    /// What is there.
    pub there: Option<String>,
}

/// A table that was compared.
pub(super) struct Compared {
    pub(super) digest: TableDigest,
    pub(super) differences: Vec<RowDifference>,
}

impl RowDifferenceKind {
    /// As reports name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "row-changed",
            Self::Missing => "row-missing",
            Self::Unexpected => "row-unexpected",
            Self::Doubled => "row-doubled",
        }
    }
}

/// Compares a table; `told` is told how many of the live rows are done.
pub(super) async fn compare(
    table: &Table,
    live: &mut Snapshot,
    folded: &mut Snapshot,
    share: Share,
    mut told: impl FnMut(u64),
) -> Result<Compared, ReadModelError> {
    let read = Read::of(table);
    let (mut there, mut of_log) = (live.rows(&read), folded.rows(&read));
    let mut found = Found::of(&read);
    let mut begun = Instant::now();
    loop {
        let is_page_over = there.is_page_over() || of_log.is_page_over();
        let which = match (there.peek().await?, of_log.peek().await?) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(row), Some(wanted)) => found.key(row).cmp(found.key(wanted)),
        };
        let row = if which == Ordering::Greater { None } else { there.take() };
        let wanted = if which == Ordering::Less { None } else { of_log.take() };
        found.add(row, wanted);
        if is_page_over {
            told(found.there.rows);
            share.rest_after(begun.elapsed()).await;
            begun = Instant::now();
        }
    }
    Ok(found.end())
}

/// What was found by now.
struct Found<'a> {
    read: &'a Read,
    there: Side,
    of_log: Side,
    /// The key of the live row before.
    last: Vec<Cell>,
    differences: Vec<RowDifference>,
    count: u64,
}

#[derive(Default)]
struct Side {
    rows: u64,
    hash: Sha256,
}

impl<'a> Found<'a> {
    fn of(read: &'a Read) -> Self {
        Self {
            read,
            there: Side::default(),
            of_log: Side::default(),
            last: vec![],
            differences: vec![],
            count: 0,
        }
    }

    fn key<'r>(&self, row: &'r [Cell]) -> &'r [Cell] {
        row.get(..self.read.key).unwrap_or(row)
    }

    /// A row that is there, the one that the log gives, or both where they have the same key.
    fn add(&mut self, row: Option<Vec<Cell>>, wanted: Option<Vec<Cell>>) {
        if let Some(wanted) = &wanted {
            self.of_log.add(wanted);
        }
        if let Some(row) = &row {
            self.there.add(row);
        }
        let read = self.read;
        match (&row, &wanted) {
            (Some(row), Some(wanted)) if row != wanted => {
                self.count += 1;
                let columns = read.columns.iter().zip(row.iter().zip(wanted));
                for (column, (there, log)) in columns.filter(|(_, (there, log))| there != log) {
                    let [log, there] = [log, there].map(|cell| self.shown(column.name, cell));
                    let column = Some(column.name);
                    let changed = RowDifferenceKind::Changed;
                    self.name(changed, row, column, Some(log), Some(there));
                }
            }
            (Some(row), None) => {
                let kind = if self.key(row) == self.last {
                    RowDifferenceKind::Doubled
                } else {
                    RowDifferenceKind::Unexpected
                };
                self.count += 1;
                let shown = self.shown_values(row);
                self.name(kind, row, None, None, Some(shown));
            }
            (None, Some(wanted)) => {
                self.count += 1;
                let shown = self.shown_values(wanted);
                self.name(RowDifferenceKind::Missing, wanted, None, Some(shown), None);
            }
            _ => {}
        }
        if let Some(row) = row {
            self.last = self.key(&row).to_vec();
        }
    }

    fn name(
        &mut self,
        kind: RowDifferenceKind,
        row: &[Cell],
        column: Option<&'static str>,
        log: Option<String>,
        there: Option<String>,
    ) {
        if self.differences.len() < NAMED_MAX {
            let (table, row) = (self.read.name, self.shown_values(self.key(row)));
            self.differences.push(RowDifference { kind, table, row, column, log, there });
        }
    }

    fn end(self) -> Compared {
        let Self { read, there, of_log, differences, count, .. } = self;
        let digest = TableDigest {
            table: read.name,
            rows: there.rows,
            rows_of_log: of_log.rows,
            digest: hex(&there.hash.finalize()),
            digest_of_log: hex(&of_log.hash.finalize()),
            differences: count,
        };
        Compared { digest, differences }
    }

    /// The first columns' values, each behind its name.
    fn shown_values(&self, cells: &[Cell]) -> String {
        let shown = self
            .read
            .columns
            .iter()
            .zip(cells)
            .map(|(column, cell)| format!("{}={}", column.name, self.shown(column.name, cell)));
        shown.collect::<Vec<_>>().join(", ")
    }

    fn shown(&self, column: &str, cell: &Cell) -> String {
        let is_private = PRIVATE.contains(&column)
            && !(column == "name" && NAMES_OF_THINGS.contains(&self.read.name));
        match cell {
            Cell::Null => "null".into(),
            Cell::Int(number) if PLACES.contains(&column) && *number >= 0 => {
                PackedPlace::from_i64(*number).to_string()
            }
            Cell::Int(number) => number.to_string(),
            Cell::Text(text) if is_private => format!("a private text of {} bytes", text.len()),
            Cell::Text(text) => text.clone(),
            Cell::Bytes(bytes) => hex(bytes),
        }
    }
}

impl Side {
    /// Each value is told apart from what stands beside it, whatever it contains.
    fn add(&mut self, row: &[Cell]) {
        self.rows += 1;
        for cell in row {
            match cell {
                Cell::Null => self.hash.update([0]),
                Cell::Int(number) => {
                    self.hash.update([1]);
                    self.hash.update(number.to_be_bytes());
                }
                Cell::Text(text) => self.add_bytes(2, text.as_bytes()),
                Cell::Bytes(bytes) => self.add_bytes(3, bytes),
            }
        }
    }

    fn add_bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.hash.update([kind]);
        self.hash.update((bytes.len() as u64).to_be_bytes());
        self.hash.update(bytes);
    }
}
