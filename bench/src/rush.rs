//! The reference rush: a million shoppers want ten thousand units. Many come before the offer
//! opens, ask again though they were told to wait, ask again for what they have got, and try with
//! two devices. The ledger's limit on all callers caps what is decided; requests come at fixed
//! times, far more of them than that.
//!
//! In reading order: `crowd.rs` (the connections), `wish.rs` (what one of them wants for a
//! shopper), `told.rs` (what was answered), `sold.rs` (what the log says), `verdict.rs` (whether
//! that is as it should be).

mod crowd;
mod sold;
mod told;
mod verdict;
mod wish;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use domain::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use self::crowd::Crowd;
use self::sold::Sold;
use self::verdict::Verdict;
use crate::binary::Binary;
use crate::connection::{Ask, Connection, allow_connections};
use crate::contender::Credit;
use crate::credit;
use crate::keys::Keys;
use crate::ledger::ready;
use crate::load::{Load, load};
use crate::machine::Machine;
use crate::memory::resident_kb;
use crate::process::Process;
use crate::requests::{Requests, Variety};

/// How long to wait for something that takes some seconds, before giving up.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long before the first request the offer is made.
const LEAD: Duration = Duration::from_secs(2);

/// How many requests there must be for each shopper, so that everybody comes: some have two
/// devices, and some ask again.
const REQUESTS_EACH: f64 = 1.3;

/// How often is looked at how much memory the ledger has.
const LOOK: Duration = Duration::from_millis(250);

/// How long after its opening the ledger is killed.
const KILL_AFTER: Duration = Duration::from_secs(2);

/// So many shoppers at the end tell whether everybody's credit can be read.
const LAST_SHOPPERS: u64 = 64;

/// What the rush is like.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct RushArgs {
    /// Shoppers, each of whom comes at least once.
    #[arg(long, env = "GUERDON_BENCH_RUSH", default_value_t = 1_000_000)]
    shoppers: u64,
    /// Units of the offer.
    #[arg(long, default_value_t = 10_000)]
    units: u64,
    /// Redemptions a second that the ledger lets in.
    #[arg(long, default_value_t = 2_000)]
    cap: u32,
    /// Requests a second, at fixed times; half of the no-op handler's rate where that is less.
    #[arg(long, default_value_t = 20_000)]
    rate: u32,
    /// Connections that are open at once.
    #[arg(long, default_value_t = 15_000)]
    connections: usize,
    /// Seconds in which shoppers come before the offer opens.
    #[arg(long, default_value_t = 10)]
    early: u32,
    /// Seconds in which they come after that; more where the rate is too low for all of them.
    #[arg(long, default_value_t = 80)]
    seconds: u32,
    /// Partitions of the ledger.
    #[arg(long, default_value_t = 1)]
    partitions: u16,
    /// Kill the ledger in the middle, and start it again.
    #[arg(long)]
    kill: bool,
    /// The folder for data, on the disk to be measured. [default: the system's for temporary files]
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    guerdon: Binary,
}

/// Gives everybody credit, opens the offer, lets the crowd come, and sees what was sold.
pub(crate) async fn rush(args: &RushArgs) -> anyhow::Result<()> {
    ensure!(args.connections > 0 && args.rate > 0, "give at least one connection and request");
    allow_connections(args.connections)?;
    let place = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::tempdir_in(&place)?;
    let noop = noop_rate().await?;
    let rate = f64::from(args.rate).min(noop / 2.0);
    eprintln!("noop answers {noop:.0} a second; {rate:.0} are asked");

    let mut ledger = args.start(folder.path()).await?;
    let keys = Keys::in_folder(folder.path())?;
    give_credit(&ledger, args.shoppers, keys.of("merchant")).await?;
    let resident_before = resident_kb(ledger.pid());

    let (address, addresses) = watch::channel(Some(ledger.address()));
    let lasts =
        f64::from(args.early + args.seconds).max(args.shoppers as f64 * REQUESTS_EACH / rate);
    let lasts = Duration::from_secs_f64(lasts);
    let crowd = Crowd {
        addresses,
        key: keys.of("shopper").to_owned(),
        shoppers: args.shoppers,
        rate,
        early: Duration::from_secs(args.early.into()),
        lasts,
    };
    let connected = crowd.connect(args.connections).await?;
    let opens = open_offer(&ledger, args, keys.of("operator")).await?;
    let memory = Arc::new(Memory { pid: ledger.pid().into(), most_kb: AtomicU64::new(0) });
    let looking = tokio::spawn(Arc::clone(&memory).look());
    let coming = tokio::spawn(crowd.come(connected, opens.instant));
    if args.kill {
        tokio::time::sleep_until((opens.instant + KILL_AFTER).into()).await;
        address.send_replace(None);
        drop(ledger);
        eprintln!("the ledger was killed");
        ledger = args.start(folder.path()).await?;
        memory.pid.store(ledger.pid(), Ordering::Relaxed);
        address.send_replace(Some(ledger.address()));
    }
    let told = coming.await??;
    looking.abort();
    let resident_most = memory.most_kb.load(Ordering::Relaxed);
    let remaining = remaining(&ledger, keys.of("operator"), args.units).await?;
    ledger.stop()?;
    let sold = Sold::of(folder.path(), opens.at).await?;
    println!("{}\n", Machine::here(&place));
    let verdict =
        Verdict { args, noop, rate, lasts, told, sold, remaining, resident_before, resident_most };
    verdict.print()?;
    let wrong = verdict.wrong();
    ensure!(wrong.is_empty(), "the rush went wrong: {}", wrong.join("; "));
    Ok(())
}

impl RushArgs {
    /// Starts a ledger that lets so many redemptions in, and as many of each shopper as by default.
    async fn start(&self, folder: &Path) -> anyhow::Result<Process> {
        let mut command = Command::new(self.guerdon.path()?);
        command.args(["serve", "--limit-shoppers-of-apps"]);
        command.args(["--limit-all", &format!("redemptions={}/1s", self.cap)]);
        // All connections are open before the first of them asks.
        command.args(["--header-timeout", "60s"]);
        // Beside the crowd's, a few for what is asked before and after.
        command.args(["--connections-max", &(self.connections + 256).to_string()]);
        if self.partitions > 1 {
            command.args(["--partitions", &self.partitions.to_string()]);
        }
        command.arg("--data-dir").arg(folder).env("RUST_LOG", "warn").stdout(Stdio::null());
        let mut process = Process::start(&mut command)?;
        ready(&mut process).await?;
        Ok(process)
    }
}

/// When the offer opens, by this process's clock and by the wall's.
#[derive(Clone, Copy, Debug)]
struct Opening {
    instant: Instant,
    at: Timestamp,
}

async fn noop_rate() -> anyhow::Result<f64> {
    let process = Process::ours(&["noop"])?;
    let load_of = Load {
        address: process.address(),
        key: String::new(),
        requests: Requests::Redemptions,
        variety: Variety { shoppers: 10_000, offers: 100, partitions: 1 },
        connections: 256,
        rate: None,
        warm_up: Duration::from_secs(1),
        measured: Duration::from_secs(5),
        server: process.pid(),
        postgres: None,
        first_number: 0,
        position: Arc::default(),
    };
    let loaded = load(&load_of).await?;
    process.stop()?;
    Ok(loaded.tally.wanted as f64 / loaded.seconds)
}

/// Gives everybody credit, and waits until it can be read.
async fn give_credit(ledger: &Process, shoppers: u64, key: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut connection = Connection::open(ledger.address()).await?;
    credit::give(&mut connection, key, shoppers, Credit::Plenty).await?;
    eprintln!("{shoppers} shoppers have credit after {:.0?}", started.elapsed());
    for shopper in shoppers.saturating_sub(LAST_SHOPPERS)..shoppers {
        let path = format!("/v1/accounts/shopper-{shopper}");
        loop {
            let status = connection.ask(Ask::get(&path, key)).await?.status;
            if status == 200 && !connection.body().contains(r#""available":0"#) {
                break;
            }
            ensure!(started.elapsed() < PATIENCE, "{path} can't be read: {}", connection.body());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    eprintln!("it can be read after {:.0?}", started.elapsed());
    Ok(())
}

/// Makes the offer, which opens when the early ones have come.
async fn open_offer(ledger: &Process, args: &RushArgs, key: &str) -> anyhow::Result<Opening> {
    let ahead = LEAD + Duration::from_secs(args.early.into());
    let (now, instant) = (credit::clock(), Instant::now() + ahead);
    let at = Timestamp::from_system(now + ahead)?;
    let body = format!(
        r#"{{"product_id":"product","price":7,"stock":{},"limit_per_shopper":1,"opens_at":"{at}"}}"#,
        args.units
    );
    let mut connection = Connection::open(ledger.address()).await?;
    connection.must(201, Ask::put("/v1/offers/offer-0", key, &body)).await?;
    Ok(Opening { instant, at })
}

/// How many units remain once all that was sold can be read, or as few as were read at last.
async fn remaining(ledger: &Process, key: &str, units: u64) -> anyhow::Result<u64> {
    let started = Instant::now();
    let mut connection = Connection::open(ledger.address()).await?;
    let (mut remaining, mut same) = (units, 0);
    // It is projected within milliseconds; some equal answers say that nothing more comes.
    while same < 5 {
        connection.must(200, Ask::get("/v1/offers/offer-0", key)).await?;
        let offer: Value = serde_json::from_str(&connection.body())?;
        let now = offer["remaining"].as_u64().context("the offer has no stock")?;
        same = if now == remaining { same + 1 } else { 0 };
        remaining = now;
        ensure!(started.elapsed() < PATIENCE, "the stock goes on changing");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(remaining)
}

/// The most memory that a process was seen to have.
#[derive(Debug)]
struct Memory {
    pid: AtomicU32,
    most_kb: AtomicU64,
}

impl Memory {
    /// Looks at it again and again.
    async fn look(self: Arc<Self>) {
        loop {
            let now = resident_kb(self.pid.load(Ordering::Relaxed));
            self.most_kb.fetch_max(now, Ordering::Relaxed);
            tokio::time::sleep(LOOK).await;
        }
    }
}
