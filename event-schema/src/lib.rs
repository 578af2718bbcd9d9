//! The frozen shapes that events have in the log: between a domain event and its stored texts.
//!
//! It knows no store and decides nothing. `golden/` holds a stored example of every name and
//! version; each must decode for ever, and `tests/it/golden.rs` holds this crate to it.

mod decode;
mod encode;
mod metadata;
mod private;
mod v1;

pub use decode::{DecodeError, decode, decode_actor, decode_metadata, decode_public};
pub use encode::{EncodeError, Salt, encode};
pub use metadata::Metadata;
pub use private::PrivateActor;
