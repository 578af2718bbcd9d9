//! Why the brokers can't be reached, in librdkafka's own words. librdkafka reports the cause only
//! to a client that polls for events; a client that asks about topics doesn't poll.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::brokers::{Brokers, KafkaCause, KafkaRefused};

/// How long a diagnosis waits for librdkafka's report.
const REPORT_MAX: Duration = Duration::from_secs(2);

/// The first error that a broker caused.
#[derive(Default)]
struct FirstError(Mutex<Option<String>>);

impl ClientContext for FirstError {
    fn error(&self, error: KafkaError, reason: &str) {
        // "All brokers down" follows from each broker's own error, and explains nothing.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.0.lock().get_or_insert_with(|| reason.to_owned());
        }
    }
}

impl ConsumerContext for FirstError {}

/// The refusal of a request that was not answered, with the reason why the brokers can't be
/// reached where that is the cause. Blocks for some seconds at most.
pub(super) fn refusal(brokers: &Brokers, doing: &'static str, error: KafkaError) -> KafkaRefused {
    use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, OperationTimedOut};
    let code = error.rdkafka_error_code();
    let is_away = [AllBrokersDown, BrokerTransportFailure, OperationTimedOut].map(Some);
    let why = is_away.contains(&code).then(|| diagnose(brokers)).flatten();
    let source = why.map_or_else(|| error.into(), KafkaCause::Unreachable);
    KafkaRefused { servers: brokers.servers.clone(), doing, source }
}

/// Connects once more and polls for the error.
fn diagnose(brokers: &Brokers) -> Option<String> {
    let mut config = brokers.config();
    brokers.apply_to(&mut config);
    config.set("group.id", "guerdon-diagnosis");
    let consumer: BaseConsumer<FirstError> =
        config.create_with_context(FirstError::default()).ok()?;
    let until = Instant::now() + REPORT_MAX;
    while Instant::now() < until {
        drop(consumer.fetch_metadata(None, REPORT_MAX / 10));
        drop(consumer.poll(Duration::ZERO));
        if let Some(why) = consumer.context().0.lock().take() {
            return Some(why);
        }
    }
    None
}
