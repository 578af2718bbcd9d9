//! What an operator has marked, to be logged in detail and traced for a time.

use serde::{Deserialize, Serialize};

use domain::Timestamp;

/// `PUT /v1/marks/accounts/{marked_id}` and `PUT /v1/marks/requests/{marked_id}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMarkBody {
    /// How many seconds the mark lasts, 1 to 86,400; 900 (a quarter of an hour) if not given.
    pub seconds: Option<u32>,
}

/// A mark.
#[derive(Debug, Serialize)]
pub struct MarkBody {
    /// `account` or `request`.
    pub kind: String,
    /// The id of what is marked.
    pub id: String,
    /// The id of the key that marked it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// When it was marked last.
    pub marked_at: Timestamp,
    /// When the mark ends by itself.
    pub ends_at: Timestamp,
}

/// The marks that haven't ended, the latest first.
#[derive(Debug, Serialize)]
pub struct MarksBody {
    /// The marks.
    pub items: Vec<MarkBody>,
    /// Always null: there is one page.
    pub next: Option<String>,
}
