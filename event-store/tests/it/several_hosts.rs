//! A URL that names several servers is served while one of them can't be reached.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use event_store::{Access, EventStore, NewLog, StoreUrl};
use log_record::{LogId, Partition, WriterId};
use services::TestDatabase;
use uuid::Uuid;

const NEW_LOG: NewLog = NewLog { log_id: LogId(Uuid::from_u128(42)), partitions: 1 };

/// Above a second for each connection, and below what a system tries by itself.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_server_that_swallows_what_it_is_sent_is_passed_over() {
    let database = TestDatabase::create().expect("a database");
    let swallows = Swallows::start();
    let url = database.url().replace("127.0.0.1:", &format!("{},127.0.0.1:", swallows.address));
    let url: StoreUrl = format!("{url}?connect_timeout=1").parse().expect("a URL");
    let begun = Instant::now();
    let opened = tokio::time::timeout(PATIENCE, async {
        EventStore::migrate(&url).await.expect("migrated");
        let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
        store.take_over(Partition(0), WriterId(Uuid::now_v7())).await.expect("taken over");
    });
    opened.await.expect("the other server is asked");
    assert!(begun.elapsed() > Duration::from_secs(1), "the first one was asked first");
}

/// An address at which nobody takes connections any more, and nobody refuses them.
struct Swallows {
    address: String,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Swallows {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let mut waiting = vec![];
        while let Ok(one) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            waiting.push(one);
        }
        Self { address: address.to_string(), _listener: listener, _waiting: waiting }
    }
}
