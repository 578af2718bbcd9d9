//! The client: connections that send a request each, wait for its answer, and send the next at
//! once, or at fixed times.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::chance::Chance;
use crate::connection::{Answer, Connection};
use crate::processor::hundredths;
use crate::requests::{Draft, ExchangeId, Requests, Variety};
use crate::tally::Tally;

/// How long an open loop goes on sending what it could not send in time.
const OVERTIME: Duration = Duration::from_secs(10);

/// What is sent to whom, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) requests: Requests,
    pub(crate) variety: Variety,
    pub(crate) connections: usize,
    /// Requests a second at fixed times, over all connections; else as many as are answered.
    pub(crate) rate: Option<f64>,
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    /// The processes that work for the server, beside its own.
    pub(crate) server: u32,
    pub(crate) postgres: Option<u32>,
    /// The number of each connection's first request.
    pub(crate) first_number: u64,
    /// The last position that was answered.
    pub(crate) position: Arc<AtomicU64>,
}

/// What came of it, in the time that counts.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) seconds: f64,
    pub(crate) tally: Tally,
    /// Processor seconds of each, in hundredths.
    pub(crate) client_cpu: u64,
    pub(crate) server_cpu: u64,
    pub(crate) postgres_cpu: u64,
}

impl Loaded {
    /// The server's with PostgreSQL's.
    pub(crate) const fn servers_cpu(&self) -> u64 {
        self.server_cpu + self.postgres_cpu
    }
}

/// Loads the target.
pub(crate) async fn load(load: &Load) -> anyhow::Result<Loaded> {
    wait_for(load.address).await?;
    let begins = Instant::now() + load.warm_up;
    let ends = begins + load.measured;
    let mut clients = JoinSet::new();
    for client in 0..load.connections {
        let client = Client { load: load.clone(), client: client as u64, begins, ends };
        clients.spawn(client.run());
    }
    let cpu = || {
        let client = hundredths(std::process::id());
        let (server, postgres) = (hundredths(load.server), load.postgres.map_or(0, hundredths));
        // Where the client started them they are its children, too.
        (client.saturating_sub(server + postgres), server, postgres)
    };
    tokio::time::sleep_until(begins.into()).await;
    let before = cpu();
    tokio::time::sleep_until(ends.into()).await;
    let after = cpu();
    let mut tally = Tally::default();
    while let Some(client) = clients.join_next().await {
        tally.merge(&client.context("a client failed")??);
    }
    Ok(Loaded {
        seconds: load.measured.as_secs_f64(),
        tally,
        client_cpu: after.0.saturating_sub(before.0),
        server_cpu: after.1.saturating_sub(before.1),
        postgres_cpu: after.2.saturating_sub(before.2),
    })
}

async fn wait_for(address: SocketAddr) -> anyhow::Result<()> {
    for _ in 0..500 {
        if TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("nothing listens on {address}")
}

/// One connection.
struct Client {
    load: Load,
    client: u64,
    begins: Instant,
    ends: Instant,
}

impl Client {
    async fn run(self) -> anyhow::Result<Tally> {
        match self.load.rate {
            None => self.closed().await,
            Some(rate) => self.open(rate).await,
        }
    }

    async fn closed(self) -> anyhow::Result<Tally> {
        let Self { load, client, begins, ends } = self;
        let mut connection = Connection::open(load.address).await?;
        let (mut tally, mut draft) = (Tally::default(), Draft::default());
        let mut chance = Chance::of_client(client);
        for number in load.first_number.. {
            load.requests.write(&mut draft, load.variety, &mut chance, (client, number))?;
            let started = Instant::now();
            let answer = connection.ask(draft.ask(&load.key)).await?;
            let ended = Instant::now();
            load.heard(&mut tally, answer);
            // One that was answered too late doesn't count; but it is there to be projected.
            if ended >= ends {
                break;
            }
            if started >= begins {
                tally.add(load.requests, answer.status, ended - started);
            }
        }
        Ok(tally)
    }

    /// Requests are planned before any is sent, each connection's in turn. One whose connection is
    /// still waiting is sent late, and its latency counted from the time that was planned: a stall
    /// is charged to everyone whom it held up.
    async fn open(self, rate: f64) -> anyhow::Result<Tally> {
        let Self { load, client, begins, ends } = self;
        let mut connection = Connection::open(load.address).await?;
        let (mut tally, mut draft) = (Tally::default(), Draft::default());
        let mut chance = Chance::of_client(client);
        let first = begins.checked_sub(load.warm_up).context("the clock is at its start")?;
        let between = load.connections as f64 / rate;
        let offset = client as f64 / rate;
        for number in 0_u64.. {
            let planned = first + Duration::from_secs_f64(offset + between * number as f64);
            if planned >= ends {
                break;
            }
            tokio::time::sleep_until(planned.into()).await;
            if Instant::now() > ends + OVERTIME {
                tally.unsent(planned.elapsed());
                continue;
            }
            let number = load.first_number + number;
            load.requests.write(&mut draft, load.variety, &mut chance, (client, number))?;
            let answer = connection.ask(draft.ask(&load.key)).await?;
            let answered = Instant::now();
            load.heard(&mut tally, answer);
            if planned >= begins {
                tally.add(load.requests, answer.status, answered - planned);
                if answer.status == 201 {
                    tally.accepted.push((ExchangeId(client, number), answered));
                }
            }
        }
        Ok(tally)
    }
}

impl Load {
    fn heard(&self, tally: &mut Tally, answer: Answer) {
        tally.accepted_in_all += u64::from(answer.status == 201);
        if answer.position > 0 {
            self.position.fetch_max(answer.position, Ordering::Relaxed);
        }
    }
}
