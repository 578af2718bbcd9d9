//! Strong ETags: a read that gives the same bytes bears the same one.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_MATCH, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use log_record::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Problem;
use crate::json_response::{response, to_json};
use crate::packing::{PACKED_FROM, gzip, takes_gzip};

/// `value` as JSON with the ETag of its bytes, or 304 where `If-None-Match` has that already.
pub fn json_with_etag(headers: &HeaderMap, value: &impl Serialize) -> Result<Response, Problem> {
    Ok(JsonAnswer::of(value)?.conditional(headers))
}

/// Likewise, under an ETag that begins with a version: `"3-5f1c…"`. `If-Match` goes by the version.
pub fn json_with_version(
    headers: &HeaderMap,
    version: u64,
    value: &impl Serialize,
) -> Result<Response, Problem> {
    Ok(JsonAnswer::of_version(version, value)?.conditional(headers))
}

/// An answer as it is sent, which can be kept.
#[derive(Clone, Debug)]
pub struct JsonAnswer {
    etag: HeaderValue,
    body: Bytes,
    /// Once somebody took it so.
    packed: OnceLock<Option<Bytes>>,
}

impl JsonAnswer {
    /// `value` as JSON with the ETag of its bytes.
    pub fn of(value: &impl Serialize) -> Result<Self, Problem> {
        let body = to_json(value)?;
        let etag = format!("\"{}\"", hex(&Sha256::digest(&body)[..16]));
        Self::new(&etag, body)
    }

    /// Likewise, under an ETag that begins with a version: `"3-5f1c…"`.
    pub fn of_version(version: u64, value: &impl Serialize) -> Result<Self, Problem> {
        let body = to_json(value)?;
        let etag = format!("\"{version}-{}\"", hex(&Sha256::digest(&body)[..8]));
        Self::new(&etag, body)
    }

    /// `value` as JSON with the ETag of what stays the same in it for a while. The ETag is weak:
    /// the bytes differ with the time.
    pub fn weak(timeless: &impl Serialize, value: &impl Serialize) -> Result<Self, Problem> {
        let etag = format!("W/\"{}\"", hex(&Sha256::digest(to_json(timeless)?)[..16]));
        Self::new(&etag, to_json(value)?)
    }

    fn new(etag: &str, body: Vec<u8>) -> Result<Self, Problem> {
        let etag = HeaderValue::from_str(etag).map_err(|_| Problem::internal())?;
        Ok(Self { etag, body: body.into(), packed: OnceLock::new() })
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// The response, or 304 where `If-None-Match` has its ETag already.
    #[must_use]
    pub fn conditional(&self, headers: &HeaderMap) -> Response {
        conditional(headers, self.etag.clone(), self.body.clone())
    }

    /// Likewise of what everybody may read and keep for a second. It is packed for a caller who
    /// takes that, where it pays.
    #[must_use]
    pub fn public(&self, headers: &HeaderMap) -> Response {
        let packed = if self.size() >= PACKED_FROM && takes_gzip(headers) {
            self.packed.get_or_init(|| gzip(&self.body)).clone().zip(packed_etag(&self.etag))
        } else {
            None
        };
        let is_packed = packed.is_some();
        let mut answer = match packed {
            Some((packed, etag)) => conditional(headers, etag, packed),
            None => self.conditional(headers),
        };
        let told = answer.headers_mut();
        told.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=1"));
        told.insert(VARY, HeaderValue::from_static("Accept-Encoding, Guerdon-Position"));
        if is_packed && answer.status() == StatusCode::OK {
            answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        answer
    }
}

fn conditional(headers: &HeaderMap, etag: HeaderValue, body: Bytes) -> Response {
    if is_known(headers, etag.to_str().unwrap_or_default()) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    let json = HeaderValue::from_static("application/json");
    let mut answer = response(StatusCode::OK, json, body);
    answer.headers_mut().insert(ETAG, etag);
    answer
}

/// The ETag of the packed bytes: a strong one is of its bytes alone. The version stays in front.
fn packed_etag(etag: &HeaderValue) -> Option<HeaderValue> {
    let inside = etag.to_str().ok()?.strip_suffix('"')?;
    HeaderValue::from_str(&format!("{inside}-gzip\"")).ok()
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
        line.split(',').map(str::trim).any(|tag| tag == "*" || opaque(tag) == opaque(etag))
    })
}

/// An ETag without what says that it is weak: this header compares them weakly (RFC 9110, 13.1.2).
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
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
        let told = |headers: &HeaderMap, timeless: u8, value: (u8, u8)| {
            JsonAnswer::weak(&timeless, &value).unwrap().public(headers)
        };
        let first = told(&HeaderMap::new(), 7, (7, 1));
        let etag = first.headers()[ETAG].to_str().unwrap().to_owned();
        assert!(etag.starts_with("W/\""), "{etag}");
        let known = headers("if-none-match", &etag);
        assert_eq!(told(&known, 7, (7, 2)).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(told(&known, 8, (8, 2)).status(), StatusCode::OK);
    }

    #[test]
    fn what_everybody_may_keep_is_packed_for_those_who_take_it_and_has_another_etag_so() {
        let small = JsonAnswer::of_version(3, &"x").unwrap();
        let large = JsonAnswer::of_version(3, &"x".repeat(PACKED_FROM)).unwrap();
        let (plain, takes) = (HeaderMap::new(), headers("accept-encoding", "br, gzip"));
        for (answer, asked, is_packed) in
            [(&small, &takes, false), (&large, &plain, false), (&large, &takes, true)]
        {
            let answer = answer.public(asked);
            let told = answer.headers();
            assert_eq!(told.contains_key(CONTENT_ENCODING), is_packed);
            assert_eq!(told[CACHE_CONTROL], "public, max-age=1");
            assert_eq!(told[VARY], "Accept-Encoding, Guerdon-Position");
        }
        let etag_of = |asked| large.public(asked).headers()[ETAG].to_str().unwrap().to_owned();
        let (of_plain, of_packed) = (etag_of(&plain), etag_of(&takes));
        assert_ne!(of_plain, of_packed);
        let mut known = takes;
        known.insert(IF_NONE_MATCH, of_packed.parse().unwrap());
        let again = large.public(&known);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(
            !again.headers().contains_key(CONTENT_ENCODING) && again.headers().contains_key(VARY)
        );
        known.insert(IF_NONE_MATCH, of_plain.parse().unwrap());
        assert_eq!(large.public(&known).status(), StatusCode::OK, "these are other bytes");
        let versions = Precondition::read(&headers("if-match", &of_packed)).unwrap();
        assert!(versions.matches(3) && !versions.matches(4), "it is the same version");
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
