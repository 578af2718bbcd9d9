//! The access log: one line for each request, when its answer begins.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode, Uri};
use tokio::time::Instant;
use trace::Traceparent;
use wire::SeenCaller;

use super::traced_request::trace_of;

/// The most of a path that is logged: a stranger may send kilobytes.
const PATH_BYTES_MAX: usize = 512;

/// A request that is being answered.
pub(super) struct AccessLine {
    method: Method,
    path: String,
    begin: Instant,
    caller: SeenCaller,
    client: IpAddr,
    trace: Option<Traceparent>,
}

impl AccessLine {
    /// Begins the line of a client's request. The query isn't logged: it may hold ids of people.
    pub(super) fn begin<B>(request: &mut Request<B>, client: IpAddr) -> Self {
        let caller = SeenCaller::of(request.extensions_mut());
        let trace = trace_of(request.headers());
        let (method, path) = (request.method().clone(), short_path(request.uri()));
        Self { method, path, begin: Instant::now(), caller, client, trace }
    }

    /// Writes the line.
    pub(super) fn end(self, status: StatusCode) {
        let Self { method, path, begin, caller, client, trace } = self;
        let (status, ms) = (status.as_u16(), millis(begin.elapsed()));
        let (role, key) =
            caller.get().map_or((None, None), |caller| (Some(caller.role), caller.key.as_deref()));
        let trace_id = trace.map(|trace| trace.trace_id_text());
        tracing::info!(
            target: "access",
            %method, path, status, ms, role, key, %client, trace_id,
            "answered"
        );
    }
}

/// The path of a request, as far as it is logged.
pub(super) fn short_path(uri: &Uri) -> String {
    let path = uri.path();
    path.get(..PATH_BYTES_MAX).unwrap_or(path).to_owned()
}

/// With three decimals: most answers take less than a millisecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
