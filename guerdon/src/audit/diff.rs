//! `guerdon audit diff`: what changed between two moments.

use std::collections::{BTreeMap, BTreeSet};

use ::audit::{ReplayOf, StateSums, Then, UnitSums, count_types, replay};
use clap::Args;
use event_store::{Access, EventStore};
use serde::Serialize;
use wire::Moment;

use super::asked::{Asked, Found, found_at, partitions_at};
use crate::data_config::DataConfig;
use crate::printing::Printing;

/// The two moments, and what to look at.
#[derive(Args, Clone, Debug)]
pub(crate) struct DiffArgs {
    /// The earlier moment: an event's position, such as 0:4711, or a time.
    #[arg(value_name = "POSITION|TIME")]
    before: Moment,
    /// The later moment.
    #[arg(value_name = "POSITION|TIME")]
    after: Moment,
    #[command(flatten)]
    asked: Asked,
}

/// A figure or a field that isn't the same at both moments.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Change {
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

pub(crate) async fn run(
    data: &DataConfig,
    printing: Printing,
    args: DiffArgs,
) -> anyhow::Result<()> {
    let DiffArgs { before, after, asked } = args;
    let store = data.open(Access::Read).await?;
    printing.about(format_args!("comparing two moments of {}; nothing is changed", data.store()));
    let of = asked.one();
    let mut changes = vec![];
    let partitions = match &of {
        Some(of) => vec![of.partition(store.partitions())?],
        None => partitions_at(store.partitions(), [before, after]),
    };
    for partition in partitions {
        let before = Then::find(&store, partition, Some(before)).await?;
        let after = Then::find(&store, partition, Some(after)).await?;
        let is_in_order = (before.last, before.time) <= (after.last, after.time);
        anyhow::ensure!(is_in_order, "the first moment is later than the second; swap them");
        match &of {
            Some(of) => changes.extend(of_one(&store, of, [before, after], printing).await?),
            None => changes.extend(of_all(&store, [before, after], printing).await?),
        }
    }
    let cells = |change: &Change| {
        let Change { what, before, after } = change;
        [what.clone(), before.clone().unwrap_or_default(), after.clone().unwrap_or_default()]
    };
    printing.rows(["what", "before", "after"], &changes, cells)
}

/// The fields that changed, of each thing that there was at either moment.
async fn of_one(
    store: &EventStore,
    of: &ReplayOf,
    moments: [Then; 2],
    printing: Printing,
) -> anyhow::Result<Vec<Change>> {
    let [before, after] = moments;
    let before = fields_of(&found_at(store, of, before, printing).await?, of);
    let after = fields_of(&found_at(store, of, after, printing).await?, of);
    Ok(differences(&before, &after))
}

/// Exchanges with the same id are of several accounts.
fn fields_of(found: &[Found], of: &ReplayOf) -> BTreeMap<String, String> {
    let fields = found.iter().flat_map(|found| {
        let account = match of {
            ReplayOf::Exchange(None, _) => {
                found.0["account_id"].as_str().map(|id| format!("{id}: "))
            }
            _ => None,
        };
        let account = account.unwrap_or_default();
        found.fields().into_iter().map(move |(name, value)| (format!("{account}{name}"), value))
    });
    fields.collect()
}

/// The sums that changed, and how many events there were of each type.
async fn of_all(
    store: &EventStore,
    [before, after]: [Then; 2],
    printing: Printing,
) -> anyhow::Result<Vec<Change>> {
    let earlier = figures(&StateSums::at(replay(store, before).await?, before.time)?);
    let later = figures(&StateSums::at(replay(store, after).await?, after.time)?);
    let mut changes = differences(&earlier, &later);
    let between = after.last.position.since(before.last.position);
    let progress = printing.progress("events", Some(between));
    let told = |read| progress.inc(read);
    let types = count_types(store, before.last.position, after.last, told).await?;
    drop(progress);
    changes.extend(types.into_iter().map(|(name, count)| Change {
        what: format!("events {name}"),
        before: None,
        after: Some(count.to_string()),
    }));
    Ok(changes)
}

fn figures(sums: &StateSums) -> BTreeMap<String, String> {
    let StateSums { position, at: _, accounts, offers, sold, units } = sums;
    let partition = position.partition;
    let mut figures = BTreeMap::from([
        (format!("accounts of partition {partition}"), accounts.to_string()),
        (format!("offers of partition {partition}"), offers.to_string()),
        (format!("units of offers with shoppers, partition {partition}"), sold.to_string()),
    ]);
    for UnitSums { unit, available, held, pending, owed } in units {
        for (what, sum) in
            [("available", available), ("held", held), ("pending", pending), ("owed", owed)]
        {
            figures.insert(format!("{unit} {what}, partition {partition}"), sum.to_string());
        }
    }
    figures
}

fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<Change> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changes = names.into_iter().map(|name| Change {
        what: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    });
    changes.filter(|change| change.before != change.after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_at_both_moments_is_no_change() {
        let fields = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            all.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        let before = fields(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let after = fields(&[("a", "1"), ("b", "7"), ("d", "4")]);
        let change = |what: &str, before: Option<&str>, after: Option<&str>| Change {
            what: what.into(),
            before: before.map(Into::into),
            after: after.map(Into::into),
        };
        let expected = [
            change("b", Some("2"), Some("7")),
            change("c", Some("3"), None),
            change("d", None, Some("4")),
        ];
        assert_eq!(differences(&before, &after), expected);
    }
}
