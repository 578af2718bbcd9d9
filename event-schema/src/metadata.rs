//! What is known of how an event came about, kept in its public text under `meta`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Who asked, with which command, as part of which trace. No name of a person is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata<'a> {
    /// The command's name: `redeem`.
    #[serde(borrow)]
    pub command: Cow<'a, str>,
    /// The caller's role: `shopper`; the ledger itself has none.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Cow<'a, str>>,
    /// The W3C trace context that the request came with.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Cow<'a, str>>,
}
