//! What stands between strangers and the ledger's routes: TLS, the pages that may call, the proxies
//! that are believed, and, without authentication, that callers are on this machine.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};
#[cfg(feature = "tls")]
use tokio_rustls::server::TlsStream;
#[cfg(feature = "tls")]
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;
use wire::{NoAuthentication, Problem};

use super::cors;
use super::proxies::Proxies;
#[cfg(feature = "tls")]
use super::tls::Tls;
use super::watched_stream::WatchedStream;
use crate::edge_config::EdgeConfig;

/// A connection as HTTP is spoken over it.
#[cfg(feature = "tls")]
pub(super) type ClientStream = Either<WatchedStream, Box<TlsStream<WatchedStream>>>;
/// A connection as HTTP is spoken over it.
#[cfg(not(feature = "tls"))]
pub(super) type ClientStream = WatchedStream;

/// The edge of a ledger, the same for all of its addresses.
#[derive(Clone)]
pub(super) struct Edge {
    proxies: Proxies,
    origins: Arc<[HeaderValue]>,
    asks_for_keys: bool,
    is_encrypted: bool,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Edge {
    pub(super) fn open(config: &EdgeConfig) -> anyhow::Result<Self> {
        Ok(Self {
            proxies: Proxies::new(config),
            origins: config.cors_origins.as_slice().into(),
            asks_for_keys: !config.no_authentication,
            is_encrypted: config.is_encrypted(),
            #[cfg(feature = "tls")]
            tls: Tls::open(config)?,
        })
    }

    /// Lets a request in, if whoever sends it may call; without keys that is who is on this
    /// machine.
    pub(super) fn let_in(&self, request: &mut Request) -> Result<(), Problem> {
        if !self.asks_for_keys {
            check_on_this_machine(&self.origins, request.headers())?;
            request.extensions_mut().insert(NoAuthentication);
        }
        Ok(())
    }

    /// What lets web pages in; nothing where none may call.
    pub(super) fn pages(&self) -> Option<CorsLayer> {
        (!self.origins.is_empty()).then(|| cors::layer(&self.origins))
    }

    /// Begins what is spoken over a connection; nothing if that fails.
    #[cfg(feature = "tls")]
    pub(super) async fn greet(&self, stream: WatchedStream) -> Option<ClientStream> {
        let Some(tls) = &self.tls else { return Some(Either::Left(stream)) };
        match tls.accept(stream).await {
            Ok(stream) => Some(Either::Right(Box::new(stream))),
            Err(error) => {
                tracing::debug!(%error, "a connection did not come to speak TLS");
                None
            }
        }
    }

    /// Begins what is spoken over a connection.
    #[cfg(not(feature = "tls"))]
    pub(super) fn greet(&self, stream: WatchedStream) -> std::future::Ready<Option<ClientStream>> {
        std::future::ready(Some(stream))
    }

    pub(super) const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The address of the client that a request is of.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        self.proxies.client(peer, headers)
    }

    /// Reads certificates again when they change, until `stop`.
    pub(super) async fn keep_up(self, stop: CancellationToken) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            stop.run_until_cancelled(tls.keep_up()).await;
            return;
        }
        stop.cancelled().await;
    }
}

/// Without keys, a page that a browser on this machine shows could call in the name of whoever
/// looks at it: by a form, or by a name of its own that it lets lead to this machine.
fn check_on_this_machine(origins: &[HeaderValue], headers: &HeaderMap) -> Result<(), Problem> {
    let refusal = |header: &'static str| {
        let complaint = "names another place than this machine, and calls need no key; call \
                         127.0.0.1 or localhost";
        Problem::invalid_header(header, complaint)
    };
    let mut hosts = headers.get_all(HOST).iter();
    if !hosts.all(|host| is_here(host.as_bytes())) {
        return Err(refusal("Host"));
    }
    let is_let_in = |origin: &HeaderValue| {
        let origin_text = origin.as_bytes();
        let place = origin_text.strip_prefix(b"http://");
        let place = place.or_else(|| origin_text.strip_prefix(b"https://"));
        origins.contains(origin) || place.is_some_and(is_here)
    };
    if !headers.get_all(ORIGIN).iter().all(is_let_in) {
        return Err(refusal("Origin"));
    }
    Ok(())
}

/// Whether a host, with or without a port, is this machine by its name or address.
fn is_here(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    if let Some(rest) = host.strip_prefix('[') {
        let address = rest.split(']').next().and_then(|address| address.parse::<Ipv6Addr>().ok());
        return address.is_some_and(|address| address.to_canonical().is_loopback());
    }
    let name = host.split(':').next().unwrap_or_default();
    let is_address = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_address || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name_and_loopback_addresses() {
        for host in ["localhost", "LocalHost:8080", "127.0.0.1:80", "127.1.2.3", "[::1]:8080"] {
            assert!(is_here(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            "localhost.example",
            "127.0.0.1.example",
            "ledger",
            "10.0.0.1",
            "[::2]",
            "[",
            "0.0.0.0",
            "\u{fffd}",
        ] {
            assert!(!is_here(host.as_bytes()), "{host}");
        }
    }
}
