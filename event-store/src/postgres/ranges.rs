//! The ranges of positions that the table of events is cut into, made ahead of the appends.
//!
//! Range `n` holds the positions from `n * size + 1` to `(n + 1) * size` of every partition. It is
//! made as a table of its own and then attached, which keeps nobody waiting who appends or reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use log_record::Position;
use postgres_connection::PostgresUrl;
use tokio_postgres::Client;

use super::postgres;
use super::waiting::run_and_tell;
use crate::StoreError;

/// Which ranges are there.
#[derive(Clone, Debug)]
pub(super) struct Ranges {
    size: u64,
    /// The number of the first that this process has not seen made.
    unmade: Arc<AtomicU64>,
}

impl Ranges {
    pub(super) fn new(size: u64) -> Self {
        Self { size, unmade: Arc::default() }
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The table of the range that `position` is in.
    pub(super) fn table_of(&self, position: Position) -> String {
        table(position.0.saturating_sub(1) / self.size)
    }

    /// Makes the range that the event after `head` falls into, and the one after that.
    pub(super) async fn make(
        &self,
        url: &PostgresUrl,
        client: &Client,
        head: Position,
    ) -> Result<(), StoreError> {
        let current = head.0 / self.size;
        for number in [current, current + 1] {
            let what = "the log needs a range for events to come";
            let made = run_and_tell(url, client, what, &range_sql(number, self.size)).await;
            made.map_err(|source| postgres("make room in", source))?;
        }
        self.unmade.fetch_max(current + 2, Ordering::AcqRel);
        Ok(())
    }

    /// Sees to it that the range after the one that `head` is in is there, in the background. Where
    /// that fails, the next append tries again; there is a whole range of time.
    pub(super) fn make_ahead(&self, url: &PostgresUrl, head: Position) {
        let wanted = head.0 / self.size + 2;
        let known = self.unmade.load(Ordering::Acquire);
        let is_mine = known < wanted
            && self
                .unmade
                .compare_exchange(known, wanted, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        if !is_mine {
            return;
        }
        let (ranges, url) = (self.clone(), url.clone());
        tokio::spawn(async move {
            let made = async {
                let connection = url.connect().await?;
                ranges.make(&url, &connection.client, head).await
            };
            if let Err(error) = made.await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "a range of the log can't be made ahead yet");
                ranges.unmade.fetch_min(known, Ordering::AcqRel);
            }
        });
    }
}

/// Vacuum has nothing to clean behind inserts; it comes seldom, and then freezes what it sees, so
/// that an old range is never read through again.
fn range_sql(number: u64, size: u64) -> String {
    let (first, end) = (number * size + 1, (number + 1) * size + 1);
    let name = table(number);
    format!(
        "do $$ begin
            if to_regclass('{name}') is null then
                create table {name} (
                    like guerdon_log.event including defaults including constraints,
                    primary key (partition, position),
                    constraint event_is_in_range check (position >= {first} and position < {end})
                ) with (
                    autovacuum_vacuum_insert_threshold = 1000000,
                    autovacuum_vacuum_insert_scale_factor = 0,
                    autovacuum_analyze_threshold = 1000000,
                    autovacuum_analyze_scale_factor = 0,
                    autovacuum_freeze_min_age = 0
                );
                alter table {name} alter column private set statistics 0;
                alter table guerdon_log.event attach partition {name}
                    for values from ({first}) to ({end});
                alter table {name} drop constraint event_is_in_range;
            end if;
        exception
            -- Another one has made it meanwhile.
            when unique_violation or duplicate_table or duplicate_object then null;
        end $$"
    )
}

fn table(number: u64) -> String {
    format!("guerdon_log.event_{number:06}")
}
