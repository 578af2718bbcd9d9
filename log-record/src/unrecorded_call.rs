//! A call of which no event tells, as it is kept beside the keys.

use std::fmt;

use uuid::Uuid;

/// A call of an operator, of an auditor or about keys that recorded no event: it was refused, it
/// failed, or what it did is no fact of the ledger, such as making a key.
#[derive(Clone, PartialEq, Eq)]
pub struct UnrecordedCall {
    /// Its own id, of version 7: of two calls within a microsecond the later has the larger one.
    pub id: Uuid,
    /// When it was answered, in microseconds since 1970.
    pub at: i64,
    /// The id of its request; an operator's tool makes none.
    pub request_id: Option<String>,
    /// The W3C trace context that it came with.
    pub traceparent: Option<String>,
    /// The id of the caller's key.
    pub key: Option<String>,
    /// The caller's role; a tool has none, and so has a stranger, who had no valid key.
    pub role: Option<String>,
    /// Whom the caller's key or token speaks for: private.
    pub subject: Option<String>,
    /// The caller's name: private.
    pub name: Option<String>,
    /// Why, as the caller said: private.
    pub reason: Option<String>,
    /// `PUT`; of an operator's tool its name, `guerdon`.
    pub method: String,
    /// The path without its query; of a tool what it did, `keys revoke k-7f3a9c21`.
    pub path: String,
    /// The account that it was about.
    pub account_id: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The code of the problem that it was answered with.
    pub code: Option<String>,
    /// What was wrong: private, because it may repeat what was sent.
    pub detail: Option<String>,
}

/// Which of these calls are asked for, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnrecordedCalls {
    /// Those before this time and id; both are compared as one.
    pub before: (i64, Uuid),
    /// Not before this time.
    pub from: i64,
    /// Those of this key.
    pub key: Option<String>,
    /// Those about this account.
    pub account_id: Option<String>,
    /// Those whose status is at least the first number and less than the second.
    pub status: (u16, u16),
    /// No more than so many.
    pub limit: u32,
}

impl UnrecordedCalls {
    /// Whether this is one of them, as far as that doesn't depend on others.
    #[must_use]
    pub fn has(&self, call: &UnrecordedCall) -> bool {
        let Self { before, from, key, account_id, status, limit: _ } = self;
        (call.at, call.id) < *before
            && call.at >= *from
            && (key.is_none() || *key == call.key)
            && (account_id.is_none() || *account_id == call.account_id)
            && (status.0..status.1).contains(&call.status)
    }
}

/// Without what is private.
impl fmt::Debug for UnrecordedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnrecordedCall")
            .field("at", &self.at)
            .field("request_id", &self.request_id)
            .field("key", &self.key)
            .field("role", &self.role)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("status", &self.status)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}
