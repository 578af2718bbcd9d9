//! Parts of lots, which most events about credit list.

use std::borrow::Cow;

use domain::{LotId, Points, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Some points of a lot.
#[derive(Serialize, Deserialize)]
struct LotPart {
    lot: LotId,
    points: Points,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_false")]
    graced: bool,
}

/// A list of parts, written as it is in the domain's event without a copy.
pub(crate) struct Parts<'a>(Cow<'a, [domain::LotPart]>);

impl Parts<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&domain::LotPart> for LotPart {
    fn from(part: &domain::LotPart) -> Self {
        let domain::LotPart { lot, points, expires_at, graced } = *part;
        Self { lot, points, expires_at, graced }
    }
}

impl From<LotPart> for domain::LotPart {
    fn from(stored: LotPart) -> Self {
        let LotPart { lot, points, expires_at, graced } = stored;
        Self { lot, points, expires_at, graced }
    }
}

impl<'a> From<&'a Vec<domain::LotPart>> for Parts<'a> {
    fn from(parts: &'a Vec<domain::LotPart>) -> Self {
        Self(Cow::Borrowed(parts))
    }
}

impl From<Parts<'_>> for Vec<domain::LotPart> {
    fn from(parts: Parts<'_>) -> Self {
        parts.0.into_owned()
    }
}

impl Default for Parts<'_> {
    fn default() -> Self {
        Self(Cow::Borrowed(&[]))
    }
}

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(LotPart::from))
    }
}

impl<'de> Deserialize<'de> for Parts<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Vec::<LotPart>::deserialize(deserializer)?;
        Ok(Self(stored.into_iter().map(Into::into).collect()))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's own signature")]
pub(crate) const fn is_false(value: &bool) -> bool {
    !*value
}
