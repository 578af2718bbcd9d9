//! A message from a warehouse or a shop as the HTTP request that it stands for.

use std::fmt;

use axum::http::Method;
use serde_json::{Map, Value};
use wire::Role;

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
    MissingField(&'static str),
    NotAText(&'static str),
    NotAnId { field: &'static str, value: String },
    UnknownEvent(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "The message is not valid JSON: {error}."),
            Self::NotAnObject => f.write_str("The message must be a JSON object."),
            Self::MissingField(field) => write!(f, "The field {field} is missing."),
            Self::NotAText(field) => write!(f, "The field {field} must be a text."),
            Self::NotAnId { field, value } => {
                write!(f, "The field {field} is not an id: {value:?}.")
            }
            Self::UnknownEvent(event) => write!(
                f,
                "The field event must be accepted, back-ordered, dispatched, delivered or rejected, \
                 not {event:?}."
            ),
        }
    }
}

/// The request of a warehouse's message: `{"shipping_request_id":…,"event":…}` with the fields of
/// that event.
pub(crate) fn warehouse_call(body: &[u8]) -> Result<Call, Unreadable> {
    let mut body = object(body)?;
    let id = take_id(&mut body, "shipping_request_id")?;
    let event = take_text(&mut body, "event")?;
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
    if ["dispatched", "delivered"].contains(&event.as_str()) && body.contains_key("dispatch_id") {
        let parcel = format!("dispatches/{}", take_id(&mut body, "dispatch_id")?);
        resource = if event == "delivered" { format!("{parcel}/delivery") } else { parcel };
    }
    Ok(Call {
        role: Role::Warehouse,
        method: Method::PUT,
        path: format!("/v1/shipping-requests/{id}/{resource}"),
        body: Value::Object(body).to_string().into_bytes(),
        key: id,
    })
}

/// The request of an earning: the body of `POST /v1/accounts/{account_id}/credits`, with the
/// account's id.
pub(crate) fn earning_call(body: &[u8]) -> Result<Call, Unreadable> {
    let mut body = object(body)?;
    let id = take_id(&mut body, "account_id")?;
    Ok(Call {
        role: Role::Merchant,
        method: Method::POST,
        path: format!("/v1/accounts/{id}/credits"),
        body: Value::Object(body).to_string().into_bytes(),
        key: id,
    })
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Unreadable> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Unreadable::NotAnObject),
        Err(error) => Err(Unreadable::NotJson(error.to_string())),
    }
}

fn take_text(body: &mut Map<String, Value>, field: &'static str) -> Result<String, Unreadable> {
    match body.remove(field) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Unreadable::NotAText(field)),
        None => Err(Unreadable::MissingField(field)),
    }
}

/// Takes an id and checks it, because it becomes part of a path.
fn take_id(body: &mut Map<String, Value>, field: &'static str) -> Result<String, Unreadable> {
    let id = take_text(body, field)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:~".contains(&byte);
    if id.is_empty() || id.len() > 128 || !id.bytes().all(is_plain) || id.starts_with('.') {
        return Err(Unreadable::NotAnId { field, value: id });
    }
    Ok(id)
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
        let bodies: [&[u8]; 6] = [
            b"",
            b"[]",
            br#"{"event":"accepted"}"#,
            br#"{"shipping_request_id":7,"event":"accepted"}"#,
            br#"{"shipping_request_id":"../x","event":"accepted"}"#,
            br#"{"shipping_request_id":"x","event":"eaten"}"#,
        ];
        for body in bodies {
            let refused = warehouse_call(body).expect_err("it is refused").to_string();
            assert!(refused.ends_with('.'), "{refused}");
        }
    }
}
