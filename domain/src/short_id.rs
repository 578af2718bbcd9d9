//! Short ids that are copied and take no allocation of their own, because many events bear them.

/// The longest of them, in characters.
pub const SHORT_ID_CHARACTERS_MAX: usize = 16;

/// A text that is not such an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {SHORT_ID_CHARACTERS_MAX} characters, each a small letter (a-z), digit or a hyphen"
)]
pub struct ShortIdError;

/// The bytes of such an id, where the text is one.
pub(crate) fn bytes_of(text: &str) -> Result<[u8; SHORT_ID_CHARACTERS_MAX], ShortIdError> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=SHORT_ID_CHARACTERS_MAX).contains(&text.len()) || !text.bytes().all(is_allowed) {
        return Err(ShortIdError);
    }
    let mut bytes = [0; SHORT_ID_CHARACTERS_MAX];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Ok(bytes)
}

/// Makes the type of such ids.
macro_rules! short_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $crate::short_id::SHORT_ID_CHARACTERS_MAX]);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
                // It is of ASCII, as it was checked.
                std::str::from_utf8(&self.0[..end]).unwrap_or_default()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::short_id::ShortIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::short_id::bytes_of(text).map(Self)
            }
        }

        impl TryFrom<Box<str>> for $name {
            type Error = $crate::short_id::ShortIdError;

            fn try_from(text: Box<str>) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use short_id;
