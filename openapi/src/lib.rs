//! The OpenAPI document of the HTTP API, `docs/openapi.json`.
//!
//! It is made from what is there, so that nothing is said twice: paths, parameters and bodies from
//! the source of routers, handlers and body structs; what a call is for, its refusals and its
//! examples from its section in `docs/reference/`, which tests compare with a running ledger;
//! problems from their pages. Only what a call answers stands here, in `calls.rs`.
//!
//! Nothing of this is in the ledger's binary but the document itself. `GUERDON_TOUR=write cargo
//! test -p openapi` writes it; without the variable the test compares.

pub mod answers;
mod calls;
mod document;
mod json;
mod log_calls;
mod markdown;
mod open_calls;
mod operation;
mod page;
mod problem;
mod route;
mod scalar;
mod serde_attribute;
mod shape;
mod source;

pub use calls::{CALLS, Call};
pub use document::document;
pub use page::{Block, Example, Page, Pages, Section, Side};

use std::path::{Path, PathBuf};

/// A path of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
