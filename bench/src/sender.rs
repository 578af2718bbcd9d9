//! How fast messages get to a Kafka: the publisher's, from the read model, beside the same ones
//! from memory by a bare producer.
//!
//! Each sends to a topic of its own on a broker that has taken as many messages before, for a Java
//! that has just started is slow. How long it took is told by the broker's stamps on the first
//! message and the last.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::broker::{Broker, seconds};
use crate::contender::Sender;
use crate::follower::header;
use crate::ledger::ready;
use crate::load::Loaded;
use crate::make_log::{Content, OFFERS, make_log};
use crate::process::Process;
use crate::processor::own_hundredths;
use crate::settings::Settings;
use crate::stage::Stage;
use crate::tally::Tally;

/// How many messages there are.
const MESSAGES: u64 = 200_000;

/// Who came before, and who is measured.
const BEFORE: &str = "before";
const MEASURED: &str = "measured";

/// How long the slowest may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// What was sent how fast, and the broker's processor time for it, in hundredths.
pub(crate) async fn send(
    settings: &Settings,
    stage: &Stage,
    sender: Sender,
) -> anyhow::Result<(Loaded, u64)> {
    let data = stage.folder().join("ledger");
    fs::create_dir(&data)?;
    // The log's own event comes first, then the offers'; credit is one each, a redemption two.
    let accounts = settings.shoppers;
    let events = 1 + OFFERS + accounts + 2 * MESSAGES;
    make_log(&Content { accounts, events }, &data).await?;
    let guerdon = settings.guerdon.path()?;
    let mut rebuild = Command::new(&guerdon);
    rebuild.args(["rebuild", "--data-dir"]).arg(&data).stdout(Stdio::null());
    ensure!(rebuild.status()?.success(), "there is no read model");
    make_keys(&guerdon, &data).await?;
    let broker = Broker::start(stage)?;
    for topic in [BEFORE, MEASURED] {
        broker.make_topic(topic).await?;
    }
    publish(&guerdon, &data, &broker, BEFORE).await?;
    let before = broker.reader(BEFORE)?.read(MESSAGES)?;
    let broker_before = broker.cpu();
    let server_cpu = match sender {
        Sender::Publisher => publish(&guerdon, &data, &broker, MEASURED).await?,
        Sender::Bare => send_bare(&broker, &before)?,
    };
    let broker_cpu = broker.cpu().saturating_sub(broker_before);
    let reader = broker.reader(MEASURED)?;
    let sent = reader.read(MESSAGES)?;
    ensure!(reader.count()? == MESSAGES, "more was sent than there is");
    ensure!(ids(&before) == ids(&sent), "other messages were sent");
    let tally = Tally { wanted: MESSAGES, ..Tally::default() };
    let (client_cpu, postgres_cpu) = (0, 0);
    let loaded = Loaded { seconds: seconds(&sent), tally, client_cpu, server_cpu, postgres_cpu };
    Ok((loaded, broker_cpu))
}

/// The command API makes the log's keys when it starts first; no publisher runs before that.
async fn make_keys(guerdon: &Path, data: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(guerdon);
    command.args(["serve", "--role", "command-api", "--data-dir"]).arg(data);
    let mut process = Process::start(command.env("RUST_LOG", "warn").stdout(Stdio::null()))?;
    ready(&mut process).await?;
    process.stop()
}

/// Has a publisher that knows of nothing sent yet send all there is; its processor time.
async fn publish(guerdon: &Path, data: &Path, broker: &Broker, topic: &str) -> anyhow::Result<u64> {
    let reader = broker.reader(topic)?;
    let state = format!("sqlite:{}", data.join(format!("{topic}.sqlite")).display());
    let mut command = Command::new(guerdon);
    command.args(["serve", "--role", "publisher", "--publisher-state", &state, "--data-dir"]);
    // Nothing comes in that would have to be said there.
    command.arg(data).args(["--command-api", "http://127.0.0.1:1"]);
    command.args(broker.options(topic)).env("RUST_LOG", "warn").stdout(Stdio::null());
    let started = Instant::now();
    let mut process = Process::start(&mut command)?;
    while reader.count()? < MESSAGES {
        if let Some(ended) = process.ended() {
            bail!("the publisher ended: {ended}");
        }
        ensure!(started.elapsed() < PATIENCE, "{} of {MESSAGES} are sent", reader.count()?);
        // To ask more often would be work for the broker, too.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let cpu = own_hundredths(process.pid()).unwrap_or_default();
    process.stop()?;
    Ok(cpu)
}

/// Sends the same as quickly as it can, as safely as the publisher; the processor time for it.
fn send_bare(broker: &Broker, messages: &[OwnedMessage]) -> anyhow::Result<u64> {
    let cpu = || own_hundredths(std::process::id()).unwrap_or_default();
    let before = cpu();
    let producer: BaseProducer = broker
        .client()
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", "0")
        .set("queue.buffering.max.messages", "500000")
        .create()?;
    for message in messages {
        let mut record = BaseRecord::to(MEASURED)
            .partition(message.partition())
            .key(message.key().unwrap_or_default())
            .payload(message.payload().unwrap_or_default());
        if let Some(headers) = message.headers() {
            record = record.headers(headers.clone());
        }
        while let Err((error, back)) = producer.send(record) {
            let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            ensure!(is_full, "a message was refused: {error}");
            producer.poll(Duration::from_millis(1));
            record = back;
        }
        producer.poll(Duration::ZERO);
    }
    producer.flush(PATIENCE)?;
    Ok(cpu().saturating_sub(before))
}

fn ids(messages: &[OwnedMessage]) -> BTreeSet<String> {
    messages.iter().map(|message| header(message, "ce_id")).collect()
}
