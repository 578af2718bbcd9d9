//! What a text must not have in it.

/// The text without the character 0, which a caller's text may contain and PostgreSQL can't store.
#[must_use]
pub fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
