//! The command line.

use std::path::PathBuf;

/// Ships the parcels that Guerdon requests, and answers
#[derive(Debug, clap::Parser)]
pub(crate) struct Options {
    /// Kafka's brokers
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub(crate) brokers: String,
    /// The topic of the shipping requests
    #[arg(long, default_value = "guerdon.shipping-requests")]
    pub(crate) topic: String,
    /// The topic of the answers
    #[arg(long, default_value = "guerdon.warehouse-events")]
    pub(crate) events_topic: String,
    /// The id of this warehouse; messages for others are skipped
    #[arg(long, default_value = "main")]
    pub(crate) warehouse: String,
    /// The SQLite file of the parcels
    #[arg(long, default_value = "warehouse.sqlite")]
    pub(crate) database: PathBuf,
    /// A product that the warehouse rejects
    #[arg(long, value_name = "PRODUCT")]
    pub(crate) reject: Vec<String>,
    /// A product that is out of stock; a start without this option ships it
    #[arg(long, value_name = "PRODUCT")]
    pub(crate) back_order: Vec<String>,
    /// How long a parcel waits before it leaves, and can be cancelled
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub(crate) packing: u32,
    /// End after so long without work
    #[arg(long, value_name = "SECONDS")]
    pub(crate) until_idle: Option<u64>,
}
