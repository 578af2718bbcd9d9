//! Witnesses who are asked to sign, too: what they sign, what they refuse, and what an auditor
//! makes of it. The witness here keeps to C2SP's `tlog-witness`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use sealer::{Sealer, SealerMetrics, Witness, Witnesses};
use transparency::{
    Checkpoint, Finding, KeyKind, Known, Note, Quorum, SigningKey, TreeHash, VerifiedLog,
    VerifierKey, is_consistent, verify_log,
};

use crate::log::{Log, Running};

/// A witness that knows the log's key, and the last tree of it that it signed.
#[derive(Clone)]
struct TestWitness {
    name: &'static str,
    signing: Arc<SigningKey>,
    of_log: VerifierKey,
    signed: Arc<Mutex<Option<(u64, TreeHash)>>>,
    url: String,
}

impl TestWitness {
    async fn start(name: &'static str, seed: u8, of_log: VerifierKey) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let signing = Arc::new(SigningKey::from_seed(&[seed; 32]).expect("a key"));
        let witness = Self { name, signing, of_log, signed: Arc::default(), url };
        let router = Router::new().route("/add-checkpoint", post(add)).with_state(witness.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        witness
    }

    fn key(&self) -> VerifierKey {
        let public = self.signing.public();
        VerifierKey::of_kind(KeyKind::Witness, self.name, public).expect("a key")
    }

    fn told(&self) -> Witness {
        format!("{}={}", self.key(), self.url).parse().expect("a witness")
    }
}

async fn add(State(witness): State<TestWitness>, body: String) -> Response {
    let (head, note) = body.split_once("\n\n").expect("a blank line");
    let mut lines = head.lines();
    let old = lines.next().and_then(|line| line.strip_prefix("old ")).expect("an old size");
    let old: u64 = old.parse().expect("a number");
    let proof: Vec<TreeHash> = lines.map(|line| line.parse().expect("a hash")).collect();
    let note: Note = note.parse().expect("a note");
    if note.verify(&witness.of_log).is_err() {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Checkpoint { size, root, .. } = Checkpoint::of(&note).expect("a checkpoint");
    let mut signed = witness.signed.lock();
    let (last, last_root) = signed.unwrap_or((0, TreeHash::of_nothing()));
    if old != last || (old == size && signed.is_some_and(|it| it.1 != root)) {
        let kind = [(CONTENT_TYPE, "text/x.tlog.size")];
        return (StatusCode::CONFLICT, kind, format!("{last}\n")).into_response();
    }
    if !is_consistent((old, last_root), (size, root), &proof) {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    *signed = Some((size, root));
    let both = witness.signing.cosign(witness.name, 1_700_000_000, note).expect("signed");
    let line = both.to_string().lines().last().expect("a line").to_owned();
    format!("{line}\n").into_response()
}

fn sealer(log: &Log, witnesses: &[Witness], needed: usize) -> Sealer {
    Sealer::new(log.store.clone(), log.folder(), None).with_witnesses(Witnesses {
        witnesses: witnesses.to_vec(),
        needed,
        every: Duration::from_millis(50),
        client: reqwest::Client::builder().no_proxy().build().expect("a client"),
    })
}

/// Waits until witnesses have signed so many events; gives the checkpoint.
async fn cosigned(running: &Running, size: u64) -> Note {
    let begun = Instant::now();
    loop {
        let answer = running.get("/log/0/cosigned", None).await;
        if answer.status == StatusCode::OK {
            let text = String::from_utf8(answer.bytes).expect("a text");
            let note: Note = text.parse().expect("a note");
            if Checkpoint::of(&note).expect("a checkpoint").size == size {
                return note;
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{size} aren't co-signed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Verifies an export, for an auditor who trusts these witnesses.
async fn audit(
    log: &Log,
    witnesses: &[&TestWitness],
    needed: usize,
) -> Result<VerifiedLog, Finding> {
    let into = tempfile::tempdir().expect("a folder");
    let partition = log_record::Partition(0);
    sealer::export(&log.store, &log.folder(), partition, true, into.path())
        .await
        .expect("exported");
    let witnesses = witnesses.iter().map(|witness| witness.key()).collect();
    let known = Known { quorum: Quorum { witnesses, needed }, ..Known::key(log.key()) };
    let read = async |path: &str| Ok(std::fs::read(into.path().join(path)).ok());
    verify_log(&known, read, |_| ()).await
}

#[tokio::test]
async fn what_enough_witnesses_signed_is_served_and_verified() {
    let log = Log::memory().await;
    log.append(10).await;
    let one = TestWitness::start("witness.example/1", 1, log.key()).await;
    let two = TestWitness::start("witness.example/2", 2, log.key()).await;
    let running = log.run(sealer(&log, &[one.told(), two.told()], 2));
    let note = cosigned(&running, 10).await;
    note.verify(&log.key()).expect("the log's own signature");
    for witness in [&one, &two] {
        assert_eq!(note.cosigned_at(&witness.key()), Ok(1_700_000_000));
    }
    log.append(300).await;
    cosigned(&running, 310).await;
    running.stop().await;

    // A sealer that doesn't know what they signed is told.
    log.append(5).await;
    let running = log.run(sealer(&log, &[one.told(), two.told()], 2));
    cosigned(&running, 315).await;
    running.stop().await;
    let verified = audit(&log, &[&one, &two], 2).await.expect("verified");
    let by = verified.cosigned.expect("co-signed");
    assert_eq!((by.size, by.by.len()), (315, 2));

    // A stranger's signature isn't there.
    let stranger = TestWitness::start("witness.example/3", 3, log.key()).await;
    audit(&log, &[&one, &stranger], 1).await.expect("one of them is enough");
    let found = audit(&log, &[&one, &stranger], 2).await.expect_err("too few").to_string();
    let expected = "cosigned needs the signatures of 2 of the witnesses, and has that of \
                    witness.example/1";
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_witness_that_is_away_is_not_waited_for() {
    let log = Log::memory().await;
    log.append(10).await;
    let one = TestWitness::start("witness.example/1", 1, log.key()).await;
    let mut two = TestWitness::start("witness.example/2", 2, log.key()).await;
    two.url = "http://127.0.0.1:1".into();
    let sealer = sealer(&log, &[one.told(), two.told()], 1);
    let mut registry = Registry::default();
    let metrics = SealerMetrics::register(&mut registry, &sealer);
    let running = log.run(sealer);
    for _ in 0..3 {
        let size = crate::log::end(&log.store).await.0;
        let note = cosigned(&running, size).await;
        assert!(note.bears(&one.key()) && !note.bears(&two.key()));
        log.append(10).await;
    }
    running.until(40).await;
    cosigned(&running, 40).await;
    assert!(running.is_sealing());
    assert!(metrics.read().await);
    let mut told = String::new();
    encode(&mut told, &registry).expect("encoded");
    for line in [
        "guerdon_sealed_events{partition=\"0\"} 40",
        "guerdon_unsealed_events{partition=\"0\"} 0",
        "guerdon_unsealed_seconds{partition=\"0\"} 0.0",
        "guerdon_cosigned_events{partition=\"0\"} 40",
        "guerdon_witness_answers_total{witness=\"witness.example/2\",answer=\"failed\"} ",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    running.stop().await;
    log.append(7).await;
    assert!(metrics.read().await);
    let mut told = String::new();
    encode(&mut told, &registry).expect("encoded");
    assert!(told.contains("guerdon_unsealed_events{partition=\"0\"} 7"), "{told}");
}

#[tokio::test]
async fn a_witness_does_not_sign_a_history_that_was_rewritten() {
    let (log, other) = (Log::memory().await, Log::memory().await);
    std::fs::copy(log.folder().keys(), other.folder().keys()).expect("the same keys");
    let witness = TestWitness::start("witness.example/1", 1, log.key()).await;
    log.append(10).await;
    let running = log.run(sealer(&log, &[witness.told()], 1));
    cosigned(&running, 10).await;
    running.stop().await;
    // The same origin and key, another history: one that is as long, longer and shorter.
    for events in [5, 5, 10] {
        other.append(events).await;
        let rewritten = sealer(&other, &[witness.told()], 1);
        let mut registry = Registry::default();
        SealerMetrics::register(&mut registry, &rewritten);
        let running = other.run(rewritten);
        let begun = Instant::now();
        let refused =
            "guerdon_witness_answers_total{witness=\"witness.example/1\",answer=\"refused\"}";
        loop {
            let mut told = String::new();
            encode(&mut told, &registry).expect("encoded");
            if told.contains(refused) {
                assert!(!told.contains("answer=\"signed\""), "{told}");
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it refuses: {told}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(running.get("/log/0/cosigned", None).await.status, StatusCode::NOT_FOUND);
        assert!(running.is_sealing(), "a witness's word proves nothing");
        running.stop().await;
    }
    let found = audit(&other, &[&witness], 1).await.expect_err("no witness signed it").to_string();
    assert_eq!(found, "cosigned is missing");
}
