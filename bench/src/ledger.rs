//! The ledger in a process of its own, with what a turn needs in it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use log_record::Partition;
use services::Postgres;

use crate::broker::Broker;
use crate::connection::{Ask, Connection};
use crate::contender::{Contender, Credit, Server, Store, Watch};
use crate::credit;
use crate::keys::Keys;
use crate::process::Process;
use crate::requests::{Draft, REPEATED, Requests, Variety};
use crate::settings::Settings;
use crate::slow_clients;
use crate::stage::Stage;
use crate::watchers::{Collector, MetricsReader};

/// So many shoppers have a thousand lots each, which makes a million.
const LOTS_SHOPPERS: u64 = 1_000;

/// The topic of its shipping requests.
pub(crate) const TOPIC: &str = "requests";

/// How long to wait for something that takes a second, before giving up.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) process: Process,
    pub(crate) postgres: Option<Postgres>,
    /// Its data folder.
    pub(crate) data: PathBuf,
    keys: Keys,
    watchers: Option<(Collector, MetricsReader)>,
}

impl Ledger {
    /// Starts one on empty databases.
    pub(crate) async fn start(
        settings: &Settings,
        stage: &Stage,
        contender: &Contender,
        broker: Option<&Broker>,
    ) -> anyhow::Result<Self> {
        let binary = settings.guerdon.path()?;
        let data = stage.folder().join("ledger");
        let (role, store, has_reads) = match contender.server {
            Server::Whole(store) => ("all", store, true),
            Server::CommandApi(store) => ("command-api", store, false),
            Server::Publishing(_) => ("all", Store::Sqlite, true),
            Server::Noop | Server::Naive(_) | Server::Sender(_) => {
                bail!("{} is no ledger", contender.name)
            }
        };
        let postgres = match store {
            Store::Sqlite => None,
            Store::Postgres => Some(stage.postgres("guerdon")?),
        };
        let url = postgres.as_ref().map(|postgres| postgres.url("guerdon"));
        let mut stores: Vec<&str> = url.iter().flat_map(|url| ["--store", url]).collect();
        if has_reads {
            stores.extend(url.iter().flat_map(|url| ["--read-model", url]));
        }
        if postgres.is_some() {
            migrate(stage, &binary, &data, &stores)?;
        }
        let mut command = stage.command(&binary);
        command.args(["serve", "--role", role]);
        command.args(&stores).arg("--data-dir").arg(&data);
        command.args(broker.into_iter().flat_map(|broker| broker.options(TOPIC)));
        if contender.is_beside_slow_clients {
            command.args(slow_clients::OPTIONS);
        }
        if contender.is_unsealed {
            command.arg("--unsealed");
        }
        command.args(contender.limits.options());
        let mut collector = None;
        match contender.watch {
            Watch::Keys => {}
            Watch::All => {
                let started = Collector::start().await?;
                command.args(started.options());
                collector = Some(started);
            }
            Watch::Nothing => {
                command.arg("--no-authentication");
            }
        }
        if contender.partitions > 1 {
            command.args(["--partitions", &contender.partitions.to_string()]);
        }
        command.env("RUST_LOG", "warn").stdout(Stdio::null());
        let mut process = Process::start(&mut command)?;
        ready(&mut process).await?;
        stage.check(process.pid())?;
        let mut ledger = Self { process, postgres, data, keys: Keys::default(), watchers: None };
        if contender.watch != Watch::Nothing {
            ledger.keys = Keys::in_folder(&ledger.data)?;
        }
        if let Some(collector) = collector {
            let address = ledger.process.address();
            let reader = MetricsReader::start(address, ledger.key("operator")).await?;
            ledger.watchers = Some((collector, reader));
        }
        Ok(ledger)
    }

    /// A role's key; empty where it asks for none.
    pub(crate) fn key(&self, role: &str) -> &str {
        self.keys.of(role)
    }

    /// Fails where it was to be watched, and wasn't.
    pub(crate) fn check_watched(&self) -> anyhow::Result<()> {
        let Some((collector, reader)) = &self.watchers else { return Ok(()) };
        collector.check()?;
        reader.check()
    }

    /// Opens offers and gives credit, so that every request is answered as it should be; the log's
    /// last position.
    pub(crate) async fn prepare(
        &self,
        contender: &Contender,
        variety: Variety,
    ) -> anyhow::Result<u64> {
        let mut connection = Connection::open(self.process.address()).await?;
        let stock = contender.requests.stock();
        let stock = stock.map_or_else(|| "null".into(), |units| units.to_string());
        for offer in 0..contender.requests.offers(variety) {
            let path = format!("/v1/offers/offer-{offer}");
            let body = format!(r#"{{"product_id":"product","price":7,"stock":{stock}}}"#);
            connection.must(201, Ask::put(&path, self.key("operator"), &body)).await?;
        }
        let merchant = self.key("merchant");
        let shoppers = variety.shoppers;
        let mut last = credit::give(&mut connection, merchant, shoppers, contender.credit).await?;
        if contender.partitions > 1 {
            self.wait_until_sold_everywhere(&mut connection, contender, variety).await?;
        }
        match contender.requests {
            Requests::SoldOut => last = self.sell_out(&mut connection).await?,
            Requests::Repeated => last = self.redeem_all(variety).await?,
            _ => {}
        }
        if matches!(contender.server, Server::Whole(_) | Server::Publishing(_)) {
            self.wait_until_visible(last).await?;
        }
        Ok(last)
    }

    /// Waits until every partition knows every offer and has units of it.
    async fn wait_until_sold_everywhere(
        &self,
        connection: &mut Connection,
        contender: &Contender,
        variety: Variety,
    ) -> anyhow::Result<()> {
        let (started, mut draft) = (Instant::now(), Draft::default());
        for partition in (0..contender.partitions).map(Partition) {
            let mut shoppers = 0..variety.shoppers;
            let shopper = shoppers.find(|shopper| variety.partition_of(*shopper) == partition);
            let shopper = shopper.context("a partition has no shopper")?;
            for offer in 0..contender.requests.offers(variety) {
                draft.redemption(shopper, offer, format_args!("first-{offer}"))?;
                while connection.ask(draft.ask(self.key("shopper"))).await?.status != 201 {
                    let body = connection.body();
                    ensure!(started.elapsed() < PATIENCE, "{partition} sells nothing: {body}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        Ok(())
    }

    /// Sells the one unit that there is, and sees why nobody else gets one.
    async fn sell_out(&self, connection: &mut Connection) -> anyhow::Result<u64> {
        let body = r#"{"offer_id":"offer-0","quantity":1,"deliver_to":"1 Elm Street"}"#;
        let put = |path| Ask::put(path, self.key("shopper"), body);
        let first = put("/v1/accounts/shopper-0/exchanges/the-last");
        let sold = connection.must(201, first).await?;
        connection.must(409, put("/v1/accounts/shopper-1/exchanges/too-late")).await?;
        ensure!(connection.body().contains(r#""sold-out""#), "it refuses for another reason");
        Ok(sold.position)
    }

    async fn redeem_all(&self, variety: Variety) -> anyhow::Result<u64> {
        const AT_ONCE: u64 = 64;
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..AT_ONCE {
            let (address, key) = (self.process.address(), self.key("shopper").to_owned());
            clients.spawn(async move {
                let (mut connection, mut draft) =
                    (Connection::open(address).await?, Draft::default());
                let mut last = 0;
                for number in (0..REPEATED).filter(|number| number % AT_ONCE == client) {
                    draft.repeated(number, variety)?;
                    last = connection.must(201, draft.ask(&key)).await?.position;
                }
                Ok::<u64, anyhow::Error>(last)
            });
        }
        let mut last = 0;
        while let Some(client) = clients.join_next().await {
            last = last.max(client??);
        }
        Ok(last)
    }

    /// Waits until its publisher has made the topics and sends what there is.
    pub(crate) async fn wait_until_publishing(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut connection = Connection::open(self.process.address()).await?;
        loop {
            let ask = Ask::get("/v1/publisher", self.key("operator"));
            connection.must(200, ask).await?;
            if connection.body().contains(r#""status":"publishing""#) {
                return Ok(());
            }
            ensure!(started.elapsed() < PATIENCE, "it doesn't publish: {}", connection.body());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks for a read that contains the last write, until it is given; how long that took.
    pub(crate) async fn wait_until_visible(&self, last: u64) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let mut connection = Connection::open(self.process.address()).await?;
        let header = format!("guerdon-position: 0:{last}\r\n");
        loop {
            let ask = Ask::get("/v1/accounts/shopper-0", self.key("shopper")).with(&header);
            match connection.ask(ask).await?.status {
                200 => return Ok(started.elapsed()),
                503 if started.elapsed() < PATIENCE => {}
                status => bail!("the projection did not come so far: {status}"),
            }
        }
    }
}

/// So many accounts have credit, and are chosen from.
pub(crate) fn variety(settings: &Settings, contender: &Contender) -> Variety {
    let variety = settings.variety();
    let shoppers = match (contender.requests, contender.credit) {
        (_, Credit::OneLot | Credit::ThousandLots) => LOTS_SHOPPERS,
        (Requests::Balances(accounts), _) => accounts.max(variety.shoppers),
        _ => variety.shoppers,
    };
    Variety { shoppers, partitions: contender.partitions, ..variety }
}

fn migrate(stage: &Stage, binary: &Path, data: &Path, stores: &[&str]) -> anyhow::Result<()> {
    let mut command = stage.command(binary);
    command.arg("migrate").args(stores).arg("--data-dir").arg(data);
    let migrated = command.env("RUST_LOG", "warn").output()?;
    let said = String::from_utf8_lossy(&migrated.stderr);
    ensure!(migrated.status.success(), "guerdon migrate failed: {said}");
    Ok(())
}

/// Waits until a server takes requests.
pub(crate) async fn ready(process: &mut Process) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        if let Ok(mut connection) = Connection::open(process.address()).await
            && connection.must(200, Ask::get("/health/ready", "")).await.is_ok()
        {
            return Ok(());
        }
        if let Some(ended) = process.ended() {
            bail!("it ended as it started: {ended}");
        }
        ensure!(started.elapsed() < PATIENCE, "it isn't ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
