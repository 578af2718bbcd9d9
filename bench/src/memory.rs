//! How many bytes an account at rest and a recorded id take: the resident sets of processes that
//! hold states of different sizes, and nothing else.

use std::process::Command;

use anyhow::ensure;
use domain::{Clock, Decision, Event, LogOpened, State, Timestamp, decide};
use log_record::Partition;
use serde_json::json;

use crate::machine::Machine;
use crate::make_log::{earn, open_offer, redeem};

/// The sizes: each is compared with none. Between a power of two and the next, tables are as full
/// as they get and then half empty.
const SIZES: [u64; 5] = [1_000_000, 1_250_000, 1_500_000, 1_750_000, 2_000_000];

/// What a process holds.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Accounts with one lot each.
    #[arg(long)]
    accounts: u64,
    /// Redemptions of one account, each with an id.
    #[arg(long)]
    redemptions: u64,
}

/// Measures each size in a process of its own.
pub(crate) fn memory() -> anyhow::Result<()> {
    println!("{}\n", Machine::here(&std::env::temp_dir()));
    println!("| how many | bytes an account with one lot | bytes a recorded id |");
    println!("|---|---|---|");
    let nothing = resident(0, 0)?;
    let mut rows = vec![];
    for size in SIZES {
        let each = |kb: u64| kb.saturating_sub(nothing) * 1024 / size;
        let (with_id, id) = (each(resident(size, 0)?), each(resident(0, size)?));
        // What an account's lot was earned for is an id, too.
        let account = with_id.saturating_sub(id);
        println!("| {size} | {account} | {id} |");
        rows.push(json!({"size": size, "account_bytes": account, "id_bytes": id}));
    }
    println!("\n{:#}", json!(rows));
    Ok(())
}

/// The resident set of a process that holds so much, in kB.
fn resident(accounts: u64, redemptions: u64) -> anyhow::Result<u64> {
    let (accounts, redemptions) = (accounts.to_string(), redemptions.to_string());
    let output = Command::new(std::env::current_exe()?)
        .args(["hold", "--accounts", &accounts, "--redemptions", &redemptions])
        // What tables leave behind when they grow is given back at once and not counted.
        .env("MIMALLOC_PURGE_DELAY", "0")
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Makes a state, and says how much of the process is resident.
pub(crate) fn hold(held: Held) -> anyhow::Result<()> {
    let mut state = State::new(Partition(0));
    let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
    record(&mut state, &[Event::LogOpened(opened)])?;
    for command in [open_offer(0), earn(u64::MAX)] {
        decide_and_record(&mut state, &command?)?;
    }
    for account in 0..held.accounts {
        decide_and_record(&mut state, &earn(account)?)?;
    }
    for number in 0..held.redemptions {
        decide_and_record(&mut state, &redeem(u64::MAX, number, 0)?)?;
    }
    println!("{}", resident_kb(std::process::id()));
    drop(state);
    Ok(())
}

fn decide_and_record(state: &mut State, command: &domain::Command) -> anyhow::Result<()> {
    match decide(state, command, Timestamp::EPOCH) {
        Ok(Decision::Record { events, .. }) => record(state, &events),
        other => anyhow::bail!("{command:?} was answered {other:?}"),
    }
}

fn record(state: &mut State, events: &[Event]) -> anyhow::Result<()> {
    for event in events {
        state.evolve(state.position().next(), Timestamp::EPOCH, event)?;
    }
    Ok(())
}

/// How much of a process is in memory, in kB.
pub(crate) fn resident_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kb.unwrap_or_default()
}
