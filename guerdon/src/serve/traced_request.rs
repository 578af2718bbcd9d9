//! The span of a request, where its trace is kept, and what is logged of one that is marked.
//!
//! All that comes of the request reads the trace from its header `traceparent`, so this puts the
//! request's own span there.

use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use trace::{Marks, Span, SpanKind, Traceparent, Tracer};
use wire::{Marked, SeenRoute, decoded_id, trace_of};

use super::asked::{Asked, short_path};

const TRACEPARENT: &str = "traceparent";

/// A request with a span.
pub(super) struct TracedRequest {
    span: Span,
    route: SeenRoute,
    is_marked: bool,
}

impl TracedRequest {
    /// Begins the span of a request whose trace is kept.
    pub(super) fn begin<B>(tracer: &Tracer, request: &mut Request<B>) -> Option<Self> {
        // Health is asked for all the time, and nothing comes of it.
        if tracer.is_idle() || !request.uri().path().starts_with("/v1/") {
            return None;
        }
        let parent = trace_of(request.headers());
        let is_marked = is_marked(tracer.marks(), request, parent);
        let name = name_of(request.method());
        let begun = tracer.enter(name, SpanKind::Server, parent, is_marked);
        let Some(mut span) = begun else {
            if let Some(mut parent) = parent
                && parent.is_sampled
                && tracer.collects()
            {
                parent.is_sampled = false;
                put_trace(request.headers_mut(), parent);
            }
            return None;
        };
        put_trace(request.headers_mut(), *span.at());
        span.text("http.request.method", request.method().as_str());
        span.text("url.path", short_path(request.uri()));
        let (extensions, route) = (request.extensions_mut(), SeenRoute::default());
        extensions.insert(route.clone());
        if is_marked {
            extensions.insert(Marked);
        }
        Some(Self { span, route, is_marked })
    }

    /// Ends it: the answer begins. `asked` is the same request.
    pub(super) fn end(self, asked: &Asked, status: StatusCode) {
        let Self { mut span, route, is_marked } = self;
        let (role, key) = asked.role_and_key();
        let status_code = status.as_u16();
        if is_marked {
            let (trace_id, ms) = (span.at().trace_id_text(), span.millis());
            let (method, path, route) = (asked.method.as_str(), asked.path(), route.get());
            tracing::info!(
                target: "mark", trace_id, method, path, route, status = status_code, ms, role, key,
                "a request was answered"
            );
        }
        if let Some(route) = route.get() {
            span.rename(format!("{} {route}", name_of(&asked.method)));
            span.text("http.route", route);
        }
        span.int("http.response.status_code", status_code.into());
        if let Some(role) = role {
            span.text("guerdon.role", role);
        }
        if let Some(key) = key {
            span.text("guerdon.key", key);
        }
        if status.is_server_error() {
            span.fail(format!("answered {status_code}"));
        }
        span.end();
    }
}

fn put_trace(headers: &mut HeaderMap, at: Traceparent) {
    if let Ok(value) = HeaderValue::from_str(&at.to_string()) {
        headers.insert(TRACEPARENT, value);
    }
}

/// A stranger's method is not a name.
const fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "HTTP",
    }
}

/// Whether the account in the path is marked, or an id in it, the idempotency key, or the trace.
fn is_marked<B>(marks: &Marks, request: &Request<B>, parent: Option<Traceparent>) -> bool {
    if marks.is_empty() {
        return false;
    }
    // No call's path has more segments; a stranger's may have thousands.
    const SEGMENTS_MAX: usize = 16;
    let mut before = "";
    for segment in request.uri().path().split('/').skip(2).take(SEGMENTS_MAX) {
        let id = decoded_id(segment).unwrap_or_default();
        if marks.has_request(&id) || (before == "accounts" && marks.has_account(&id)) {
            return true;
        }
        before = segment;
    }
    let header = |name| request.headers().get(name).and_then(|id| id.to_str().ok());
    let ids = ["idempotency-key", "x-request-id"].into_iter().filter_map(header);
    ids.into_iter().any(|id| marks.has_request(id))
        || parent.is_some_and(|parent| marks.has_request(&parent.trace_id_text()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use trace::{Collect, EndedSpan, Mark, MarkKind, Share, unix_micros};

    use super::*;

    #[derive(Debug)]
    struct Nowhere;

    impl Collect for Nowhere {
        fn collect(&self, _: EndedSpan) {}
    }

    const KEPT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn request(path: &str, headers: &[(&'static str, &str)]) -> Request<()> {
        let mut request = Request::put(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request")
    }

    fn tracer(share: f64) -> Tracer {
        Tracer::new(Arc::new(Nowhere), Share::new(share).expect("a share"))
    }

    #[test]
    fn the_header_names_the_requests_own_span() {
        let mut request = request("/v1/accounts/ann", &[("traceparent", KEPT)]);
        let traced = TracedRequest::begin(&tracer(0.0), &mut request).expect("it is kept");
        let inside = trace_of(request.headers()).expect("a trace");
        assert_eq!(inside, *traced.span.at());
        assert_eq!(inside.trace_id_text(), &KEPT[3..35]);
        assert_ne!(inside.to_string(), KEPT);
    }

    #[test]
    fn health_has_no_span_and_a_ledger_without_a_collector_changes_no_header() {
        let mut health = request("/health/ready", &[]);
        assert!(TracedRequest::begin(&tracer(1.0), &mut health).is_none());
        let mut request = request("/v1/accounts/ann", &[("traceparent", KEPT)]);
        assert!(TracedRequest::begin(&Tracer::default(), &mut request).is_none());
        assert_eq!(request.headers()["traceparent"], KEPT);
    }

    #[test]
    fn what_callers_keep_beyond_their_number_goes_on_as_not_kept() {
        let tracer = tracer(0.0);
        // Of one second, or of two.
        let kept = (0..300).filter(|_| {
            let mut request = request("/v1/accounts/ann", &[("traceparent", KEPT)]);
            let is_kept = TracedRequest::begin(&tracer, &mut request).is_some();
            let inside = trace_of(request.headers()).expect("a trace");
            assert_eq!(inside.is_sampled, is_kept);
            is_kept
        });
        assert!(matches!(kept.count(), 100 | 200));
    }

    #[test]
    fn a_request_is_marked_by_its_account_its_ids_its_key_and_its_trace() {
        let mark =
            |kind, id: &str| Mark { kind, id: id.into(), ends_at: unix_micros() + 60_000_000 };
        let marked = |mark: Mark, request: &Request<()>| {
            let marks = Marks::default();
            marks.replace(vec![mark]);
            is_marked(&marks, request, trace_of(request.headers()))
        };
        let headers = [("traceparent", KEPT), ("idempotency-key", "k-1")];
        let request = request("/v1/accounts/a%3An/exchanges/x-1", &headers);
        for id in ["x-1", "k-1", &KEPT[3..35]] {
            assert!(marked(mark(MarkKind::Request, id), &request), "{id}");
            assert!(!marked(mark(MarkKind::Account, id), &request), "{id}");
        }
        assert!(marked(mark(MarkKind::Account, "a:n"), &request));
        for id in ["a%3An", "a", "x", "k"] {
            assert!(!marked(mark(MarkKind::Account, id), &request), "{id}");
            assert!(!marked(mark(MarkKind::Request, id), &request), "{id}");
        }
    }
}
