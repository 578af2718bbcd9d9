//! The tables of a side, to read as of one event: a page of rows at a time, in the order of the
//! key.

use std::collections::VecDeque;

use domain::UnitId;
use event_store::EventStore;
use log_record::{Checksum, Generation, LogId, Partition, Place, Position};
use postgres_connection::Connection;
use read_model::{
    Checkpoint, Column, ColumnKind, ReadModelError, ReadModelUrl, Side, SumRow, Table, column_list,
};
use rusqlite::types::ValueRef;
use rusqlite::{ToSql, params_from_iter};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::Balance;
use crate::ProjectError;
use crate::checkpoint::verify;
use crate::write::{WriteError, open_to_read};

const SESSION: &str = include_str!("../sql/postgres/reconcile_session.sql");
const CHECKPOINTS: &str = include_str!("../sql/select_checkpoints.sql");

/// How many rows of a table are in memory at a time. A row is some hundred bytes, and tens of
/// thousands at most.
const PAGE_ROWS: usize = 1_000;

/// A value of a column, on either database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Null,
    /// Also true and false, as 1 and 0.
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A side's tables as of one event.
pub(super) struct Snapshot {
    url: ReadModelUrl,
    tables: Tables,
}

enum Tables {
    /// `None` while a thread that may wait has it.
    Sqlite(Option<Box<rusqlite::Connection>>),
    Postgres(Connection),
}

/// A table whose rows are read, without the columns that the log says nothing about.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) name: &'static str,
    pub(super) columns: Vec<Column>,
    /// How many of the columns, from the first on, are the key.
    pub(super) key: usize,
}

/// The rows of a table, in the order of its key.
pub(super) struct Rows<'a> {
    of: &'a mut Snapshot,
    table: &'a Read,
    page: VecDeque<Vec<Cell>>,
    /// On SQLite, the key of the last row that was read.
    after: Option<Vec<Cell>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Ended,
}

/// What `checkpoint` has and the log doesn't say: why a projection stopped.
const NOT_OF_THE_LOG: [&str; 2] = ["stopped_at", "stopped_why"];

impl Read {
    pub(super) fn of(table: &Table) -> Self {
        let columns = table.columns.iter().filter(|column| !NOT_OF_THE_LOG.contains(&column.name));
        Self { name: table.name, columns: columns.copied().collect(), key: table.key().len() }
    }

    /// What a row says an account has, in a table of balances.
    pub(super) fn balance(&self, row: &[Cell]) -> Option<Balance> {
        let cell = |name: &str| {
            let at = self.columns.iter().position(|column| column.name == name)?;
            row.get(at)
        };
        let text = |name| match cell(name) {
            Some(Cell::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let number = |name| match cell(name) {
            Some(Cell::Int(number)) => Some(*number),
            _ => None,
        };
        let amounts = ["available", "held", "pending", "owed"].map(number);
        let [Some(available), Some(held), Some(pending), Some(owed)] = amounts else { return None };
        let unit = text("unit").unwrap_or_else(|| UnitId::POINTS.to_string());
        let amounts = [available, held, pending, owed];
        Some(Balance { account_id: text("account_id")?, unit, amounts })
    }

    fn key(&self) -> &[Column] {
        self.columns.get(..self.key).unwrap_or(&self.columns)
    }

    fn select(&self, which: &str) -> String {
        let (columns, key) = (column_list(&self.columns), column_list(self.key()));
        format!("select {columns} from {} {which} order by {key}", self.name)
    }

    /// The statement of a page on SQLite: the first, or the one after a key.
    fn page(&self, is_first: bool) -> String {
        let key = column_list(self.key());
        let values: Vec<String> = (1..=self.key).map(|number| format!("?{number}")).collect();
        let after = format!("where ({key}) > ({})", values.join(", "));
        format!("{} limit {PAGE_ROWS}", self.select(if is_first { "" } else { &after }))
    }
}

impl Snapshot {
    /// Begins to read a side. It begins with the checkpoint, which a rebuild's swap waits for.
    pub(super) async fn open(url: &ReadModelUrl, side: Side) -> Result<Self, ReadModelError> {
        let tables = match url {
            ReadModelUrl::Sqlite(file) => {
                let file = side.file(file);
                let opened = spawn_blocking(move || {
                    let connection = open_to_read(&file)?;
                    connection.execute_batch("begin")?;
                    Ok::<_, rusqlite::Error>(connection)
                });
                let opened = opened.await.map_err(|error| failed(url, error))?;
                Tables::Sqlite(Some(Box::new(opened.map_err(|error| failed(url, error))?)))
            }
            ReadModelUrl::Postgres(at) => {
                let connection = at.connect().await?;
                let begin = format!(
                    "set search_path to {}; {SESSION}; \
                     begin transaction isolation level repeatable read, read only",
                    side.schema()
                );
                let begun = connection.client.batch_execute(&begin).await;
                begun.map_err(|error| failed(url, error))?;
                Tables::Postgres(connection)
            }
        };
        let mut opened = Self { url: url.clone(), tables };
        opened.checkpoints().await?;
        Ok(opened)
    }

    /// Up to which event of each partition the tables have the log, which must have these events.
    pub(super) async fn ends(
        &mut self,
        url: &ReadModelUrl,
        store: &EventStore,
    ) -> Result<Vec<Place>, ProjectError> {
        let (found, mut ends) = (self.checkpoints().await?, vec![]);
        for partition in (0..store.partitions()).map(Partition) {
            let of_partition = found.iter().find(|(number, ..)| *number == i64::from(partition.0));
            let Some((_, of, checkpoint)) = of_partition else {
                return Err(ProjectError::NotBegun { at: url.clone() });
            };
            let position = verify(*checkpoint, *of, url, store, partition).await?.position;
            ends.push(Place { partition, position });
        }
        Ok(ends)
    }

    async fn checkpoints(&mut self) -> Result<Vec<(i64, LogId, Checkpoint)>, ReadModelError> {
        let kinds = [
            ColumnKind::Int,
            ColumnKind::Bytes,
            ColumnKind::Int,
            ColumnKind::Int,
            ColumnKind::Bytes,
            ColumnKind::Int,
        ];
        let rows = self.query(CHECKPOINTS.to_owned(), kinds.to_vec(), vec![]).await?;
        Ok(rows.into_iter().filter_map(|row| checkpoint(&row)).collect())
    }

    /// A statement whose rows are a text and two numbers.
    pub(super) async fn sums(&mut self, statement: &str) -> Result<Vec<SumRow>, ReadModelError> {
        let kinds = vec![ColumnKind::Text, ColumnKind::Int, ColumnKind::Int];
        let rows = self.query(statement.to_owned(), kinds, vec![]).await?;
        let sum = |row: Vec<Cell>| match <[Cell; 3]>::try_from(row) {
            Ok([Cell::Text(name), Cell::Int(first), Cell::Int(second)]) => {
                Some((name, first, second))
            }
            _ => None,
        };
        Ok(rows.into_iter().filter_map(sum).collect())
    }

    pub(super) const fn is_of_postgres(&self) -> bool {
        matches!(self.tables, Tables::Postgres(_))
    }

    /// From now on whole tables are added up, for which a planner may choose its own way.
    pub(super) async fn plan_for_sums(&mut self) -> Result<(), ReadModelError> {
        if let Tables::Postgres(connection) = &self.tables {
            let free = "set enable_seqscan to on; set enable_sort to on";
            let set = connection.client.batch_execute(free).await;
            set.map_err(|error| failed(&self.url, error))?;
        }
        Ok(())
    }

    pub(super) const fn rows<'a>(&'a mut self, table: &'a Read) -> Rows<'a> {
        Rows { of: self, table, page: VecDeque::new(), after: None, state: State::New }
    }

    /// Runs a statement; `values` are for SQLite alone.
    async fn query(
        &mut self,
        statement: String,
        kinds: Vec<ColumnKind>,
        values: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, ReadModelError> {
        let url = &self.url;
        match &mut self.tables {
            Tables::Sqlite(slot) => {
                let lost = || failed(url, "its connection was lost to an earlier failure");
                let connection = slot.take().ok_or_else(lost)?;
                let read = spawn_blocking(move || {
                    let rows = of_sqlite(&connection, &statement, kinds.len(), &values);
                    (connection, rows)
                });
                let (connection, rows) = read.await.map_err(|error| failed(url, error))?;
                *slot = Some(connection);
                rows.map_err(|error| failed(url, error))
            }
            Tables::Postgres(connection) => {
                let rows = connection.client.query(statement.as_str(), &[]).await;
                let rows = rows.map_err(|error| failed(url, error))?;
                let rows = rows.iter().map(|row| of_postgres(row, &kinds));
                rows.collect::<Result<_, _>>().map_err(|error| failed(url, error))
            }
        }
    }

    /// Runs a statement that gives nothing, on PostgreSQL.
    async fn run(&mut self, statement: &str) -> Result<(), ReadModelError> {
        match &self.tables {
            Tables::Sqlite(_) => Ok(()),
            Tables::Postgres(connection) => {
                let ran = connection.client.batch_execute(statement).await;
                ran.map_err(|error| failed(&self.url, error))
            }
        }
    }
}

impl Rows<'_> {
    /// The next row, if there is one.
    pub(super) async fn peek(&mut self) -> Result<Option<&Vec<Cell>>, ReadModelError> {
        if self.page.is_empty() && self.state != State::Ended {
            self.read_page().await?;
        }
        Ok(self.page.front())
    }

    /// Takes the row that was looked at.
    pub(super) fn take(&mut self) -> Option<Vec<Cell>> {
        self.page.pop_front()
    }

    /// Whether looking at the next row reads the database.
    pub(super) fn is_page_over(&self) -> bool {
        self.page.is_empty()
    }

    async fn read_page(&mut self) -> Result<(), ReadModelError> {
        let kinds: Vec<ColumnKind> = self.table.columns.iter().map(|column| column.kind).collect();
        let is_first = self.state == State::New;
        // A cursor also gives rows that have the same key, which a damaged index lets in.
        let rows = if self.of.is_of_postgres() {
            if is_first {
                let select = self.table.select("");
                self.of.run(&format!("declare page no scroll cursor for {select}")).await?;
            }
            self.of.query(format!("fetch {PAGE_ROWS} from page"), kinds, vec![]).await?
        } else {
            let after = self.after.take().unwrap_or_default();
            self.of.query(self.table.page(is_first), kinds, after).await?
        };
        self.state = if rows.len() < PAGE_ROWS { State::Ended } else { State::Open };
        if self.state == State::Ended {
            self.of.run("close page").await?;
        }
        let key = |row: &Vec<Cell>| row.iter().take(self.table.key).cloned().collect();
        self.after = rows.last().map(key);
        self.page = rows.into();
        Ok(())
    }
}

fn of_sqlite(
    connection: &rusqlite::Connection,
    statement: &str,
    columns: usize,
    values: &[Cell],
) -> rusqlite::Result<Vec<Vec<Cell>>> {
    let mut select = connection.prepare_cached(statement)?;
    let mut rows = select.query(params_from_iter(values))?;
    let mut found = vec![];
    while let Some(row) = rows.next()? {
        let cells = (0..columns).map(|column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Int(number),
                // No column of these tables takes one.
                ValueRef::Real(number) => Cell::Text(number.to_string()),
                ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
            })
        });
        found.push(cells.collect::<rusqlite::Result<_>>()?);
    }
    Ok(found)
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn of_postgres(
    row: &tokio_postgres::Row,
    kinds: &[ColumnKind],
) -> Result<Vec<Cell>, tokio_postgres::Error> {
    let cells = kinds.iter().enumerate().map(|(column, kind)| {
        let cell = match kind {
            ColumnKind::Int => row.try_get::<_, Option<i64>>(column)?.map(Cell::Int),
            ColumnKind::Bool => {
                row.try_get::<_, Option<bool>>(column)?.map(|is| Cell::Int(is.into()))
            }
            ColumnKind::Text => row.try_get::<_, Option<String>>(column)?.map(Cell::Text),
            ColumnKind::Bytes => row.try_get::<_, Option<Vec<u8>>>(column)?.map(Cell::Bytes),
        };
        Ok(cell.unwrap_or(Cell::Null))
    });
    cells.collect()
}

/// What no projector writes is no partition's checkpoint.
fn checkpoint(row: &[Cell]) -> Option<(i64, LogId, Checkpoint)> {
    let [
        Cell::Int(partition),
        Cell::Bytes(log_id),
        Cell::Int(generation),
        Cell::Int(position),
        Cell::Bytes(checksum),
        Cell::Int(recorded_at),
    ] = row
    else {
        return None;
    };
    let checkpoint = Checkpoint {
        generation: Generation(u32::try_from(*generation).ok()?),
        position: Position(u64::try_from(*position).ok()?),
        checksum: Checksum(checksum.as_slice().try_into().ok()?),
        recorded_at: *recorded_at,
    };
    Some((*partition, LogId(Uuid::from_slice(log_id).ok()?), checkpoint))
}

fn failed(
    url: &ReadModelUrl,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> ReadModelError {
    ReadModelError::database("read", url, WriteError::Failed(source.into()).into_source())
}
