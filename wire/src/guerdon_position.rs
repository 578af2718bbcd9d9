//! The header `Guerdon-Position`: what a write reached, and what a read is to contain.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use log_record::Place;

use crate::Problem;
use crate::short_text::ShortText;

/// `Guerdon-Position: 0:4711`, or a list of them, one for each partition: `0:4711,3:17`.
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
fn write_position(place: Place) -> Result<(HeaderName, HeaderValue), Problem> {
    let value = ShortText::of_place(place).header().ok_or_else(Problem::internal)?;
    Ok((GUERDON_POSITION, value))
}

/// The header of a write that reached several partitions: the last place of each, in their order.
/// Nothing where it reached none.
pub fn write_positions(
    places: impl IntoIterator<Item = Place>,
) -> Result<Option<(HeaderName, HeaderValue)>, Problem> {
    let mut last = BTreeMap::new();
    for Place { partition, position } in places {
        let reached = last.entry(partition).or_insert(position);
        *reached = position.max(*reached);
    }
    let places = last.into_iter().map(|(partition, position)| Place { partition, position });
    let places: Vec<Place> = places.collect();
    match places[..] {
        [] => Ok(None),
        [place] => write_position(place).map(Some),
        _ => {
            let list = places.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let value = HeaderValue::from_str(&list).map_err(|_| Problem::internal())?;
            Ok(Some((GUERDON_POSITION, value)))
        }
    }
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
    fn a_write_says_how_far_it_came_in_each_partition() {
        let written = |places: &[&str]| {
            let places = places.iter().map(|place| place.parse::<Place>().unwrap());
            write_positions(places).unwrap().map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        assert_eq!(written(&[]), None);
        assert_eq!(written(&["0:7", "0:9", "0:8"]).unwrap(), "0:9");
        let list = written(&["3:2", "0:12", "3:45"]).unwrap();
        assert_eq!(list, "0:12,3:45");
        assert_eq!(read(&list).unwrap(), ["0:12", "3:45"]);
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for malformed in ["4711", "0:", "", "0:1,"] {
            assert_eq!(read(malformed), None, "{malformed}");
        }
    }
}
