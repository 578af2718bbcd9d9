//! A message from a warehouse or a shop as the HTTP request that it stands for.

use std::collections::HashSet;
use std::fmt;

use axum::http::Method;
use domain::{AccountId, DispatchId};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::error::Category;
use serde_json::value::RawValue;
use wire::{Role, excerpt};

/// The longest id of a shipping request that is asked about, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// A request to the command API.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(super) role: Role,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
    /// The id whose messages stay in order: of a shipping request, or of an account.
    pub(crate) key: String,
}

/// Why a message makes no request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    NotJson(String),
    NotAnObject,
    /// A field is there twice; the name is as it came.
    Twice(String),
    MissingField(&'static str),
    NotAText(&'static str),
    /// The text is as it came.
    NotAnId {
        field: &'static str,
        text: String,
    },
    /// The text is as it came.
    UnknownEvent(String),
}

impl Unreadable {
    /// Its code in the list of parked messages.
    pub(crate) const CODE: &'static str = "message-unreadable";
}

/// A stranger's text is cut.
impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "The message is not valid JSON: {error}."),
            Self::NotAnObject => f.write_str("The message must be a JSON object."),
            Self::Twice(field) => write!(f, "The field {} is there twice.", excerpt(field)),
            Self::MissingField(field) => write!(f, "The field {field} is missing."),
            Self::NotAText(field) => write!(f, "The field {field} must be a text."),
            Self::NotAnId { field, text } => {
                let text = excerpt(text);
                write!(
                    f,
                    "The field {field} is not an id: {text:?}. An id has letters, digits and \
                     -_.:, and not only dots."
                )
            }
            Self::UnknownEvent(event) => write!(
                f,
                "The field event must be accepted, back-ordered, dispatched, delivered or rejected, \
                 not {:?}.",
                excerpt(event)
            ),
        }
    }
}

/// The request of a warehouse's message: `{"shipping_request_id":…,"event":…}` with the fields of
/// that event.
pub(crate) fn warehouse_call(body: &[u8]) -> Result<Call, Unreadable> {
    let mut fields = Fields::read(body)?;
    let id = fields.take_text("shipping_request_id")?;
    if !can_be_in_path(&id) {
        return Err(Unreadable::NotAnId { field: "shipping_request_id", text: id });
    }
    let event = fields.take_text("event")?;
    let mut resource = match event.as_str() {
        "accepted" => "acceptance",
        "back-ordered" => "back-order",
        "dispatched" => "dispatch",
        "delivered" => "delivery",
        "rejected" => "rejection",
        _ => return Err(Unreadable::UnknownEvent(event)),
    }
    .to_owned();
    // Of the other events, it is a field that there isn't: the command API says so.
    let field = "dispatch_id";
    if ["dispatched", "delivered"].contains(&event.as_str()) && fields.has(field) {
        let parcel = fields.take_text(field)?;
        let Ok(parcel) = parcel.parse::<DispatchId>() else {
            return Err(Unreadable::NotAnId { field, text: parcel });
        };
        let delivery = if event == "delivered" { "/delivery" } else { "" };
        resource = format!("dispatches/{parcel}{delivery}");
    }
    Ok(Call {
        role: Role::Warehouse,
        method: Method::PUT,
        path: format!("/v1/shipping-requests/{id}/{resource}"),
        body: fields.write()?,
        key: id,
    })
}

/// The request of an earning: the body of `POST /v1/accounts/{account_id}/credits`, with the
/// account's id.
pub(crate) fn earning_call(body: &[u8]) -> Result<Call, Unreadable> {
    let mut fields = Fields::read(body)?;
    let field = "account_id";
    let id = fields.take_text(field)?;
    let Ok(id) = id.parse::<AccountId>() else {
        return Err(Unreadable::NotAnId { field, text: id });
    };
    Ok(Call {
        role: Role::Merchant,
        method: Method::POST,
        path: format!("/v1/accounts/{id}/credits"),
        body: fields.write()?,
        key: id.to_string(),
    })
}

/// Whether a text is a segment of a path as it stands. Whether it is the id of a shipping request
/// is for the command API to say.
fn can_be_in_path(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:~".contains(&byte);
    let is_dots = id.bytes().all(|byte| byte == b'.');
    !is_dots && id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(is_plain)
}

/// A message's fields in the order in which they came. The values are kept as text, so that the
/// command API refuses the same as over HTTP: also a field that is there twice within a value.
struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    fn has(&self, field: &str) -> bool {
        self.0.iter().any(|(name, _)| name == field)
    }

    fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let read: Result<Self, serde_json::Error> = serde_json::from_slice(body);
        let fields = read.map_err(|error| match error.classify() {
            Category::Data => not_an_object(body),
            _ => Unreadable::NotJson(error.to_string()),
        })?;
        // A stranger's message may have a hundred thousand.
        let mut names = HashSet::with_capacity(fields.0.len());
        for (name, _) in &fields.0 {
            if !names.insert(name.as_str()) {
                return Err(Unreadable::Twice(name.clone()));
            }
        }
        drop(names);
        Ok(fields)
    }

    fn take_text(&mut self, field: &'static str) -> Result<String, Unreadable> {
        let index = self.0.iter().position(|(name, _)| name == field);
        let (_, value) = self.0.remove(index.ok_or(Unreadable::MissingField(field))?);
        serde_json::from_str(value.get()).map_err(|_| Unreadable::NotAText(field))
    }

    fn write(&self) -> Result<Vec<u8>, Unreadable> {
        serde_json::to_vec(self).map_err(|error| Unreadable::NotJson(error.to_string()))
    }
}

/// Why a body that doesn't begin as an object is none.
fn not_an_object(body: &[u8]) -> Unreadable {
    match serde_json::from_slice::<IgnoredAny>(body) {
        Ok(_) => Unreadable::NotAnObject,
        Err(error) => Unreadable::NotJson(error.to_string()),
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AllFields;
        impl<'de> Visitor<'de> for AllFields {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = vec![];
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(AllFields)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warehouses_message_becomes_a_request_on_its_resource() {
        let body = br#"{"shipping_request_id":"l-1-0-5","event":"dispatched","carrier":"post"}"#;
        let call = warehouse_call(body).expect("it is read");
        assert_eq!(call.method, Method::PUT);
        assert_eq!(call.path, "/v1/shipping-requests/l-1-0-5/dispatch");
        assert_eq!(call.body, br#"{"carrier":"post"}"#);
        assert_eq!((call.role, call.key.as_str()), (Role::Warehouse, "l-1-0-5"));
    }

    #[test]
    fn a_message_about_one_parcel_becomes_a_request_on_that_parcel() {
        for (event, path) in [("dispatched", "box-1"), ("delivered", "box-1/delivery")] {
            let body = format!(
                r#"{{"shipping_request_id":"l-1-0-5","event":"{event}","dispatch_id":"box-1"}}"#
            );
            let call = warehouse_call(body.as_bytes()).expect("it is read");
            assert_eq!(call.path, format!("/v1/shipping-requests/l-1-0-5/dispatches/{path}"));
            assert_eq!((call.body.as_slice(), call.key.as_str()), (&b"{}"[..], "l-1-0-5"));
        }
        let bent = br#"{"shipping_request_id":"x","event":"delivered","dispatch_id":"../x"}"#;
        warehouse_call(bent).expect_err("it is refused");
    }

    #[test]
    fn an_earning_is_posted_to_its_account() {
        let call = earning_call(br#"{"account_id":"ann","points":5}"#).expect("it is read");
        assert_eq!(call.path, "/v1/accounts/ann/credits");
        assert_eq!((call.body.as_slice(), call.role), (&br#"{"points":5}"#[..], Role::Merchant));
    }

    #[test]
    fn a_message_that_can_not_be_read_is_refused_in_a_sentence() {
        let bodies: [&[u8]; 8] = [
            b"",
            b"[]",
            br#"{"event":"accepted"}"#,
            br#"{"shipping_request_id":7,"event":"accepted"}"#,
            br#"{"shipping_request_id":"../x","event":"accepted"}"#,
            br#"{"shipping_request_id":"","event":"accepted"}"#,
            br#"{"shipping_request_id":"..","event":"accepted"}"#,
            br#"{"shipping_request_id":"x","event":"eaten"}"#,
        ];
        for body in bodies {
            let refused = warehouse_call(body).expect_err("it is refused").to_string();
            assert!(refused.ends_with('.'), "{refused}");
        }
    }

    #[test]
    fn an_account_has_the_same_ids_as_over_http() {
        let call = |id: &str| earning_call(format!(r#"{{"account_id":"{id}"}}"#).as_bytes());
        let longest = "k".repeat(128);
        for id in ["kim", ".kim", "..kim", "k.", "-", ":", longest.as_str()] {
            assert!(call(id).is_ok() && id.parse::<AccountId>().is_ok(), "{id}");
        }
        let too_long = "k".repeat(129);
        for id in ["", ".", "..", "~kim", "k/m", "k m", "k%6Dm", too_long.as_str()] {
            let refused = call(id).expect_err("it is refused");
            assert!(matches!(refused, Unreadable::NotAnId { .. }), "{refused}");
        }
    }

    #[test]
    fn a_field_that_is_there_twice_is_refused_whatever_it_says() {
        for body in [
            r#"{"account_id":"ann","account_id":"bob","points":5}"#,
            r#"{"account_id":"ann","points":5,"points":5}"#,
            r#"{"account_id":"ann","points":5,"p\u006fints":5}"#,
        ] {
            let refused = earning_call(body.as_bytes()).expect_err("it is refused");
            assert!(matches!(refused, Unreadable::Twice(_)), "{refused}");
        }
        // The command API sees both, and refuses them.
        let within = r#"{"account_id":"ann","cause":{"id":"a","id":"b"}}"#;
        let call = earning_call(within.as_bytes()).expect("it is read");
        assert_eq!(call.body, br#"{"cause":{"id":"a","id":"b"}}"#);
    }

    #[test]
    fn a_number_reaches_the_command_api_as_it_was_written() {
        let body = br#"{"account_id":"ann","points":1.0000000000000000001e400}"#;
        let call = earning_call(body).expect("it is read");
        assert_eq!(call.body, br#"{"points":1.0000000000000000001e400}"#);
    }

    #[test]
    fn a_reason_repeats_64_characters_of_a_strangers_text() {
        let long = "x".repeat(900_000);
        for (body, what) in [
            (format!(r#"{{"shipping_request_id":"{long}","event":"accepted"}}"#), "an id"),
            (format!(r#"{{"shipping_request_id":"x","event":"{long}"}}"#), "an event"),
            (format!(r#"{{"{long}":1,"{long}":2}}"#), "a field"),
            (format!("{{\"{long}"), "half a message"),
        ] {
            let reason = warehouse_call(body.as_bytes()).expect_err("it is refused").to_string();
            let repeated = reason.matches('x').count();
            assert!(repeated < 70 && reason.len() < 400, "{what}: {}", reason.len());
        }
    }
}
