//! A log as files: its events as NDJSON or Parquet, and a manifest that says what the files are.
//!
//! It knows no store and no network: whoever exports gives it events, and whoever verifies or
//! imports gets them. So an auditor's tool needs nothing that writes a log. `docs/EXPORT.md` has
//! the formats, which tests hold to golden files.
//!
//! In reading order: [`Manifest`] (what an export is), [`ExportFolder`] and [`Exporting`] (writing
//! one, also after a run was killed), [`Export`] and [`Verifying`] (reading one, event by event,
//! each verified), [`Signed`] (what a checkpoint of the transparency log says of it).

mod error;
mod events_file;
mod folder;
mod hashed;
mod manifest;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet_file;
mod read_file;
mod signed;
mod verify;

pub use error::ExportError;
pub use events_file::EventsFile;
pub use folder::{ExportFolder, Exporting, Found};
pub use hashed::Sha256Hex;
pub use log_line::{from_line, to_line};
pub use manifest::{
    EVENTS_PER_FILE, EVENTS_PER_FILE_MAX, ExportedFile, ExportedRange, Form, Manifest, PrivateTexts,
};
pub use signed::Signed;
pub use verify::{Export, PartitionVerified, Verifying};
