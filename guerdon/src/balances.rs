//! `guerdon balances`: the trees over all accounts' balances, as the log up to a position makes
//! them. `serve` starts this to seal the balances, and to make a tree again that was lost; by hand
//! it shows what a seal would commit to, and whether a seal's roots are those of the log.

use std::fmt::{Display, Formatter};

use anyhow::{Context as _, bail};
use clap::Args;
use command_api::{LoadError, load_past};
use domain::{Account, State, Timestamp, UnitId, Wallet};
use event_store::{Access, EventStore};
use log_record::{Partition, Place, Position, hex, parse_hex};
use sealer::{BalanceSecret, BalanceTrees, MadeTree, UpTo};
use serde::{Deserialize, Serialize};

use crate::data_config::DataConfig;
use crate::printing::Printing;

/// How far it steps back behind the ledger where both want a processor.
const NICE: i32 = 10;

/// Which balances.
#[derive(Args, Clone, Debug)]
pub(crate) struct BalancesArgs {
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    printing: Printing,

    /// The position of the last event to take: the last of what was recorded together. [default:
    /// the log's end]
    #[arg(long, value_name = "POSITION")]
    up_to: Option<u64>,

    /// The partition.
    #[arg(long, default_value_t = 0)]
    partition: u16,
}

/// What a seal commits to.
#[derive(Serialize, Deserialize)]
pub(crate) struct Made {
    /// The position of the last event whose effect is in the balances.
    pub(crate) up_to: u64,
    /// When that event was recorded.
    pub(crate) as_of: Timestamp,
    /// Tells the secret from which the salts come from other secrets.
    pub(crate) salts: String,
    /// By unit.
    pub(crate) units: Vec<MadeUnit>,
}

/// The tree of a unit. Sums are decimal strings, because they may be larger than the numbers that
/// every JSON reader keeps exact.
#[derive(Serialize, Deserialize)]
pub(crate) struct MadeUnit {
    unit: UnitId,
    accounts: u64,
    root: String,
    available: String,
    held: String,
    pending: String,
    owed: String,
}

impl Display for Made {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { up_to, as_of, salts, units } = self;
        write!(f, "balances as of position {up_to}, {as_of}; salts of the secret {salts}")?;
        for MadeUnit { unit, accounts, root, available, held, pending, owed } in units {
            write!(
                f,
                "\n{unit}: {accounts} accounts with {available} available, {held} held, {pending} \
                 pending, {owed} owed; root {root}"
            )?;
        }
        Ok(())
    }
}

pub(crate) async fn run(args: BalancesArgs) -> anyhow::Result<()> {
    let BalancesArgs { data, printing, up_to, partition } = args;
    // Where the system refuses, it competes, which is no reason not to begin.
    let _ = rustix::process::nice(NICE);
    printing.about(format_args!("reading the balances of {} to make trees of them", data.store()));
    let store = data.open(Access::Read).await?;
    let partition = Partition(partition);
    let head = store.head(partition).await?.position;
    let position = up_to.map_or(head, Position);
    if position == Position::START || position > head {
        bail!("the position {position} is not in the log, which goes from 1 to {head}");
    }
    let progress = printing.progress("trees", None);
    let state = load_past(&store, partition, &data.snapshots(), position).await;
    let state = state.map_err(|error| match error {
        LoadError::HalfAPair { .. } => anyhow::anyhow!(
            "the event at {position} is recorded together with the next one; take the position of \
             the last of them"
        ),
        error => anyhow::Error::from(error).context("the log gives no balances"),
    })?;
    let place = Place { partition, position };
    let made = make(&data, &store, state, place).await?;
    drop(progress);
    printing.one(&made)
}

async fn make(
    data: &DataConfig,
    store: &EventStore,
    state: State,
    place: Place,
) -> anyhow::Result<Made> {
    let log_id = store.log_id();
    let checksum = store.read_one(place).await?.checksum.0;
    let trees = BalanceTrees::new(&data.transparency(), log_id, place.partition);
    let up_to = UpTo { log_id, place, checksum };
    let made = tokio::task::spawn_blocking(move || make_trees(&trees, &up_to, &state));
    made.await.context("making the trees was cut short")?
}

fn make_trees(trees: &BalanceTrees, up_to: &UpTo, state: &State) -> anyhow::Result<Made> {
    let secret = trees.open_secret()?;
    let units: Vec<UnitId> = state.units().map(|(unit, _)| unit).collect();
    let units = units.into_iter().map(|unit| make_tree(trees, &secret, up_to, state, unit));
    let units = units.collect::<anyhow::Result<_>>()?;
    trees.remove_old(up_to.place.position)?;
    let salts = hex(&secret.id());
    Ok(Made { up_to: up_to.place.position.0, as_of: state.recorded_at(), salts, units })
}

/// Of `points`, every account is in the tree; of another unit, those that ever had some.
fn make_tree(
    trees: &BalanceTrees,
    secret: &BalanceSecret,
    up_to: &UpTo,
    state: &State,
    unit: UnitId,
) -> anyhow::Result<MadeUnit> {
    let number = state.unit_number(unit).context("a unit of the log isn't in its state")?;
    let wallet = |account: &Account| {
        account.wallets().find(|(other, _)| *other == number).map(|(_, wallet)| amounts(wallet))
    };
    let accounts = state.accounts();
    let accounts = accounts.filter_map(|(id, account)| Some((id.as_str(), wallet(account)?)));
    let MadeTree { accounts, root, sums } = trees.make(secret, up_to, unit.as_str(), accounts)?;
    Ok(MadeUnit {
        unit,
        accounts,
        root: root.to_string(),
        available: sums.available.to_string(),
        held: sums.held.to_string(),
        pending: sums.pending.to_string(),
        owed: sums.owed.to_string(),
    })
}

fn amounts(wallet: &Wallet) -> [u64; 4] {
    [wallet.available(), wallet.held(), wallet.pending(), wallet.owed()].map(domain::Points::get)
}

impl Made {
    /// What the writer is told to record; nothing where a child process said something else.
    pub(crate) fn sealed(self) -> Option<domain::SealedTrees> {
        let Self { up_to, as_of, salts, units } = self;
        let unit = |unit: MadeUnit| {
            Some(domain::SealedUnit {
                unit: unit.unit,
                accounts: unit.accounts,
                root: parse_hex(&unit.root)?,
                available: unit.available.parse().ok()?,
                held: unit.held.parse().ok()?,
                pending: unit.pending.parse().ok()?,
                owed: unit.owed.parse().ok()?,
            })
        };
        let units = units.into_iter().map(unit).collect::<Option<_>>()?;
        let salts = domain::SaltsId(parse_hex(&salts)?);
        Some(domain::SealedTrees { up_to: Position(up_to), as_of, salts, units })
    }
}
