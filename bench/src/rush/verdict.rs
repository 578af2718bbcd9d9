//! What came of the rush, beside what should have.

use std::time::Duration;

use serde_json::json;

use super::RushArgs;
use super::sold::Sold;
use super::told::Told;

/// Of what is let in, how much is decided in each second until the stock ends.
const DECIDED: f64 = 0.8;

/// How much memory the ledger has at most: so much as it is, ...
const MIB_MAX: u64 = 256;

/// ... what an account with one lot and its ids takes, here and in the read model's caches, ...
const SHOPPER_BYTES_MAX: u64 = 512;

/// ... and a connection that waits for its next request.
const CONNECTION_BYTES_MAX: u64 = 24 * 1_024;

/// The figures.
#[derive(Debug)]
pub(super) struct Verdict<'a> {
    pub(super) args: &'a RushArgs,
    /// What the no-op handler answered in a second.
    pub(super) noop: f64,
    /// Requests a second that were to come.
    pub(super) rate: f64,
    /// How long they were to come.
    pub(super) lasts: Duration,
    pub(super) told: Told,
    pub(super) sold: Sold,
    pub(super) remaining: u64,
    /// In kB, before the crowd came and at most.
    pub(super) resident_before: u64,
    pub(super) resident_most: u64,
}

#[expect(clippy::cast_precision_loss, reason = "figures of a report")]
impl Verdict<'_> {
    /// What isn't as it must be, whatever the machine.
    pub(super) fn wrong(&self) -> Vec<String> {
        let Self { args, told, sold, remaining, .. } = self;
        let units = args.units.min(args.shoppers);
        let mut wrong = vec![];
        let mut must = |is_so: bool, what: String| wrong.extend((!is_so).then_some(what));
        must(told.shoppers == args.shoppers, format!("only {} shoppers came", told.shoppers));
        let missing = told.asked - told.usual();
        let may_miss = if args.kill { told.broken } else { 0 };
        must(missing <= may_miss, format!("{missing} of {} answers are missing", told.asked));
        must(told.contradictions.is_empty(), told.contradictions.join("; "));
        must(sold.count == units, format!("{} of {units} exchanges are recorded", sold.count));
        must(sold.exchanges.len() as u64 == sold.count, "an exchange is there twice".into());
        must(sold.accounts.len() as u64 == sold.count, "somebody has two exchanges".into());
        must(sold.early == 0, format!("{} exchanges are early", sold.early));
        let both = sold.units + remaining;
        must(both == args.units, format!("{} units are sold and {remaining} remain", sold.units));
        let lost = told.created.difference(&sold.exchanges).count();
        must(lost == 0, format!("{lost} exchanges were answered and are lost"));
        let unknown = sold.exchanges.difference(&told.created).count();
        must(args.kill || unknown == 0, format!("{unknown} exchanges were never answered"));
        wrong
    }

    pub(super) fn print(&self) -> anyhow::Result<()> {
        let Self { args, noop, rate, lasts, told, sold, remaining, .. } = self;
        println!(
            "{} shoppers, {} units, {} connections, {} partitions{}; noop answers {noop:.0} a \
             second  \n",
            args.shoppers,
            args.units,
            args.connections,
            args.partitions,
            if args.kill { ", killed in the middle" } else { "" },
        );
        println!("| answered | how often |");
        println!("|---|---|");
        for (status, count) in &told.statuses {
            println!("| {status} | {count} |");
        }
        println!("| not at all, for the connection broke | {} |\n", told.broken);
        println!("| what | p50 ms | p99 ms | at most ms |");
        println!("|---|---|---|---|");
        let latencies = [("all answers", &told.latencies), ("decided", &told.decided_latencies)];
        for (name, latencies) in latencies {
            let [p50, p99, most] =
                [500, 990, 1000].map(|per_mille| latencies.quantile(per_mille) as f64 / 1000.0);
            println!("| {name} | {p50:.2} | {p99:.2} | {most:.2} |");
        }
        let sold_within = told.last.unwrap_or_default().as_secs_f64();
        println!(
            "\n{} exchanges of {} shoppers were recorded within {sold_within:.1} s after the \
             opening, {} before it; {remaining} units remain.\n",
            sold.count,
            sold.accounts.len(),
            sold.early
        );
        println!("| target | wanted | measured |  |");
        println!("|---|---|---|---|");
        let verdict = |is_reached| if is_reached { "reached" } else { "**missed**" };
        let decided = told.decided_at_worst().unwrap_or_default() as f64 / f64::from(args.cap);
        // A ledger that was killed decides nothing until it is back.
        if !args.kill {
            println!(
                "| decided in the worst second until the stock ended ÷ cap | ≥ {DECIDED} | \
                 {decided:.2} | {} |",
                verdict(decided >= DECIDED)
            );
        }
        let offered = told.asked as f64 / lasts.as_secs_f64();
        println!(
            "| requests a second | ≥ {:.0} | {offered:.0} | {} |",
            0.95 * rate,
            verdict(offered >= 0.95 * rate)
        );
        let [before, most] = [self.resident_before, self.resident_most].map(|kb| kb / 1024);
        let bound = self.memory_mib_max();
        println!("| resident at most, MiB | ≤ {bound} | {most} | {} |", verdict(most <= bound));
        let report = json!({
            "shoppers": args.shoppers, "units": args.units, "cap": args.cap,
            "connections": args.connections, "partitions": args.partitions, "killed": args.kill,
            "noop_a_second": noop, "offered_a_second": offered, "statuses": told.statuses,
            "broken": told.broken, "exchanges": sold.count, "early": sold.early,
            "remaining": remaining, "sold_within_seconds": sold_within,
            "decided_each_second": told.decided, "worst_second_of_cap": decided,
            "resident_mib_before": before, "resident_mib_most": most,
            "resident_mib_bound": bound, "wrong": self.wrong(),
        });
        println!("\n{report:#}");
        Ok(())
    }

    /// The bound of the ledger's memory.
    const fn memory_mib_max(&self) -> u64 {
        let connections = self.args.connections as u64 * CONNECTION_BYTES_MAX;
        MIB_MAX + (connections + self.args.shoppers * SHOPPER_BYTES_MAX) / (1_024 * 1_024)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        args: RushArgs,
    }

    fn created(ids: &[(&str, &str)]) -> HashSet<(String, String)> {
        ids.iter().map(|(account, id)| ((*account).into(), (*id).into())).collect()
    }

    /// Three shoppers, of whom two got the two units.
    fn wrong(change: impl FnOnce(&mut Verdict<'_>)) -> String {
        let words = ["rush", "--shoppers", "3", "--units", "2"];
        let args = Args::try_parse_from(words).expect("arguments").args;
        let both = created(&[("ann", "x"), ("bob", "x")]);
        let told = Told {
            shoppers: 3,
            asked: 4,
            statuses: BTreeMap::from([(201, 2), (409, 1), (429, 1)]),
            created: both.clone(),
            ..Told::default()
        };
        let accounts = HashSet::from(["ann".into(), "bob".into()]);
        let sold = Sold { exchanges: both, count: 2, units: 2, accounts, early: 0 };
        let (noop, rate, remaining) = (100.0, 50.0, 0);
        let (resident_before, resident_most, lasts) = (0, 0, Duration::ZERO);
        let mut verdict = Verdict {
            args: &args,
            noop,
            rate,
            lasts,
            told,
            sold,
            remaining,
            resident_before,
            resident_most,
        };
        change(&mut verdict);
        verdict.wrong().join("; ")
    }

    #[test]
    fn whatever_is_wrong_is_told() {
        assert_eq!(wrong(|_| ()), "");
        let told = |change: fn(&mut Verdict<'_>), words: &str| {
            let told = wrong(change);
            assert!(told.contains(words), "{words}: {told}");
        };
        told(|it| it.told.shoppers = 2, "only 2 shoppers came");
        told(|it| it.told.asked = 5, "1 of 5 answers are missing");
        told(|it| it.sold.count = 3, "3 of 2 exchanges");
        told(
            |it| {
                it.sold.accounts.remove("bob");
            },
            "somebody has two",
        );
        told(|it| it.sold.early = 1, "1 exchanges are early");
        told(|it| it.remaining = 1, "2 units are sold and 1 remain");
        told(
            |it| {
                it.told.created.insert(("eve".into(), "x".into()));
            },
            "are lost",
        );
        told(|it| it.told.created.clear(), "were never answered");
    }
}
