//! A message from the ledger: a shipping request, or a change of one.

use anyhow::{Context as _, bail};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use serde::{Deserialize, Serialize};

/// A message with its headers.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// The same each time that this message is sent.
    pub(crate) id: String,
    /// The ledger that sent it.
    pub(crate) source: String,
    pub(crate) lane: String,
    pub(crate) sequence: i64,
    pub(crate) attempt: i64,
    pub(crate) kind: Kind,
    /// The status of a request when it was replayed.
    pub(crate) request_status: Option<String>,
    pub(crate) body: Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Requested,
    Reduced,
    Cancelled,
}

/// The fields that all messages have; a change has no address.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    pub(crate) shipping_request_id: String,
    pub(crate) account_id: String,
    pub(crate) deliver_to: Option<String>,
    pub(crate) warehouse: String,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Line {
    pub(crate) product_id: String,
    pub(crate) quantity: i64,
}

impl Incoming {
    pub(crate) fn read(message: &BorrowedMessage<'_>) -> anyhow::Result<Self> {
        let kind = match header(message, "ce_type")?.as_str() {
            "guerdon.shipping-requested" => Kind::Requested,
            "guerdon.shipping-request-reduced" => Kind::Reduced,
            "guerdon.shipping-request-cancelled" => Kind::Cancelled,
            other => bail!("the message's type is unknown: {other}"),
        };
        let number = |name| -> anyhow::Result<i64> {
            header(message, name)?.parse().with_context(|| format!("{name} isn't a number"))
        };
        // A change is sent once and has no attempt.
        let attempt = if kind == Kind::Requested { number("attempt")? } else { 1 };
        let body = message.payload().context("the message has no body")?;
        let mut body: Body = serde_json::from_slice(body).context("can't read the body")?;
        // In a replay: the lines that are left of the request.
        if let Ok(lines) = header(message, "request_lines") {
            body.lines = serde_json::from_str(&lines).context("can't read request_lines")?;
        }
        Ok(Self {
            id: header(message, "ce_id")?,
            source: header(message, "ce_source")?,
            lane: header(message, "lane")?,
            sequence: number("sequence")?,
            attempt,
            kind,
            request_status: header(message, "request_status").ok(),
            body,
        })
    }

    pub(crate) fn warehouse(&self) -> &str {
        &self.body.warehouse
    }

    /// The state of a replayed parcel that must not be shipped again.
    pub(crate) fn final_state(&self) -> Option<&str> {
        let over = ["dispatched", "delivered", "cancelled", "rejected", "settled"];
        self.request_status.as_deref().filter(|status| over.contains(status))
    }

    /// Whether nothing is left to ship.
    pub(crate) fn is_nothing_left(&self) -> bool {
        self.kind == Kind::Cancelled || self.body.lines.iter().all(|line| line.quantity == 0)
    }
}

fn header(message: &BorrowedMessage<'_>, name: &str) -> anyhow::Result<String> {
    let headers = message.headers().context("the message has no headers")?;
    let header = headers.iter().find(|header| header.key == name);
    let value = header.and_then(|header| header.value);
    let value = value.with_context(|| format!("the message has no header {name}"))?;
    String::from_utf8(value.into()).with_context(|| format!("header {name} isn't text"))
}
