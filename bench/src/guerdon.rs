//! The ledger on SQLite, in a process of its own: the command API alone, or the whole way until
//! everything that was accepted can be read.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::load::{Connection, Target, free_port, run};
use crate::report::{Turn, Visible};
use crate::{Settings, credit};

/// So many shoppers have a thousand lots each, which makes a million.
const LOTS_SHOPPERS: u64 = 1_000;

/// How long to wait for something that takes a second, before giving up.
const PATIENCE: Duration = Duration::from_secs(120);

/// What counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is durable and answered; no projector runs.
    Accepted,
    /// It can be read.
    Visible,
    /// It is accepted, from accounts that have all their credit in one lot.
    OneLot,
    /// It is accepted, from accounts that have as much credit in a thousand lots.
    ThousandLots,
    /// It is accepted, while a million lots of others expire.
    Expiring,
}

impl Way {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let ways =
            [Self::Accepted, Self::Visible, Self::OneLot, Self::ThousandLots, Self::Expiring];
        ways.into_iter().find(|way| way.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "command-api",
            Self::Visible => "whole-way",
            Self::OneLot => "one-lot",
            Self::ThousandLots => "thousand-lots",
            Self::Expiring => "expiring",
        }
    }
}

/// Starts a ledger on an empty folder, gives every shopper credit, and measures it.
pub(crate) async fn measure(settings: &Settings, folder: &Path, way: Way) -> anyhow::Result<Turn> {
    let shoppers = match way {
        Way::OneLot | Way::ThousandLots => LOTS_SHOPPERS,
        _ => settings.shoppers,
    };
    let settings = &Settings { shoppers, ..settings.clone() };
    let data = tempfile::tempdir_in(folder)?;
    let listen = free_port()?;
    let mut process = start(settings, data.path(), listen, way)?;
    let turn = measure_running(settings, data.path(), listen, way, process.id()).await;
    // SIGTERM, as an operator would: what was accepted is closed cleanly.
    Command::new("kill").args(["-TERM", &process.id().to_string()]).status()?;
    process.wait()?;
    turn
}

fn start(settings: &Settings, data: &Path, listen: SocketAddr, way: Way) -> anyhow::Result<Child> {
    let beside =
        || Ok::<PathBuf, std::io::Error>(std::env::current_exe()?.with_file_name("guerdon"));
    let binary = settings.guerdon.clone().map_or_else(beside, Ok)?;
    let role = if way == Way::Visible { "all" } else { "command-api" };
    Command::new(&binary)
        .args(["serve", "--role", role, "--listen", &listen.to_string(), "--data-dir"])
        .arg(data)
        .env("RUST_LOG", "warn")
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{} does not start", binary.display()))
}

async fn measure_running(
    settings: &Settings,
    data: &Path,
    listen: SocketAddr,
    way: Way,
    pid: u32,
) -> anyhow::Result<Turn> {
    let mut connection = ready(listen).await?;
    let keys: Value = serde_json::from_str(&std::fs::read_to_string(data.join("api-keys.json"))?)?;
    let key = |role: &str| keys[role].as_str().unwrap_or_default().to_owned();
    for offer in 0..settings.offers {
        let path = format!("/v1/offers/offer-{offer}");
        let body = r#"{"product_id":"product","price":7,"stock":null}"#;
        connection.must(201, "PUT", &path, &key("operator"), "", body).await?;
    }
    let before = credit::give(&mut connection, &key("merchant"), settings.shoppers, way).await?;
    let target = Target { address: listen, key: key("shopper"), pid, run: 0 };
    let loaded = run(settings, &target).await?;
    let ended = Instant::now();
    let mut seen = None;
    if way == Way::Visible {
        visible(&mut connection, &key("shopper"), loaded.last_position).await?;
        seen = Some(Visible { after: ended.elapsed() });
    }
    // A redemption is two events, and nothing else is recorded meanwhile but what falls due.
    let others = loaded.last_position.saturating_sub(before + 2 * loaded.accepted_in_all);
    let expired = (way == Way::Expiring).then_some(others);
    Ok(Turn { contender: way.name(), visible: seen, expired, loaded })
}

async fn ready(listen: SocketAddr) -> anyhow::Result<Connection> {
    let started = Instant::now();
    loop {
        if let Ok(mut connection) = Connection::open(listen).await
            && connection.must(200, "GET", "/health/ready", "", "", "").await.is_ok()
        {
            return Ok(connection);
        }
        if started.elapsed() > PATIENCE {
            bail!("it isn't ready");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks for a read that contains the last write, until it is given.
async fn visible(connection: &mut Connection, key: &str, last: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    let header = format!("guerdon-position: 0:{last}\r\n");
    loop {
        let path = "/v1/accounts/shopper-0";
        let answer = connection.ask("GET", path, key, &header, "").await?;
        match answer.status {
            200 => return Ok(()),
            503 if started.elapsed() < PATIENCE => {}
            status => bail!("the projection did not come so far: {status}"),
        }
    }
}
