//! What is known of a request when its answer begins: for the access log, which has one line for
//! each, and for the calls that recorded no event.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use tokio::time::Instant;
use trace::Traceparent;
use wire::{RequestIds, SeenCaller, X_REQUEST_ID, trace_of};

/// The most of a path that is noted: a stranger may send kilobytes.
const PATH_BYTES_MAX: usize = 512;

/// A request that is being answered.
pub(super) struct Asked {
    pub(super) method: Method,
    uri: Uri,
    begin: Instant,
    pub(super) caller: SeenCaller,
    id: HeaderValue,
    trace: Option<Traceparent>,
}

impl Asked {
    /// Notes what a client's request asks that came at this time, and sees to it that it has an id.
    pub(super) fn begin<B>(
        request: &mut Request<B>,
        client: IpAddr,
        ids: &RequestIds,
        begin: Instant,
    ) -> Self {
        let caller = SeenCaller::begin(request.extensions_mut(), client);
        let id = ids.see_to(request.headers_mut());
        let trace = trace_of(request.headers());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Self { method, uri, begin, caller, id, trace }
    }

    /// The path. The query isn't noted: it may hold ids of people.
    pub(super) fn path(&self) -> &str {
        short_path(&self.uri)
    }

    /// The role and the name of the caller's key, as far as it is known who calls.
    pub(super) fn role_and_key(&self) -> (Option<&'static str>, Option<&str>) {
        let caller = self.caller.get();
        caller.map_or((None, None), |caller| (Some(caller.role), caller.key.as_deref()))
    }

    /// The request's id.
    pub(super) fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// The trace that it is a part of.
    pub(super) fn traceparent(&self) -> Option<String> {
        self.trace.map(|trace| trace.to_string())
    }

    /// Names the request in its answer, and says how often its caller may still call.
    pub(super) fn name<B>(&self, response: &mut Response<B>) {
        self.caller.say_allowance(response.headers_mut());
        response.headers_mut().insert(X_REQUEST_ID, self.id.clone());
    }

    /// Writes the line of a client's request into the access log.
    pub(super) fn log(&self, status: StatusCode, client: IpAddr) {
        let (status, ms) = (status.as_u16(), millis(self.begin.elapsed()));
        let (role, key) = self.role_and_key();
        let (method, path, request_id) = (&self.method, self.path(), self.id());
        let trace_id = self.trace.map(|trace| trace.trace_id_text());
        tracing::info!(
            target: "access",
            %method, path, status, ms, role, key, %client, request_id, trace_id,
            "answered"
        );
    }
}

/// The path of a request, as far as it is noted.
pub(super) fn short_path(uri: &Uri) -> &str {
    let path = uri.path();
    &path[..path.floor_char_boundary(PATH_BYTES_MAX)]
}

/// With three decimals: most answers take less than a millisecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
