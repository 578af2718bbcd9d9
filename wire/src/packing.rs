//! Bodies packed by gzip, for those who take them so.
//!
//! Only what everybody may read is packed. The length of a packed body tells something about its
//! content: a stranger who can put text of his own beside somebody's data could guess the data from
//! the length (BREACH).

use std::io::Write as _;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A body of fewer bytes fits into one packet as it is.
pub(crate) const PACKED_FROM: usize = 1_024;

/// Whether a caller takes gzip: by its name or, where it isn't named, by `*`; with any weight but
/// 0.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let (mut named, mut any) = (None, None);
    for member in lines.flat_map(|line| line.split(',')) {
        let (coding, weight) = member.split_once(';').unwrap_or((member, ""));
        let is_taken = !is_zero(weight);
        match coding.trim() {
            "*" => any = Some(is_taken),
            coding if coding.eq_ignore_ascii_case("gzip") => named = Some(is_taken),
            _ => {}
        }
    }
    named.or(any).unwrap_or(false)
}

/// Whether a weight is `q=0`, with as many zeros as there may be.
fn is_zero(weight: &str) -> bool {
    let value = weight.trim().strip_prefix(['q', 'Q']).map(str::trim_start);
    let value = value.and_then(|value| value.strip_prefix('=')).map(str::trim);
    value.is_some_and(|value| {
        value.starts_with('0') && value.bytes().all(|byte| b"0.".contains(&byte))
    })
}

/// The packed body; nothing where that fails or doesn't make it shorter.
pub(crate) fn gzip(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::default());
    encoder.write_all(body).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < body.len()).then(|| packed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_named_or_anything_is() {
        for (line, is_taken) in [
            ("gzip", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("*", true),
            ("identity, *;q=0.1", true),
            ("gzip;q=0, *", false),
            ("gzip; q=0.000", false),
            ("*;q=0", false),
            ("br, zstd", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, line.parse().unwrap())]);
            assert_eq!(takes_gzip(&headers), is_taken, "{line}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_is_packed_is_unpacked_to_the_same() {
        use std::io::Read as _;
        let body = "points ".repeat(1_000);
        let packed = gzip(body.as_bytes()).expect("it is shorter");
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&*packed).read_to_string(&mut unpacked).expect("unpacked");
        assert_eq!(unpacked, body);
        assert_eq!(gzip(b"x"), None, "it would be longer");
    }
}
