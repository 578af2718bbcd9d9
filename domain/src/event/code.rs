//! Facts about the codes of an offer.

use crate::{Code, CodeHash, OfferId, Units, UploadId};

/// A code came into an offer's pool. The event that says of which upload follows it, and is the
/// upload's last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeAdded {
    /// The offer.
    pub offer_id: OfferId,
    /// By what the code is known again.
    pub hash: CodeHash,
    /// The code; private, and nothing once it has been erased.
    pub code: Option<Code>,
}

/// Codes were uploaded to an offer: those right before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodesUploaded {
    /// The offer.
    pub offer_id: OfferId,
    /// The caller's id for this upload.
    pub upload_id: UploadId,
    /// How many they are.
    pub codes: Units,
    /// By what they are known again, in their order.
    pub hash: CodeHash,
}
