//! An address that the ledger listens on: accepts connections, as many as it may have, and serves
//! HTTP/1.1 on each.
//!
//! Hyper's own builder for HTTP/1 serves them: docs/decisions/0023-those-who-wait-make-room.md.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use axum::http::header::{CONNECTION, EXPECT, HOST};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use axum::response::{IntoResponse as _, Response as AnyResponse};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trace::Tracer;
use wire::{Problem, RequestIds};

use super::asked::Asked;
use super::connection::{Connection, Patience, Phase, Told};
use super::connections::{Connections, Left, OpenConnection, OpenConnections};
use super::desk::Desk;
use super::message_body::{AnswerBody, BodyPace, begin_body};
use super::quiet_waker::Quiet;
use super::security_headers::{self, Keeping};
use super::seldom::Seldom;
use super::traced_request::TracedRequest;
use super::unrecorded::Calls;
use super::watched_stream::WatchedStream;
use crate::connection_config::ConnectionConfig;

/// How much more than a header hyper holds in memory of a connection, and the same again of what
/// waits to be sent.
const BUFFER_BYTES_MORE: usize = 8 * 1024;

/// How long accepting rests after it failed, and how long it waits for room before it asks again.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a header may still take to come when the server stops: no request has begun.
const LAST_HEADER_MAX: Duration = Duration::from_secs(1);

/// How long it takes at most, when all connections are told to end, until they have.
const END_MAX: Duration = Duration::from_millis(500);

/// What a listener grants its connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) connections: usize,
    header_bytes: usize,
    body: BodyPace,
    patience: Patience,
}

/// An address with its connections.
#[derive(Clone)]
pub(super) struct Listener {
    limits: Limits,
    desk: Desk,
    connections: Arc<Connections>,
    tasks: TaskTracker,
    /// The name of the option that says how many connections there may be.
    option: &'static str,
    watching: Watching,
}

/// What is noted of requests, and by whom.
#[derive(Clone)]
pub(super) struct Watching {
    pub(super) logs_requests: bool,
    pub(super) ids: Arc<RequestIds>,
    pub(super) calls: Calls,
    pub(super) tracer: Tracer,
}

impl Limits {
    /// The limits that the options give, for so many connections.
    pub(super) fn new(config: &ConnectionConfig, connections: usize) -> Self {
        Self {
            connections,
            header_bytes: config.header_bytes_max as usize,
            body: BodyPace {
                time: config.body_timeout,
                bytes_per_second: config.body_bytes_per_second,
            },
            patience: Patience {
                header: config.header_timeout,
                idle: config.idle_timeout,
                write: config.write_timeout,
            },
        }
    }
}

impl Listener {
    pub(super) fn new(
        desk: Desk,
        limits: Limits,
        option: &'static str,
        watching: Watching,
    ) -> Self {
        let (connections, tasks) = (Connections::new(), TaskTracker::new());
        Self { limits, desk, connections, tasks, option, watching }
    }

    /// Its connections, to be counted.
    pub(super) fn open_connections(&self, of: &'static str) -> OpenConnections {
        OpenConnections::new(of, self.limits.connections, Arc::clone(&self.connections))
    }

    /// Accepts and serves until `stop`. Connections that are open then go on.
    pub(super) async fn listen(self, socket: TcpListener, stop: CancellationToken) {
        let accepting = async {
            let room = Arc::new(Semaphore::new(self.limits.connections));
            let mut accept = Accept { listener: &self, failed: Seldom::new(), full: Seldom::new() };
            loop {
                let (stream, peer) = accept.next(&socket).await;
                let room = accept.room(&room).await;
                let open = self.connections.add();
                self.tasks.spawn(self.clone().serve(stream, peer, open, room));
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = accepting => {}
            () = self.connections.close_overdue(&self.limits.patience) => {}
        }
    }

    /// Ends the connections: each when its request is answered, and all after so long a time. Gives
    /// what was left then.
    pub(super) async fn end(&self, within: Duration) -> Left {
        self.tasks.close();
        self.connections.tell_all(Told::Drain);
        let mut left = Left::default();
        let patience = self.limits.patience;
        let patience = Patience { header: patience.header.min(LAST_HEADER_MAX), ..patience };
        let all_ended = async {
            tokio::select! {
                () = self.tasks.wait() => {}
                () = self.connections.close_overdue(&patience) => {}
            }
        };
        if tokio::time::timeout(within, all_ended).await.is_err() {
            left = self.connections.left();
            self.connections.tell_all(Told::End);
            // They are told at once, and end when they are next run.
            drop(tokio::time::timeout(END_MAX, self.tasks.wait()).await);
        }
        left
    }

    async fn serve(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        open: OpenConnection,
        room: OwnedSemaphorePermit,
    ) {
        let Self { limits, desk, watching, .. } = self;
        let connection = Arc::clone(&open.connection);
        // Answers are small and whole; waiting to fill a segment would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
        let stream = WatchedStream { stream, connection: Arc::clone(&connection) };
        let greeted = tokio::select! {
            greeted = desk.edge.greet(stream) => greeted,
            () = connection.is_to_end() => None,
        };
        let Some(stream) = greeted else { return };
        // What it was told meanwhile holds on.
        connection.tell(Told::Nothing);
        let (answering, pace) = (Arc::clone(&connection), limits.body);
        let answering = Arc::new(Answering { desk, watching, peer, pace, connection: answering });
        let service = service_fn(move |request| Arc::clone(&answering).answer(request));
        let mut http = http1::Builder::new();
        http.header_read_timeout(None)
            .max_header_size(limits.header_bytes)
            .max_buf_size(limits.header_bytes + BUFFER_BYTES_MORE);
        let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service));
        let mut quiet = Quiet::default();
        loop {
            tokio::select! {
                biased;
                served = poll_fn(|context| {
                    let waker = quiet.waker(context);
                    serving.as_mut().poll(&mut Context::from_waker(waker))
                }) => {
                    if let Err(error) = served {
                        tracing::debug!(%error, "a connection broke");
                    }
                    break;
                }
                told = connection.is_told() => match told {
                    Told::End => break,
                    Told::MakeRoom | Told::Drain if connection.is_to_make_room() => break,
                    Told::Drain => serving.as_mut().graceful_shutdown(),
                    Told::MakeRoom | Told::Nothing => {}
                },
            }
        }
        drop((open, room));
    }
}

/// Accepts connections, and makes room for them.
struct Accept<'a> {
    listener: &'a Listener,
    failed: Seldom,
    full: Seldom,
}

impl Accept<'_> {
    async fn next(&mut self, socket: &TcpListener) -> (TcpStream, SocketAddr) {
        loop {
            match socket.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    // Most of all, there are no descriptors left: those that wait give theirs back.
                    let closed = self.listener.connections.make_room();
                    if let Some(times) = self.failed.times() {
                        tracing::error!(
                            %error, times, closed,
                            "can't accept a connection; the limit on open files (ulimit -n) must be \
                             well above {}",
                            self.listener.option
                        );
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Room for one more connection. Those that keep the server waiting make it; where each has a
    /// request that is worked on, the new one waits until one of them is answered.
    async fn room(&mut self, room: &Arc<Semaphore>) -> OwnedSemaphorePermit {
        loop {
            if let Ok(room) = Arc::clone(room).try_acquire_owned() {
                return room;
            }
            let closed = self.listener.connections.make_room();
            if let Some(times) = self.full.times() {
                tracing::warn!(
                    times,
                    closed,
                    "all {} connections of {} are taken; those that keep the server waiting longest \
                     are closed for others",
                    self.listener.limits.connections,
                    self.listener.option
                );
            }
            let freed = Arc::clone(room).acquire_owned();
            if let Ok(Ok(room)) = tokio::time::timeout(PAUSE, freed).await {
                return room;
            }
        }
    }
}

/// What the requests of a connection are answered with.
struct Answering {
    desk: Desk,
    watching: Watching,
    peer: SocketAddr,
    pace: BodyPace,
    connection: Arc<Connection>,
}

impl Answering {
    /// Answers one request, and notes what is noted of it.
    async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Infallible> {
        let begun = Instant::now();
        self.connection.enter(Phase::Busy);
        let Watching { logs_requests, ids, calls, tracer } = &self.watching;
        let traced = TracedRequest::begin(tracer, &mut request);
        let client = self.desk.edge.client(self.peer, request.headers());
        let asked = Asked::begin(&mut request, client, ids, begun);
        let keeping = Keeping::of(request.method(), request.uri().path());
        let mut response = self.answer_whole(request, begun).await;
        let (status, is_encrypted) = (response.status(), self.desk.edge.is_encrypted());
        security_headers::add(response.headers_mut(), status, keeping, is_encrypted);
        asked.name(&mut response);
        calls.note(&asked, &response);
        if *logs_requests {
            asked.log(status, client);
        }
        if let Some(traced) = traced {
            traced.end(&asked, status);
        }
        let connection = Arc::clone(&self.connection);
        Ok(response.map(|body| AnswerBody { body, connection }))
    }

    /// Answers it, and sees to what no handler wanted of its body.
    async fn answer_whole(&self, request: Request<Incoming>, begun: Instant) -> AnyResponse {
        let (head, body) = request.into_parts();
        let waits = head.headers.contains_key(EXPECT);
        let (body, rest) = begin_body(body, waits, &self.connection, self.pace).await;
        let mut response = match check_host(head.version, &head.headers) {
            Err(problem) => {
                drop(body);
                problem.into_response()
            }
            Ok(()) => self.desk.answer(Request::from_parts(head, body), begun).await,
        };
        let is_late = response.status() == StatusCode::REQUEST_TIMEOUT;
        let is_cut = match rest {
            // A client that waits for 100 Continue doesn't send the body of a refused request.
            Some(rest) if rest.is_left() => (waits && rest.is_untouched()) || !rest.is_read().await,
            Some(_) | None => false,
        };
        if is_late || is_cut {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// RFC 9112, 3.2: HTTP/1.1 needs one Host, and none may have two or a malformed one: two readers of
/// such a request could take it for requests to two hosts.
fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = headers.get_all(HOST).iter();
    let complaint = match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => return Ok(()),
        (None, _) => "is missing; send it once",
        (Some(_), Some(_)) => "is there twice; send it once",
        (Some(host), None) if is_host(host.as_bytes()) => return Ok(()),
        (Some(_), None) => "is not a host with an optional port",
    };
    Err(Problem::invalid_header("Host", complaint))
}

/// A host with an optional port; empty where the request's target has none (RFC 3986, 3.2).
fn is_host(host: &[u8]) -> bool {
    let is_address = |byte: &u8| byte.is_ascii_hexdigit() || b":.".contains(byte);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(byte);
    let (is_place, rest) = match host.strip_prefix(b"[") {
        Some(host) => {
            let end = host.iter().position(|byte| *byte == b']').unwrap_or(host.len());
            let (address, rest) = host.split_at(end);
            let is_place = !address.is_empty() && address.iter().all(is_address);
            (is_place && !rest.is_empty(), rest.get(1..).unwrap_or_default())
        }
        None => {
            let end = host.iter().position(|byte| *byte == b':').unwrap_or(host.len());
            let (name, rest) = host.split_at(end);
            (name.iter().all(is_name) && (!name.is_empty() || rest.is_empty()), rest)
        }
    };
    let is_port = |port: &[u8]| port.iter().all(u8::is_ascii_digit);
    is_place && (rest.is_empty() || rest.strip_prefix(b":").is_some_and(is_port))
}

/// The client went away before it was let in.
fn is_of_the_client(error: &Error) -> bool {
    let kinds =
        [ErrorKind::ConnectionRefused, ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset];
    kinds.contains(&error.kind()) || error.kind() == ErrorKind::Interrupted
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn one_well_formed_host_is_wanted() {
        let check = |version, hosts: &[&'static str]| {
            let hosts = hosts.iter().map(|host| (HOST, HeaderValue::from_static(host)));
            let mut headers = HeaderMap::new();
            hosts.for_each(|(name, host)| {
                headers.append(name, host);
            });
            check_host(version, &headers).is_ok()
        };
        for hosts in [&["ledger:8080"][..], &["127.0.0.1"], &["[::1]:8080"], &["[::1]"], &[""]] {
            assert!(check(Version::HTTP_11, hosts), "{hosts:?}");
        }
        for hosts in [&[][..], &["a", "a"], &["a", "b"]] {
            assert!(!check(Version::HTTP_11, hosts), "{hosts:?}");
        }
        for host in ["a b", "user@a", "a/b", "a:b", "a:1:2", ":80", "[::1", "[]", "[a]b", "::1"] {
            assert!(!check(Version::HTTP_11, &[host]), "{host}");
        }
        assert!(check(Version::HTTP_10, &[]), "HTTP/1.0 knows no Host");
        assert!(!check(Version::HTTP_10, &["a", "b"]));
    }
}
