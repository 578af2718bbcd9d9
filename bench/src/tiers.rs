//! How commands are answered while the tiers of a million accounts end in the same second: a ladder
//! by years whose year ended last midnight, on a log that was written the day before. The ledger
//! starts on it, and redemptions are asked for at fixed times until all tiers have ended, and for a
//! while after that.

use std::path::{Path, PathBuf};
use std::process::{Command as Program, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::ensure;
use domain::command::{EarnCredit, ExpectedVersion, SetLadder, SetUnit};
use domain::{
    Calendar, Cause, CauseKind, Command, Downgrade, LadderTerms, Level, Points, Returns, Timestamp,
    UnitId, UnitTerms, Window,
};
use serde_json::json;

use crate::binary::Binary;
use crate::keys::Keys;
use crate::ledger::ready;
use crate::load::{Load, load};
use crate::machine::Machine;
use crate::make_log::{Log, OFFERS, count_events, earn, open_log, open_offer};
use crate::process::Process;
use crate::requests::{Requests, Variety};
use crate::tally::Tally;

/// So many of the accounts redeem, too.
const SHOPPERS: u64 = 10_000;

/// How long a slice of the load is. After each is seen whether all tiers have ended.
const SLICE: Duration = Duration::from_secs(5);

/// How long the tiers may take to end, before they are given up.
const PATIENCE: Duration = Duration::from_secs(900);

/// Half a day, in microseconds.
const HALF_A_DAY: i64 = 12 * 60 * 60 * 1_000_000;

/// What to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TiersArgs {
    /// Accounts whose tiers end.
    #[arg(long, env = "GUERDON_BENCH_TIERS", default_value_t = 1_000_000)]
    accounts: u64,
    /// Redemptions a second, at fixed times.
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// Connections that ask for them.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// The folder for data, on the disk to be measured. [default: the system's for temporary files]
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    guerdon: Binary,
}

/// Makes the log, starts a ledger on it, and asks for redemptions until all tiers have ended.
pub(crate) async fn tiers(args: &TiersArgs) -> anyhow::Result<()> {
    let place = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::tempdir_in(&place)?;
    make(args.accounts, folder.path()).await?;
    let before = count_events(&open_log(folder.path()).await?).await?;
    let mut command = Program::new(args.guerdon.path()?);
    command.args(["serve", "--role", "command-api", "--snapshot-every", "0", "--data-dir"]);
    command.arg(folder.path()).env("RUST_LOG", "warn").stdout(Stdio::null());
    let mut process = Process::start(&mut command)?;
    ready(&mut process).await?;
    let position = Arc::new(AtomicU64::new(before));
    let slice = Load {
        address: process.address(),
        key: Keys::in_folder(folder.path())?.of("shopper").to_owned(),
        requests: Requests::Redemptions,
        variety: Variety { shoppers: SHOPPERS.min(args.accounts), offers: OFFERS, partitions: 1 },
        connections: args.connections,
        rate: Some(args.rate.into()),
        warm_up: Duration::ZERO,
        measured: SLICE,
        server: process.pid(),
        postgres: None,
        first_number: 0,
        position: Arc::clone(&position),
    };
    let (started, mut redemptions, mut meanwhile) = (Instant::now(), 0, Tally::default());
    loop {
        let tally = slice_of(&slice, redemptions).await?;
        redemptions += tally.accepted_in_all;
        meanwhile.merge(&tally);
        // A redemption is two events. Nothing else is recorded meanwhile but what falls due.
        let ended = position.load(Ordering::Relaxed).saturating_sub(before + 2 * redemptions);
        eprintln!("after {:.0?} {ended} tiers have ended", started.elapsed());
        if ended >= args.accounts {
            break;
        }
        ensure!(started.elapsed() < PATIENCE, "only {ended} tiers have ended");
    }
    let within = started.elapsed().as_secs_f64();
    let after = slice_of(&slice, redemptions).await?;
    process.stop()?;
    println!("{}\n", Machine::here(&place));
    println!("| {} redemptions a second | p50 ms | p99 ms | at most ms | errors |", args.rate);
    println!("|---|---|---|---|---|");
    let name = format!("while {} tiers end, which takes {within:.0} s at most", args.accounts);
    for (name, tally) in [(name.as_str(), &meanwhile), ("after that", &after)] {
        let [p50, p99, most] = millis(tally);
        let errors: u64 = tally.errors.values().sum();
        println!("| {name} | {p50:.2} | {p99:.2} | {most:.2} | {errors} |");
    }
    let report = |tally: &Tally| {
        let [p50, p99, most] = millis(tally);
        json!({"answered": tally.wanted, "errors": tally.errors, "p50_ms": p50, "p99_ms": p99,
            "most_ms": most})
    };
    let report = json!({"tiers": args.accounts, "seconds_at_most": within, "rate": args.rate,
        "meanwhile": report(&meanwhile), "after": report(&after)});
    println!("\n{report:#}");
    Ok(())
}

fn millis(tally: &Tally) -> [f64; 3] {
    [500, 990, 1000].map(|per_mille| tally.latencies.quantile(per_mille) as f64 / 1000.0)
}

/// Asks for as long as a slice takes, by clients that no slice had before: an exchange's id is its
/// client's and the number of its request.
async fn slice_of(slice: &Load, redemptions: u64) -> anyhow::Result<Tally> {
    let load_of = Load { first_number: redemptions, ..slice.clone() };
    Ok(load(&load_of).await?.tally)
}

/// Makes a log in which every account has a tier that ended last midnight, and some have points.
async fn make(accounts: u64, folder: &Path) -> anyhow::Result<()> {
    let today = Calendar::UTC.day(now()?);
    let midnight = Calendar::UTC.start_of_day(today);
    let begun = Timestamp::from_micros(midnight.micros() - HALF_A_DAY)?;
    let started = Instant::now();
    let mut log = Log::open(folder, begun).await?;
    for offer in 0..OFFERS {
        log.decide(&open_offer(offer)?).await?;
    }
    let status: UnitId = "status".parse()?;
    let expected = ExpectedVersion::Absent;
    let terms = UnitTerms { spendable: false, ..UnitTerms::of_points() };
    log.decide(&Command::SetUnit(SetUnit { unit: status, terms, expected })).await?;
    let terms = LadderTerms {
        unit: status,
        levels: vec![Level { tier: "silver".parse()?, from: Points::new(100)? }].try_into()?,
        // The month and the day of a date such as 2026-11-30.
        window: Window::Years {
            from: today.to_string().split_at(5).1.parse()?,
            years: 0.try_into()?,
            months: 0.try_into()?,
        },
        downgrade: Downgrade::ByCount,
        returns: Returns::default(),
        adjustments: false,
    };
    let (ladder, expected) = ("club".parse()?, ExpectedVersion::Absent);
    log.decide(&Command::SetLadder(SetLadder { ladder, terms, expected })).await?;
    for account in 0..accounts {
        if account < SHOPPERS {
            log.decide(&earn(account)?).await?;
        }
        log.decide(&earn_status(account, status)?).await?;
    }
    log.append().await?;
    eprintln!("{accounts} accounts have a tier after {:.0?}", started.elapsed());
    Ok(())
}

fn earn_status(account: u64, unit: UnitId) -> anyhow::Result<Command> {
    Ok(Command::EarnCredit(EarnCredit {
        unit,
        account_id: format!("shopper-{account}").parse()?,
        points: Points::new(100)?,
        cause: Cause { kind: CauseKind::Purchase, id: format!("status-{account}").parse()? },
        available_at: None,
        expires_at: None,
        occurred_at: None,
    }))
}

#[expect(clippy::disallowed_methods, reason = "a tier ends by the wall clock")]
fn now() -> anyhow::Result<Timestamp> {
    Ok(Timestamp::from_system(SystemTime::now())?)
}

#[cfg(test)]
mod tests {
    use domain::Event;
    use log_record::{Partition, Position};

    use super::*;

    #[tokio::test]
    async fn every_account_has_a_tier_that_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        make(20, folder.path()).await.expect("made");
        let store = open_log(folder.path()).await.expect("opened");
        let head = Position(count_events(&store).await.expect("read"));
        let loaded = command_api::load(&store, Partition(0), None, head).await.expect("loaded");
        let (mut state, mut ended) = (loaded.state, vec![]);
        while let Some(events) = state.take_due(now().expect("a time")) {
            ended.extend(events);
        }
        assert_eq!(ended.len(), 20);
        assert!(ended.iter().all(|event| matches!(event, Event::TierLapsed(..))), "{ended:?}");
    }
}
