//! The document, and what it is made of.

mod document;
mod limits;
