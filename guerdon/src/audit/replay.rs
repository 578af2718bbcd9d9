//! `guerdon audit replay`: the log folded to a moment, and what the state was then.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

use anyhow::Context as _;
use clap::Args;
use command_api::load;
use domain::{State, Timestamp, UnitId};
use event_store::{Access, EventStore};
use log_record::{Partition, Place, Position};
use serde::Serialize;
use wire::Moment;

use crate::data_config::DataConfig;
use crate::printing::{Printing, table};

/// Until when.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReplayArgs {
    /// The last event, such as 0:4711, or a time, such as 2026-11-30T08:00:00Z. [default: the end
    /// of the log]
    #[arg(long, value_name = "POSITION|TIME")]
    until: Option<Moment>,
}

/// The sums of a partition's state, as they were recorded.
#[derive(Debug, Serialize)]
struct Sums {
    /// The last event that is in them.
    position: Place,
    recorded_at: Timestamp,
    accounts: u64,
    offers: u64,
    units: Vec<UnitSums>,
}

/// What all accounts have of a unit.
#[derive(Debug, Default, Serialize)]
struct UnitSums {
    unit: UnitId,
    available: u128,
    held: u128,
    pending: u128,
    owed: u128,
}

pub(crate) async fn run(
    data: &DataConfig,
    printing: Printing,
    args: ReplayArgs,
) -> anyhow::Result<()> {
    let store = data.open(Access::Read).await?;
    printing.about(format_args!("replaying {}; nothing is changed", data.store()));
    for partition in (0..store.partitions()).map(Partition) {
        let until = last_until(&store, partition, args.until).await?;
        let progress = printing.progress("partitions", None);
        let loaded = load(&store, partition, None, until).await;
        drop(progress);
        let state = loaded.context("the log can't be replayed")?.state;
        printing.one(&Sums::of(&state))?;
    }
    Ok(())
}

/// The last event of a partition that a moment includes.
async fn last_until(
    store: &EventStore,
    partition: Partition,
    until: Option<Moment>,
) -> anyhow::Result<Position> {
    let head = store.head(partition).await?.position;
    let time = match until {
        None => return Ok(head),
        Some(Moment::Position(place)) if place.partition == partition => {
            let position = place.position;
            anyhow::ensure!(position <= head, "the log ends at {partition}:{head}, before {place}");
            return Ok(position);
        }
        Some(Moment::Position(place)) => {
            anyhow::bail!("{place} is of another partition than {partition}; name a time instead")
        }
        Some(Moment::Time(time)) => time.micros(),
    };
    // Times never decrease in a partition.
    let (mut first, mut last) = (0, head.0);
    while first < last {
        let middle = Position(first + (last - first).div_ceil(2));
        let event = store.read_one(Place { partition, position: middle }).await?;
        if event.recorded_at <= time {
            first = middle.0;
        } else {
            last = middle.0 - 1;
        }
    }
    Ok(Position(first))
}

impl Sums {
    fn of(state: &State) -> Self {
        let mut units: BTreeMap<usize, UnitSums> = BTreeMap::new();
        let ids: Vec<UnitId> = state.units().map(|(id, _)| id).collect();
        let order: BTreeMap<UnitId, usize> = ids.into_iter().zip(0..).collect();
        let (mut accounts, mut offers) = (0, 0);
        for (_, account) in state.accounts() {
            accounts += 1;
            for (number, wallet) in account.wallets() {
                let Some(unit) = state.unit_id(number) else { continue };
                let place = order.get(&unit).copied().unwrap_or(usize::MAX);
                let sums =
                    units.entry(place).or_insert_with(|| UnitSums { unit, ..UnitSums::default() });
                sums.available += u128::from(wallet.available().get());
                sums.held += u128::from(wallet.held().get());
                sums.pending += u128::from(wallet.pending().get());
                sums.owed += u128::from(wallet.owed().get());
            }
        }
        for _ in state.offers() {
            offers += 1;
        }
        Self {
            position: state.place(),
            recorded_at: state.recorded_at(),
            accounts,
            offers,
            units: units.into_values().collect(),
        }
    }
}

impl Display for Sums {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { position, recorded_at, accounts, offers, units } = self;
        writeln!(
            f,
            "after {position}, recorded at {recorded_at}: {accounts} accounts, {offers} offers"
        )?;
        let rows = units.iter().map(|sums| {
            let UnitSums { unit, available, held, pending, owed } = sums;
            let numbers = [available, held, pending, owed].map(ToString::to_string);
            let [available, held, pending, owed] = numbers;
            [unit.to_string(), available, held, pending, owed]
        });
        write!(f, "{}", table(["unit", "available", "held", "pending", "owed"], rows))
    }
}
