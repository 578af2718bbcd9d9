//! Of what an auditor asks, and what there was of it at a moment.

use std::fmt::{Display, Formatter};

use ::audit::{ReplayOf, Then, tables_at};
use anyhow::anyhow;
use clap::Args;
use domain::{AccountId, ExchangeId, OfferId};
use event_store::EventStore;
use log_record::Partition;
use query_api::{PastOf, read_balance, read_exchange, read_offer_body};
use read_model::Reading;
use serde::Serialize;
use serde_json::Value;
use wire::{Moment, Problem};

use crate::printing::{Printing, plain};

/// What to look at: an account, an exchange or an offer; without one of them, all accounts.
#[derive(Args, Clone, Debug)]
pub(crate) struct Asked {
    /// An account; with --exchange, the account of the exchange.
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// The exchanges with this id, in whatever account; where the log has several partitions, name
    /// the account, too.
    #[arg(long, value_name = "ID")]
    exchange: Option<ExchangeId>,
    /// An offer.
    #[arg(long, value_name = "ID", conflicts_with_all = ["account", "exchange"])]
    offer: Option<OfferId>,
}

/// What there was of one thing: the body that the ledger's API answers.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Found(pub(crate) Value);

impl Asked {
    /// The one thing; nothing where all accounts are asked for.
    pub(super) fn one(self) -> Option<ReplayOf> {
        match self {
            Self { offer: Some(offer), .. } => Some(ReplayOf::Offer(offer)),
            Self { account, exchange: Some(exchange), .. } => {
                Some(ReplayOf::Exchange(account, exchange))
            }
            Self { account, .. } => account.map(ReplayOf::Account),
        }
    }
}

impl Found {
    /// Each field by its path, such as `units.points.available`, with its value.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let mut fields = vec![];
        flatten("", &self.0, &mut fields);
        fields
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let fields = self.fields();
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let lines = fields.iter().map(|(name, value)| format!("{name:width$}  {}", plain(value)));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

fn flatten(path: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.into() } else { format!("{path}.{name}") };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| flatten(&below(name), value, fields));
        }
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered.for_each(|(index, item)| flatten(&below(&index.to_string()), item, fields));
        }
        Value::String(text) => fields.push((path.into(), text.clone())),
        Value::Null => {}
        other => fields.push((path.into(), other.to_string())),
    }
}

/// The partitions that moments speak of where no thing is named: a position is of its own alone,
/// and a time is of all.
pub(super) fn partitions_at(
    partitions: u16,
    moments: impl IntoIterator<Item = Moment>,
) -> Vec<Partition> {
    let named = moments.into_iter().find_map(|moment| match moment {
        Moment::Position(place) if place.partition.0 < partitions => Some(place.partition),
        Moment::Position(_) | Moment::Time(_) => None,
    });
    named.map_or_else(|| (0..partitions).map(Partition).collect(), |named| vec![named])
}

/// What there was at a moment; nothing of what didn't exist yet.
pub(super) async fn found_at(
    store: &EventStore,
    of: &ReplayOf,
    then: Then,
    printing: Printing,
) -> anyhow::Result<Vec<Found>> {
    let progress = printing.progress("events", Some(then.last.position.0));
    let tables = tables_at(store, of, then, |read| progress.inc(read)).await?;
    drop(progress);
    let mut all = vec![];
    for (of, mut reading) in tables {
        match body(&of, &mut reading).await {
            Ok(body) => all.push(Found(body?)),
            Err(problem) if problem.status().as_u16() == 404 => {}
            Err(problem) => return Err(anyhow!("{}", problem.detail())),
        }
    }
    Ok(all)
}

async fn body(of: &PastOf, reading: &mut Reading) -> Result<serde_json::Result<Value>, Problem> {
    Ok(match of {
        PastOf::Account(id) => serde_json::to_value(read_balance(reading, id).await?),
        PastOf::Exchange(account, id) => {
            serde_json::to_value(read_exchange(reading, account, id).await?)
        }
        PastOf::Offer(id) => serde_json::to_value(read_offer_body(reading, id).await?),
    })
}

#[cfg(test)]
mod tests {
    use log_record::{Place, Position};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_position_is_of_its_partition_alone() {
        let at = |partition| {
            let place = Place { partition: Partition(partition), position: Position(7) };
            Moment::Position(place)
        };
        assert_eq!(partitions_at(4, [at(2)]), [Partition(2)]);
        assert_eq!(partitions_at(2, []), [Partition(0), Partition(1)]);
        assert_eq!(partitions_at(1, [at(2)]), [Partition(0)], "which says that it isn't there");
    }

    #[test]
    fn a_body_is_shown_field_by_field() {
        let body =
            json!({"id": "x-1", "prices": [{"unit": "points", "points": 7}], "reason": null});
        let found = Found(body);
        assert_eq!(
            found.to_string(),
            "id               x-1\nprices.0.points  7\nprices.0.unit    points"
        );
    }
}
