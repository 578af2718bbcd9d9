//! Tests of the producer against refusing brokers, on librdkafka's mock cluster: a real broker
//! can't be made to refuse one chosen request.

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::time::Duration;

    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::super::acknowledged::AcknowledgedOffsets;
    use super::super::brokers::Brokers;
    use super::super::outcomes::{Delivery, MessageTag, Outcomes};
    use super::super::producer::{Failure, Outgoing, Producer, Ticket, Unsent};
    use super::super::topic_partition::TopicPartition;

    type Cluster = MockCluster<'static, DefaultProducerContext>;

    const TOPIC: &str = "requests";

    fn cluster() -> (Cluster, Brokers) {
        let cluster = MockCluster::new(3).expect("a cluster");
        cluster.create_topic(TOPIC, 2, 3).expect("a topic");
        let brokers = Brokers { servers: cluster.bootstrap_servers(), properties: vec![] };
        (cluster, brokers)
    }

    fn with(brokers: Brokers, name: &str, value: &str) -> Brokers {
        Brokers { properties: vec![(name.into(), value.into())], ..brokers }
    }

    /// A producer, and the outcomes that it reports.
    struct Sending {
        producer: Producer,
        outcomes: Arc<Outcomes>,
        /// Messages of the last outcome that weren't asked for yet.
        told: VecDeque<(u64, Result<(), Failure>)>,
    }

    impl Sending {
        fn start(brokers: &Brokers) -> Self {
            let acknowledged = Arc::new(AcknowledgedOffsets::of(TOPIC));
            let producer = Producer::new(brokers, None, acknowledged).expect("a producer");
            Self { producer, outcomes: Arc::default(), told: VecDeque::new() }
        }

        fn ticket(&self, number: u64) -> Ticket {
            Ticket::new(Arc::clone(&self.outcomes), MessageTag { lane: 0, number })
        }

        fn send(&self, topic: &str, number: u64, body: &[u8]) -> Result<(), Unsent> {
            let ticket = self.ticket(number);
            let id = number.to_string();
            let headers = [("ce_id", id.as_bytes())];
            let partition = TopicPartition(0);
            let message = Outgoing { topic, partition, key: b"ann", headers: &headers, body };
            self.producer.send(message, ticket)
        }

        async fn next(&mut self) -> (u64, Result<(), Failure>) {
            if let Some(told) = self.told.pop_front() {
                return told;
            }
            let next = tokio::time::timeout(Duration::from_secs(30), self.outcomes.next()).await;
            let Delivery { run, outcome, .. } = next.expect("in time");
            self.told.extend((1..run.count).map(|later| (run.first + later, outcome.clone())));
            (run.first, outcome)
        }
    }

    fn refuse(cluster: &Cluster, error: RDKafkaRespErr, times: usize) {
        cluster.request_errors(RDKafkaApiKey::Produce, &vec![error; times]);
    }

    #[tokio::test]
    async fn a_producer_that_gave_back_what_it_had_takes_nothing_that_would_overtake_it() {
        let (_cluster, brokers) = cluster();
        let mut sending = Sending::start(&with(brokers, "linger.ms", "10000"));
        assert_eq!(sending.send(TOPIC, 1, b"{}"), Ok(()));
        sending.producer.give_back();
        let refused = sending.send(TOPIC, 2, b"{}");
        assert!(matches!(refused, Err(Unsent::Failed(Failure::ProducerLost(_)))), "{refused:?}");
        let (number, outcome) = sending.next().await;
        assert_eq!(number, 1);
        assert!(matches!(outcome, Err(Failure::ProducerLost(_))), "{outcome:?}");
    }

    #[tokio::test]
    async fn what_passes_is_waited_out_and_the_order_stays() {
        use RDKafkaRespErr as Error;
        for error in [
            Error::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            Error::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        ] {
            let (cluster, brokers) = cluster();
            refuse(&cluster, error, 3);
            let mut sending = Sending::start(&brokers);
            for number in 1..=20 {
                assert_eq!(sending.send(TOPIC, number, b"{}"), Ok(()));
            }
            for number in 1..=20 {
                assert_eq!(sending.next().await, (number, Ok(())), "after {error:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_the_broker_will_not_have_is_told_of_that_message() {
        let (cluster, brokers) = cluster();
        refuse(&cluster, RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
        let mut sending = Sending::start(&brokers);
        assert_eq!(sending.send(TOPIC, 1, b"{}"), Ok(()));
        let (number, outcome) = sending.next().await;
        assert_eq!(number, 1);
        assert!(matches!(outcome, Err(Failure::Refused(_))), "{outcome:?}");
        assert_eq!(sending.producer.fatal(), None);
        assert_eq!(sending.send(TOPIC, 2, b"{}"), Ok(()));
        assert_eq!(sending.next().await, (2, Ok(())), "what follows can be sent");
    }

    #[tokio::test]
    async fn what_is_too_large_for_the_topic_is_not_even_taken() {
        let (_cluster, brokers) = cluster();
        let sending = Sending::start(&with(brokers, "message.max.bytes", "1000"));
        let refused = sending.send(TOPIC, 1, &[b' '; 2_000]);
        assert!(matches!(refused, Err(Unsent::Failed(Failure::Refused(_)))), "{refused:?}");
    }

    #[tokio::test]
    async fn a_full_queue_is_no_failure() {
        let (cluster, brokers) = cluster();
        for broker in 1..=3 {
            cluster.broker_down(broker).expect("it is down");
        }
        let mut sending = Sending::start(&with(brokers, "queue.buffering.max.messages", "5"));
        for number in 1..=5 {
            assert_eq!(sending.send(TOPIC, number, b"{}"), Ok(()));
        }
        assert_eq!(sending.send(TOPIC, 6, b"{}"), Err(Unsent::QueueFull));
        for broker in 1..=3 {
            cluster.broker_up(broker).expect("it is up");
        }
        assert_eq!(sending.next().await, (1, Ok(())), "nothing was given up meanwhile");
    }

    #[tokio::test]
    async fn an_unknown_topic_or_partition_is_told_of_the_message() {
        let (_cluster, brokers) = cluster();
        let brokers = with(brokers, "topic.metadata.propagation.max.ms", "500");
        let mut sending = Sending::start(&brokers);
        for (number, topic, partition) in [(1, TOPIC, 7), (2, "another", 0), (3, TOPIC, 7)] {
            let (ticket, partition) = (sending.ticket(number), TopicPartition(partition));
            let message = Outgoing { topic, partition, key: b"ann", headers: &[], body: b"{}" };
            // At once, where it is known already.
            let outcome = match sending.producer.send(message, ticket) {
                Ok(()) => sending.next().await,
                Err(Unsent::Failed(failure)) => (number, Err(failure)),
                Err(Unsent::QueueFull) => panic!("the queue is not full"),
            };
            let is_refused = matches!(outcome.1, Err(Failure::Refused(_)));
            assert!(is_refused && outcome.0 == number, "{topic}/{partition}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_fatal_error_gives_all_back_and_another_producer_sends_it() {
        let (cluster, brokers) = cluster();
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::InitProducerId, &[error; 5]);
        let mut sending = Sending::start(&brokers);
        let taken: Vec<u64> =
            (1..=3).filter(|number| sending.send(TOPIC, *number, b"{}").is_ok()).collect();
        let begun = std::time::Instant::now();
        while sending.producer.fatal().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it isn't fatal");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sending.producer.give_back();
        for number in taken {
            let (told, outcome) = sending.next().await;
            assert_eq!(told, number);
            assert!(matches!(outcome, Err(Failure::ProducerLost(_))), "{outcome:?}");
        }
        let late = sending.send(TOPIC, 4, b"{}");
        assert!(matches!(late, Err(Unsent::Failed(Failure::ProducerLost(_)))), "{late:?}");
        cluster.clear_request_errors(RDKafkaApiKey::InitProducerId);
        let mut another = Sending::start(&brokers);
        assert_eq!(another.send(TOPIC, 1, b"{}"), Ok(()));
        assert_eq!(another.next().await, (1, Ok(())));
    }
}
