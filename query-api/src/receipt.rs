//! A receipt of an exchange: its events, each with the proof that a signed checkpoint has it.
//!
//! The read tables know where the events stand. What they say and what proves them is in the log,
//! where this crate can't look: whoever starts the API gives it a function that does
//! ([`ProveEvents`]).

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::State;
use domain::{AccountId, ExchangeId};
use futures_util::future::BoxFuture;
use log_record::{Place, Position, RecordedEvent};
use read_model::{Argument, Query};
use serde::Deserialize;
use wire::body::{ReceiptBody, ReceiptEventBody};
use wire::{PathIds, Problem};

use crate::cell::{split_place, time};
use crate::freshness::Fresh;
use crate::{QueryApi, failed};

static PLACES: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_exchange_places.sql")));

/// Reads and proves the events at these places that a function wants.
pub type ProveEvents = Arc<
    dyn Fn(Vec<Place>, IsWanted) -> BoxFuture<'static, Result<ProvedEvents, Unproved>>
        + Send
        + Sync,
>;

/// Whether an event belongs to what is asked for.
pub type IsWanted = Box<dyn Fn(&RecordedEvent) -> bool + Send + Sync>;

/// Events, and the signed checkpoint that has them.
#[derive(Clone, Debug)]
pub struct ProvedEvents {
    /// The signed note of the checkpoint.
    pub checkpoint: String,
    /// The notes in which a key handed over to the next.
    pub handovers: Vec<String>,
    /// Each event with its fixed record in base64 and its proof.
    pub events: Vec<(RecordedEvent, String, Vec<String>)>,
}

/// Why nothing was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproved {
    /// The last of the events isn't sealed yet.
    NotSealed {
        /// Its place.
        wanted: Place,
        /// Up to where the log is sealed.
        reached: Place,
    },
    /// This process seals nothing.
    NotHere,
    /// What hinders it is in the program's log already.
    Unread,
}

/// The place of an event that is about an exchange.
#[derive(sql_macros::FromRow)]
struct PlaceRow {
    place: i64,
}

pub(crate) async fn get_receipt(
    State(api): State<QueryApi>,
    Fresh(mut reading): Fresh,
    PathIds(account_id, exchange_id): PathIds<AccountId, ExchangeId>,
) -> Result<Json<ReceiptBody>, Problem> {
    let path = format!("accounts/{account_id}/exchanges/{exchange_id}");
    // What is below the path: '0' is the letter after '/'.
    let (from, to) = (format!("{path}/"), format!("{path}0"));
    let ids = [account_id.as_str(), exchange_id.as_str(), &from, &to];
    let arguments: [Argument<'_>; 4] = ids.map(Into::into);
    let rows: Vec<PlaceRow> = reading.all(*PLACES, &arguments).await.map_err(failed)?;
    if rows.is_empty() {
        let detail = format!("The account {account_id} has no exchange {exchange_id}.");
        return Err(Problem::not_found(detail));
    }
    // Nothing of the read model is held while the log is signed.
    drop(reading);
    // A redemption and a cancellation have a first half in front of them.
    let with_first_half = |place: Place| {
        let before = Position(place.position.0.saturating_sub(1));
        [Place { position: before, ..place }, place]
    };
    let places = rows.iter().map(|row| split_place(row.place)).flat_map(with_first_half);
    let places: BTreeSet<Place> = places.filter(|place| place.position > Position::START).collect();
    let (account, exchange) = (account_id.clone(), exchange_id.clone());
    let is_wanted = move |event: &RecordedEvent| {
        let named = serde_json::from_str::<Named>(&event.public).ok();
        event.account_id.as_deref() == Some(account.as_str())
            && named.and_then(|named| named.exchange_id).as_deref() == Some(exchange.as_str())
    };
    let proved = (api.prove_events)(places.into_iter().collect(), Box::new(is_wanted)).await;
    let ProvedEvents { checkpoint, handovers, events } = proved.map_err(|why| match why {
        Unproved::NotSealed { wanted, reached } => Problem::not_sealed(wanted, reached),
        Unproved::NotHere => Problem::not_found(
            "This process seals nothing. Ask the one that takes commands for the receipt.",
        ),
        Unproved::Unread => Problem::internal(),
    })?;
    let events = events.into_iter().map(body).collect::<Result<_, _>>()?;
    Ok(Json(ReceiptBody { account_id, exchange_id, checkpoint, handovers, events }))
}

/// The field of a public text that says which exchange an event is of.
#[derive(Deserialize)]
struct Named {
    exchange_id: Option<String>,
}

fn body(
    (event, entry, proof): (RecordedEvent, String, Vec<String>),
) -> Result<ReceiptEventBody, Problem> {
    Ok(ReceiptEventBody {
        position: event.place,
        r#type: event.event_type.into(),
        recorded_at: time(event.recorded_at)?,
        public: event.public.into(),
        entry,
        proof,
    })
}
