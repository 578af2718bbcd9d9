//! Those who follow a stream and read nothing of it cost only themselves.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::ledger::{Api, Ledger, PATIENCE};
use crate::raw::{
    Raw, allow_many_descriptors, descriptors, head, resident_mib, until_descriptors_are_back,
};

/// As many as have one key here.
const FOLLOWERS: usize = 100;

/// 32 KiB of messages and two buffers of 24 KiB for each, and what a connection, its task and the
/// allocator take; the messages alone are 700 KiB for each.
const MEMORY_MIB_MAX: usize = 64;

/// How long a client may read nothing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(6);

/// Until the system's buffers are full and the deadline has passed takes some seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_who_read_nothing_cost_only_themselves_and_are_closed() {
    allow_many_descriptors();
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--write-timeout", "6s", "--followers-per-key-max", "100"];
    let ledger = Ledger::start_with(folder.path(), &options, &[]);
    let api = &ledger.client;
    api.opens("mug", 1, None, None).await;
    api.earns("ann", 10_000, "B-1").await;
    redeem(api, 0..300).await;
    let (open, mib) = (descriptors(&ledger), resident_mib(&ledger));

    let follow = head(&ledger, "warehouse", "GET /v1/shipping-stream?warehouse=main", 0);
    let follow = follow.replace("\r\n\r\n", "\r\naccept: text/event-stream\r\n\r\n");
    let mut followers = vec![];
    for _ in 0..FOLLOWERS {
        followers.push(follower(&api.url, &follow).await);
    }
    let mut first = [0; 12];
    for follower in &mut followers {
        let answered = tokio::time::timeout(PATIENCE, follower.read_exact(&mut first)).await;
        answered.expect("it is answered").expect("read");
        assert_eq!(&first, b"HTTP/1.1 200");
    }
    let mut one_more = Raw::to(&api.url).await;
    one_more.says(&follow).await;
    let refused = one_more.hears().await;
    assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("too-many-followers"));
    let operator = api.get("operator", "/v1/shipping-stream?warehouse=main&limit=1").await;
    operator.is(200);

    let begun = Instant::now();
    redeem(api, 300..400).await;
    let account = api.get("auditor", "/v1/accounts/ann").await.is(200);
    let took = begun.elapsed();
    assert!(account["available"].as_u64().is_some_and(|available| available <= 9_700));
    let most_mib = resident_mib(&ledger);
    println!("100 redemptions in {took:.1?} beside them; {mib} to {most_mib} MiB");
    assert!(most_mib < mib + MEMORY_MIB_MAX, "{mib} to {most_mib} MiB");

    // They are closed for it, and nobody else is.
    let mut reader = Reader::default();
    reader.reads(api).await;
    assert_eq!(reader.sequences.len(), 400);
    // This test's own client keeps some connections.
    until_descriptors_are_back(&ledger, open + FOLLOWERS / 4).await;
    assert!(begun.elapsed() > WRITE_TIMEOUT / 2, "they had their time");

    // Who comes back goes on after what it had read.
    let mut cut = followers.swap_remove(0);
    let mut text = String::new();
    let mut buffer = vec![0; 65_536];
    while let Ok(Ok(length @ 1..)) = tokio::time::timeout(PATIENCE, cut.read(&mut buffer)).await {
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    let whole = text.rfind("\n\n").map(|end| &text[..end]).unwrap_or_default();
    let id = whole.lines().filter_map(|line| line.strip_prefix("id: ")).next_back();
    let read = whole.lines().filter(|line| line.starts_with("id: ")).count();
    assert!(read < 300, "it can't have read {read}: the rest was never sent");
    let mut rest = Reader { cursor: id.map(ToOwned::to_owned), ..Reader::default() };
    rest.reads(api).await;
    assert_eq!(rest.sequences.len(), 400 - read, "no gap and nothing twice");
    assert_eq!(ledger.stop(), Some(0));
}

/// A follower whose system takes little for it.
async fn follower(url: &str, follow: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("set");
    let address = url.strip_prefix("http://").expect("a URL").parse().expect("an address");
    let mut stream = socket.connect(address).await.expect("connected");
    stream.write_all(follow.as_bytes()).await.expect("sent");
    stream
}

/// Exchanges with long addresses, some at a time.
async fn redeem(api: &Api, numbers: std::ops::Range<usize>) {
    let numbers: Vec<usize> = numbers.collect();
    for some in numbers.chunks(20) {
        let mut redeeming = JoinSet::new();
        for number in some {
            let (api, number) = (api.clone(), *number);
            redeeming.spawn(async move {
                let path = format!("/v1/accounts/ann/exchanges/x-{number}");
                let address = "1 Elm Street ".repeat(150);
                let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": address});
                let answer = api.put("shopper", &path, body).await;
                answer.is(201);
                answer.position.expect("a position")
            });
        }
        for position in redeeming.join_all().await {
            api.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
        }
    }
}

/// A warehouse that reads page by page.
#[derive(Default)]
struct Reader {
    cursor: Option<String>,
    sequences: BTreeSet<(String, u64)>,
}

impl Reader {
    async fn reads(&mut self, api: &Api) {
        loop {
            let after = self.cursor.as_ref().map(|it| format!("&after={it}")).unwrap_or_default();
            let path = format!("/v1/shipping-stream?warehouse=main&limit=500{after}");
            let page = api.get("operator", &path).await.is(200);
            self.cursor = page["next"].as_str().map(ToOwned::to_owned);
            let items = page["items"].as_array().expect("a list");
            if items.is_empty() {
                return;
            }
            for item in items {
                let (lane, sequence) = (&item["data"]["lane"], &item["data"]["sequence"]);
                let lane = lane.as_str().expect("a lane").to_owned();
                assert!(self.sequences.insert((lane, sequence.as_u64().expect("a number"))));
            }
        }
    }
}
