//! A read: statements that all see the tables as of one event, on either database.

use sqlx::postgres::PgRow;
use sqlx::query::QueryAs;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Database, Encode, FromRow, Postgres, Sqlite, SqlitePool,
    Transaction, Type, query_as, query_scalar,
};

use super::as_of::AsOf;
use super::server::{PostgresServer, in_statement_time};
use super::stale::Stale;
use crate::with_columns;

const BEGIN: &str = "begin transaction isolation level repeatable read, read only";

/// How far the tables are.
pub(super) const CHECKPOINT: Query = Query::same(include_str!("../sql/select_progress.sql"));

/// The text of a statement, with `$1`, `$2` … for its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// An argument of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Argument<'a> {
    /// A number, or null.
    Int(Option<i64>),
    /// A text, or null.
    Text(Option<&'a str>),
}

/// What either database's rows can be read as.
pub trait RowOf:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<R> RowOf for R where
    R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// A read that has begun; all of it is as of one event.
#[derive(Debug)]
pub struct Reading {
    transaction: AnyTransaction,
    as_of: AsOf,
}

#[derive(Debug)]
enum AnyTransaction {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>, Stale),
    /// Tables in memory, to which nobody writes any more.
    Memory(Box<SqliteConnection>),
}

impl Query {
    /// One that both databases understand.
    #[must_use]
    pub const fn same(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }

    /// One that both databases understand, in which every `{table}` stands for all columns of a
    /// table. Made once, for a `static`: the text is never freed.
    #[must_use]
    pub fn with_columns(text: &str) -> Self {
        Self::same(with_columns(text).leak())
    }

    /// The same, with a text for each database.
    #[must_use]
    pub fn each_with_columns(sqlite: &str, postgres: &str) -> Self {
        Self::each(with_columns(sqlite).leak(), with_columns(postgres).leak())
    }

    /// One that reads a part of an index in the index's order. `columns` are the index's. In the
    /// text, `{range}` stands for: all but the last of them are `$1`, `$2` …, the last is after the
    /// next argument and up to the one after that; in this order. Made once, for a `static`.
    ///
    /// A PostgreSQL that plans for any argument would read the whole table in the order of its
    /// places instead, where one warehouse has most of it. Compared as a row, the columns leave it
    /// nothing but the index.
    #[must_use]
    pub fn of_index_range(text: &str, columns: &[&str]) -> Self {
        let names = columns.join(", ");
        let (last, first) = columns.split_last().unwrap_or((&"", &[]));
        let equal: Vec<String> =
            (1..).zip(first).map(|(number, column)| format!("{column} = ${number}")).collect();
        let values: Vec<String> = (1..=first.len()).map(|number| format!("${number}")).collect();
        let (equal, values) = (equal.join(" and "), values.join(", "));
        let (after, up_to) = (first.len() + 1, first.len() + 2);
        let on_sqlite =
            format!("{equal} and {last} > ${after} and {last} <= ${up_to}\norder by {last}");
        let on_postgres = format!(
            "({names}) > ({values}, ${after}) and ({names}) <= ({values}, ${up_to})\norder by {names}"
        );
        let text_with = |range: &str| text.replace("{range}", range).leak();
        Self::each(text_with(&on_sqlite), text_with(&on_postgres))
    }

    /// Makes SQLite use this index. Otherwise its planner may choose an index with fewer of the
    /// columns, and read many rows that the query doesn't want. Made once, for a `static`: the text
    /// is never freed.
    #[must_use]
    pub fn by_index(self, index: &str) -> Self {
        let by_index = format!("\nindexed by {index}\nwhere");
        Self { sqlite: self.sqlite.replacen("\nwhere", &by_index, 1).leak(), ..self }
    }

    /// Its text for SQLite.
    pub(crate) const fn sqlite(&self) -> &'static str {
        self.sqlite
    }

    /// Its text for PostgreSQL.
    pub(crate) const fn postgres(&self) -> &'static str {
        self.postgres
    }

    /// With a text for each database.
    #[must_use]
    pub const fn each(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }
}

impl Reading {
    pub(super) async fn of_sqlite(pool: &SqlitePool) -> Result<Self, sqlx::Error> {
        Self::begun(AnyTransaction::Sqlite(pool.begin().await?)).await
    }

    pub(super) async fn of_postgres(server: &PostgresServer) -> Result<Self, sqlx::Error> {
        let transaction = server.pool.begin_with(BEGIN).await?;
        Self::begun(AnyTransaction::Postgres(transaction, server.stale.clone())).await
    }

    /// Begins to read tables that are in this process's memory under a name. Whoever made them
    /// keeps them open until then; they go with this read.
    pub async fn of_memory(name: &str) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new();
        let options = options.filename(name).in_memory(true).shared_cache(true);
        let connection = options.connect().await?;
        Self::begun(AnyTransaction::Memory(Box::new(connection))).await
    }

    /// A read begins with the checkpoint: a rebuild's swap waits for everyone who has read it, so
    /// that nobody sees some of the old tables and some of the new ones.
    async fn begun(transaction: AnyTransaction) -> Result<Self, sqlx::Error> {
        let mut reading = Self { transaction, as_of: AsOf::default() };
        reading.as_of = AsOf::of(reading.all(CHECKPOINT, &[]).await?);
        Ok(reading)
    }

    /// As of which event all of it is.
    #[must_use]
    pub const fn as_of(&self) -> &AsOf {
        &self.as_of
    }

    pub(super) const fn as_of_mut(&mut self) -> &mut AsOf {
        &mut self.as_of
    }

    /// All rows.
    pub async fn all<R: RowOf>(
        &mut self,
        query: Query,
        arguments: &[Argument<'_>],
    ) -> Result<Vec<R>, sqlx::Error> {
        match &mut self.transaction {
            AnyTransaction::Sqlite(transaction) => {
                bind(query_as(query.sqlite), arguments).fetch_all(&mut **transaction).await
            }
            AnyTransaction::Memory(connection) => {
                bind(query_as(query.sqlite), arguments).fetch_all(&mut **connection).await
            }
            AnyTransaction::Postgres(transaction, stale) => {
                let rows = bind(query_as(query.postgres), arguments).fetch_all(&mut **transaction);
                stale.note(in_statement_time(rows).await)
            }
        }
    }

    /// The row, if there is one.
    pub async fn optional<R: RowOf>(
        &mut self,
        query: Query,
        arguments: &[Argument<'_>],
    ) -> Result<Option<R>, sqlx::Error> {
        match &mut self.transaction {
            AnyTransaction::Sqlite(transaction) => {
                bind(query_as(query.sqlite), arguments).fetch_optional(&mut **transaction).await
            }
            AnyTransaction::Memory(connection) => {
                bind(query_as(query.sqlite), arguments).fetch_optional(&mut **connection).await
            }
            AnyTransaction::Postgres(transaction, stale) => {
                let row = bind(query_as(query.postgres), arguments);
                stale.note(in_statement_time(row.fetch_optional(&mut **transaction)).await)
            }
        }
    }

    /// The row.
    pub async fn one<R: RowOf>(
        &mut self,
        query: Query,
        arguments: &[Argument<'_>],
    ) -> Result<R, sqlx::Error> {
        self.optional(query, arguments).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// The texts that a statement gives.
    pub(crate) async fn texts(&mut self, statement: String) -> Result<Vec<String>, sqlx::Error> {
        let statement = AssertSqlSafe(statement);
        match &mut self.transaction {
            AnyTransaction::Sqlite(transaction) => {
                query_scalar(statement).fetch_all(&mut **transaction).await
            }
            AnyTransaction::Postgres(transaction, _) => {
                query_scalar(statement).fetch_all(&mut **transaction).await
            }
            AnyTransaction::Memory(connection) => {
                query_scalar(statement).fetch_all(&mut **connection).await
            }
        }
    }

    pub(crate) const fn is_of_postgres(&self) -> bool {
        matches!(self.transaction, AnyTransaction::Postgres(..))
    }
}

pub(super) fn bind<'q, DB, R>(
    query: QueryAs<'q, DB, R, DB::Arguments>,
    arguments: &[Argument<'q>],
) -> QueryAs<'q, DB, R, DB::Arguments>
where
    DB: Database,
    Option<i64>: Encode<'q, DB> + Type<DB>,
    Option<&'q str>: Encode<'q, DB> + Type<DB>,
{
    arguments.iter().fold(query, |query, argument| match *argument {
        Argument::Int(number) => query.bind(number),
        Argument::Text(text) => query.bind(text),
    })
}

impl From<i64> for Argument<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<u32> for Argument<'_> {
    fn from(number: u32) -> Self {
        Self::Int(Some(number.into()))
    }
}

impl From<Option<i64>> for Argument<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl<'a> From<&'a str> for Argument<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Argument<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_index_is_read_in_its_order_on_either_database() {
        let query = Query::of_index_range("where {range} limit $5", &["shop", "status", "place"]);
        assert_eq!(
            query.sqlite,
            "where shop = $1 and status = $2 and place > $3 and place <= $4\norder by place limit $5"
        );
        assert_eq!(
            query.postgres,
            "where (shop, status, place) > ($1, $2, $3) and (shop, status, place) <= ($1, $2, $4)\n\
             order by shop, status, place limit $5"
        );
    }
}
