//! An export: the formats, what is damaged, what is killed, and what was signed.

mod checkpoints;
mod damaged;
mod exports;
mod golden;
mod killed;
#[cfg(feature = "parquet")]
mod parquet;
