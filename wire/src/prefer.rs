//! The header `Prefer` (RFC 7240), of which `wait` and `respond-async` are heeded.
//!
//! A preference never makes a request invalid: whatever isn't understood is ignored.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What a client would like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    /// How long it waits for its answer. One that waits no second is ignored in that: nothing could
    /// be decided in that time.
    pub(crate) wait: Option<Duration>,
    /// Whether it doesn't wait, and asks later.
    pub(crate) responds_async: bool,
}

impl Preferences {
    /// Those of a request; of each, the first counts.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut preferences = Self::default();
        if !headers.contains_key(PREFER) {
            return preferences;
        }
        let mut has_wait = false;
        let lines = headers.get_all(PREFER).iter().filter_map(|line| line.to_str().ok());
        for preference in lines.flat_map(|line| parts(line, ',')) {
            // Parameters after it are no part of it.
            let preference = parts(preference, ';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("respond-async") {
                preferences.responds_async = true;
            } else if name.eq_ignore_ascii_case("wait") && !has_wait {
                has_wait = true;
                preferences.wait = seconds(value);
            }
        }
        preferences
    }
}

/// The parts of a list; a separator within quotes is none.
fn parts(list: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    list.split(move |character| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match character {
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            '"' if !was_escaped => is_quoted = !is_quoted,
            _ => return character == separator && !is_quoted,
        }
        false
    })
}

/// Whole seconds, in quotes or not.
fn seconds(value: &str) -> Option<Duration> {
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let digits = unquoted.unwrap_or(value);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u32 = digits.parse().ok().filter(|seconds| is_number && *seconds > 0)?;
    Some(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn wait(lines: &[&str]) -> Option<u64> {
        let value = |line: &&str| HeaderValue::from_bytes(line.as_bytes()).expect("a value");
        let headers = lines.iter().map(|line| (PREFER, value(line)));
        Preferences::of(&headers.collect()).wait.map(|wait| wait.as_secs())
    }

    #[test]
    fn a_client_may_ask_not_to_wait() {
        let responds_async = |line| {
            let headers = [(PREFER, HeaderValue::from_static(line))].into_iter().collect();
            Preferences::of(&headers).responds_async
        };
        for line in ["respond-async", "Respond-Async; x=y, wait=2", "wait=2,respond-async"] {
            assert!(responds_async(line), "{line}");
        }
        for line in ["", "respond", "x=\"respond-async\"", "x;respond-async"] {
            assert!(!responds_async(line), "{line}");
        }
    }

    #[test]
    fn the_first_wait_counts_however_it_is_written() {
        for (lines, seconds) in [
            (&["wait=2"][..], 2),
            (&["Wait = 2"], 2),
            (&["wait=\"2\""], 2),
            (&["respond-async, wait=2;strict"], 2),
            (&["respond-async", "wait=2"], 2),
            (&["wait=2, wait=9", "wait=9"], 2),
            (&["foo=\"a, wait=9; \\\", wait=9\", wait=2"], 2),
            (&["foo; wait=9, wait=2"], 2),
        ] {
            assert_eq!(wait(lines), Some(seconds), "{lines:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        for lines in [
            &[][..],
            &[""],
            &["wait"],
            &["wait="],
            &["wait=0"],
            &["wait=-1"],
            &["wait=+1"],
            &["wait=1.5"],
            &["wait=2s"],
            &["wait=99999999999"],
            &["wait=\"2"],
            &["\"wait=2"],
            &["waiting=2"],
            &["wait=x, wait=2"],
            &["wait=2\u{e9}"],
        ] {
            assert_eq!(wait(lines), None, "{lines:?}");
        }
    }
}
