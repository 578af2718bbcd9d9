//! Reads before anybody asks: which ids there are, the first page of offers and the gates before
//! the ledger is ready, and each offer before it opens.

use std::sync::LazyLock;
use std::time::Duration;

use axum::http::HeaderMap;
use read_model::{Query, ReadError};
use tokio::sync::oneshot;
use wire::PAGE_ITEMS_DEFAULT;

use super::offers::PublicRead;
use crate::QueryApi;
use crate::clock::now;

/// How often it looks which offers open; what is kept of one lives a little longer.
const EVERY: Duration = Duration::from_millis(500);

/// How soon an offer opens that is read before, in microseconds.
const AHEAD: i64 = 2_000_000;

/// How many offers are read that open at the same time.
const OFFERS_MAX: u32 = 100;

/// How long it may take until the tables can be read, and how long they are left alone if they
/// can't.
const READ_WITHIN: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_secs(5);

static OPENING: LazyLock<Query> = LazyLock::new(|| {
    Query::same(include_str!("../sql/list_opening_offers.sql")).by_index("offer_opens_at")
});

/// Keeps what is asked for in a rush in memory; says so once it is there for the first time, or
/// can't be read. While reads are answered from memory only, it reads nothing.
pub async fn keep_warm(api: QueryApi, is_warm: oneshot::Sender<()>) {
    if api.read_model.changes().is_none() {
        return;
    }
    let everybodys = [
        PublicRead::Gates,
        PublicRead::Offers { status: "", limit: PAGE_ITEMS_DEFAULT, after: String::new() },
    ];
    let mut first = Some(is_warm);
    loop {
        let may_ask = !api.reads_memory_only();
        let has_read = may_ask && api.read_opening_offers().await.is_ok();
        if has_read {
            if first.is_some() {
                api.read_ahead(&everybodys).await;
            }
            // That it fails is told elsewhere, by whoever reads for a caller.
            drop(api.learn_ids().await);
        }
        if let Some(is_warm) = first.take() {
            // Whoever doesn't wait any more doesn't mind.
            let _ = is_warm.send(());
        }
        tokio::time::sleep(if has_read || !may_ask { EVERY } else { PAUSE }).await;
    }
}

impl QueryApi {
    /// Reads the offers that open soon, so that they are in memory when they do.
    async fn read_opening_offers(&self) -> Result<(), ReadError> {
        let mut reading = self.read_model.read(&[], READ_WITHIN).await?;
        let now = now(reading.as_of());
        let arguments = [now.into(), (now + AHEAD).into(), OFFERS_MAX.into()];
        let rows = reading.all(*OPENING, &arguments).await;
        let rows: Vec<(String,)> = rows.map_err(ReadError::Unreachable)?;
        drop(reading);
        let ids = rows.iter().filter_map(|(id,)| id.parse().ok());
        self.read_ahead(&ids.map(PublicRead::Offer).collect::<Vec<_>>()).await;
        Ok(())
    }

    async fn read_ahead(&self, reads: &[PublicRead]) {
        for read in reads {
            if let Err(problem) = self.shown(&HeaderMap::new(), read).await {
                tracing::debug!(reason = ?problem, "nothing was read ahead");
            }
        }
    }
}
