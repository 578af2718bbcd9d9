//! Three brokers that are one cluster: each is a controller, too, and any may be killed.

use std::path::Path;

use uuid::Uuid;

use super::{Kafka, Node};

const BROKERS: usize = 3;

/// What one broker has for itself is on all three, and two must have it.
const SETTINGS: [&str; 7] = [
    "default.replication.factor=3",
    "min.insync.replicas=2",
    "offsets.topic.replication.factor=3",
    "share.coordinator.state.topic.replication.factor=3",
    "share.coordinator.state.topic.min.isr=2",
    "transaction.state.log.replication.factor=3",
    "transaction.state.log.min.isr=2",
];

/// A cluster of three.
#[derive(Debug)]
pub struct KafkaCluster {
    brokers: Vec<Kafka>,
}

impl KafkaCluster {
    /// Formats folders under `folder` and starts a broker in each.
    pub fn start(folder: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        let nodes = (1..=BROKERS).map(Node::on_free_ports).collect::<anyhow::Result<Vec<_>>>()?;
        let settings = [&SETTINGS, settings].concat();
        let id = Uuid::now_v7();
        let format = |node: &Node| {
            Kafka::format(&folder.join(node.id.to_string()), *node, &nodes, id, &settings)
        };
        let mut brokers = nodes.iter().map(format).collect::<anyhow::Result<Vec<_>>>()?;
        // None of them is ready before two are there.
        for broker in &mut brokers {
            broker.launch()?;
        }
        for broker in &mut brokers {
            broker.wait_until_started()?;
        }
        Ok(Self { brokers })
    }

    /// The addresses of all, as in `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.brokers.iter().map(Kafka::bootstrap).collect::<Vec<_>>().join(",")
    }

    /// The broker of this number, 1 to 3, as metadata name it, to be stopped and restarted.
    pub fn broker(&mut self, id: usize) -> Option<&mut Kafka> {
        self.brokers.get_mut(id.checked_sub(1)?)
    }
}
