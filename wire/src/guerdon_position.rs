//! The header `Guerdon-Position`: what a write reached, and what a read is to contain.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use log_record::Place;

use crate::Problem;
use crate::short_text::ShortText;

/// `Guerdon-Position: 0:4711`; a list of them in a request, one for each partition.
pub const GUERDON_POSITION: HeaderName = HeaderName::from_static("guerdon-position");

/// The most places in one header: one for each partition of a large log.
const PLACES_MAX: usize = 1024;

/// The places that a read asks to contain; none where the header isn't there.
pub fn read_positions(headers: &HeaderMap) -> Result<Vec<Place>, Problem> {
    let mut places = Vec::new();
    for line in headers.get_all(GUERDON_POSITION) {
        for text in line.to_str().unwrap_or("?").split(',').map(str::trim) {
            let place =
                text.parse().map_err(|error| Problem::invalid_header("Guerdon-Position", error))?;
            places.push(place);
        }
    }
    if places.len() > PLACES_MAX {
        return Err(Problem::invalid_header(
            "Guerdon-Position",
            format!("has more than {PLACES_MAX} positions"),
        ));
    }
    Ok(places)
}

/// The header that a write answers with.
pub fn write_position(place: Place) -> Result<(HeaderName, HeaderValue), Problem> {
    let value = ShortText::of_place(place).header().ok_or_else(Problem::internal)?;
    Ok((GUERDON_POSITION, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<Vec<String>> {
        let headers = HeaderMap::from_iter([(GUERDON_POSITION, value.parse().unwrap())]);
        Some(read_positions(&headers).ok()?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_place_for_each_partition_is_read() {
        assert_eq!(read("0:4711").unwrap(), ["0:4711"]);
        assert_eq!(read("0:4711, 1:17").unwrap(), ["0:4711", "1:17"]);
        assert!(read_positions(&HeaderMap::new()).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for malformed in ["4711", "0:", "", "0:1,"] {
            assert_eq!(read(malformed), None, "{malformed}");
        }
    }
}
