//! The addresses that a ledger listens on: one for everybody and, if asked for, one for operators.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use trace::Tracer;
use uuid::Uuid;
use wire::RequestIds;

use super::connections::{Left, OpenConnections};
use super::descriptors::make_room;
use super::desk::Desk;
use super::edge::Edge;
use super::front::Front;
use super::listener::{Limits, Listener, Watching};
use super::unrecorded::Calls;
use crate::serve_config::ServeConfig;

/// What the system keeps of a connection that its client hasn't read; connections have it from
/// their listener. The system lets a process write again when a third is free, so this says how
/// slowly a client may read: by itself the buffer grows to megabytes, and who reads 10 KB a second
/// would look for minutes like one that reads nothing.
const SEND_BUFFER_BYTES: u32 = 128 * 1024;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// The sockets, on which nobody is let in yet.
pub(super) struct Sockets {
    clients: TcpListener,
    operators: Option<TcpListener>,
    edge: Edge,
}

/// The addresses while the ledger serves.
pub(super) struct Doors {
    listeners: Vec<Listener>,
    accepting: JoinSet<()>,
    open: Vec<OpenConnections>,
}

impl Sockets {
    pub(super) fn bind(config: &ServeConfig) -> anyhow::Result<Self> {
        let edge = Edge::open(&config.edge)?;
        let clients = bind("--listen", config.listen)?;
        let operators = match config.connections.operators_listen {
            Some(address) => Some(bind("--operators-listen", address)?),
            None => None,
        };
        Ok(Self { clients, operators, edge })
    }

    /// The addresses, where port 0 has become a free one: everybody's, and that for operators.
    pub(super) fn addresses(&self) -> anyhow::Result<(SocketAddr, Option<SocketAddr>)> {
        let address = |socket: &TcpListener| {
            socket.local_addr().context("can't read the address that it listens on")
        };
        Ok((address(&self.clients)?, self.operators.as_ref().map(address).transpose()?))
    }

    /// Lets clients in, until `stop`.
    pub(super) fn open(
        self,
        config: &ServeConfig,
        front: Front,
        stop: &CancellationToken,
        calls: &Calls,
        tracer: &Tracer,
    ) -> Doors {
        let ids = Arc::new(RequestIds::new(random()));
        let room = make_room(&config.connections);
        let (mut listeners, mut accepting, mut counted) = (vec![], JoinSet::new(), vec![]);
        let edge = self.edge;
        accepting.spawn(edge.clone().keep_up(stop.clone()));
        let mut open = |socket, desk, connections, option, of| {
            let limits = Limits::new(&config.connections, connections);
            let watching = Watching {
                logs_requests: config.log.access_log,
                ids: Arc::clone(&ids),
                calls: calls.clone(),
                tracer: tracer.clone(),
            };
            let listener = Listener::new(desk, limits, option, watching);
            counted.push(listener.open_connections(of));
            accepting.spawn(listener.clone().listen(socket, stop.clone()));
            listeners.push(listener);
        };
        if let Some(socket) = self.operators {
            let desk = Desk::for_operators(front.clone(), edge.clone());
            let option = "--operators-connections-max";
            open(socket, desk, room.operators, option, "operators");
        }
        let desk = Desk::for_clients(front, edge);
        open(self.clients, desk, room.clients, "--connections-max", "clients");
        Doors { listeners, accepting, open: counted }
    }
}

/// Tells this process's requests from another's.
fn random() -> u32 {
    let (_, random) = Uuid::now_v7().as_u64_pair();
    u32::try_from(random & u64::from(u32::MAX)).unwrap_or_default()
}

fn bind(option: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    listen(address).map_err(|error| {
        let why = format!("can't listen on {address}, as {option} says");
        if error.kind() == ErrorKind::AddrInUse {
            return anyhow::anyhow!(
                "{why}: another program listens there, perhaps another ledger; end it, or choose \
                 another address with {option}"
            );
        }
        anyhow::Error::new(error).context(why)
    })
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait until the connections before are forgotten.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Doors {
    /// The connections of each address, to be counted.
    pub(super) fn open_connections(&self) -> Vec<OpenConnections> {
        self.open.clone()
    }

    /// Ends when nobody is let in any more, which happens by itself only through a fault.
    pub(super) async fn are_closed(&mut self) -> anyhow::Result<()> {
        match self.accepting.join_next().await {
            Some(ended) => ended.context("the server failed"),
            None => Ok(()),
        }
    }

    /// Answers the requests that have begun, as long as that takes but no longer than `within`;
    /// then closes what is left.
    pub(super) async fn close(mut self, within: Duration) {
        while self.accepting.join_next().await.is_some() {}
        let mut ending = JoinSet::new();
        for listener in self.listeners {
            ending.spawn(async move { listener.end(within).await });
        }
        let mut left = Left::default();
        for of_one in ending.join_all().await {
            left.busy += of_one.busy;
            left.unfinished += of_one.unfinished;
        }
        let Left { busy, unfinished } = left;
        if left != Left::default() {
            tracing::warn!(
                busy,
                unfinished,
                "connections are closed that did not end in time: the busy ones without an answer to \
                 their requests; of the unfinished ones no request had come in full, and nothing of \
                 them was recorded"
            );
        }
    }
}
