//! A server in this process that speaks KurrentDB's streams protocol: append with an expected
//! revision, read forwards and backwards, subscribe to a stream. It deletes nothing for
//! clients, and what the test tells it to.
//!
//! It is no KurrentDB: it keeps streams in memory, has one node, knows neither users nor
//! projections, and is what a test can have where KurrentDB can't be. It decides on appends as
//! KurrentDB does, and fails in the ways that a test tells it to.

mod front;
mod protocol;
mod streams;
mod streams_service;

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use front::Front;
use protocol::ProposedMessage;
use streams::{Append, Streams, written};
use streams_service::StreamsService;

/// A running server on a loopback port of its own. Dropping it ends it, and all it has is gone.
#[derive(Debug)]
pub struct KurrentServer {
    shared: Arc<Shared>,
    /// Ends every task when it is dropped.
    runtime: Option<Runtime>,
}

fn listen() -> anyhow::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// How an append can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFault {
    /// It is answered that another revision was expected; nothing lands.
    Refused,
    /// It is answered that another node leads, which this one then turns out to be.
    NotLeader,
    /// It is answered that the user may not append.
    AccessDenied,
    /// It is answered that it can't be an append.
    Invalid,
    /// It never lands and is never answered, and the connection stays.
    Silent,
    /// The connection is cut before it lands; it never does.
    NotLanded,
    /// It lands, and the connection is cut before the answer.
    Landed,
    /// The connection is cut, and the append still is on its way, until
    /// [`KurrentServer::deliver_late`].
    LandsLate,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    log: Mutex<Log>,
    front: Front,
    /// Whether it knows who leads, which it then does itself.
    knows_leader: AtomicBool,
    /// Whether the next read ends early.
    cuts_read: AtomicBool,
    /// Counts calls that don't ask for the leader.
    calls_of_any_node: AtomicU64,
    /// Counts appends, for those who wait for one.
    appended: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Log {
    streams: Streams,
    tombstones: HashSet<Vec<u8>>,
    faults: VecDeque<AppendFault>,
    late: Vec<Append>,
}

/// The last entries of a stream, which it doesn't show any more.
#[derive(Debug)]
pub struct LostTail {
    stream: Vec<u8>,
    events: Vec<ProposedMessage>,
}

impl KurrentServer {
    /// Starts an empty one.
    pub fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("kurrent-server")
            .enable_all()
            .build()
            .context("the server can't have a thread")?;
        let (inner, behind) = listen()?;
        let (outer, address) = listen()?;
        let shared = Arc::new(Shared {
            address,
            log: Mutex::default(),
            front: Front::default(),
            knows_leader: AtomicBool::new(true),
            cuts_read: AtomicBool::default(),
            calls_of_any_node: AtomicU64::new(0),
            appended: watch::Sender::new(0),
        });
        // The listeners belong to its reactor; a test's may be another.
        let entered = runtime.enter();
        let inner = TcpListener::from_std(inner)?;
        let outer = TcpListener::from_std(outer)?;
        drop(entered);
        let service = StreamsService(shared.clone());
        let serving = Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpIncoming::from(inner).with_nodelay(Some(true)));
        runtime.spawn(serving);
        runtime.spawn(shared.front.clone().serve(outer, behind));
        Ok(Self { shared, runtime: Some(runtime) })
    }

    /// The URL of a log on it.
    #[must_use]
    pub fn url(&self, log: &str) -> String {
        format!("kurrentdb://{}?tls=false&log={log}", self.shared.address)
    }

    /// The next append that no earlier fault takes fails this way.
    pub fn fail_next_append(&self, fault: AppendFault) {
        self.shared.log().faults.push_back(fault);
    }

    /// Lets every append arrive that is still on its way; whether each of them landed.
    pub fn deliver_late(&self) -> Vec<bool> {
        let late = std::mem::take(&mut self.shared.log().late);
        late.into_iter()
            .map(|append| {
                let before = self.length_of(&append.stream);
                self.shared.land(append.clone());
                self.length_of(&append.stream) > before
            })
            .collect()
    }

    /// How many connections were made to it so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.front.count()
    }

    /// Cuts every connection that there is.
    pub fn cut_connections(&self) {
        self.shared.front.cut();
    }

    /// Whether it takes calls, or knows nobody who would, as during an election.
    pub fn know_leader(&self, knows: bool) {
        self.shared.knows_leader.store(knows, Ordering::Relaxed);
    }

    /// Loses a stream's last entries, as a server does that is restored from a backup, and says
    /// which they were.
    pub fn lose_tail(&self, stream: &str, entries: usize) -> LostTail {
        let mut log = self.shared.log();
        let tail = log.streams.get_mut(stream.as_bytes()).map(|events| {
            let kept = events.len().saturating_sub(entries);
            events.split_off(kept)
        });
        LostTail { stream: stream.into(), events: tail.unwrap_or_default() }
    }

    /// Shows again what was lost, as the leader does that has it.
    pub fn give_back(&self, tail: LostTail) {
        self.shared.log().streams.entry(tail.stream).or_default().extend(tail.events);
    }

    /// The next read ends well and early, as one does whose connection is closed in order.
    pub fn cut_next_read(&self) {
        self.shared.cuts_read.store(true, Ordering::Relaxed);
    }

    /// Whether it can be reached; where it can't, what was connected is cut.
    pub fn be_reachable(&self, reachable: bool) {
        self.shared.front.be_reachable(reachable);
    }

    /// How many appends and reads, but subscriptions, would have been content with a node that
    /// doesn't lead.
    #[must_use]
    pub fn calls_of_any_node(&self) -> u64 {
        self.shared.calls_of_any_node.load(Ordering::Relaxed)
    }

    /// Adds an entry to a stream, as anybody can who may.
    pub fn put(&self, stream: &str, event_type: &str, data: &str) {
        let message = written(event_type, data);
        self.shared.log().streams.entry(stream.into()).or_default().push(message);
    }

    /// Sets a stream's metadata: `$tb` and `$maxCount` hide its beginning, and `$maxAge` hides all
    /// of it.
    pub fn set_metadata(&self, stream: &str, metadata: &str) {
        self.put(&format!("$${stream}"), "$metadata", metadata);
    }

    /// Deletes a stream as the server's own browser does: what it has is hidden, and whoever
    /// appends to it as to none goes on behind that.
    pub fn delete_softly(&self, stream: &str) {
        self.set_metadata(stream, &format!(r#"{{"$tb":{}}}"#, i64::MAX));
    }

    /// Deletes a stream for good.
    pub fn tombstone(&self, stream: &str) {
        self.shared.log().tombstones.insert(stream.into());
    }

    /// The types of a stream's events, in order.
    #[must_use]
    pub fn types_in(&self, stream: &str) -> Vec<String> {
        let log = self.shared.log();
        let events = log.streams.get(stream.as_bytes()).into_iter().flatten();
        events.map(|event| event.metadata.get("type").cloned().unwrap_or_default()).collect()
    }

    /// The names of all streams.
    #[must_use]
    pub fn streams(&self) -> Vec<String> {
        let log = self.shared.log();
        let mut names: Vec<_> =
            log.streams.keys().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        names.sort();
        names
    }

    fn length_of(&self, stream: &[u8]) -> usize {
        self.shared.log().streams.get(stream).map_or(0, Vec::len)
    }
}

impl Drop for KurrentServer {
    fn drop(&mut self) {
        // Also where it is dropped in a task, which may not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
