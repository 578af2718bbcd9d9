//! When each message came to a consumer, beside when its redemption was answered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use rdkafka::message::{Headers as _, Message as _, OwnedMessage};

use crate::broker::Reader;
use crate::histogram::Histogram;
use crate::requests::ExchangeId;

/// How long the last messages are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A consumer that runs beside the load, on a thread of its own.
pub(crate) struct Follower {
    came: Arc<Mutex<HashMap<String, Instant>>>,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Follower {
    pub(crate) fn start(reader: Reader) -> Self {
        let (came, is_over) = (Arc::default(), Arc::new(AtomicBool::default()));
        let (noted, until) = (Arc::clone(&came), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || follow(&reader, &noted, &until));
        Self { came, is_over, thread }
    }

    /// How long after its answer each message came. One that came before it took no time.
    pub(crate) async fn latencies(
        self,
        accepted: &[(ExchangeId, Instant)],
    ) -> anyhow::Result<Histogram> {
        let started = Instant::now();
        let mut latencies = Histogram::default();
        for (exchange, answered) in accepted {
            let came = loop {
                if let Some(came) = self.came(&exchange.to_string()) {
                    break came;
                }
                ensure!(started.elapsed() < PATIENCE, "no message came for {exchange}");
                ensure!(!self.thread.is_finished(), "the consumer has ended");
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            let micros = came.saturating_duration_since(*answered).as_micros();
            latencies.add(u64::try_from(micros).unwrap_or(u64::MAX));
        }
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the consumer failed"))?;
        Ok(latencies)
    }

    fn came(&self, exchange_id: &str) -> Option<Instant> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).get(exchange_id).copied()
    }
}

fn follow(reader: &Reader, came: &Mutex<HashMap<String, Instant>>, until: &AtomicBool) {
    while !until.load(Ordering::Relaxed) {
        let Some(message) = reader.next() else { continue };
        let (now, subject) = (Instant::now(), header(&message, "ce_subject"));
        let mut came = came.lock().unwrap_or_else(PoisonError::into_inner);
        came.entry(subject).or_insert(now);
    }
}

/// A header's text, or nothing.
pub(crate) fn header(message: &OwnedMessage, name: &str) -> String {
    let mut headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let value = headers.find(|header| header.key == name).and_then(|header| header.value);
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}
