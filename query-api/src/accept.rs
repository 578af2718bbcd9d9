//! The media types that a caller accepts, by its `Accept` headers.

use std::cmp::Reverse;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// The media types in lower case, the one with the highest weight first. A type of the weight 0,
/// which the caller asks not to be sent, isn't among them.
#[must_use]
pub fn accepted(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let mut ranges: Vec<(u16, String)> = lines
        .flat_map(|line| line.split(','))
        .map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
            (parts.find_map(thousandths).unwrap_or(1000), media_type)
        })
        .filter(|(weight, _)| *weight > 0)
        .collect();
    // Of equal weights the one that was named first stays first.
    ranges.sort_by_key(|(weight, _)| Reverse(*weight));
    ranges.into_iter().map(|(_, media_type)| media_type).collect()
}

/// The weight that a parameter gives, `q=0.5`, in thousandths: it has at most three digits after
/// the point. Nothing where the parameter gives none, or none that is valid.
fn thousandths(parameter: &str) -> Option<u16> {
    let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?.trim();
    let (whole, digits) = weight.split_once('.').unwrap_or((weight, ""));
    let whole: u16 = whole.parse().ok().filter(|whole| *whole <= 1)?;
    if digits.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{digits:0<3}").parse().ok()?;
    Some((whole * 1000 + part).min(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_weight_comes_first_and_the_weight_0_not_at_all() {
        for (line, expected) in [
            ("text/csv", vec!["text/csv"]),
            ("*/*, Text/Event-Stream;q=0.5", vec!["*/*", "text/event-stream"]),
            ("text/csv;q=0.5, application/json;Q=0.75", vec!["application/json", "text/csv"]),
            ("text/csv; charset=x; Q=0.00, application/json", vec!["application/json"]),
            ("text/event-stream;q=0", vec![]),
            ("text/csv;q=much, application/json;q=2", vec!["text/csv", "application/json"]),
        ] {
            let line = line.parse().expect("a value");
            assert_eq!(accepted(&HeaderMap::from_iter([(ACCEPT, line)])), expected);
        }
    }
}
