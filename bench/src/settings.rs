//! What to measure, and how long.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::binary::Binary;
use crate::contender::{Contender, Pace};
use crate::requests::Variety;

/// Seconds of a turn that count.
const SECONDS: u64 = 5;

/// On the whole way: long enough for a projection to fall behind, if it can't keep up.
const SECONDS_WHOLE_WAY: u64 = 60;

/// At fixed times: enough requests for the slowest hundredth.
const SECONDS_FIXED: u64 = 20;

#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// How often each contender has its turn.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Seconds that count, for each turn. [default: 5; on the whole way 60; at a fixed
    /// rate 20]
    #[arg(long)]
    seconds: Option<u64>,
    /// Seconds before them that don't count.
    #[arg(long, default_value_t = 1)]
    warm_up: u64,
    /// Connections that each send one request after the other.
    #[arg(long, default_value_t = 256)]
    pub(crate) connections: usize,
    /// Shoppers, each chosen equally often.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) shoppers: u64,
    /// Offers, each chosen equally often.
    #[arg(long, default_value_t = 100)]
    pub(crate) offers: u64,
    #[command(flatten)]
    pub(crate) guerdon: Binary,
    /// The folder for data, on the disk to be measured. [default: the system's for temporary files]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Contenders, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Every contender.
    #[arg(long)]
    pub(crate) full: bool,
    /// The size of the naive contender's pool. [default: the best of a sweep for each of them]
    #[arg(long)]
    pub(crate) pool: Option<usize>,
    /// Also writes the figures to this file, as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(std::env::temp_dir)
    }

    pub(crate) fn measured(&self, contender: &Contender) -> Duration {
        let default = if contender.is_until_visible() {
            SECONDS_WHOLE_WAY
        } else if let Pace::Fixed(_) = contender.pace {
            SECONDS_FIXED
        } else {
            SECONDS
        };
        Duration::from_secs(self.seconds.unwrap_or(default))
    }

    pub(crate) const fn warm_up(&self) -> Duration {
        Duration::from_secs(self.warm_up)
    }

    pub(crate) const fn variety(&self) -> Variety {
        Variety { shoppers: self.shoppers, offers: self.offers, partitions: 1 }
    }
}
