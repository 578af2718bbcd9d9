//! Spans of time as an operator writes them: `90s`, `15min`, `24h`, `7d`.

use std::time::Duration;

/// More than a year is a slip.
const SECONDS_MAX: u64 = 366 * 86_400;

/// The span that a text names.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "s" => Some(1),
        "min" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        _ => None,
    };
    let seconds = unit.zip(number.parse::<u64>().ok());
    let seconds = seconds.and_then(|(unit, number)| number.checked_mul(unit));
    let seconds = seconds.filter(|seconds| *seconds <= SECONDS_MAX);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        format!("{text:?} is not a span of time up to a year, such as 90s, 15min, 24h or 7d")
    })
}

/// The span that a text names, which isn't nothing.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() { Err("it must be longer than 0".into()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("15min", 900), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "15", "-1s", "1.5h", "1 h", "1m", "367d", "99999999999999999999s"] {
            duration(text).expect_err(text);
        }
    }
}
