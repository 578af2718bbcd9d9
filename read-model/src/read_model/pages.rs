//! Pages of a warehouse's messages, for whoever sends many of them.
//!
//! A file's rows are lent to the caller one by one while they are read, on a thread that may block:
//! a text that isn't kept isn't copied, and nothing is handed from thread to thread but the page.

use std::io;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use log_record::{LogId, Place};
use rusqlite::{CachedStatement, Connection, OpenFlags, Row, Rows, params};
use tokio::task::spawn_blocking;

use super::as_of::{AsOf, Progress};
use super::file::OpenFile;
use super::idle::Idle;
use super::reading::CHECKPOINT;
use super::server::{Pool, Server};
use super::{Ask, ReadError, ReadModel};
use crate::ShippingMessage;
use crate::shipping_stream::{CHANGES, MessageRow, REQUESTS, span};

/// How many pages of a file are read at the same time; more would share the same cores.
const READS_MAX: usize = 4;

/// How long a statement waits for a lock. Readers of a file in WAL mode wait for a recovery alone.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections to a file for pages.
#[derive(Debug)]
pub(super) struct FilePages {
    file: PathBuf,
    connections: Idle<Connection>,
}

/// Which messages a page has: a warehouse's after a place, of the place's partition.
#[derive(Clone, Debug)]
struct PageSpan {
    warehouse: String,
    after: Place,
    limit: u32,
}

/// What was made of a page, and as of which event it was read.
pub(super) struct Page<M> {
    as_of: AsOf,
    made: Vec<M>,
}

struct AskPage<M, F> {
    span: PageSpan,
    make: Arc<F>,
    _made: PhantomData<fn() -> M>,
}

impl ReadModel {
    /// A warehouse's next messages after a place, of the place's partition, each made into what the
    /// caller wants of it. `make` runs on a thread that may block.
    pub async fn shipping_page<M, F>(
        &self,
        warehouse: &str,
        after: Place,
        limit: u32,
        wait_max: Duration,
        make: F,
    ) -> Result<Vec<M>, ReadError>
    where
        M: Send + 'static,
        F: Fn(&ShippingMessage<&str>) -> Result<M, sqlx::Error> + Send + Sync + 'static,
    {
        let span = PageSpan { warehouse: warehouse.to_owned(), after, limit };
        let ask = AskPage { span, make: Arc::new(make), _made: PhantomData };
        Ok(self.seek(&[], wait_max, &ask).await?.made)
    }
}

impl<M, F> Ask for AskPage<M, F>
where
    M: Send + 'static,
    F: Fn(&ShippingMessage<&str>) -> Result<M, sqlx::Error> + Send + Sync + 'static,
{
    type Answer = Page<M>;

    async fn ask(&self, server: &Server) -> Result<Page<M>, sqlx::Error> {
        let Pool::Sqlite(file) = &server.pool else {
            return self.read_in_steps(server).await;
        };
        let open = file.current();
        match self.read_file(Arc::clone(&open)).await {
            Err(error) => self.read_file(file.instead(&open, error)?).await,
            read => read,
        }
    }

    fn as_of(page: &mut Page<M>) -> &mut AsOf {
        &mut page.as_of
    }
}

impl<M, F> AskPage<M, F>
where
    M: Send + 'static,
    F: Fn(&ShippingMessage<&str>) -> Result<M, sqlx::Error> + Send + Sync + 'static,
{
    async fn read_in_steps(&self, server: &Server) -> Result<Page<M>, sqlx::Error> {
        let PageSpan { warehouse, after, limit } = &self.span;
        let mut reading = server.begin().await?;
        let messages = reading.shipping_messages(warehouse, *after, *limit).await?;
        let made = messages.iter().map(|message| (self.make)(&message.lent()));
        Ok(Page { as_of: reading.as_of().clone(), made: made.collect::<Result<_, _>>()? })
    }

    async fn read_file(&self, open: Arc<OpenFile>) -> Result<Page<M>, sqlx::Error> {
        let _permit = open.pages.connections.permit().await?;
        let (reader, span, make) = (Arc::clone(&open), self.span.clone(), Arc::clone(&self.make));
        let read = spawn_blocking(move || reader.pages.read(&span, &*make)).await;
        read.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }
}

impl FilePages {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, connections: Idle::new(READS_MAX) }
    }

    pub(super) fn close(&self) {
        drop(self.connections.close());
    }

    fn read<M>(
        &self,
        span: &PageSpan,
        make: &impl Fn(&ShippingMessage<&str>) -> Result<M, sqlx::Error>,
    ) -> Result<Page<M>, sqlx::Error> {
        let connection = self.connections.take().map_or_else(|| self.connect(), Ok)?;
        let page = read_page(&connection, span, make)?;
        drop(self.connections.put(connection));
        Ok(page)
    }

    fn connect(&self) -> Result<Connection, sqlx::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags).map_err(unread)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(unread)?;
        Ok(connection)
    }
}

/// Reads a page, all of it as of one event.
fn read_page<M>(
    connection: &Connection,
    span: &PageSpan,
    make: &impl Fn(&ShippingMessage<&str>) -> Result<M, sqlx::Error>,
) -> Result<Page<M>, sqlx::Error> {
    let reading = connection.unchecked_transaction().map_err(unread)?;
    let as_of = read_checkpoint(&reading).map_err(unread)?;
    let Some(log_id) = as_of.log_id() else { return Ok(Page { as_of, made: vec![] }) };
    let mut made = vec![];
    let limit = usize::try_from(span.limit).unwrap_or(usize::MAX);
    // Most often there is none.
    let mut changes = read_changes(&reading, log_id, span)?.into_iter().peekable();
    let mut requests = statement(&reading, REQUESTS.sqlite())?;
    let mut requests = rows_of(&mut requests, span)?;
    while made.len() < limit
        && let Some(row) = requests.next().map_err(unread)?
    {
        let request = MessageRow::lent(row).map_err(unread)?.message(log_id)?;
        while made.len() < limit
            && let Some(change) = changes.next_if(|change| change.place < request.place)
        {
            made.push(make(&change.lent())?);
        }
        if made.len() < limit {
            made.push(make(&request)?);
        }
    }
    for change in changes.take(limit.saturating_sub(made.len())) {
        made.push(make(&change.lent())?);
    }
    Ok(Page { as_of, made })
}

fn read_checkpoint(reading: &Connection) -> rusqlite::Result<AsOf> {
    let mut checkpoint = reading.prepare_cached(CHECKPOINT.sqlite())?;
    let progress = checkpoint.query_map([], Progress::of_file)?;
    Ok(AsOf::of(progress.collect::<Result<_, _>>()?))
}

fn read_changes(
    reading: &Connection,
    log_id: LogId,
    span: &PageSpan,
) -> Result<Vec<ShippingMessage>, sqlx::Error> {
    let mut statement = statement(reading, CHANGES.sqlite())?;
    let mut rows = rows_of(&mut statement, span)?;
    let mut changes = vec![];
    while let Some(row) = rows.next().map_err(unread)? {
        changes.push(MessageRow::lent(row).map_err(unread)?.message(log_id)?.owned());
    }
    Ok(changes)
}

fn statement<'c>(reading: &'c Connection, text: &str) -> Result<CachedStatement<'c>, sqlx::Error> {
    reading.prepare_cached(text).map_err(unread)
}

fn rows_of<'s>(
    statement: &'s mut CachedStatement<'_>,
    span: &PageSpan,
) -> Result<Rows<'s>, sqlx::Error> {
    let (after, last) = self::span(span.after);
    statement.query(params![span.warehouse, after, last, span.limit]).map_err(unread)
}

impl<'r> MessageRow<&'r str> {
    fn lent(row: &'r Row<'_>) -> rusqlite::Result<Self> {
        let text = |column: usize| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str()?);
        let optional =
            |column: usize| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str_or_null()?);
        Ok(Self {
            place: row.get(0)?,
            generation: row.get(1)?,
            kind: text(2)?,
            request: row.get(3)?,
            request_generation: row.get(4)?,
            account_id: text(5)?,
            exchange_id: optional(6)?,
            purchase_id: optional(7)?,
            lines: text(8)?,
            deliver_to: optional(9)?,
            warehouse: text(10)?,
            lane: text(11)?,
            sequence: row.get(12)?,
            attempt: row.get(13)?,
            recorded_at: row.get(14)?,
            traceparent: optional(15)?,
            status: text(16)?,
            lines_left: text(17)?,
        })
    }
}

fn unread(error: rusqlite::Error) -> sqlx::Error {
    sqlx::Error::Io(io::Error::other(error))
}
