//! What operators have marked: kept beside the log, and looked at by every process of the ledger.

use std::time::Duration;

use domain::AccountId;
use event_store::{EventStore, MarkChange, MarkRow, StoreError, with_causes};
use trace::{Mark, MarkKind, Marks, unix_micros};

/// How often a process looks for changes of the marks. All processes know a mark within 5 s.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The most marks at a time: each request is compared with all of them. With one more, the oldest
/// is removed.
const MARKS_MAX: usize = 100;

/// The marks of a ledger. Clones share what this process knows of them.
#[derive(Clone, Debug)]
pub struct MarkBook {
    store: EventStore,
    known: Marks,
}

impl MarkBook {
    /// The marks beside the log in `store`; this process looks at what is in `known`.
    #[must_use]
    pub const fn new(store: EventStore, known: Marks) -> Self {
        Self { store, known }
    }

    /// The marks that haven't ended, the latest first.
    pub(crate) async fn list(&self) -> Result<Vec<MarkRow>, StoreError> {
        let (mut marks, now) = (self.store.marks().await?, unix_micros());
        marks.retain(|mark| mark.ends_at > now);
        Ok(marks)
    }

    /// Marks something; gives the mark, and whether there was none. It is durable when this ends,
    /// and counts in this process.
    pub(crate) async fn set(
        &self,
        kind: MarkKind,
        id: &MarkedId,
        lasts: Duration,
        key: Option<&str>,
    ) -> Result<(MarkRow, bool), StoreError> {
        let before = self.list().await?;
        let is_it = |mark: &MarkRow| mark.kind == kind.as_str() && mark.id == id.as_str();
        let marked_at = unix_micros();
        let lasts = i64::try_from(lasts.as_micros()).unwrap_or(i64::MAX);
        let row = MarkRow {
            kind: kind.as_str().into(),
            id: id.as_str().into(),
            key: key.map(Into::into),
            marked_at,
            ends_at: marked_at.saturating_add(lasts),
        };
        self.store.change_mark(MarkChange::Set(row.clone())).await?;
        for MarkRow { kind, id, .. } in self.list().await?.into_iter().skip(MARKS_MAX) {
            self.store.change_mark(MarkChange::Remove { kind, id }).await?;
        }
        self.refresh().await?;
        tracing::info!(kind = row.kind, id = row.id, key, "a mark was set");
        Ok((row, !before.iter().any(is_it)))
    }

    /// Removes a mark, where there is one.
    pub(crate) async fn remove(
        &self,
        kind: MarkKind,
        id: &MarkedId,
        key: Option<&str>,
    ) -> Result<(), StoreError> {
        let (kind, id) = (kind.as_str().to_owned(), id.as_str().to_owned());
        tracing::info!(kind, id, key, "a mark is removed");
        self.store.change_mark(MarkChange::Remove { kind, id }).await?;
        self.refresh().await
    }

    /// Looks again what is marked, now and then, for as long as it is polled. While the log can't
    /// be read, the marks stay as they are, and end by themselves.
    pub async fn keep_up(self) {
        let mut is_failing = false;
        loop {
            let refreshed = self.refresh().await;
            if let Err(error) = &refreshed
                && !is_failing
            {
                tracing::warn!(error = with_causes(error), "can't read what operators have marked");
            }
            is_failing = refreshed.is_err();
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let marks = self.list().await?.into_iter().filter_map(|row| {
            let MarkRow { kind, id, ends_at, .. } = row;
            Some(Mark { kind: MarkKind::parse(&kind)?, id: id.into(), ends_at })
        });
        self.known.replace(marks.collect());
        Ok(())
    }
}

/// What can be marked: an account's id has the form of all ids, and room for the longest.
#[derive(Clone, Debug)]
pub(crate) struct MarkedId(AccountId);

impl MarkedId {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl std::str::FromStr for MarkedId {
    type Err = <AccountId as std::str::FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
