//! `guerdon audit`: what an auditor asks of the log itself. It changes nothing, and the ledger may
//! be running.

mod reconcile;
mod replay;

use clap::{Args, Subcommand};

use crate::data_config::DataConfig;
use crate::printing::Printing;

/// What to find out. The options of the data may come before or after the name of an act.
#[derive(Args, Clone, Debug)]
#[command(mut_args(|option| option.global(true)))]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    printing: Printing,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand, Clone, Debug)]
enum Act {
    /// Show the state as it was at a moment, made from the log alone.
    Replay(replay::ReplayArgs),
    /// Compare the log, folded afresh, with the read tables, the messages to warehouses and files
    /// of others, and name each difference.
    Reconcile(reconcile::ReconcileArgs),
}

pub(crate) async fn run(args: AuditArgs) -> anyhow::Result<()> {
    let AuditArgs { data, printing, act } = args;
    match act {
        Act::Replay(args) => replay::run(&data, printing, args).await,
        Act::Reconcile(args) => reconcile::run(&data, printing, args).await,
    }
}
