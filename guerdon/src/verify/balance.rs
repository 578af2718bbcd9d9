//! `guerdon verify balance` and `guerdon verify liability`: what an account had, and what all
//! accounts had together, without a network.

use std::fmt::{Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use event_store::with_causes;
use log_record::Place;
use serde::Serialize;
use serde::de::DeserializeOwned;
use transparency::{
    BalanceProof, Balances, LiabilityProof, SealedBalances, SealedTrees, VerifiedBalance,
    VerifiedSeal, VerifierKey,
};

use super::log_key;
use crate::command_line::path;
use crate::exit::FoundWrong;
use crate::printing::{Printing, plain};

/// A proof, and what its owner knows.
#[derive(Args, Clone, Debug)]
pub(super) struct ProofArgs {
    /// The file of the proof.
    #[arg(value_name = "FILE.json", value_parser = path)]
    file: PathBuf,

    /// The log's key, or its first one, in the form NAME+ID+KEY, as GET /log/keys gives it. Get it
    /// from somebody else than whoever gave the proof.
    #[arg(long, value_parser = log_key)]
    key: VerifierKey,
}

/// A verified seal, to be printed.
#[derive(Serialize)]
struct Seal {
    seal_id: String,
    /// Where its event stands.
    position: Place,
    #[serde(flatten)]
    trees: Trees,
    /// Of the accounts of each further partition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    further: Vec<Trees>,
    /// The tree that has the event.
    origin: String,
    /// Its size.
    size: u64,
    /// The key that signed it.
    key: String,
}

/// What a seal commits to of the accounts of a partition.
#[derive(Serialize)]
struct Trees {
    /// The last event whose effect is in the balances.
    up_to: Place,
    as_of: String,
    units: Vec<Unit>,
}

/// What all accounts had of a unit. Sums are decimal strings.
#[derive(Serialize)]
struct Unit {
    unit: String,
    accounts: u64,
    root: String,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Serialize)]
struct Sums {
    available: String,
    held: String,
    pending: String,
    owed: String,
}

/// A verified balance, to be printed.
#[derive(Serialize)]
struct Balance {
    account_id: String,
    unit: String,
    #[serde(flatten)]
    balance: Sums,
    index: u64,
    seal: Seal,
}

impl Display for Sums {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { available, held, pending, owed } = self;
        write!(f, "{available} available, {held} held, {pending} pending, {owed} owed")
    }
}

impl Display for Seal {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { seal_id, position, trees, further, origin, size, key } = self;
        write!(f, "the seal {} at {position} commits to the balances {trees}", plain(seal_id))?;
        for trees in further {
            write!(f, "\nand {trees}")?;
        }
        write!(f, "\nthe event is in {origin} of {size} events, signed by {key}")
    }
}

impl Display for Trees {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { up_to, as_of, units } = self;
        write!(f, "as of {up_to}, {}", plain(as_of))?;
        for Unit { unit, accounts, root, sums } in units {
            write!(f, "\n{}: {accounts} accounts with {sums}; root {root}", plain(unit))?;
        }
        Ok(())
    }
}

impl Display for Balance {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { account_id, unit, balance, index, seal } = self;
        let (account_id, unit) = (plain(account_id), plain(unit));
        write!(f, "{account_id} had of {unit}: {balance}; leaf {index}, counted from 0\n{seal}")
    }
}

pub(super) fn balance(args: &ProofArgs, printing: Printing) -> anyhow::Result<()> {
    let proof: BalanceProof = read(&args.file, "proof of a balance")?;
    let verified = proof.verify(&args.key).map_err(|error| FoundWrong(with_causes(&error)))?;
    let VerifiedBalance { account_id, index, balances, of_all, seal } = verified;
    let seal = Seal { trees: trees(&of_all), further: vec![], ..told(seal) };
    let balance = sums(balances);
    printing.one(&Balance { account_id, unit: proof.unit, balance, index, seal })
}

pub(super) fn liability(args: &ProofArgs, printing: Printing) -> anyhow::Result<()> {
    let proof: LiabilityProof = read(&args.file, "proof of a seal")?;
    let verified = proof.verify(&args.key).map_err(|error| FoundWrong(with_causes(&error)))?;
    printing.one(&told(verified))
}

pub(super) fn read<T: DeserializeOwned>(file: &Path, what: &str) -> anyhow::Result<T> {
    let text = fs::read_to_string(file);
    let text = text.with_context(|| format!("can't read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no {what}", file.display()))
}

fn told(seal: VerifiedSeal) -> Seal {
    let VerifiedSeal { seal_id, place, home, further, checkpoint, key } = seal;
    Seal {
        seal_id,
        position: place,
        trees: trees(&home),
        further: further.iter().map(trees).collect(),
        origin: checkpoint.origin.to_string(),
        size: checkpoint.size,
        key: key.to_string(),
    }
}

fn trees(sealed: &SealedTrees) -> Trees {
    let SealedTrees { up_to, as_of, units } = sealed;
    Trees { up_to: *up_to, as_of: as_of.clone(), units: units.iter().map(unit).collect() }
}

fn unit(sealed: &SealedBalances) -> Unit {
    let SealedBalances { unit, accounts, root, sums: of_all } = sealed;
    let (unit, root) = (unit.clone(), root.to_string());
    Unit { unit, accounts: *accounts, root, sums: sums(*of_all) }
}

fn sums(balances: Balances) -> Sums {
    let Balances { available, held, pending, owed } = balances;
    Sums {
        available: available.to_string(),
        held: held.to_string(),
        pending: pending.to_string(),
        owed: owed.to_string(),
    }
}
