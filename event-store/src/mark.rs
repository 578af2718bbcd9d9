//! What operators have marked, beside the log, so that every process of a ledger looks at the same.
//!
//! Marks are no events: they say what is watched, and end by themselves. What a mark does is known
//! elsewhere.

use crate::{EventStore, StoreError};

/// A mark as it is stored. Times are in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkRow {
    /// The name of what is marked: `account`, `request`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The id of the key that marked it last, where it was one.
    pub key: Option<String>,
    /// When it was marked last.
    pub marked_at: i64,
    /// When the mark ends.
    pub ends_at: i64,
}

/// A change of one mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkChange {
    /// Something is marked, in place of a mark that it had. Marks that have ended by then go.
    Set(MarkRow),
    /// A mark is removed.
    Remove {
        /// The name of what was marked.
        kind: String,
        /// Its id.
        id: String,
    },
}

impl MarkChange {
    /// Makes the change in a list of all marks. Every store does the same in its own way.
    pub(crate) fn apply(&self, marks: &mut Vec<MarkRow>) {
        match self {
            Self::Set(row) => {
                let is_other = |mark: &MarkRow| (&mark.kind, &mark.id) != (&row.kind, &row.id);
                marks.retain(|mark| is_other(mark) && mark.ends_at > row.marked_at);
                marks.push(row.clone());
            }
            Self::Remove { kind, id } => {
                marks.retain(|mark| (&mark.kind, &mark.id) != (kind, id));
            }
        }
        sort(marks);
    }
}

/// Later marks come first.
pub(crate) fn sort(marks: &mut [MarkRow]) {
    marks.sort_by(|a, b| (b.marked_at, &a.kind, &a.id).cmp(&(a.marked_at, &b.kind, &b.id)));
}

impl EventStore {
    /// The marks beside the log, the latest first; also those that have ended since they were made.
    pub async fn marks(&self) -> Result<Vec<MarkRow>, StoreError> {
        let mut marks = match self {
            Self::Memory(store) => store.marks(),
            Self::Sqlite(store) => store.marks().await?,
            Self::Postgres(store) => store.marks().await?,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.marks().await?,
        };
        sort(&mut marks);
        Ok(marks)
    }

    /// Changes a mark, durably. A process that only reads the log may do it, too.
    pub async fn change_mark(&self, change: MarkChange) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => {
                store.change_mark(&change);
                Ok(())
            }
            Self::Sqlite(store) => store.change_mark(change).await,
            Self::Postgres(store) => store.change_mark(&change).await,
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => store.change_mark(&change).await,
        }
    }
}
