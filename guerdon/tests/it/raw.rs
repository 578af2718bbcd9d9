//! Connections as a client makes them that isn't an HTTP library: slow, silent, broken or many.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::ledger::{Ledger, PATIENCE};

/// One connection.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    begin: Instant,
}

/// What came until the server closed, and after how long that was.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) text: String,
    pub(crate) after: Duration,
}

impl Raw {
    /// Connects to `http://HOST:PORT`.
    pub(crate) async fn to(url: &str) -> Self {
        Self::try_to(url).await.expect("connected")
    }

    pub(crate) async fn try_to(url: &str) -> std::io::Result<Self> {
        let address = url.strip_prefix("http://").expect("a URL");
        // Before, because the server's time may run before this side is told.
        let begin = Instant::now();
        Ok(Self { stream: TcpStream::connect(address).await?, begin })
    }

    pub(crate) async fn says(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("sent");
    }

    /// What comes at once: one answer of a few bytes.
    pub(crate) async fn hears(&mut self) -> String {
        let mut text = [0; 16_384];
        let heard = tokio::time::timeout(PATIENCE, self.stream.read(&mut text)).await;
        let length = heard.expect("it is answered").expect("read");
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    /// Asks whether the server lives, and hears that it does.
    pub(crate) async fn is_alive(&mut self) {
        self.says("GET /health/live HTTP/1.1\r\nhost: ledger\r\n\r\n").await;
        let heard = self.hears().await;
        assert!(heard.starts_with("HTTP/1.1 200 "), "{heard:?}");
    }

    /// Whether nothing comes and nothing is closed for so long.
    pub(crate) async fn is_left_waiting(&mut self, for_so_long: Duration) -> bool {
        let mut byte = [0];
        tokio::time::timeout(for_so_long, self.stream.read(&mut byte)).await.is_err()
    }

    /// Waits until the server closes; a byte is sent every so often until then.
    pub(crate) async fn drips_until_it_is_closed(mut self, drip: Option<&[u8]>) -> Closed {
        let (mut text, mut heard) = (Vec::new(), [0; 4_096]);
        loop {
            let next =
                tokio::time::timeout(Duration::from_millis(300), self.stream.read(&mut heard));
            match next.await {
                Ok(Ok(length)) if length > 0 => text.extend_from_slice(&heard[..length]),
                Ok(_) => break,
                // A broken pipe is seen by the next read.
                Err(_) => drop(self.stream.write_all(drip.unwrap_or_default()).await),
            }
            assert!(self.begin.elapsed() < PATIENCE, "it isn't closed");
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        Closed { text, after: self.begin.elapsed() }
    }

    pub(crate) async fn until_closed(self) -> Closed {
        self.drips_until_it_is_closed(None).await
    }
}

/// The header of a request with a body of so many bytes, with the key of a role.
pub(crate) fn head(ledger: &Ledger, role: &str, request: &str, length: usize) -> String {
    let key = ledger.client.key(role);
    format!(
        "{request} HTTP/1.1\r\nhost: ledger\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// How many descriptors a ledger has open.
pub(crate) fn descriptors(ledger: &Ledger) -> usize {
    fs::read_dir(format!("/proc/{}/fd", ledger.pid())).expect("it runs").count()
}

/// How much memory a ledger has, in MiB.
pub(crate) fn resident_mib(ledger: &Ledger) -> usize {
    resident_kib(ledger) / 1024
}

/// The same in KiB.
pub(crate) fn resident_kib(ledger: &Ledger) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", ledger.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Waits until a ledger has no more descriptors than that.
pub(crate) async fn until_descriptors_are_back(ledger: &Ledger, most: usize) {
    let begin = Instant::now();
    while descriptors(ledger) > most {
        let open = descriptors(ledger);
        assert!(begin.elapsed() < PATIENCE, "{open} descriptors are open, and not {most}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Lets this test have as many descriptors as the system allows.
pub(crate) fn allow_many_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("raised");
}
