//! Tests of the producer against refusing brokers, on librdkafka's mock cluster: a real broker
//! can't be made to refuse one chosen request.

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use tokio::sync::mpsc;

    use log_record::PackedPlace;

    use super::super::acknowledged::AcknowledgedOffsets;
    use super::super::brokers::Brokers;
    use super::super::producer::{
        Delivery, Failure, MessageTag, Outgoing, Producer, Ticket, Unsent,
    };
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
        to: mpsc::UnboundedSender<Delivery>,
        outcomes: mpsc::UnboundedReceiver<Delivery>,
    }

    impl Sending {
        fn start(brokers: &Brokers) -> Self {
            let acknowledged = Arc::new(AcknowledgedOffsets::of(TOPIC));
            let producer = Producer::new(brokers, None, acknowledged).expect("a producer");
            let (to, outcomes) = mpsc::unbounded_channel();
            Self { producer, to, outcomes }
        }

        fn ticket(&self, place: i64) -> Ticket {
            let tag = MessageTag { lane: 0, place: PackedPlace::from_i64(place) };
            Ticket::new(self.to.clone(), tag)
        }

        fn send(&self, topic: &str, place: i64, body: &[u8]) -> Result<(), Unsent> {
            let ticket = self.ticket(place);
            let id = place.to_string();
            let headers = [("ce_id", id.as_str())];
            let partition = TopicPartition(0);
            let message = Outgoing { topic, partition, key: "ann", headers: &headers, body };
            self.producer.send(message, ticket)
        }

        async fn next(&mut self) -> (i64, Result<(), Failure>) {
            let outcome = tokio::time::timeout(Duration::from_secs(30), self.outcomes.recv()).await;
            let delivery = outcome.expect("in time").expect("an outcome");
            (delivery.tag.place.as_i64(), delivery.outcome)
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
            let (ticket, partition) = (sending.ticket(place), TopicPartition(partition));
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
