//! How often the ledger compares its read tables with its log.

use std::time::Duration;

use clap::Args;

use crate::duration::some_time;

/// How the ledger is reconciled while it serves.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ReconcileConfig {
    /// Compare the read tables and the messages to warehouses with the log this often, as
    /// `guerdon audit reconcile` does, in a process of its own beside the projector: 24h, 7d. It
    /// needs room for a second read model. [default: never]
    #[arg(long, env = "GUERDON_RECONCILE_EVERY", value_parser = some_time)]
    pub(crate) reconcile_every: Option<Duration>,

    /// Take this many percent of the time for that, so that the databases have time for others.
    #[arg(
        long,
        env = "GUERDON_RECONCILE_SHARE",
        value_name = "PERCENT",
        default_value_t = 25,
        value_parser = clap::value_parser!(u8).range(1..=100)
    )]
    pub(crate) reconcile_share: u8,
}
