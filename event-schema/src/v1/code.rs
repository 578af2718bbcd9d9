//! The codes of offers. The code itself is in the private text.

use std::borrow::Cow;

use domain::{CodeHash, OfferId, Units, UploadId};
use serde::{Deserialize, Serialize};

use super::seal::Hex;

/// `code-added`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CodeAdded<'a> {
    offer_id: Cow<'a, OfferId>,
    hash: Hex<16>,
}

impl<'a> From<&'a domain::CodeAdded> for CodeAdded<'a> {
    fn from(fact: &'a domain::CodeAdded) -> Self {
        // What is private goes into the private text.
        let domain::CodeAdded { offer_id, hash, code: _ } = fact;
        Self { offer_id: Cow::Borrowed(offer_id), hash: Hex(hash.0) }
    }
}

impl From<CodeAdded<'_>> for domain::CodeAdded {
    fn from(stored: CodeAdded<'_>) -> Self {
        let CodeAdded { offer_id, hash } = stored;
        Self { offer_id: offer_id.into_owned(), hash: CodeHash(hash.0), code: None }
    }
}

/// `codes-uploaded`.
#[derive(Serialize, Deserialize)]
pub(crate) struct CodesUploaded<'a> {
    offer_id: Cow<'a, OfferId>,
    upload_id: Cow<'a, UploadId>,
    codes: Units,
    hash: Hex<16>,
}

impl<'a> From<&'a domain::CodesUploaded> for CodesUploaded<'a> {
    fn from(fact: &'a domain::CodesUploaded) -> Self {
        let domain::CodesUploaded { offer_id, upload_id, codes, hash } = fact;
        Self {
            offer_id: Cow::Borrowed(offer_id),
            upload_id: Cow::Borrowed(upload_id),
            codes: *codes,
            hash: Hex(hash.0),
        }
    }
}

impl From<CodesUploaded<'_>> for domain::CodesUploaded {
    fn from(stored: CodesUploaded<'_>) -> Self {
        let CodesUploaded { offer_id, upload_id, codes, hash } = stored;
        let (offer_id, upload_id) = (offer_id.into_owned(), upload_id.into_owned());
        Self { offer_id, upload_id, codes, hash: CodeHash(hash.0) }
    }
}
