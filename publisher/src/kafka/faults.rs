//! What the producer does when brokers refuse, on librdkafka's own cluster of mock brokers: a real
//! one can't be made to refuse one request.

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use tokio::sync::mpsc;

    use super::super::*;
    use crate::topic::Topic;

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

    /// A producer, and what it tells.
    struct Sending {
        producer: Producer,
        told: (mpsc::UnboundedSender<Delivery>, mpsc::UnboundedReceiver<Delivery>),
    }

    impl Sending {
        fn start(brokers: &Brokers) -> Self {
            let producer = Producer::new(brokers, Arc::new(Topic::new(TOPIC, None)));
            Self { producer: producer.expect("a producer"), told: mpsc::unbounded_channel() }
        }

        fn send(&self, topic: &str, place: i64, body: &[u8]) -> Result<(), Unsent> {
            let ticket = Ticket { to: self.told.0.clone(), lane: 0, place };
            let id = place.to_string();
            let headers = [("ce_id", id.as_str())];
            let message = Outgoing { topic, partition: 0, key: "ann", headers: &headers, body };
            self.producer.send(message, ticket)
        }

        async fn next(&mut self) -> (i64, Result<(), Failure>) {
            let heard = tokio::time::timeout(Duration::from_secs(30), self.told.1.recv()).await;
            let delivery = heard.expect("it is told in time").expect("it is told");
            (delivery.place, delivery.outcome)
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
        let (place, outcome) = sending.next().await;
        assert_eq!(place, 1);
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
            for place in 1..=20 {
                assert_eq!(sending.send(TOPIC, place, b"{}"), Ok(()));
            }
            for place in 1..=20 {
                assert_eq!(sending.next().await, (place, Ok(())), "after {error:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_the_broker_will_not_have_is_told_of_that_message() {
        let (cluster, brokers) = cluster();
        refuse(&cluster, RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
        let mut sending = Sending::start(&brokers);
        assert_eq!(sending.send(TOPIC, 1, b"{}"), Ok(()));
        let (place, outcome) = sending.next().await;
        assert_eq!(place, 1);
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
        for place in 1..=5 {
            assert_eq!(sending.send(TOPIC, place, b"{}"), Ok(()));
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
        for (place, topic, partition) in [(1, TOPIC, 7), (2, "another", 0), (3, TOPIC, 7)] {
            let ticket = Ticket { to: sending.told.0.clone(), lane: 0, place };
            let message = Outgoing { topic, partition, key: "ann", headers: &[], body: b"{}" };
            // At once, where it is known already.
            let outcome = match sending.producer.send(message, ticket) {
                Ok(()) => sending.next().await,
                Err(Unsent::Failed(failure)) => (place, Err(failure)),
                Err(Unsent::QueueFull) => panic!("the queue is not full"),
            };
            let is_refused = matches!(outcome.1, Err(Failure::Refused(_)));
            assert!(is_refused && outcome.0 == place, "{topic}/{partition}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_fatal_error_gives_all_back_and_another_producer_sends_it() {
        let (cluster, brokers) = cluster();
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::InitProducerId, &[error; 5]);
        let mut sending = Sending::start(&brokers);
        let taken: Vec<i64> =
            (1..=3).filter(|place| sending.send(TOPIC, *place, b"{}").is_ok()).collect();
        let begun = std::time::Instant::now();
        while sending.producer.fatal().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it isn't fatal");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sending.producer.give_back();
        for place in taken {
            let (told, outcome) = sending.next().await;
            assert_eq!(told, place);
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
