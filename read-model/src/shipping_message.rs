//! A message to a warehouse, and its JSON.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write as _;
use std::ops::Range;

use domain::Timestamp;
use log_record::{Generation, LogId, Place, ShippingRequestId};
use serde_json::Error;

use crate::{ShippingStatus, lines_to_ship};

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Ship this.
    Requested,
    /// There is less to ship than was asked for.
    Reduced,
    /// There is nothing left to ship.
    Cancelled,
}

/// One message to a warehouse. Its texts are its own, or lent by the row that is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShippingMessage<T = String> {
    /// Of the event that made it.
    pub place: Place,
    /// The generation of that event.
    pub generation: Generation,
    /// Its id, by that event; a request that is asked for again keeps its own.
    pub id: ShippingRequestId,
    /// The log that it comes from.
    pub log_id: LogId,
    /// What it says.
    pub kind: MessageKind,
    /// The request that it is, or changes.
    pub shipping_request_id: ShippingRequestId,
    /// Whose goods they are.
    pub account_id: T,
    /// The exchange that is shipped; else it is a purchase.
    pub exchange_id: Option<T>,
    /// The purchase that is shipped; else it is an exchange.
    pub purchase_id: Option<T>,
    /// What was asked for, or what is left of it: a JSON list of products with their quantities.
    pub lines: T,
    /// Where to, in a request; nothing once that was erased.
    pub deliver_to: Option<T>,
    /// Who ships.
    pub warehouse: T,
    /// Its lane.
    pub lane: T,
    /// Its number there, counted from 1.
    pub sequence: i64,
    /// How often its request had been asked for when it was made.
    pub attempt: u32,
    /// When the event was recorded; of a request, when it was asked for first.
    pub recorded_at: Timestamp,
    /// The trace in which it came about.
    pub traceparent: Option<T>,
    /// The request's status when the message was read.
    pub request_status: ShippingStatus,
    /// What was wanted of the request then and had not left, in the form of `lines`.
    pub lines_left: T,
}

/// Where a body has what a header says, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodySpans {
    /// The request's id.
    pub shipping_request_id: Range<usize>,
    /// The number in the lane.
    pub sequence: Range<usize>,
    /// The attempt, which only a request has.
    pub attempt: Option<Range<usize>>,
    /// The place.
    pub position: Range<usize>,
    /// When the event was recorded.
    pub recorded_at: Range<usize>,
}

impl MessageKind {
    /// As a `CloudEvent`'s type.
    #[must_use]
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Requested => "guerdon.shipping-requested",
            Self::Reduced => "guerdon.shipping-request-reduced",
            Self::Cancelled => "guerdon.shipping-request-cancelled",
        }
    }

    /// As the tables write it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "requested" => Some(Self::Requested),
            "reduced" => Some(Self::Reduced),
            "cancelled" => Some(Self::Cancelled),
            _ => None,
        }
    }
}

impl ShippingMessage {
    /// The same message with texts that it lends.
    #[must_use]
    pub fn lent(&self) -> ShippingMessage<&str> {
        ShippingMessage {
            place: self.place,
            generation: self.generation,
            id: self.id,
            log_id: self.log_id,
            kind: self.kind,
            shipping_request_id: self.shipping_request_id,
            account_id: &self.account_id,
            exchange_id: self.exchange_id.as_deref(),
            purchase_id: self.purchase_id.as_deref(),
            lines: &self.lines,
            deliver_to: self.deliver_to.as_deref(),
            warehouse: &self.warehouse,
            lane: &self.lane,
            sequence: self.sequence,
            attempt: self.attempt,
            recorded_at: self.recorded_at,
            traceparent: self.traceparent.as_deref(),
            request_status: self.request_status,
            lines_left: &self.lines_left,
        }
    }
}

impl ShippingMessage<&str> {
    /// The same message with texts of its own.
    #[must_use]
    pub fn owned(&self) -> ShippingMessage {
        let own = |text: &str| text.to_owned();
        ShippingMessage {
            place: self.place,
            generation: self.generation,
            id: self.id,
            log_id: self.log_id,
            kind: self.kind,
            shipping_request_id: self.shipping_request_id,
            account_id: own(self.account_id),
            exchange_id: self.exchange_id.map(own),
            purchase_id: self.purchase_id.map(own),
            lines: own(self.lines),
            deliver_to: self.deliver_to.map(own),
            warehouse: own(self.warehouse),
            lane: own(self.lane),
            sequence: self.sequence,
            attempt: self.attempt,
            recorded_at: self.recorded_at,
            traceparent: self.traceparent.map(own),
            request_status: self.request_status,
            lines_left: own(self.lines_left),
        }
    }
}

impl<T: AsRef<str>> ShippingMessage<T> {
    /// What it is about: the exchange's id, or the purchase's.
    #[must_use]
    pub fn subject(&self) -> &str {
        let subject = self.exchange_id.as_ref().or(self.purchase_id.as_ref());
        subject.map_or("", AsRef::as_ref)
    }

    /// Where it comes from: `/guerdon/{log id}`.
    #[must_use]
    pub fn source(&self) -> String {
        format!("/guerdon/{}", self.log_id)
    }

    /// What is still to be shipped of the request, in the form of `lines`.
    pub fn request_lines(&self) -> Result<Cow<'_, str>, Error> {
        let lines = self.lines_left.as_ref();
        if self.request_status.is_open() {
            return Ok(Cow::Borrowed(lines));
        }
        lines_to_ship(lines.to_owned(), self.request_status).map(Cow::Owned)
    }

    /// Its JSON, the same whoever carries it. `attempt` counts how often a request was sent.
    pub fn body(&self, attempt: u32) -> Result<String, Error> {
        let mut out = vec![];
        self.write_body(attempt, &mut out)?;
        text(out)
    }

    /// Writes its JSON.
    pub fn write_body(&self, attempt: u32, out: &mut Vec<u8>) -> Result<BodySpans, Error> {
        let spans = self.write(attempt, out)?;
        out.push(b'}');
        Ok(spans)
    }

    /// Its JSON with what has become of the request, for whoever reads it now.
    pub fn body_with_request(&self) -> Result<String, Error> {
        let mut out = vec![];
        self.write(self.attempt, &mut out)?;
        let status = self.request_status;
        let (lines, wanted) = (self.request_lines()?, !status.is_called_off());
        put_text(&mut out, r#","request_status":"#, status.as_str())?;
        put(&mut out, r#","request_lines":"#, &lines)?;
        put(&mut out, r#","wanted":"#, wanted)?;
        out.push(b'}');
        text(out)
    }

    /// All but the end: what is nothing isn't there, but an address that was erased is null.
    fn write(&self, attempt: u32, out: &mut Vec<u8>) -> Result<BodySpans, Error> {
        let is_request = self.kind == MessageKind::Requested;
        let id = put(out, r#"{"shipping_request_id":""#, self.shipping_request_id)?;
        out.push(b'"');
        if is_request {
            put(out, r#","type":"#, if self.purchase_id.is_some() { 1 } else { 2 })?;
        }
        put_text(out, r#","account_id":"#, self.account_id.as_ref())?;
        for (name, id) in
            [(r#","exchange_id":"#, &self.exchange_id), (r#","purchase_id":"#, &self.purchase_id)]
        {
            if let Some(id) = id {
                put_text(out, name, id.as_ref())?;
            }
        }
        put(out, r#","lines":"#, self.lines.as_ref())?;
        match &self.deliver_to {
            Some(address) if is_request => {
                put_text(out, r#","deliver_to":"#, address.as_ref())?;
            }
            None if is_request => {
                out.extend_from_slice(br#","deliver_to":null"#);
            }
            _ => {}
        }
        put_text(out, r#","warehouse":"#, self.warehouse.as_ref())?;
        put_text(out, r#","lane":"#, self.lane.as_ref())?;
        let sequence = put(out, r#","sequence":"#, self.sequence)?;
        let attempt = is_request.then(|| put(out, r#","attempt":"#, attempt)).transpose()?;
        let position = put(out, r#","position":""#, self.place)?;
        let recorded = if is_request { r#"","requested_at":""# } else { r#"","changed_at":""# };
        let recorded_at = put(out, recorded, self.recorded_at)?;
        out.push(b'"');
        Ok(BodySpans { shipping_request_id: id, sequence, attempt, position, recorded_at })
    }
}

/// What was written, which is text.
fn text(out: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(out).map_err(|error| Error::io(std::io::Error::other(error)))
}

/// Writes a value after its name, and tells where it is.
fn put(out: &mut Vec<u8>, name: &str, value: impl Display) -> Result<Range<usize>, Error> {
    out.extend_from_slice(name.as_bytes());
    let start = out.len();
    write!(out, "{value}").map_err(Error::io)?;
    Ok(start..out.len())
}

/// Writes a text after its name, as JSON.
fn put_text(out: &mut Vec<u8>, name: &str, text: &str) -> Result<(), Error> {
    out.extend_from_slice(name.as_bytes());
    serde_json::to_writer(out, text)
}

#[cfg(test)]
mod tests {
    use log_record::{Partition, Position};
    use serde::Serialize;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::*;

    /// A body as serde writes it: the order of its members is what warehouses have always had.
    #[derive(Serialize)]
    struct Body<'a> {
        shipping_request_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        r#type: Option<u8>,
        account_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        exchange_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        purchase_id: Option<&'a str>,
        lines: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        deliver_to: Option<Option<&'a str>>,
        warehouse: &'a str,
        lane: &'a str,
        sequence: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        position: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        requested_at: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        changed_at: Option<Timestamp>,
        #[serde(flatten)]
        request: Option<RequestNow<'a>>,
    }

    #[derive(Serialize)]
    struct RequestNow<'a> {
        request_status: ShippingStatus,
        request_lines: &'a RawValue,
        wanted: bool,
    }

    fn by_serde(message: &ShippingMessage, attempt: u32, with_request: bool) -> String {
        let is_request = message.kind == MessageKind::Requested;
        let recorded_if = |is_it: bool| is_it.then_some(message.recorded_at);
        let request_lines = message.request_lines().expect("lines");
        let raw = |text| serde_json::from_str(text).expect("JSON");
        let request = with_request.then(|| RequestNow {
            request_status: message.request_status,
            request_lines: raw(&request_lines),
            wanted: !message.request_status.is_called_off(),
        });
        let body = Body {
            shipping_request_id: message.shipping_request_id.to_string(),
            r#type: is_request.then_some(if message.purchase_id.is_some() { 1 } else { 2 }),
            account_id: &message.account_id,
            exchange_id: message.exchange_id.as_deref(),
            purchase_id: message.purchase_id.as_deref(),
            lines: raw(&message.lines),
            deliver_to: is_request.then_some(message.deliver_to.as_deref()),
            warehouse: &message.warehouse,
            lane: &message.lane,
            sequence: message.sequence,
            attempt: is_request.then_some(attempt),
            position: message.place.to_string(),
            requested_at: recorded_if(is_request),
            changed_at: recorded_if(!is_request),
            request,
        };
        serde_json::to_string(&body).expect("JSON")
    }

    fn message(kind: MessageKind) -> ShippingMessage {
        let place = Place { partition: Partition(3), position: Position(4711) };
        let (log_id, generation) = (LogId(Uuid::from_u128(7)), Generation(2));
        let id = ShippingRequestId { log_id, generation, place };
        ShippingMessage {
            place,
            generation,
            id,
            log_id,
            kind,
            shipping_request_id: id,
            account_id: "ann".into(),
            exchange_id: Some("x-1".into()),
            purchase_id: None,
            lines: r#"[{"product_id":"mug","quantity":2}]"#.into(),
            deliver_to: Some("Ann \"Smith\"\n1 Elm Street\u{1}, Köln \\ 🎁".into()),
            warehouse: "main".into(),
            lane: "3/main/5".into(),
            sequence: 12,
            attempt: 1,
            recorded_at: Timestamp::from_micros(1_700_000_000_123_000).expect("a time"),
            traceparent: None,
            request_status: ShippingStatus::Requested,
            lines_left: r#"[{"product_id":"mug","quantity":1}]"#.into(),
        }
    }

    fn all_kinds() -> Vec<ShippingMessage> {
        use MessageKind::{Cancelled, Reduced, Requested};
        let mut messages = [Requested, Reduced, Cancelled].map(message).to_vec();
        let bought = ShippingMessage {
            account_id: "a\"\\\u{7f}/é".into(),
            exchange_id: None,
            purchase_id: Some("B/1 \t".into()),
            deliver_to: None,
            attempt: 3,
            recorded_at: Timestamp::from_micros(1_700_000_000_000_001).expect("a time"),
            request_status: ShippingStatus::Rejected,
            ..message(Requested)
        };
        messages.push(ShippingMessage { recorded_at: Timestamp::EPOCH, ..bought.clone() });
        messages.push(bought);
        messages
    }

    #[test]
    fn a_body_is_byte_for_byte_what_serde_writes() {
        for message in all_kinds() {
            let written = message.body(4).expect("a body");
            assert_eq!(written, by_serde(&message, 4, false));
            let written = message.body_with_request().expect("a body");
            assert_eq!(written, by_serde(&message, message.attempt, true));
        }
    }

    #[test]
    fn it_is_told_where_a_body_has_what_headers_say() {
        for message in all_kinds() {
            let mut out = b"before it: ".to_vec();
            let spans = message.lent().write_body(4, &mut out).expect("a body");
            let text = |span: Range<usize>| std::str::from_utf8(&out[span]).expect("text");
            assert_eq!(
                text(spans.shipping_request_id.clone()),
                message.shipping_request_id.to_string()
            );
            assert_eq!(text(spans.sequence), "12");
            assert_eq!(text(spans.position), "3:4711");
            assert_eq!(text(spans.recorded_at), message.recorded_at.to_string());
            let is_request = message.kind == MessageKind::Requested;
            assert_eq!(spans.attempt.map(text), is_request.then_some("4"));
        }
    }
}
