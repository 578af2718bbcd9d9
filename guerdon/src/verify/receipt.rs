//! `guerdon verify receipt`: a receipt of an exchange, without a network.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use clap::Args;
use domain::Timestamp;
use event_store::with_causes;
use log_record::Place;
use serde::Serialize;
use transparency::{Receipt, VerifiedReceipt, VerifierKey};

use super::balance::read;
use super::log_key;
use crate::command_line::path;
use crate::exit::FoundWrong;
use crate::printing::{Printing, plain};

/// A receipt, and what its owner knows.
#[derive(Args, Clone, Debug)]
pub(super) struct ReceiptArgs {
    /// The file of the receipt.
    #[arg(value_name = "FILE.json", value_parser = path)]
    file: PathBuf,

    /// The log's key, or its first one, in the form NAME+ID+KEY, as GET /log/keys gives it. Get it
    /// from somebody else than whoever gave the receipt.
    #[arg(long, value_parser = log_key)]
    key: VerifierKey,
}

/// A verified receipt, to be printed.
#[derive(Serialize)]
struct VerifiedExchange {
    account_id: String,
    exchange_id: String,
    /// The tree that has the events.
    origin: String,
    /// Its size.
    size: u64,
    /// The key that signed it.
    key: String,
    events: Vec<VerifiedEvent>,
}

#[derive(Serialize)]
struct VerifiedEvent {
    position: Place,
    #[serde(rename = "type")]
    event_type: String,
    recorded_at: Option<Timestamp>,
    public: String,
}

impl Display for VerifiedExchange {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { account_id, exchange_id, origin, size, key, events } = self;
        let (account_id, exchange_id) = (plain(account_id), plain(exchange_id));
        write!(f, "exchange {exchange_id} of {account_id}: {} events are in ", events.len())?;
        write!(f, "{origin} of {size} events, signed by {key}")?;
        for VerifiedEvent { position, event_type, recorded_at, public } in events {
            let at = recorded_at.map(|at| at.to_string()).unwrap_or_default();
            write!(f, "\n{position} {at} {} {}", plain(event_type), plain(public))?;
        }
        Ok(())
    }
}

pub(super) fn run(args: &ReceiptArgs, printing: Printing) -> anyhow::Result<()> {
    let ReceiptArgs { file, key } = args;
    let receipt: Receipt = read(file, "receipt")?;
    let verified = receipt.verify(key).map_err(|error| FoundWrong(with_causes(&error)))?;
    let VerifiedReceipt { checkpoint, key, events } = verified;
    // A verified receipt has each of its events in its place.
    let publics = receipt.events.into_iter().map(|event| event.public);
    let events = events.into_iter().zip(publics).map(|(event, public)| VerifiedEvent {
        position: event.place,
        event_type: event.event_type,
        recorded_at: Timestamp::from_micros(event.recorded_at).ok(),
        public,
    });
    printing.one(&VerifiedExchange {
        account_id: receipt.account_id,
        exchange_id: receipt.exchange_id,
        origin: checkpoint.origin.to_string(),
        size: checkpoint.size,
        key: key.to_string(),
        events: events.collect(),
    })
}
