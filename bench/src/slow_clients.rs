//! Clients that keep a server waiting, beside those that are measured: each sends a byte a second,
//! half of them of a header and half of a body, and connects again when it is cut off.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::connection::allow_connections;

/// How many there are.
const CLIENTS: usize = 10_000;

/// So that the ledger has room for all of them, and cuts none off for another.
pub(crate) const OPTIONS: [&str; 2] = ["--connections-max", "12000"];

/// How many connect at once.
const AT_ONCE: usize = 200;

/// They end when this is dropped.
pub(crate) struct SlowClients {
    _clients: JoinSet<()>,
}

impl SlowClients {
    /// Lets all of them connect.
    pub(crate) async fn start(address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        allow_connections(CLIENTS)?;
        let header = "GET /v1/offers HTTP/1.1\r\nhost: ledger\r\nx-long: ".to_owned();
        let body = format!(
            "POST /v1/accounts/ann/credits HTTP/1.1\r\nhost: ledger\r\n\
             authorization: Bearer {key}\r\ncontent-type: application/json\r\n\
             content-length: 16000\r\n\r\n"
        );
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let begin = if number % 2 == 0 { &header } else { &body };
            let stream = TcpStream::connect(address).await?;
            clients.spawn(keep_waiting(address, stream, begin.clone()));
            if number % AT_ONCE == 0 {
                sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(Self { _clients: clients })
    }
}

async fn keep_waiting(address: SocketAddr, mut stream: TcpStream, begin: String) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut sent = stream.write_all(begin.as_bytes()).await;
        while sent.is_ok() {
            seconds.tick().await;
            sent = stream.write_all(b" ").await;
        }
        seconds.tick().await;
        match TcpStream::connect(address).await {
            Ok(again) => stream = again,
            // The server has ended.
            Err(_) => return,
        }
    }
}
