//! What partitions tell each other, counted in the log.

use anyhow::Context as _;
use rusqlite::{Connection, OpenFlags};

use crate::contender::Contender;
use crate::ledger::Ledger;

/// How many messages a log has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages {
    pub(crate) sent: u64,
    /// Those among them that grant units of an offer.
    pub(crate) granted: u64,
}

impl Messages {
    /// Those of a ledger so far, where it has several partitions.
    pub(crate) fn of(ledger: &Ledger, contender: &Contender) -> anyhow::Result<Option<Self>> {
        if contender.partitions == 1 {
            return Ok(None);
        }
        let granted = r#"type = 'message-sent' and public like '%"says":"shelf-granted"%'"#;
        let count = |table: &str, which: &str| -> anyhow::Result<u64> {
            let count = match &ledger.postgres {
                Some(postgres) => {
                    let sql = format!("select count(*) from guerdon_log.{table} where {which}");
                    postgres.sql("guerdon", &sql)?.parse().ok()
                }
                None => {
                    let file = ledger.data.join("log.sqlite");
                    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
                    let log = Connection::open_with_flags(file, flags)?;
                    let sql = format!("select count(*) from {table} where {which}");
                    log.query_row(&sql, (), |row| row.get::<_, i64>(0))?.try_into().ok()
                }
            };
            count.context("the log's messages can't be counted")
        };
        Ok(Some(Self { sent: count("message", "true")?, granted: count("event", granted)? }))
    }

    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(before.sent),
            granted: self.granted.saturating_sub(before.granted),
        }
    }
}
