//! `guerdon audit replay`: what there was at a moment.

use std::fmt::{Display, Formatter};

use ::audit::{StateSums, Then, UnitSums, replay};
use clap::Args;
use event_store::Access;
use serde::Serialize;
use wire::Moment;

use super::asked::{Asked, found_at, partitions_at};
use crate::data_config::DataConfig;
use crate::printing::{Printing, table};

/// Until when, and what to look at.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReplayArgs {
    /// The last event, such as 0:4711, or a time, such as 2026-11-30T08:00:00Z; what was recorded
    /// then is included. A position shows its partition alone. [default: the end of the log]
    #[arg(long, value_name = "POSITION|TIME")]
    until: Option<Moment>,
    #[command(flatten)]
    asked: Asked,
}

/// The sums of all accounts of a partition.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Sums(pub(super) StateSums);

pub(crate) async fn run(
    data: &DataConfig,
    printing: Printing,
    args: ReplayArgs,
) -> anyhow::Result<()> {
    let ReplayArgs { until, asked } = args;
    let store = data.open(Access::Read).await?;
    printing.about(format_args!("replaying {}; nothing is changed", data.store()));
    if let Some(of) = asked.one() {
        let then = Then::find(&store, of.partition(store.partitions())?, until).await?;
        let found = found_at(&store, &of, then, printing).await?;
        anyhow::ensure!(!found.is_empty(), "there is no such thing in the log up to {}", then.last);
        return found.iter().try_for_each(|found| printing.one(found));
    }
    for partition in partitions_at(store.partitions(), until) {
        let then = Then::find(&store, partition, until).await?;
        printing.one(&Sums(StateSums::at(replay(&store, then).await?, then.time)?))?;
    }
    Ok(())
}

impl Display for Sums {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let StateSums { position, at, accounts, offers, sold, units } = &self.0;
        writeln!(
            f,
            "after the event {position}, at {at}: {accounts} accounts; {offers} offers, {sold} units \
             of them with shoppers"
        )?;
        let rows = units.iter().map(|sums| {
            let UnitSums { unit, available, held, pending, owed } = sums;
            let [available, held, pending, owed] =
                [available, held, pending, owed].map(ToString::to_string);
            [unit.to_string(), available, held, pending, owed]
        });
        write!(f, "{}", table(["unit", "available", "held", "pending", "owed"], rows))
    }
}
