//! A ledger's side of the talk, as decision 0013 has it: it asks for parcels on topics of its own
//! and hears what is said of them. And the warehouse that is asked, as a process.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

const LANE: &str = "0/main/3";
const TOPIC_PARTITIONS: i32 = 2;
const PATIENCE: Duration = Duration::from_secs(60);

/// A ledger with a folder and topics that no other test has.
pub(crate) struct Ledger {
    pub(crate) folder: TempDir,
    brokers: String,
    name: String,
    producer: BaseProducer,
}

impl Ledger {
    pub(crate) fn open() -> Self {
        let brokers = services::shared_kafka().expect("Kafka runs");
        let name = uuid::Uuid::now_v7().to_string();
        let mut config = config(&brokers);
        let admin: AdminClient<DefaultClientContext> = config.create().expect("an admin");
        let topics = [format!("requests-{name}"), format!("events-{name}")];
        let topics = topics
            .each_ref()
            .map(|topic| NewTopic::new(topic, TOPIC_PARTITIONS, TopicReplication::Fixed(1)));
        let made =
            admin.create_topics(&topics, &AdminOptions::new().request_timeout(Some(PATIENCE)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let made = runtime.expect("a runtime").block_on(made).expect("asked");
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        let producer = config.set("linger.ms", "0").create().expect("a producer");
        Self { folder: tempfile::tempdir().expect("a folder"), brokers, name, producer }
    }

    /// From now on, warehouses are told of brokers that nobody has.
    pub(crate) fn misleads_warehouses(&mut self) {
        "127.0.0.1:1".clone_into(&mut self.brokers);
    }

    /// The id of a shipping request of this ledger's.
    pub(crate) fn id(&self, sequence: u32) -> String {
        format!("{}-1-0-{sequence}", self.name)
    }

    /// Asks for a parcel of so many mugs.
    pub(crate) fn requests(&self, sequence: u32, attempt: u32) {
        self.requests_of("mug-blue", sequence, attempt);
    }

    pub(crate) fn requests_of(&self, product: &str, sequence: u32, attempt: u32) {
        let at = (sequence, attempt);
        self.asks_for(product, at, &[("attempt", &attempt.to_string())]);
    }

    /// Sends a request once more in a replay: what has become of it by now, and that one is left.
    pub(crate) fn replays(&self, sequence: u32, status: &str) {
        let left = json!([{"product_id": "mug-blue", "quantity": 1}]).to_string();
        let headers = [
            ("attempt", "1"),
            ("replay", "true"),
            ("request_status", status),
            ("request_lines", &left),
        ];
        self.asks_for("mug-blue", (sequence, 1), &headers);
    }

    fn asks_for(&self, product: &str, (sequence, attempt): (u32, u32), more: &[(&str, &str)]) {
        let id = self.id(sequence);
        let lines = json!([{"product_id": product, "quantity": 2}]);
        let body = json!({"deliver_to": "1 Elm Street", "attempt": attempt});
        self.sends("requested", [&id, &id], sequence, &lines, body, more);
    }

    /// Says that of an earlier request so many are left.
    pub(crate) fn leaves(&self, of: u32, sequence: u32, quantity: u32) {
        let kind = if quantity == 0 { "request-cancelled" } else { "request-reduced" };
        let lines = json!([{"product_id": "mug-blue", "quantity": quantity}]);
        let (id, request) = (self.id(sequence), self.id(of));
        self.sends(kind, [&id, &request], sequence, &lines, json!({}), &[("attempt", "1")]);
    }

    /// Sends a message with its own id and the request's.
    fn sends(
        &self,
        kind: &str,
        [ce_id, request]: [&str; 2],
        sequence: u32,
        lines: &Value,
        further: Value,
        more: &[(&str, &str)],
    ) {
        let mut body = json!({
            "shipping_request_id": request, "type": 2, "account_id": "ann", "exchange_id": "x-1",
            "lines": lines, "warehouse": "main", "lane": LANE, "sequence": sequence,
            "position": format!("0:{sequence}"),
        });
        let further = further.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(further);
        let mut headers = OwnedHeaders::new();
        let always = [
            ("ce_specversion", "1.0"),
            ("ce_id", ce_id),
            ("ce_type", &format!("guerdon.shipping-{kind}")),
            ("ce_source", &format!("/guerdon/{}", self.name)),
            ("ce_subject", "x-1"),
            ("lane", LANE),
            ("sequence", &sequence.to_string()),
        ];
        for (key, value) in always.iter().chain(more).copied() {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        self.sends_raw(headers, &body.to_string());
    }

    pub(crate) fn sends_raw(&self, headers: OwnedHeaders, body: &str) {
        let topic = format!("requests-{}", self.name);
        let record = BaseRecord::to(&topic).partition(0).key("ann").payload(body).headers(headers);
        self.producer.send(record).expect("queued");
    }

    /// The Rust warehouse, with these arguments.
    pub(crate) fn starts_warehouse(&self, args: &[&str]) -> Warehouse {
        self.starts(Command::new(env!("CARGO_BIN_EXE_example-warehouse")), args)
    }

    /// The warehouse that is written in Python; what it prints goes to `printed`.
    pub(crate) fn starts_warehouse_in_python(&self, args: &[&str]) -> Warehouse {
        let python = services::python_with(services::PYTHON_KAFKA).expect("a Python");
        let mut command = Command::new(python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../warehouse.py"));
        self.starts(command, args)
    }

    fn starts(&self, mut command: Command, args: &[&str]) -> Warehouse {
        self.producer.flush(PATIENCE).expect("what was asked for is in Kafka");
        let printed = std::fs::File::create(self.printed()).expect("a file");
        command.args(["--brokers", &self.brokers, "--database"]).arg(self.database());
        command.args(["--topic", &format!("requests-{}", self.name)]);
        command.args(["--events-topic", &format!("events-{}", self.name)]);
        // Each ledger has the warehouse to itself, and so a group of its own.
        command.args(args).stdin(Stdio::null());
        command.stdout(printed.try_clone().expect("a file")).stderr(printed);
        Warehouse(command.spawn().expect("it starts"))
    }

    /// Joins its group under its name, and so throws it out.
    pub(crate) fn takes_the_place_of_the_warehouse(&self) {
        let topic = format!("requests-{}", self.name);
        let other: BaseConsumer = config(&self.brokers)
            .set("group.id", format!("main-{topic}"))
            .set("group.instance.id", "main")
            .set("enable.auto.commit", "false")
            .create()
            .expect("a consumer");
        other.subscribe(&[&topic]).expect("subscribed");
        let started = Instant::now();
        while other.assignment().expect("asked").count() == 0 {
            assert!(started.elapsed() < PATIENCE, "it has no place");
            drop(other.poll(Duration::from_millis(100)));
        }
        // Until the warehouse has heard of it.
        std::thread::sleep(Duration::from_secs(4));
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("warehouse.sqlite")
    }

    pub(crate) fn printed(&self) -> PathBuf {
        self.folder.path().join("printed")
    }

    /// What the warehouse's database answers.
    pub(crate) fn asks<T: rusqlite::types::FromSql>(&self, sql: &str) -> Vec<T> {
        let database = Connection::open(self.database()).expect("a database");
        let mut statement = database.prepare(sql).expect("SQL");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    }

    /// What was said of each parcel, in order: all that is in the topic, and until so many parcels
    /// are delivered or patience ends.
    pub(crate) fn hears(&self, delivered: usize) -> BTreeMap<String, Vec<Value>> {
        let consumer: BaseConsumer = config(&self.brokers)
            .set("group.id", format!("ledger-{}", uuid::Uuid::now_v7()))
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true")
            .create()
            .expect("a consumer");
        consumer.subscribe(&[&format!("events-{}", self.name)]).expect("subscribed");
        let mut heard: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut read_to_their_end = BTreeSet::new();
        let started = Instant::now();
        let is_over = |heard: &BTreeMap<String, Vec<Value>>| {
            let is_there = |said: &&Vec<Value>| said.iter().any(|s| s["event"] == "delivered");
            heard.values().filter(is_there).count() >= delivered
        };
        while started.elapsed() < PATIENCE
            && !(is_over(&heard) && (0..TOPIC_PARTITIONS).all(|p| read_to_their_end.contains(&p)))
        {
            let message = match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => message,
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    read_to_their_end.insert(partition);
                    continue;
                }
                _ => continue,
            };
            read_to_their_end.remove(&message.partition());
            let body: Value =
                serde_json::from_slice(message.payload().unwrap_or_default()).expect("JSON");
            let id = body["shipping_request_id"].as_str().expect("an id").to_owned();
            assert_eq!(message.key(), Some(id.as_bytes()), "the key keeps answers in order");
            heard.entry(id).or_default().push(body);
        }
        heard
    }
}

/// What was said of one parcel: the events' names.
pub(crate) fn events(said: &[Value]) -> Vec<&str> {
    said.iter().filter_map(|body| body["event"].as_str()).collect()
}

/// A warehouse's process, killed with this.
pub(crate) struct Warehouse(Child);

impl Warehouse {
    /// Waits until it has ended by itself, having had nothing to do.
    pub(crate) fn ends(self) {
        assert!(self.ended_well());
    }

    /// Waits until it has ended by itself; whether it says that all went well.
    pub(crate) fn ended_well(mut self) -> bool {
        let started = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().expect("it can be asked") {
                return status.success();
            }
            assert!(started.elapsed() < PATIENCE * 3, "the warehouse goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn dies(mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Warehouse {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}
