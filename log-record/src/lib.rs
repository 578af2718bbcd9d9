//! One row of the log: where it stands, what its bytes are, and what is hashed.
//!
//! It knows nothing of what an event means, of any store, or of time; an auditor's tool needs only
//! this crate to check a row. Start with [`RecordedEvent`].

mod event_ref;
mod fixed_record;
mod format;
mod head;
mod hex;
mod packed_place;
mod place;
mod principal;
mod recorded;
mod shipping_request_id;
mod unrecorded_call;

pub use event_ref::{EventRef, PrivateRef};
pub use fixed_record::{FixedRecord, NoFixedRecord};
pub use format::{LogFormat, OtherFormat};
pub use head::Head;
pub use hex::{hex, parse_hex};
pub use packed_place::PackedPlace;
pub use place::{
    BatchId, Epoch, Generation, LogId, Partition, Place, PlaceError, Position, WriterId,
};
pub use principal::Principal;
pub use recorded::{Checksum, NewEvent, Private, RecordedEvent};
pub use shipping_request_id::{NoShippingRequestId, ShippingRequestId};
pub use unrecorded_call::{UnrecordedCall, UnrecordedCalls};
