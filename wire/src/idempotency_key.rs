//! The header `Idempotency-Key`, for clients that prefer it to an id in the path.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::Problem;

/// The key of a request, which must bear one.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub Box<str>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read_idempotency_key(&parts.headers).map(|key| Self(key.into()))
    }
}

/// The key, which may stand in quotation marks as the IETF draft has it, or without.
fn read_idempotency_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut lines = headers.get_all("idempotency-key").iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Err(Problem::invalid_header(
            "Idempotency-Key",
            "must be there once: it is the id that makes a repeat the same request",
        ));
    };
    let text = line.to_str().unwrap_or_default().trim();
    Ok(text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_read_with_or_without_quotation_marks() {
        for value in ["x-1", "\"x-1\"", " x-1 "] {
            let name = "idempotency-key".parse().unwrap();
            let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
            assert_eq!(read_idempotency_key(&headers).unwrap(), "x-1");
        }
        assert!(read_idempotency_key(&HeaderMap::new()).is_err());
    }
}
