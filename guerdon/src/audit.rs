//! `guerdon audit`: what an auditor asks of the log itself. It changes nothing, and the ledger may
//! be running.

mod asked;
mod diff;
mod explain;
mod reconcile;
mod replay;
mod trial_balance;

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
    /// Show what there was at a moment, made from the log alone: of an account, an exchange or an
    /// offer, or the sums of all accounts.
    Replay(replay::ReplayArgs),
    /// Show what changed between two moments.
    Diff(diff::DiffArgs),
    /// Tell the story of an account, an exchange or an offer, event by event.
    Explain(explain::ExplainArgs),
    /// Show what came in of each unit by a moment and where it is, and what expires when, made from
    /// the log alone.
    TrialBalance(trial_balance::TrialBalanceArgs),
    /// Compare the log, folded afresh, with the read tables, the messages to warehouses and files
    /// of others, and name each difference.
    Reconcile(reconcile::ReconcileArgs),
}

pub(crate) async fn run(args: AuditArgs) -> anyhow::Result<()> {
    let AuditArgs { data, printing, act } = args;
    match act {
        Act::Replay(args) => replay::run(&data, printing, args).await,
        Act::Diff(args) => diff::run(&data, printing, args).await,
        Act::Explain(args) => explain::run(&data, printing, args).await,
        Act::TrialBalance(args) => trial_balance::run(&data, printing, args).await,
        Act::Reconcile(args) => reconcile::run(&data, printing, args).await,
    }
}
