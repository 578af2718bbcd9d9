//! How many bytes an account at rest, a recorded id and a ladder take: the resident sets of
//! processes that hold states of different sizes, and nothing else.

use std::process::Command;

use anyhow::ensure;
use domain::command::{ExpectedVersion, SetLadder, SetUnit};
use domain::{
    Clock, Decision, Downgrade, Event, LadderTerms, Level, LogOpened, Points, Returns, State,
    Timestamp, UnitId, UnitTerms, Window, decide,
};
use log_record::Partition;
use serde_json::json;

use crate::machine::Machine;
use crate::make_log::{earn, open_offer, redeem};

/// The sizes: each is compared with none. Between a power of two and the next, tables are as full
/// as they get and then half empty.
const SIZES: [u64; 5] = [1_000_000, 1_250_000, 1_500_000, 1_750_000, 2_000_000];

/// How many further units accounts have that are compared with those that have points alone; and
/// how many accounts.
const FURTHER_UNITS: [u64; 3] = [1, 3, 10];
const WITH_UNITS: u64 = 250_000;

/// In how many months accounts with three units earn in one of them, which a ladder over 37 months
/// counts; and how many accounts.
const MONTHS: [u32; 3] = [1, 12, 37];
const WITH_LADDER: u64 = 50_000;

/// What a process holds.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub(crate) struct Held {
    /// Accounts with one lot each.
    #[arg(long)]
    accounts: u64,
    /// Redemptions of one account, each with an id.
    #[arg(long, default_value_t)]
    redemptions: u64,
    /// In how many further units each account has one lot more.
    #[arg(long, default_value_t)]
    further_units: u64,
    /// In how many months each account has one more lot, in the first further unit.
    #[arg(long, default_value_t)]
    months: u32,
    /// Whether a ladder by months counts that unit.
    #[arg(long)]
    has_ladder: bool,
}

/// Measures each size in a process of its own.
pub(crate) fn memory() -> anyhow::Result<()> {
    println!("{}\n", Machine::here(&std::env::temp_dir()));
    println!("| how many | bytes an account with one lot | bytes a recorded id |");
    println!("|---|---|---|");
    let nothing = resident(Held::default())?;
    let mut rows = vec![];
    for size in SIZES {
        let each = |kb: u64| kb.saturating_sub(nothing) * 1024 / size;
        let with_id = each(resident(Held { accounts: size, ..Held::default() })?);
        let id = each(resident(Held { redemptions: size, ..Held::default() })?);
        // What an account's lot was earned for is an id, too.
        let account = with_id.saturating_sub(id);
        println!("| {size} | {account} | {id} |");
        rows.push(json!({"size": size, "account_bytes": account, "id_bytes": id}));
    }
    println!("\n| further units | bytes an account more, with a lot and its id in each |");
    println!("|---|---|");
    let with_units =
        |further_units| resident(Held { accounts: WITH_UNITS, further_units, ..Held::default() });
    let with_points = with_units(0)?;
    for units in FURTHER_UNITS {
        let more = with_units(units)?.saturating_sub(with_points) * 1024 / WITH_UNITS;
        println!("| {units} | {more} |");
        rows.push(json!({"further_units": units, "account_bytes_more": more}));
    }
    println!(
        "\n| lots of so many months, three units | bytes an account, with ids | its ladder's |"
    );
    println!("|---|---|---|");
    for months in MONTHS {
        let with = |has_ladder| {
            let (accounts, further_units) = (WITH_LADDER, 2);
            resident(Held { accounts, further_units, months, has_ladder, ..Held::default() })
        };
        let (without, with) = (with(false)?, with(true)?);
        let each = |more: u64, less: u64| more.saturating_sub(less) * 1024 / WITH_LADDER;
        let (account, ladder) = (each(with, nothing), each(with, without));
        println!("| {months} | {account} | {ladder} |");
        rows.push(json!({"months": months, "account_bytes": account, "ladder_bytes": ladder}));
    }
    println!("\n{:#}", json!(rows));
    Ok(())
}

/// The resident set of a process that holds so much, in kB.
fn resident(held: Held) -> anyhow::Result<u64> {
    let Held { accounts, redemptions, further_units, months, has_ladder } = held;
    let [accounts, redemptions, units, months] =
        [accounts, redemptions, further_units, months.into()].map(|number| number.to_string());
    let output = Command::new(std::env::current_exe()?)
        .args(["hold", "--accounts", &accounts, "--redemptions", &redemptions])
        .args(["--further-units", &units, "--months", &months])
        .args(has_ladder.then_some("--has-ladder"))
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
    record(&mut state, &[Event::LogOpened(opened)], Timestamp::EPOCH)?;
    let begun = Timestamp::EPOCH;
    for command in [open_offer(0), earn(u64::MAX)] {
        decide_and_record(&mut state, &command?, begun)?;
    }
    let units = (0..held.further_units).map(|number| format!("unit-{number}").parse());
    let units: Vec<UnitId> = units.collect::<Result<_, _>>()?;
    for unit in &units {
        decide_and_record(&mut state, &make_unit(*unit), begun)?;
    }
    let counted = units.first().copied();
    if let Some(unit) = counted.filter(|_| held.has_ladder) {
        decide_and_record(&mut state, &make_ladder(unit)?, begun)?;
    }
    for account in 0..held.accounts {
        decide_and_record(&mut state, &earn(account)?, begun)?;
        for (number, unit) in units.iter().enumerate() {
            decide_and_record(&mut state, &earn_in(account, *unit, number)?, begun)?;
        }
    }
    for number in 0..held.redemptions {
        decide_and_record(&mut state, &redeem(u64::MAX, number, 0)?, begun)?;
    }
    for (month, unit) in (1..=held.months).zip(counted.iter().cycle()) {
        let now = begun.plus_days(31 * month);
        for account in 0..held.accounts {
            // After the numbers of the units' own lots.
            let number = units.len() + month as usize;
            decide_and_record(&mut state, &earn_in(account, *unit, number)?, now)?;
        }
    }
    println!("{}", resident_kb(std::process::id()));
    drop(state);
    Ok(())
}

fn make_unit(unit: UnitId) -> domain::Command {
    let (terms, expected) = (UnitTerms::of_points(), ExpectedVersion::Absent);
    domain::Command::SetUnit(SetUnit { unit, terms, expected })
}

/// Counts the present month and 36 before it.
fn make_ladder(unit: UnitId) -> anyhow::Result<domain::Command> {
    let level = |tier: &str, from| -> anyhow::Result<Level> {
        Ok(Level { tier: tier.parse()?, from: Points::new(from)? })
    };
    // An account gets a billion in each month: after a third of the months it has the second tier.
    let levels = vec![level("silver", 1_000_000_000)?, level("gold", 12_000_000_000)?];
    let terms = LadderTerms {
        unit,
        levels: levels.try_into()?,
        window: Window::Months { months: 36.try_into()?, keeps: 12.try_into()? },
        downgrade: Downgrade::ByCount,
        returns: Returns::default(),
        adjustments: false,
    };
    let (ladder, expected) = ("club".parse()?, ExpectedVersion::Absent);
    Ok(domain::Command::SetLadder(SetLadder { ladder, terms, expected }))
}

fn earn_in(account: u64, unit: UnitId, number: usize) -> anyhow::Result<domain::Command> {
    let mut command = earn(account)?;
    if let domain::Command::EarnCredit(earned) = &mut command {
        earned.unit = unit;
        earned.cause.id = format!("basket-{account}-{number}").parse()?;
    }
    Ok(command)
}

fn decide_and_record(
    state: &mut State,
    command: &domain::Command,
    now: Timestamp,
) -> anyhow::Result<()> {
    match decide(state, command, now) {
        Ok(Decision::Record { events, .. }) => record(state, &events, now),
        other => anyhow::bail!("{command:?} was answered {other:?}"),
    }
}

fn record(state: &mut State, events: &[Event], now: Timestamp) -> anyhow::Result<()> {
    for event in events {
        state.evolve(state.position().next(), now, event)?;
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
