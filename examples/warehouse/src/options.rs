//! What the warehouse is told on its command line.

use std::path::PathBuf;

/// Ships what Guerdon asks for, and tells it so.
#[derive(Debug, clap::Parser)]
pub(crate) struct Options {
    /// Kafka's addresses
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub(crate) brokers: String,
    /// Where shipping requests come from
    #[arg(long, default_value = "guerdon.shipping-requests")]
    pub(crate) topic: String,
    /// Where answers go to
    #[arg(long, default_value = "guerdon.warehouse-events")]
    pub(crate) events_topic: String,
    /// Which warehouse this is; what is for others is passed over
    #[arg(long, default_value = "main")]
    pub(crate) warehouse: String,
    /// The SQLite file in which it keeps its parcels
    #[arg(long, default_value = "warehouse.sqlite")]
    pub(crate) database: PathBuf,
    /// A product that it doesn't have and never will
    #[arg(long, value_name = "PRODUCT")]
    pub(crate) reject: Vec<String>,
    /// A product that it waits for itself; started without this, it ships what waited
    #[arg(long, value_name = "PRODUCT")]
    pub(crate) back_order: Vec<String>,
    /// How long a parcel is packed, and can still be cancelled
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub(crate) packing: u32,
    /// End when there was nothing to do for so long
    #[arg(long, value_name = "SECONDS")]
    pub(crate) until_idle: Option<u64>,
}
