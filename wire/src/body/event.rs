//! An event as it stands in the log, for auditors and operators.

use domain::Timestamp;
use log_record::Place;
use serde::Serialize;

/// An event as it stands in the log.
#[derive(Clone, Debug, Serialize)]
pub struct EventBody {
    /// Its place.
    pub position: Place,
    /// The generation of the log that it was appended in, from 1.
    pub generation: u32,
    /// Its type, such as `credit-earned`.
    pub r#type: String,
    /// The version of its type's shape, from 1.
    pub version: u16,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The account that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Its public text, JSON, byte for byte.
    pub public: String,
    /// Its private text, JSON, byte for byte: for operators, until it is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<String>,
    /// SHA-256 of its private text in hexadecimal digits, also after that was erased.
    pub private_sha256: String,
    /// Its fixed record in hexadecimal digits, byte for byte.
    pub record: String,
    /// Its checksum as stored in hexadecimal digits: SHA-256 of the fixed record.
    pub checksum: String,
}
