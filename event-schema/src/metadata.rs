//! What is known of how an event came about, kept in its public text under `meta`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Who asked, with which command, as part of which trace. No name of a person is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The command's name: `redeem`.
    pub command: Cow<'static, str>,
    /// The id of the caller's key: `k-7f3a9c21`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Box<str>>,
    /// The caller's role: `shopper`; the ledger itself has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Cow<'static, str>>,
    /// The W3C trace context that the request came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Box<str>>,
    /// The id of the request; only what came over HTTP has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<str>>,
    /// Whether the event was recorded beside the one with the command's id, which has the outcome.
    #[serde(default, skip_serializing_if = "is_false")]
    pub beside: bool,
}

impl Metadata {
    /// Of what the ledger does by itself.
    #[must_use]
    pub const fn of_command(name: &'static str) -> Self {
        Self {
            command: Cow::Borrowed(name),
            key: None,
            role: None,
            traceparent: None,
            request: None,
            beside: false,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(is: &bool) -> bool {
    !*is
}
