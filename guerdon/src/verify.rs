//! `guerdon verify`: what the transparency log says, without trust in anybody. It needs a key of
//! the log, and for most of it no network.

mod balance;
mod export;
mod log;
mod log_files;
mod receipt;

use clap::{Args, Subcommand};
use transparency::{KeyError, KeyKind, VerifierKey};

use crate::printing::Printing;
use balance::ProofArgs;
use export::ExportArgs;
use log::LogArgs;
use receipt::ReceiptArgs;

/// What to verify. The options of printing may come before or after it.
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    printing: Printing,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Clone, Debug)]
enum What {
    /// Verify a partition's transparency log: its checkpoint, its keys, every tile and, where they
    /// can be read, every entry.
    Log(LogArgs),
    /// Verify a folder that `guerdon log export` wrote: every file, every event and, with a key,
    /// that the events are those that were signed.
    Export(ExportArgs),
    /// Verify a receipt of an exchange, which GET
    /// `/v1/accounts/{account_id}/exchanges/{exchange_id}/receipt` answered: its events are in the
    /// signed log. It needs no network.
    Receipt(ReceiptArgs),
    /// Verify an account's balance, which GET `/v1/accounts/{account_id}/balance-proof` answered: a
    /// seal in the signed log commits to it. It needs no network.
    Balance(ProofArgs),
    /// Verify what all accounts had together, which GET `/v1/seals/{seal_id}/proof` answered. It
    /// needs no network.
    Liability(ProofArgs),
}

pub(crate) async fn run(VerifyArgs { printing, what }: VerifyArgs) -> anyhow::Result<()> {
    match what {
        What::Log(args) => log::run(args, printing).await,
        What::Export(args) => export::run(args, printing).await,
        What::Receipt(args) => receipt::run(&args, printing),
        What::Balance(args) => balance::balance(&args, printing),
        What::Liability(args) => balance::liability(&args, printing),
    }
}

pub(crate) fn log_key(text: &str) -> Result<VerifierKey, KeyError> {
    text.parse::<VerifierKey>()?.must_be(KeyKind::Log)
}
