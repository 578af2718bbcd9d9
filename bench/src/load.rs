//! The client: connections that each send a redemption, wait for its answer, and send the next.
//! Requests are written by hand, so that the client costs little beside the server.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Settings;
use crate::histogram::Histogram;
use crate::machine::cpu_hundredths;

/// Who takes the load.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) pid: u32,
    /// Part of every exchange id.
    pub(crate) run: u64,
}

/// What came of it, in the time that counts.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) seconds: f64,
    /// Answers by status.
    pub(crate) answers: BTreeMap<u16, u64>,
    pub(crate) latencies: Histogram,
    /// Processor seconds of each, in hundredths.
    pub(crate) client_cpu: u64,
    pub(crate) server_cpu: u64,
    pub(crate) last_position: u64,
    /// How many were answered 201 in all, also before and after the time that counts.
    pub(crate) accepted_in_all: u64,
}

/// A port of this machine that nothing listens on.
pub(crate) fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// Loads the target for the settings' time.
pub(crate) async fn run(settings: &Settings, target: &Target) -> anyhow::Result<Loaded> {
    wait_for(target.address).await?;
    let begins = Instant::now() + Duration::from_secs(settings.warm_up);
    let ends = begins + settings.measured();
    let mut clients = JoinSet::new();
    for client in 0..settings.connections {
        let (settings, target) = (settings.clone(), target.clone());
        clients.spawn(redeem(settings, target, client as u64, begins, ends));
    }
    tokio::time::sleep_until(begins.into()).await;
    let cpu = || (cpu_hundredths(std::process::id()), cpu_hundredths(target.pid));
    let before = cpu();
    tokio::time::sleep_until(ends.into()).await;
    let after = cpu();
    let used = |before: Option<u64>, after: Option<u64>| {
        after.unwrap_or_default().saturating_sub(before.unwrap_or_default())
    };
    let mut loaded = Loaded {
        seconds: settings.measured().as_secs_f64(),
        answers: BTreeMap::new(),
        latencies: Histogram::new(),
        client_cpu: used(before.0, after.0),
        server_cpu: used(before.1, after.1),
        last_position: 0,
        accepted_in_all: 0,
    };
    while let Some(client) = clients.join_next().await {
        let (answers, latencies, last, accepted) = client.context("a client failed")??;
        loaded.accepted_in_all += accepted;
        for (status, count) in answers {
            *loaded.answers.entry(status).or_default() += count;
        }
        loaded.latencies.merge(&latencies);
        loaded.last_position = loaded.last_position.max(last);
    }
    Ok(loaded)
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

type Client = (BTreeMap<u16, u64>, Histogram, u64, u64);

async fn redeem(
    settings: Settings,
    target: Target,
    client: u64,
    begins: Instant,
    ends: Instant,
) -> anyhow::Result<Client> {
    let mut connection = Connection::open(target.address).await?;
    let (mut answers, mut latencies) = (BTreeMap::new(), Histogram::new());
    let (mut last, mut accepted) = (0, 0);
    let mut chance = Chance(client.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for number in 0_u64.. {
        let (shopper, offer) = (chance.below(settings.shoppers), chance.below(settings.offers));
        let path = format!(
            "/v1/accounts/shopper-{shopper}/exchanges/x-{}-{client:04}-{number:010}",
            target.run
        );
        let body = format!(
            r#"{{"offer_id":"offer-{offer}","quantity":1,"deliver_to":"1 Elm Street, 12345 Springfield"}}"#
        );
        let started = Instant::now();
        let answer = connection.ask("PUT", &path, &target.key, "", &body).await?;
        let ended = Instant::now();
        accepted += u64::from(answer.status == 201);
        if ended >= ends {
            // It was answered, too late to count; but it is there to be projected.
            last = last.max(answer.position);
            break;
        }
        last = last.max(answer.position);
        if started >= begins {
            *answers.entry(answer.status).or_default() += 1;
            latencies.add(u64::try_from((ended - started).as_micros()).unwrap_or(u64::MAX));
        }
    }
    Ok((answers, latencies, last, accepted))
}

/// A kept-alive connection, one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

/// What the client reads of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Of `Guerdon-Position`, without the partition; 0 without the header.
    pub(crate) position: u64,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: vec![], buffer: vec![] })
    }

    pub(crate) async fn must(
        &mut self,
        status: u16,
        method: &str,
        path: &str,
        key: &str,
        headers: &str,
        body: &str,
    ) -> anyhow::Result<()> {
        let answer = self.ask(method, path, key, headers, body).await?;
        if answer.status != status {
            bail!("{method} {path} was answered {}", answer.status);
        }
        Ok(())
    }

    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        key: &str,
        headers: &str,
        body: &str,
    ) -> anyhow::Result<Answer> {
        use std::io::Write as _;
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        )?;
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed");
            }
            if let Some(answer) = parse(&self.buffer)? {
                return Ok(answer);
            }
        }
    }
}

/// The answer, once all of it is there.
fn parse(bytes: &[u8]) -> anyhow::Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?;
    let (mut length, mut position) = (0, 0);
    for line in lines {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse()?;
        } else if name.eq_ignore_ascii_case("guerdon-position") {
            position = value.rsplit(':').next().unwrap_or_default().parse()?;
        }
    }
    let is_whole = bytes.len() >= end + 4 + length;
    Ok(is_whole.then_some(Answer { status: status.parse()?, position }))
}

/// Marsaglia's xorshift, seeded, so that every run sends the same.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}
