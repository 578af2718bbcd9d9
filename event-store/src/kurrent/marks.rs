//! The marks beside a log in KurrentDB.

use serde::{Deserialize, Serialize};

use super::KurrentStore;
use super::list::List;
use crate::{MarkChange, MarkRow, StoreError};

/// All marks after a change.
#[derive(Serialize, Deserialize)]
struct MarksChanged {
    marks: Vec<Mark>,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    kind: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    marked_at: i64,
    ends_at: i64,
}

impl KurrentStore {
    pub(crate) async fn marks(&self) -> Result<Vec<MarkRow>, StoreError> {
        Ok(rows_of(self.mark_list().newest().await?))
    }

    pub(crate) async fn change_mark(&self, change: &MarkChange) -> Result<(), StoreError> {
        let change = |newest| {
            let before = rows_of(newest);
            let mut marks = before.clone();
            change.apply(&mut marks);
            let is_changed = marks != before;
            Ok(is_changed.then(|| MarksChanged { marks: marks.into_iter().map(mark_of).collect() }))
        };
        self.mark_list().change(change).await
    }

    fn mark_list(&self) -> List<'_> {
        List {
            connection: &self.shared.connection,
            stream: format!("guerdon_marks-{}", self.shared.log_id),
            event_type: "marks-changed",
        }
    }
}

fn rows_of(newest: Option<MarksChanged>) -> Vec<MarkRow> {
    newest.into_iter().flat_map(|newest| newest.marks).map(row_of).collect()
}

fn row_of(mark: Mark) -> MarkRow {
    let Mark { kind, id, key, marked_at, ends_at } = mark;
    MarkRow { kind, id, key, marked_at, ends_at }
}

fn mark_of(row: MarkRow) -> Mark {
    let MarkRow { kind, id, key, marked_at, ends_at } = row;
    Mark { kind, id, key, marked_at, ends_at }
}
