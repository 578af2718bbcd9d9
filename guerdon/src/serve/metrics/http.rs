//! What HTTP is asked and answers: by method, route and status, and by a problem's code.
//!
//! The names are those of OpenTelemetry's conventions. No label has more values than the router
//! has routes and the API statuses and codes: whatever a stranger sends, no series comes of it.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;
use wire::{AnsweredProblem, Dispatch, SHARED_PROBLEM_PAGES, trace_of};

/// The route of what no route was found for.
const UNMATCHED: &str = "unmatched";

/// The conventions' word for a method that isn't one of theirs.
const OTHER_METHOD: &str = "_OTHER";

/// The bounds of the latencies: those that the conventions advise, and two smaller ones, because
/// most answers take less than 5 ms.
const SECONDS: [f64; 16] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

type Code = [(&'static str, &'static str); 1];
/// An exemplar's label.
type Trace = [(&'static str, String); 1];
type Durations = HistogramWithExemplars<Trace>;

/// By what answers are told apart, in the conventions' words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    http_request_method: &'static str,
    http_route: String,
    http_response_status_code: u16,
}

/// The metrics of HTTP. Clones share them.
#[derive(Clone, Debug)]
pub(in crate::serve) struct HttpMetrics(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    durations: Family<Labels, Durations, fn() -> Durations>,
    problems: Family<Code, Counter>,
    active: Gauge,
    abandoned: Counter,
}

impl HttpMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let make: fn() -> Durations = || Durations::new(SECONDS.into_iter());
        let durations = Family::new_with_constructor(make);
        let (active, abandoned) = Default::default();
        let problems = Family::<Code, Counter>::default();
        // A counter that begins with its first answer would hide that one from `increase`.
        for page in SHARED_PROBLEM_PAGES {
            drop(problems.get_or_create(&[("code", page.slug)]));
        }
        let shared = Shared { durations, problems, active, abandoned };
        let help = "how long requests took until their answers began";
        let (name, durations) = ("http_server_request_duration", shared.durations.clone());
        registry.register_with_unit(name, help, Unit::Seconds, durations);
        let help = "requests that are being worked on";
        registry.register("http_server_active_requests", help, shared.active.clone());
        let help = "requests whose callers left before they were answered";
        registry.register("guerdon_http_abandoned_requests", help, shared.abandoned.clone());
        let help = "answers that are problem documents, by their code";
        registry.register("guerdon_http_problems", help, shared.problems.clone());
        Self(Arc::new(shared))
    }

    /// The routes, with all that they answer counted.
    pub(in crate::serve) fn count(&self, routes: Dispatch) -> CountedRoutes {
        let answers = routes.paths().map(RouteAnswers::new).collect();
        let (metrics, unmatched) = (self.clone(), RouteAnswers::new(UNMATCHED));
        CountedRoutes(Arc::new(Counting { routes, metrics, answers, unmatched }))
    }
}

/// Routes with all that they answer counted. Clones share them.
#[derive(Clone)]
pub(in crate::serve) struct CountedRoutes(Arc<Counting>);

struct Counting {
    routes: Dispatch,
    metrics: HttpMetrics,
    /// By the numbers of the routes.
    answers: Vec<RouteAnswers>,
    unmatched: RouteAnswers,
}

/// The series of a route at hand, as they come: a look-up by labels would write a text for each
/// request.
struct RouteAnswers {
    route: Box<str>,
    /// By method and status. A route has seldom more; those are looked up.
    known: [OnceLock<(&'static str, u16, Durations)>; 8],
}

impl CountedRoutes {
    /// Answers a request that came at this time.
    pub(in crate::serve) async fn answer(&self, request: Request, begun: Instant) -> Response {
        let Counting { routes, metrics, answers, unmatched } = &*self.0;
        let route = routes.find(request.uri().path());
        let method = method_of(request.method());
        let trace = sampled_trace(request.headers());
        let underway = Underway::begin(&metrics.0);
        let response = routes.answer(route, request).await;
        let answers = route.and_then(|number| answers.get(number)).unwrap_or(unmatched);
        underway.end(response.extensions().get());
        let took = begun.elapsed().as_secs_f64();
        answers.observe(&metrics.0, method, response.status().as_u16(), took, trace);
        response
    }
}

impl RouteAnswers {
    fn new(route: &str) -> Self {
        Self { route: route.into(), known: std::array::from_fn(|_| OnceLock::new()) }
    }

    fn observe(
        &self,
        metrics: &Shared,
        method: &'static str,
        status: u16,
        took: f64,
        trace: Option<Trace>,
    ) {
        let find = || {
            let labels = Labels {
                http_request_method: method,
                http_route: self.route.clone().into(),
                http_response_status_code: status,
            };
            metrics.durations.get_or_create_owned(&labels)
        };
        let mut known = self.known.iter().map(|place| {
            // Whoever comes first takes the place.
            place.get_or_init(|| (method, status, find()))
        });
        let is_it = |of: &&(&'static str, u16, Durations)| of.0 == method && of.1 == status;
        match known.find(is_it) {
            Some((_, _, durations)) => durations.observe(took, trace, None),
            None => find().observe(took, trace, None),
        }
    }
}

/// A request that is being worked on.
struct Underway<'m> {
    metrics: &'m Shared,
    is_answered: bool,
}

impl<'m> Underway<'m> {
    fn begin(metrics: &'m Shared) -> Self {
        metrics.active.inc();
        Self { metrics, is_answered: false }
    }

    fn end(mut self, problem: Option<&AnsweredProblem>) {
        self.is_answered = true;
        if let Some(AnsweredProblem { code, .. }) = problem {
            self.metrics.problems.get_or_create(&[("code", code)]).inc();
        }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.metrics.active.dec();
        if !self.is_answered {
            self.metrics.abandoned.inc();
        }
    }
}

fn method_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => OTHER_METHOD,
    }
}

/// The trace that a request is part of, where its caller keeps that one.
fn sampled_trace(headers: &HeaderMap) -> Option<Trace> {
    let at = trace_of(headers).filter(|at| at.is_sampled)?;
    Some([("trace_id", at.trace_id_text())])
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use prometheus_client::encoding::text;
    use wire::{Problem, Routes};

    use super::*;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    struct Counted {
        registry: Registry,
        routes: CountedRoutes,
    }

    impl Counted {
        fn new() -> Self {
            let mut registry = Registry::default();
            let metrics = HttpMetrics::register(&mut registry);
            let routes = Routes::new()
                .open("/v1/accounts/{account_id}", async || "Ann's")
                .open("/never", std::future::pending::<&str>)
                .open("/gone", async || Problem::no_such_route("/gone"));
            Self { registry, routes: metrics.count(routes.dispatch()) }
        }

        async fn ask(&self, method: &str, path: &str, trace: &str) -> StatusCode {
            let request = Request::builder().method(method).uri(path);
            let request = request.header("traceparent", trace).body(Body::empty());
            self.routes.answer(request.expect("a request"), Instant::now()).await.status()
        }

        fn text(&self) -> String {
            let mut encoded = String::new();
            text::encode(&mut encoded, &self.registry).expect("encoded");
            encoded
        }
    }

    #[tokio::test]
    async fn answers_are_counted_by_method_route_and_status_and_no_path_is_a_label() {
        let counted = Counted::new();
        for account in 0..50 {
            let path = format!("/v1/accounts/a-{account}");
            assert_eq!(counted.ask("GET", &path, UNSAMPLED).await, StatusCode::OK);
            let path = format!("/nowhere/{account}");
            assert_eq!(counted.ask("GET", &path, UNSAMPLED).await, StatusCode::NOT_FOUND);
            let method = format!("X-{account}");
            let status = counted.ask(&method, "/v1/accounts/ann", UNSAMPLED).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        }
        let text = counted.text();
        let counts = text.lines().filter(|line| line.contains("_seconds_count"));
        let mut counts: Vec<&str> = counts.collect();
        counts.sort_unstable();
        assert_eq!(
            counts,
            [
                "http_server_request_duration_seconds_count{http_request_method=\"GET\",\
                 http_route=\"/v1/accounts/{account_id}\",http_response_status_code=\"200\"} 50",
                "http_server_request_duration_seconds_count{http_request_method=\"GET\",\
                 http_route=\"unmatched\",http_response_status_code=\"404\"} 50",
                "http_server_request_duration_seconds_count{http_request_method=\"_OTHER\",\
                 http_route=\"/v1/accounts/{account_id}\",http_response_status_code=\"405\"} 50",
            ]
        );
        assert!(text.contains("guerdon_http_problems_total{code=\"no-such-route\"} 50"), "{text}");
        assert!(text.contains("guerdon_http_problems_total{code=\"method-not-allowed\"} 50"));
        assert!(!text.contains("trace_id"), "no caller keeps these traces: {text}");
    }

    #[tokio::test]
    async fn a_latency_shows_a_trace_that_its_caller_keeps() {
        let counted = Counted::new();
        counted.ask("GET", "/v1/accounts/ann", SAMPLED).await;
        let exemplar = "# {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"}";
        assert_eq!(counted.text().matches(exemplar).count(), 1, "{}", counted.text());
        counted.ask("GET", "/gone", "nonsense").await;
        assert_eq!(counted.text().matches("trace_id").count(), 1);
    }

    #[tokio::test]
    async fn a_request_whose_caller_leaves_is_abandoned_and_no_longer_active() {
        let counted = Counted::new();
        let asking = counted.ask("GET", "/never", UNSAMPLED);
        let moment = std::time::Duration::from_millis(20);
        tokio::time::timeout(moment, asking).await.expect_err("it is never answered");
        let text = counted.text();
        assert!(text.contains("guerdon_http_abandoned_requests_total 1"), "{text}");
        assert!(text.contains("http_server_active_requests 0"), "{text}");
    }
}
