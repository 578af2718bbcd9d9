//! Writing a table anew, so that its files don't have what was erased of its rows.
//!
//! An update leaves the former row in its page, and what vacuum frees isn't overwritten; `vacuum
//! full` gives the table other files. It would copy rows, too, that somebody's older transaction
//! may still see: so it waits until there is none.

use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

const OLDER: &str = include_str!("older_transactions.sql");

/// While `vacuum full` waits for its lock, others wait behind it. So it gives up soon, and tries
/// again.
const LIMITS: &str = "set lock_timeout = '100ms'; set statement_timeout = 0";

/// How often it tries, and the pause between two tries: ten seconds in all.
const TRIES: u32 = 50;
const AGAIN: Duration = Duration::from_millis(200);

/// How writing a table anew ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewritten {
    /// It has other files; also where there is no such table.
    Done,
    /// Somebody's transaction may still see the former rows.
    Older,
    /// Others held the table all the time.
    Locked,
    /// The server didn't do it: the role may not.
    Forbidden,
}

impl Rewritten {
    /// Why the table still has its former files; nothing where it has others.
    #[must_use]
    pub const fn why_not(self) -> Option<&'static str> {
        match self {
            Self::Done => None,
            Self::Older => Some("a transaction, a standby or a slot may still see its former rows"),
            Self::Locked => Some("others hold it all the time"),
            Self::Forbidden => Some(
                "the server doesn't let this role; have it own the table, or grant it `maintain`",
            ),
        }
    }
}

/// Writes a table anew. What was erased must be committed by now.
pub async fn rewrite_table(client: &Client, table: &str) -> Result<Rewritten, Error> {
    client.batch_execute(LIMITS).await?;
    let now = "select cast(cast(pg_current_xact_id() as xid) as text)";
    let now: String = client.query_one(now, &[]).await?.try_get(0)?;
    let mut tries = 0;
    while client.query_one(OLDER, &[&now]).await?.try_get::<_, bool>(0)? {
        tries += 1;
        if tries > TRIES {
            return Ok(Rewritten::Older);
        }
        tokio::time::sleep(AGAIN).await;
    }
    let Some(former) = file_of(client, table).await? else { return Ok(Rewritten::Done) };
    let vacuum = format!("vacuum full {table}");
    while let Err(error) = client.batch_execute(&vacuum).await {
        tries += 1;
        if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
            return Err(error);
        }
        if tries > 2 * TRIES {
            return Ok(Rewritten::Locked);
        }
        tokio::time::sleep(AGAIN).await;
    }
    // Without the right to do it, the server only warns.
    let is_same = file_of(client, table).await? == Some(former);
    Ok(if is_same { Rewritten::Forbidden } else { Rewritten::Done })
}

/// The file that a table is in; nothing where there is no such table.
async fn file_of(client: &Client, table: &str) -> Result<Option<u32>, Error> {
    let select = "select pg_relation_filenode(to_regclass($1))";
    client.query_one(select, &[&table]).await?.try_get(0)
}
