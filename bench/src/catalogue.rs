//! Every contender, in the order in which they have their turns.

use anyhow::Context as _;

use crate::contender::{Broker, Contender, Credit, Limits, Pace, Sender, Server, Store, Watch};
use crate::naive::Way;
use crate::requests::{ALL_ACCOUNTS, HOT_ACCOUNTS, Requests};
use Requests::{
    Balances, HotRedemptions, Redemptions, Repeated, SoldOut, ThreeReadsToOne, TransfersAcross,
    TransfersWithin,
};
use Server::{CommandApi, Naive, Noop, Publishing, Whole};
use Store::{Postgres, Sqlite};
use Way::{OneStatement, Steps};

/// What names are made of; the end of `--help`.
const MADE_OF: &str = "A contender's name says who is asked what.

Who:
  noop              an axum handler that parses a redemption's JSON and answers 201: the ceiling
  naive             a redemption as one PostgreSQL transaction, behind axum, with a pool of the
                    size that was best in a short sweep; the transaction is one statement
  naive-in-steps    the same as most write it: begin, a statement for each table, commit
  guerdon-sqlite    the ledger on SQLite
  guerdon-postgres  the ledger on PostgreSQL

What:
  uniform           redemptions, each of any offer; accepted and durable
  hot               redemptions of one offer, whose stock is counted
  sold-out          redemptions of one offer, whose stock is gone: 409
  repeated          redemptions that were accepted before: 200
  balance-cached    balances of ten accounts
  balance-uncached  balances of 200,000 accounts, each equally often
  mixed             three balances to one redemption
  whole-way         redemptions; they count once they are projected and can be read
  half-rate         uniform, at fixed times, half as many a second as were accepted in the same
                    round; latencies are counted from the time that was planned
  one-lot           redemptions by 1,000 shoppers who have one lot each
  thousand-lots     redemptions by 1,000 shoppers who have a thousand lots each
  expiring          redemptions while a million lots of others expire
  no-kafka          uniform, by a ledger with all parts that was told of no Kafka
  kafka             the same while it publishes to a broker
  kafka-away        the same while that broker is stopped
  slow-clients      uniform, beside 10,000 connections whose clients keep the ledger waiting
  sealed            4,000 redemptions a second at fixed times, by a ledger with all parts
  unsealed          the same without the transparency log
  watched           the same as sealed, with keys, metrics that are read every 5 s, and a collector
                    that gets a hundredth of the traces
  unwatched         the same as sealed, without keys; nobody reads metrics or gets traces
  limited           4,000 redemptions a second of one offer at fixed times, each of which counts
                    against a limit of its shopper, its key, its offer and all callers
  unlimited         the same without limits
  …-partitions      by a ledger with 8 partitions
  transfer-within   a point from one account to another of the same partition, of 8
  transfer-across   the same to an account of another partition; it counts once it is received
  …-slow-disk       with 2 ms added to every fsync and fdatasync

Messages to a Kafka:
  kafka-publisher   a publisher alone: what 200,000 redemptions left in the read model
  kafka-bare        the same messages from memory by an rdkafka producer, acks=all, idempotent
  kafka-latency     2,000 redemptions a second at fixed times: from an answer to its message";

/// So many redemptions a second that all parts keep up, and do all of the work that a redemption
/// is while it is measured.
const SEALED_RATE: u32 = 4_000;

/// What the operator's page recommends on PostgreSQL.
const PARTITIONS: u16 = 8;

/// All of them.
pub(crate) fn catalogue() -> Vec<Contender> {
    let row = Contender::new;
    vec![
        row("noop", Noop, Redemptions),
        row("naive-uniform", Naive(OneStatement), Redemptions),
        row("naive-hot", Naive(OneStatement), HotRedemptions),
        row("naive-in-steps-uniform", Naive(Steps), Redemptions),
        row("naive-in-steps-hot", Naive(Steps), HotRedemptions),
        row("guerdon-sqlite-uniform", CommandApi(Sqlite), Redemptions),
        row("guerdon-sqlite-hot", CommandApi(Sqlite), HotRedemptions),
        row("guerdon-postgres-uniform", CommandApi(Postgres), Redemptions),
        row("guerdon-postgres-hot", CommandApi(Postgres), HotRedemptions),
        row("guerdon-sqlite-uniform-partitions", CommandApi(Sqlite), Redemptions)
            .in_partitions(PARTITIONS),
        row("guerdon-sqlite-hot-partitions", CommandApi(Sqlite), HotRedemptions)
            .in_partitions(PARTITIONS),
        row("guerdon-postgres-uniform-partitions", CommandApi(Postgres), Redemptions)
            .in_partitions(PARTITIONS),
        row("guerdon-postgres-hot-partitions", CommandApi(Postgres), HotRedemptions)
            .in_partitions(PARTITIONS),
        row("guerdon-sqlite-transfer-within", CommandApi(Sqlite), TransfersWithin)
            .in_partitions(PARTITIONS)
            .extra(),
        row("guerdon-sqlite-transfer-across", CommandApi(Sqlite), TransfersAcross)
            .in_partitions(PARTITIONS)
            .extra(),
        row("guerdon-postgres-transfer-within", CommandApi(Postgres), TransfersWithin)
            .in_partitions(PARTITIONS)
            .extra(),
        row("guerdon-postgres-transfer-across", CommandApi(Postgres), TransfersAcross)
            .in_partitions(PARTITIONS)
            .extra(),
        row("guerdon-sqlite-sold-out", CommandApi(Sqlite), SoldOut),
        row("guerdon-postgres-sold-out", CommandApi(Postgres), SoldOut),
        row("guerdon-sqlite-repeated", CommandApi(Sqlite), Repeated).extra(),
        row("guerdon-postgres-repeated", CommandApi(Postgres), Repeated).extra(),
        row("guerdon-sqlite-balance-cached", Whole(Sqlite), Balances(HOT_ACCOUNTS)),
        row("guerdon-sqlite-balance-uncached", Whole(Sqlite), Balances(ALL_ACCOUNTS)),
        row("guerdon-postgres-balance-cached", Whole(Postgres), Balances(HOT_ACCOUNTS)),
        row("guerdon-postgres-balance-uncached", Whole(Postgres), Balances(ALL_ACCOUNTS)),
        row("guerdon-sqlite-mixed", Whole(Sqlite), ThreeReadsToOne).extra(),
        row("guerdon-postgres-mixed", Whole(Postgres), ThreeReadsToOne).extra(),
        row("noop-half-rate", Noop, Redemptions).at_half_of("noop").extra(),
        row("naive-half-rate", Naive(OneStatement), Redemptions)
            .at_half_of("naive-uniform")
            .extra(),
        row("guerdon-sqlite-half-rate", CommandApi(Sqlite), Redemptions)
            .at_half_of("guerdon-sqlite-uniform"),
        row("guerdon-postgres-half-rate", CommandApi(Postgres), Redemptions)
            .at_half_of("guerdon-postgres-uniform"),
        row("naive-uniform-slow-disk", Naive(OneStatement), Redemptions).on_slow_disk(),
        row("naive-hot-slow-disk", Naive(OneStatement), HotRedemptions).on_slow_disk(),
        row("guerdon-sqlite-uniform-slow-disk", CommandApi(Sqlite), Redemptions)
            .on_slow_disk()
            .extra(),
        row("guerdon-postgres-uniform-slow-disk", CommandApi(Postgres), Redemptions).on_slow_disk(),
        row("guerdon-postgres-hot-slow-disk", CommandApi(Postgres), HotRedemptions).on_slow_disk(),
        row("guerdon-sqlite-whole-way", Whole(Sqlite), Redemptions),
        row("guerdon-postgres-whole-way", Whole(Postgres), Redemptions),
        row("guerdon-sqlite-one-lot", CommandApi(Sqlite), Redemptions).with(Credit::OneLot).extra(),
        row("guerdon-sqlite-thousand-lots", CommandApi(Sqlite), Redemptions)
            .with(Credit::ThousandLots)
            .extra(),
        row("guerdon-sqlite-expiring", CommandApi(Sqlite), Redemptions)
            .with(Credit::Expiring)
            .extra(),
        row("guerdon-sqlite-slow-clients", CommandApi(Sqlite), Redemptions).beside_slow_clients(),
        row("guerdon-sqlite-sealed", Publishing(Broker::Absent), Redemptions).at(SEALED_RATE),
        row("guerdon-sqlite-unsealed", Publishing(Broker::Absent), Redemptions)
            .at(SEALED_RATE)
            .unsealed(),
        row("guerdon-sqlite-watched", Publishing(Broker::Absent), Redemptions)
            .at(SEALED_RATE)
            .watched_by(Watch::All),
        row("guerdon-sqlite-unwatched", Publishing(Broker::Absent), Redemptions)
            .at(SEALED_RATE)
            .watched_by(Watch::Nothing),
        row("guerdon-sqlite-limited", CommandApi(Sqlite), HotRedemptions)
            .at(SEALED_RATE)
            .limited_by(Limits::All),
        row("guerdon-sqlite-unlimited", CommandApi(Sqlite), HotRedemptions)
            .at(SEALED_RATE)
            .limited_by(Limits::Off),
        row("guerdon-sqlite-uniform-unsealed", CommandApi(Sqlite), Redemptions).unsealed().extra(),
        row("kafka-bare", Server::Sender(Sender::Bare), Redemptions),
        row("kafka-publisher", Server::Sender(Sender::Publisher), Redemptions),
        row("kafka-latency", Publishing(Broker::Followed), Redemptions).at(2_000),
        row("guerdon-sqlite-no-kafka", Publishing(Broker::Absent), Redemptions),
        row("guerdon-sqlite-kafka", Publishing(Broker::Running), Redemptions),
        row("guerdon-sqlite-kafka-away", Publishing(Broker::Stopped), Redemptions),
    ]
}

/// Those that are named, or the usual ones, or all; with whatever gives another its pace.
pub(crate) fn choose(names: &[String], is_full: bool) -> anyhow::Result<Vec<Contender>> {
    let all = catalogue();
    for name in names {
        let known = all.iter().any(|contender| contender.name == name);
        known.then_some(()).with_context(|| format!("there is no contender {name}; see --help"))?;
    }
    let is_chosen = |contender: &Contender| match names {
        [] => is_full || !contender.is_extra,
        names => names.iter().any(|name| name == contender.name),
    };
    let paces: Vec<&str> = all
        .iter()
        .filter(|contender| is_chosen(contender))
        .filter_map(|contender| match contender.pace {
            Pace::HalfOf(name) => Some(name),
            Pace::Closed | Pace::Fixed(_) => None,
        })
        .collect();
    let is_wanted = |c: &Contender| is_chosen(c) || paces.contains(&c.name);
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// The end of `--help`.
pub(crate) fn help() -> String {
    let names = |is_extra: bool| {
        let all = catalogue().into_iter().filter(|contender| contender.is_extra == is_extra);
        all.map(|contender| format!("\n  {}", contender.name)).collect::<String>()
    };
    format!("{MADE_OF}\n\nBy default:{}\n\nWith --full also:{}", names(false), names(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_contender() {
        let mut names: Vec<_> = catalogue().iter().map(|contender| contender.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn who_needs_another_s_rate_brings_it_along_and_comes_after_it() {
        let chosen = choose(&["guerdon-sqlite-half-rate".into()], false).unwrap();
        let names: Vec<_> = chosen.iter().map(|contender| contender.name).collect();
        assert_eq!(names, ["guerdon-sqlite-uniform", "guerdon-sqlite-half-rate"]);
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert!(choose(&["redis".into()], false).is_err());
    }
}
