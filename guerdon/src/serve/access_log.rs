//! The access log: one line for each request, when its answer begins.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{Extensions, Method, Request, StatusCode};
use tokio::time::Instant;
use wire::SeenCaller;

/// The most of a path that is logged: a stranger may send kilobytes.
const PATH_BYTES_MAX: usize = 512;

/// A request that is being answered.
pub(super) struct AccessLine {
    method: Method,
    path: String,
    begin: Instant,
    caller: SeenCaller,
    client: IpAddr,
}

impl AccessLine {
    /// Begins the line of a client's request. The query isn't logged: it may hold ids of people.
    pub(super) fn begin<B>(request: &mut Request<B>, client: IpAddr) -> Self {
        let caller = SeenCaller::default();
        let extensions: &mut Extensions = request.extensions_mut();
        extensions.insert(caller.clone());
        let path = request.uri().path();
        let path = path.get(..PATH_BYTES_MAX).unwrap_or(path).to_owned();
        Self { method: request.method().clone(), path, begin: Instant::now(), caller, client }
    }

    /// Writes the line.
    pub(super) fn end(self, status: StatusCode) {
        let Self { method, path, begin, caller, client } = self;
        let (status, ms) = (status.as_u16(), millis(begin.elapsed()));
        let (role, key) =
            caller.get().map_or((None, None), |caller| (Some(caller.role), caller.key.as_deref()));
        tracing::info!(
            target: "access", %method, path, status, ms, role, key, %client, "answered"
        );
    }
}

/// With three decimals: most answers take less than a millisecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
