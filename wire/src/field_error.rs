//! Serde's error about a field, in words for people: the field, and what is wrong with it.
//!
//! Bodies and query strings use it alike. It knows serde's own wordings, which have stood since
//! 1.0, and passes any other on.

use serde_path_to_error::{Path, Segment};

/// The longest piece of a stranger's text that an answer or the log repeats, in characters.
const EXCERPT_CHARACTERS_MAX: usize = 64;

/// A field that was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// The field with the way to it, as in `lines[0].quantity`; `.` is the whole.
    pub(crate) field: String,
    /// Reads on after the field's name: `is missing`, `must be …`.
    pub(crate) complaint: String,
}

impl FieldError {
    /// The error at `path` that serde describes with `message`.
    pub(crate) fn new(path: &Path, message: &str) -> Self {
        let here = path.to_string();
        let (field, complaint) = if let Some(name) = quoted(message, "missing field `") {
            (join(&here, name), "is missing".into())
        } else if let Some(name) = quoted(message, "duplicate field `") {
            (join(&here, name), "is there twice".into())
        } else if let Some(name) = quoted(message, "unknown field `") {
            // The path ends with the unknown field itself, unless serde had to look ahead for it.
            let is_in_path = path.iter().next_back().is_some_and(|last| is_key(last, name));
            (if is_in_path { here } else { join(&here, name) }, unknown(message))
        } else {
            (here, in_words(message))
        };
        Self { field: excerpt(&field), complaint }
    }
}

fn is_key(segment: &Segment, name: &str) -> bool {
    matches!(segment, Segment::Map { key } if key == name)
}

fn join(parent: &str, name: &str) -> String {
    if parent == "." { name.into() } else { format!("{parent}.{name}") }
}

/// The name behind `start`, up to the last backtick that closes it: it may have some in itself.
fn quoted<'m>(message: &'m str, start: &str) -> Option<&'m str> {
    let rest = message.strip_prefix(start)?;
    let end = rest.rfind("`, expected ").or_else(|| rest.rfind("`, there are no fields"));
    rest.get(..end.or_else(|| rest.rfind('`'))?)
}

fn unknown(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((_, known)) => format!("is unknown; expected {known}"),
        None => "is unknown; no fields are expected here".into(),
    }
}

/// An error of serde or of a number in words that read on after a name:
/// `invalid type: string "5", expected u64` as `is the string "5", but must be a whole number …`.
pub(crate) fn in_words(message: &str) -> String {
    let starts = ["invalid type: ", "invalid value: ", "unknown variant "];
    let found_and_wanted = starts
        .iter()
        .find_map(|start| message.strip_prefix(start))
        .and_then(|rest| rest.rsplit_once(", expected "));
    match (found_and_wanted, message) {
        (Some((found, wanted)), _) => {
            format!("is {}, but must be {}", found_in_words(found), wanted_in_words(wanted))
        }
        (None, "invalid digit found in string" | "cannot parse integer from empty string") => {
            "must be a whole number, not negative".into()
        }
        (None, "number too large to fit in target type" | "number out of range") => {
            "is too large".into()
        }
        (None, "unexpected end of hex escape" | "lone leading surrogate in hex escape") => {
            "has half of a surrogate pair (\\uD800 to \\uDFFF), which is no character; send both \
             halves, or leave it out"
                .into()
        }
        (None, "expected value") => "has the wrong type".into(),
        (None, "recursion limit exceeded") => "is nested too deeply".into(),
        (None, _) if ["must ", "is ", "has "].iter().any(|verb| message.starts_with(verb)) => {
            message.into()
        }
        (None, _) => format!("is refused: {}", excerpt(message)),
    }
}

fn found_in_words(found: &str) -> String {
    match found {
        "map" => "an object".into(),
        "sequence" => "a list".into(),
        "null" => "null".into(),
        variant if variant.starts_with('`') => excerpt(variant),
        other => format!("the {}", excerpt(&other.replacen("floating point", "number", 1))),
    }
}

fn wanted_in_words(wanted: &str) -> &str {
    match wanted {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        object if object.starts_with("struct ") => "an object",
        other => other,
    }
}

/// The beginning of a stranger's text, so that no answer and no line of the log repeats kilobytes
/// of it.
#[must_use]
pub fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serdes_wordings_become_sentences() {
        for (message, words) in [
            (
                r#"invalid type: string "5", expected u64"#,
                r#"is the string "5", but must be a whole number, not negative"#,
            ),
            ("invalid type: map, expected a string", "is an object, but must be a string"),
            ("invalid type: null, expected struct Cause", "is null, but must be an object"),
            (
                "unknown variant `gift`, expected `purchase` or `review`",
                "is `gift`, but must be `purchase` or `review`",
            ),
            (
                r#"invalid type: string "a, expected b", expected a boolean"#,
                r#"is the string "a, expected b", but must be true or false"#,
            ),
            ("must be a whole number from 1 to 500", "must be a whole number from 1 to 500"),
            (
                "lone leading surrogate in hex escape",
                "has half of a surrogate pair (\\uD800 to \\uDFFF), which is no character; send both \
                 halves, or leave it out",
            ),
        ] {
            assert_eq!(in_words(message), words);
        }
    }

    #[test]
    fn a_name_with_backticks_is_read_whole() {
        let message = "unknown field `a`, expected `b`, expected one of `x`, `y`";
        assert_eq!(quoted(message, "unknown field `"), Some("a`, expected `b"));
        assert_eq!(quoted("missing field `id`", "missing field `"), Some("id"));
        assert_eq!(quoted("unknown field `a`, there are no fields", "unknown field `"), Some("a"));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(excerpt(&"é".repeat(64)), "é".repeat(64));
        assert_eq!(excerpt(&"é".repeat(65)), "é".repeat(64) + "…");
    }
}
