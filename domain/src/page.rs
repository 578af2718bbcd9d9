//! What a page shows of an offer. It is part of the terms, and nothing is decided by it, so the
//! state has no more of it than a hash: the event that set the terms has it whole.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Attributes, Category, Description, ImageUrl, OfferName};

/// What a page shows of an offer; every field may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What the offer is called.
    pub name: Option<OfferName>,
    /// What it is, in words.
    pub description: Option<Description>,
    /// A picture of it.
    pub image_url: Option<ImageUrl>,
    /// Under what it is listed.
    pub category: Option<Category>,
    /// Whatever else the shop's pages want to know.
    pub attributes: Option<Attributes>,
    /// How a countdown shows what is left; without it, exactly.
    pub remaining_shown: Option<RemainingShown>,
}

/// How a countdown shows what is left of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemainingShown {
    /// To the unit.
    Exact,
    /// As the step that is reached: 0, 1, 10, 100, 1,000 … A read changes with each step only.
    Steps,
}

impl RemainingShown {
    /// The name in JSON and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Steps => "steps",
        }
    }

    /// The step that so many units reach.
    #[must_use]
    pub const fn step(remaining: u64) -> u64 {
        match remaining.checked_ilog10() {
            Some(digits) => 10_u64.pow(digits),
            None => 0,
        }
    }
}

impl FromStr for RemainingShown {
    type Err = RemainingShownError;

    fn from_str(text: &str) -> Result<Self, RemainingShownError> {
        let all = [Self::Exact, Self::Steps];
        all.into_iter().find(|it| it.as_str() == text).ok_or(RemainingShownError)
    }
}

/// A text that says not how to show what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `exact` or `steps`")]
pub struct RemainingShownError;

/// A page in 16 bytes: the first of SHA-256 over its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageHash([u8; 16]);

impl Page {
    /// Its hash; nothing where it has no field.
    #[must_use]
    pub fn hash(&self) -> Option<PageHash> {
        let Self { name, description, image_url, category, attributes, remaining_shown } = self;
        let fields = [
            name.as_ref().map(OfferName::as_str),
            description.as_ref().map(Description::as_str),
            image_url.as_ref().map(ImageUrl::as_str),
            category.as_ref().map(Category::as_str),
            attributes.as_ref().map(Attributes::as_str),
            remaining_shown.map(RemainingShown::as_str),
        ];
        if fields.iter().all(Option::is_none) {
            return None;
        }
        let mut hash = Sha256::new();
        for field in fields {
            // The length first, so that no two pages read alike; a field has one byte at least.
            let text = field.unwrap_or_default();
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hash.finalize()[..16]);
        Some(PageHash(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_with_other_fields_have_other_hashes() {
        let name = |text: &str| Page { name: text.parse().ok(), ..Page::default() };
        let description = |text: &str| Page { description: text.parse().ok(), ..Page::default() };
        assert_eq!(Page::default().hash(), None);
        assert_eq!(name("Mug").hash(), name("Mug").hash());
        assert_ne!(name("Mug").hash(), name("Cup").hash());
        assert_ne!(name("Mug").hash(), description("Mug").hash());
    }

    #[test]
    fn what_is_left_is_shown_as_the_step_that_it_reaches() {
        for (remaining, step) in
            [(0, 0), (1, 1), (9, 1), (10, 10), (99, 10), (100, 100), (9_999, 1_000)]
        {
            assert_eq!(RemainingShown::step(remaining), step, "{remaining}");
        }
    }
}
