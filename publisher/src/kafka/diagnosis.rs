//! Why brokers can't be reached, in librdkafka's own words: it tells them to who polls for events,
//! and those who ask about topics don't.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::Brokers;

/// How long words are waited for.
const LISTEN_MAX: Duration = Duration::from_secs(2);

/// The first thing that went wrong with a broker.
#[derive(Default)]
struct Listener(Mutex<Option<String>>);

impl ClientContext for Listener {
    fn error(&self, error: KafkaError, reason: &str) {
        // That all of them are down follows from what is wrong with each.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.heard().get_or_insert_with(|| reason.to_owned());
        }
    }
}

impl ConsumerContext for Listener {}

impl Listener {
    fn heard(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tries once more, and listens what goes wrong. It blocks for some seconds at most.
pub(super) fn diagnose(brokers: &Brokers) -> Option<String> {
    let mut config = brokers.config();
    brokers.apply_to(&mut config);
    config.set("group.id", "guerdon-diagnosis");
    let consumer: BaseConsumer<Listener> = config.create_with_context(Listener::default()).ok()?;
    let until = Instant::now() + LISTEN_MAX;
    while Instant::now() < until {
        drop(consumer.fetch_metadata(None, LISTEN_MAX / 10));
        drop(consumer.poll(Duration::ZERO));
        if let Some(why) = consumer.context().heard().take() {
            return Some(why);
        }
    }
    None
}
