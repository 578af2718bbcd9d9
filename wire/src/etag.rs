//! Strong ETags: a read that gives the same bytes bears the same one.

use axum::body::Bytes;
use axum::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use log_record::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Problem;
use crate::json_response::{response, to_json};

/// `value` as JSON with the ETag of its bytes, or 304 where `If-None-Match` has that already.
pub fn json_with_etag(headers: &HeaderMap, value: &impl Serialize) -> Result<Response, Problem> {
    Ok(JsonAnswer::of(value)?.conditional(headers))
}

/// An answer as it is sent, which can be kept.
#[derive(Clone, Debug)]
pub struct JsonAnswer {
    etag: HeaderValue,
    body: Bytes,
}

impl JsonAnswer {
    /// `value` as JSON with the ETag of its bytes.
    pub fn of(value: &impl Serialize) -> Result<Self, Problem> {
        let body = to_json(value)?;
        let etag = format!("\"{}\"", hex(&Sha256::digest(&body)[..16]));
        Self::new(&etag, body)
    }

    fn new(etag: &str, body: Vec<u8>) -> Result<Self, Problem> {
        let etag = HeaderValue::from_str(etag).map_err(|_| Problem::internal())?;
        Ok(Self { etag, body: body.into() })
    }

    /// The response, or 304 where `If-None-Match` has its ETag already.
    #[must_use]
    pub fn conditional(&self, headers: &HeaderMap) -> Response {
        let etag = self.etag.clone();
        if is_known(headers, etag.to_str().unwrap_or_default()) {
            return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
        }
        let json = HeaderValue::from_static("application/json");
        let mut answer = response(StatusCode::OK, json, self.body.clone());
        answer.headers_mut().insert(ETAG, etag);
        answer
    }
}

/// `value` as JSON with the ETag of what stays the same in it for a while, or 304 where
/// `If-None-Match` has that already. The ETag is weak: the bytes differ with the time.
pub fn json_with_weak_etag(
    headers: &HeaderMap,
    timeless: &impl Serialize,
    value: &impl Serialize,
) -> Result<Response, Problem> {
    let etag = format!("W/\"{}\"", hex(&Sha256::digest(to_json(timeless)?)[..16]));
    Ok(JsonAnswer::new(&etag, to_json(value)?)?.conditional(headers))
}

/// Likewise, under an ETag that begins with a version: `"3-5f1c…"`. `If-Match` goes by the version.
pub fn json_with_version(
    headers: &HeaderMap,
    version: u64,
    value: &impl Serialize,
) -> Result<Response, Problem> {
    let body = to_json(value)?;
    let etag = format!("\"{version}-{}\"", hex(&Sha256::digest(&body)[..8]));
    Ok(JsonAnswer::new(&etag, body)?.conditional(headers))
}

/// Which version of a thing a change is for: what `If-Match` and `If-None-Match` ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Neither header is there.
    Absent,
    /// `If-None-Match: *`: there is no such thing yet.
    IsNew,
    /// `If-Match: *`: any version, as long as there is one.
    AnyVersion,
    /// `If-Match` with ETags: one of these versions. A weak ETag never matches (RFC 9110, 8.8.3.2),
    /// so with none but weak ones there is no version here.
    Versions(Box<[u64]>),
}

impl Precondition {
    /// Whether it is met by a thing at this version.
    #[must_use]
    pub fn matches(&self, version: u64) -> bool {
        match self {
            Self::Absent | Self::AnyVersion => true,
            Self::IsNew => false,
            Self::Versions(versions) => versions.contains(&version),
        }
    }

    /// Reads the headers. Of an ETag only the version before the hyphen counts.
    pub fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let if_match = list(headers, &IF_MATCH).map_err(|()| malformed_if_match())?;
        let if_none_match = list(headers, &IF_NONE_MATCH).map_err(|()| malformed_if_none())?;
        match (if_match.as_deref(), if_none_match.as_deref()) {
            (None, None) => Ok(Self::Absent),
            (None, Some(["*"])) => Ok(Self::IsNew),
            (_, Some(_)) => Err(malformed_if_none()),
            (Some(["*"]), None) => Ok(Self::AnyVersion),
            (Some(tags), None) => {
                let versions = tags.iter().map(|tag| version(tag)).collect::<Option<Vec<_>>>();
                let versions = versions.ok_or_else(malformed_if_match)?;
                Ok(Self::Versions(versions.into_iter().flatten().collect()))
            }
        }
    }
}

/// The members of a header that is a list, on whichever lines; none where it isn't there.
fn list<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<Vec<&'h str>>, ()> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let mut members = vec![];
    for line in headers.get_all(name) {
        let line = line.to_str().map_err(|_| ())?;
        // Our ETags have no commas, and a recipient passes over empty members (RFC 9110, 5.6.1).
        members.extend(line.split(',').map(str::trim).filter(|member| !member.is_empty()));
    }
    if members.is_empty() { Err(()) } else { Ok(Some(members)) }
}

/// The version of an ETag that this ledger gave; none of a weak one.
fn version(tag: &str) -> Option<Option<u64>> {
    let strong = tag.strip_prefix("W/").unwrap_or(tag);
    let inside = strong.strip_prefix('"')?.strip_suffix('"')?;
    let version = inside.split('-').next()?.parse().ok()?;
    Some(Some(version).filter(|_| strong == tag))
}

fn malformed_if_match() -> Problem {
    Problem::invalid_header(
        "If-Match",
        "must be ETags as they were read, such as \"3-5f1c2a\", separated by commas; or *",
    )
}

fn malformed_if_none() -> Problem {
    Problem::invalid_header(
        "If-None-Match",
        "must be *, without If-Match beside it: that the thing doesn't exist yet",
    )
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok()).any(|line| {
        // Compared weakly, as RFC 9110 has it for this header.
        let weak = |tag: &str| tag.trim_start_matches("W/").to_owned();
        line.split(',').map(str::trim).any(|tag| tag == "*" || weak(tag) == weak(etag))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let first = json_with_etag(&HeaderMap::new(), &7).unwrap();
        let etag = first.headers()[ETAG].to_str().unwrap().to_owned();
        assert_eq!(first.status(), StatusCode::OK);
        for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".into()] {
            let again = json_with_etag(&headers("if-none-match", &known), &7).unwrap();
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(again.headers()[ETAG], etag);
        }
        let changed = json_with_etag(&headers("if-none-match", &etag), &8).unwrap();
        assert_eq!(changed.status(), StatusCode::OK);
    }

    #[test]
    fn what_differs_by_the_time_alone_is_not_sent_again() {
        let first = json_with_weak_etag(&HeaderMap::new(), &7, &(7, 1)).unwrap();
        let etag = first.headers()[ETAG].to_str().unwrap().to_owned();
        assert!(etag.starts_with("W/\""), "{etag}");
        let again = json_with_weak_etag(&headers("if-none-match", &etag), &7, &(7, 2)).unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let changed = json_with_weak_etag(&headers("if-none-match", &etag), &8, &(8, 2)).unwrap();
        assert_eq!(changed.status(), StatusCode::OK);
    }

    #[test]
    fn if_match_goes_by_the_version() {
        let read = |value| Precondition::read(&headers("if-match", value)).ok();
        let versions = |of: &[u64]| Some(Precondition::Versions(of.into()));
        assert_eq!(read("\"3-5f1c\""), versions(&[3]));
        assert_eq!(read("\"3\""), versions(&[3]));
        assert_eq!(read("*"), Some(Precondition::AnyVersion));
        assert_eq!(read("\"9-x\",\"1-x\" , "), versions(&[9, 1]), "a list is read whole");
        assert_eq!(read("W/\"3-x\""), versions(&[]), "a weak one matches nothing");
        assert_eq!(read("W/\"3-x\", \"4\""), versions(&[4]));
        for malformed in ["3", "\"x\"", "\"\"", "", ",", "\"3\", 4", "*, \"3\"", "w/\"3\""] {
            assert_eq!(read(malformed), None, "{malformed}");
        }
        assert_eq!(Precondition::read(&HeaderMap::new()).ok(), Some(Precondition::Absent));
    }

    #[test]
    fn if_none_match_asks_for_a_new_thing_and_for_nothing_else() {
        let read = |value| Precondition::read(&headers("if-none-match", value)).ok();
        assert_eq!(read("*"), Some(Precondition::IsNew));
        for refused in ["\"3\"", "", "*, *", "x"] {
            assert_eq!(read(refused), None, "{refused}");
        }
        let mut both = headers("if-none-match", "*");
        both.insert(IF_MATCH, "*".parse().unwrap());
        assert!(Precondition::read(&both).is_err());
    }
}
