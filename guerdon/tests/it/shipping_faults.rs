//! Faults at random moments on the way of a parcel, while people redeem: nothing is lost, each
//! parcel leaves once, every lane is dense and in order, and no redemption fails.
//!
//! `GUERDON_FAULTS` says how often each kind happens (2, but to a broker 1, for it takes long to
//! start again; `cargo xtask faults` says 20), and `GUERDON_SEED` at which moments. With 5 or more,
//! brokers are away for longer, and three of them that are one cluster lose their leader, too.

use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use services::{Kafka, KafkaCluster, Stop, shared_kafka};
use tempfile::TempDir;

use crate::ledger::faults_or;
use crate::topic::admin::{delete_topic, make_topic};
use crate::topic::chain::{Chain, Forgiven};

const FEW: usize = 2;

fn faults() -> usize {
    faults_or(FEW)
}

/// How often a broker of a test's own has to start again.
fn restarts() -> usize {
    faults_or(1)
}

fn is_long_run() -> bool {
    faults() >= 5
}

/// What isn't accepted soon is sent again, where an answer or the topic itself may be lost.
const SENT_AGAIN_SOON: [&str; 4] = ["--accept-within", "3s", "--alert-after", "100"];

fn broker(start: impl Fn(&Path, &[&str]) -> anyhow::Result<Kafka>) -> (TempDir, Kafka) {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = start(folder.path(), &[]).expect("a broker");
    (folder, broker)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_is_killed_loses_nothing() {
    let what = "publisher killed";
    let brokers = shared_kafka().expect("a broker");
    let mut chain = Chain::start(what, &brokers, &[]).await;
    let kill = async |chain: &mut Chain| {
        chain.kill_publisher();
        chain.dice.pause(2_000).await;
        chain.start_publisher();
        // Not before the dead one's lease has run out; else the next kill hits one that waits.
        chain.until(|report| report["status"] == "publishing").await;
    };
    chain.suffers(faults(), kill).await;
    chain.ends(what, Forgiven::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_that_is_killed_ships_each_parcel_once() {
    let what = "warehouse killed";
    let brokers = shared_kafka().expect("a broker");
    let mut chain = Chain::start(what, &brokers, &[]).await;
    let kill = async |chain: &mut Chain| {
        chain.warehouse.kill();
        chain.dice.pause(2_000).await;
        chain.warehouse.start(&[]);
    };
    chain.suffers(faults(), kill).await;
    chain.ends(what, Forgiven::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_loses_nothing() {
    let what = "broker killed";
    let (_folder, mut broker) = broker(Kafka::start);
    let mut chain = Chain::start(what, &broker.bootstrap(), &[]).await;
    let kill = async |chain: &mut Chain| {
        broker.stop(Stop::Kill).expect("killed");
        chain.dice.pause(2_000).await;
        broker.restart().expect("it starts again");
    };
    chain.suffers(restarts(), kill).await;
    chain.ends(what, Forgiven::default()).await;
}

/// How fast redemptions go meanwhile is told, and not tested: others use this machine, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_holds_up_no_redemption() {
    let what = "broker away";
    let away = Duration::from_secs(if is_long_run() { 30 } else { 5 });
    let (_folder, mut broker) = broker(Kafka::start);
    let mut chain = Chain::start(what, &broker.bootstrap(), &[]).await;
    let (mut with, mut without) = (0, 0);
    let stop = async |chain: &mut Chain| {
        with += chain.answered_within(away).await;
        broker.stop(Stop::Fast).expect("stopped");
        without += chain.answered_within(away).await;
        chain.until(|report| report["status"] == "waiting").await;
        broker.restart().expect("it starts again");
    };
    chain.suffers(restarts(), stop).await;
    let ratio = f64::from(u32::try_from(without).expect("few"))
        / f64::from(u32::try_from(with).expect("few"));
    println!(
        "{what}: {with} redemptions with Kafka, {without} without in as much time: {ratio:.2}"
    );
    chain.ends(what, Forgiven::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_is_asked_for_again_and_is_of_one_parcel() {
    let what = "acknowledgement lost";
    let brokers = shared_kafka().expect("a broker");
    let mut chain = Chain::start(what, &brokers, &SENT_AGAIN_SOON).await;
    let nowhere = format!("{}-nowhere", chain.topic);
    make_topic(&brokers, &nowhere, "retention.ms", "600000").await;
    let lose = async |chain: &mut Chain| {
        chain.warehouse.start_and_answer_on(&nowhere, &[]);
        let lost = chain.warehouse.counts(ANSWERS).await;
        let begun = Instant::now();
        while chain.warehouse.counts(ANSWERS).await <= lost {
            assert!(begun.elapsed() < crate::ledger::PATIENCE, "it says nothing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        chain.dice.pause(2_000).await;
        chain.warehouse.start(&[]);
    };
    chain.suffers(faults(), &lose).await;
    // A later answer on the same parcel may make up for one that was lost.
    let mut begun = Instant::now();
    let mut more = 0;
    while chain.warehouse.counts("select count(*) from parcel where attempt > 1").await == 0 {
        if begun.elapsed() > Duration::from_secs(8) {
            more += 1;
            assert!(more <= 8, "nothing is sent again");
            chain.suffers(1, &lose).await;
            begun = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What was accepted isn't sent again by itself: where a later answer is lost, an operator asks.
    let before = chain.ids_in(&["accepted", "dispatched"]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let still = chain.ids_in(&["accepted", "dispatched"]).await;
    for id in before.intersection(&still) {
        chain.sends_again(id).await;
    }
    chain.ends(what, Forgiven { answers_were_lost: true, ..Forgiven::default() }).await;
}

const ANSWERS: &str = "select count(*) from answer
    where is_sent = 1 and json_extract(body, '$.event') = 'accepted'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_whose_disk_is_full_loses_nothing_that_it_acknowledged() {
    let what = "disk full";
    let (_folder, mut broker) = broker(Kafka::start_on_small_disk);
    let mut chain = Chain::start(what, &broker.bootstrap(), &[]).await;
    let fill = async |chain: &mut Chain| {
        broker.fill_disk().expect("it is full");
        let begun = Instant::now();
        while broker.is_running() {
            assert!(begun.elapsed() < crate::ledger::PATIENCE, "it writes to a full disk");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        chain.dice.pause(2_000).await;
        broker.empty_disk().expect("there is space");
        broker.restart().expect("it starts again");
    };
    chain.suffers(restarts(), fill).await;
    chain.ends(what, Forgiven::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_deleted_gets_again_what_the_warehouse_has_not_accepted() {
    let what = "topic deleted";
    let brokers = shared_kafka().expect("a broker");
    let mut chain = Chain::start(what, &brokers, &SENT_AGAIN_SOON).await;
    let delete = async |chain: &mut Chain| {
        let losses = chain.report().await["topic"]["losses"].as_u64();
        delete_topic(&chain.brokers, &chain.topic).await;
        chain.until(|report| report["topic"]["losses"].as_u64() > losses).await;
    };
    chain.suffers(faults(), delete).await;
    chain.ends(what, Forgiven { topic_was_deleted: true, ..Forgiven::default() }).await;
}

/// Three brokers want more of a machine than every day's tests may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_brokers_that_lose_their_leader_lose_nothing() {
    if !is_long_run() {
        println!("only with GUERDON_FAULTS=5 or more");
        return;
    }
    let what = "leader killed";
    let folder = tempfile::tempdir().expect("a folder");
    let mut cluster = KafkaCluster::start(folder.path(), &[]).expect("three brokers");
    let brokers = cluster.bootstrap();
    let mut chain = Chain::start(what, &brokers, &[]).await;
    let kill = async |chain: &mut Chain| {
        let partition = usize::try_from(chain.dice.below(4)).expect("few");
        let leader = leader_of(&chain.brokers, &chain.topic, partition);
        cluster.broker(leader).expect("it is one of three").stop(Stop::Kill).expect("killed");
        chain.dice.pause(8_000).await;
        cluster.broker(leader).expect("the same").restart().expect("it starts again");
    };
    chain.suffers(faults(), kill).await;
    chain.ends(what, Forgiven::default()).await;
}

/// Who leads a partition; while nobody does, waits until somebody is chosen.
fn leader_of(brokers: &str, topic: &str, partition: usize) -> usize {
    let mut config = ClientConfig::new();
    let asking: BaseConsumer = config.set("bootstrap.servers", brokers).create().expect("a client");
    let begun = Instant::now();
    loop {
        if let Ok(metadata) = asking.fetch_metadata(Some(topic), Duration::from_secs(5))
            && let Some(partition) = metadata.topics()[0].partitions().get(partition)
            && let Ok(leader) = usize::try_from(partition.leader())
        {
            return leader;
        }
        assert!(begun.elapsed() < crate::ledger::PATIENCE, "nobody leads");
        std::thread::sleep(Duration::from_millis(100));
    }
}
