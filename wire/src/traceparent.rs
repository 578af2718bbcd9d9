//! The W3C trace context that a request came with.

use axum::http::HeaderMap;
use log_record::parse_hex;

/// The header `traceparent`, where it is a valid one.
pub(crate) fn read_traceparent(headers: &HeaderMap) -> Option<&str> {
    valid_traceparent(headers.get("traceparent")?.to_str().ok()?)
}

/// A trace context, where it is a valid one of version 00; anything else is ignored, as the
/// recommendation asks.
#[must_use]
pub fn valid_traceparent(text: &str) -> Option<&str> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_valid = version == "00"
        && parts.next().is_none()
        && !text.bytes().any(|byte| byte.is_ascii_uppercase())
        && parse_hex::<16>(trace).is_some_and(|id| id != [0; 16])
        && parse_hex::<8>(span).is_some_and(|id| id != [0; 8])
        && parse_hex::<1>(flags).is_some();
    is_valid.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<String> {
        let name = "traceparent".parse().unwrap();
        let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
        read_traceparent(&headers).map(ToOwned::to_owned)
    }

    #[test]
    fn a_valid_one_is_kept_and_any_other_ignored() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(read(valid).as_deref(), Some(valid));
        for other in [
            "",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
