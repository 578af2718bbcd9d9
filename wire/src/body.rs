//! The bodies of both HTTP APIs: one struct for each request and each answer, one file per noun.

mod key;

pub use key::{CreateKeyBody, KeyBody, KeysBody, MadeKeyBody, RevokeKeyBody, RotateKeyBody};
