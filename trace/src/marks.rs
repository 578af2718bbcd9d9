//! What an operator has marked: accounts and requests that every part of the ledger logs in detail,
//! and whose traces are kept, until a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use crate::clock::unix_micros;

/// What is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// An account, by its id.
    Account,
    /// A request, by an id in its path, its idempotency key, or the id of its trace.
    Request,
}

/// A mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What is marked.
    pub kind: MarkKind,
    /// Its id.
    pub id: Box<str>,
    /// When the mark ends, in microseconds since 1970-01-01T00:00:00Z.
    pub ends_at: i64,
}

/// The marks as this process knows them. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Marks(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Looked at for each request; the list is only where there is one.
    is_any: AtomicBool,
    list: RwLock<Vec<Mark>>,
}

impl MarkKind {
    /// Its name, as a path and a row have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Request => "request",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Account, Self::Request].into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Marks {
    /// Knows these marks from now on, and no other.
    pub fn replace(&self, marks: Vec<Mark>) {
        let mut list = self.0.list.write();
        self.0.is_any.store(!marks.is_empty(), Ordering::Relaxed);
        *list = marks;
    }

    /// Whether nothing is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.0.is_any.load(Ordering::Relaxed)
    }

    /// Whether this account is marked.
    #[must_use]
    pub fn has_account(&self, account_id: &str) -> bool {
        self.has(MarkKind::Account, |id| id == account_id)
    }

    /// Whether this is the id of a marked request.
    #[must_use]
    pub fn has_request(&self, request_id: &str) -> bool {
        self.has(MarkKind::Request, |id| id == request_id)
    }

    /// Whether the id of a marked request is one of the texts in this JSON.
    #[must_use]
    pub fn has_request_in(&self, json: &str) -> bool {
        self.has(MarkKind::Request, |id| {
            json.match_indices(id)
                .any(|(at, _)| json[..at].ends_with('"') && json[at + id.len()..].starts_with('"'))
        })
    }

    fn has(&self, kind: MarkKind, is_it: impl Fn(&str) -> bool) -> bool {
        if self.is_empty() {
            return false;
        }
        let now = unix_micros();
        let list = self.0.list.read();
        list.iter().any(|mark| mark.kind == kind && mark.ends_at > now && is_it(&mark.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(kind: MarkKind, id: &str, ends_in_seconds: i64) -> Mark {
        Mark { kind, id: id.into(), ends_at: unix_micros() + ends_in_seconds * 1_000_000 }
    }

    #[test]
    fn what_is_marked_is_known_by_its_kind_and_id_until_the_mark_ends() {
        let marks = Marks::default();
        assert!(marks.is_empty() && !marks.has_account("ann"));
        marks.replace(vec![
            mark(MarkKind::Account, "ann", 60),
            mark(MarkKind::Account, "bob", -1),
            mark(MarkKind::Request, "x-1", 60),
        ]);
        assert!(!marks.is_empty());
        assert!(marks.has_account("ann") && !marks.has_account("x-1"));
        assert!(!marks.has_account("bob"), "its mark has ended");
        assert!(marks.has_request("x-1") && !marks.has_request("ann"));
        assert!(marks.has_request_in(r#"{"exchange_id":"x-1","points":300}"#));
        assert!(!marks.has_request_in(r#"{"exchange_id":"x-11","note":"x-1 late"}"#));
        marks.replace(vec![]);
        assert!(marks.is_empty());
    }
}
