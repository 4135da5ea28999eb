//! Figures, in the text format of OpenMetrics that Prometheus reads.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::depot::Depot;
use crate::folder::Folder;

const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// A small manifest takes a millisecond, a large layer over a slow line an hour.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0, 3600.0];

/// What a server counts. Clones count in the same place, so several servers can share one.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    requests: Family<Request, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    received_bytes: Counter,
    sent_bytes: Counter,
    in_flight: Gauge,
    connections: Gauge,
    refused: Counter,
    cut: Counter,
    tls_failures: Counter,
    auth_failures: Counter,
    log_dropped: Counter,
    registry: Mutex<Registry>,
}

/// Values are names of ours: whatever clients send, there are no more series than these allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

/// A request that has ended.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) method: &'a Method,
    pub(super) route: &'static str,
    pub(super) status: Option<u16>,
    pub(super) has_credential: bool,
    pub(super) took: Duration,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) is_complete: bool,
}

/// A connection, for as long as it lives.
#[derive(Debug)]
pub(super) struct Open(Metrics);

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Figures of this depot too. Of one depot: those of another would have the same names.
    #[must_use]
    pub fn watching(self, depot: &Depot) -> Self {
        self.0.registry.lock().register_collector(Box::new(Watched(depot.clone())));
        self
    }

    /// Counts lines that an access log could not take.
    pub fn log_dropped(&self, lines: u64) {
        self.0.log_dropped.inc_by(lines);
    }

    /// More figures, that somebody else counts; each name gets the prefix `transload_depot_`.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.0.registry.lock());
    }

    /// Everything that was counted, as text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        // writing to a string does not fail, and neither do our own figures
        let _ = text::encode(&mut out, &self.0.registry.lock());
        out
    }

    /// `/metrics`, and `/healthz`, which answers 200 until `draining` is cancelled and 503 from then on.
    pub fn router(&self, draining: CancellationToken) -> Router {
        let metrics = self.clone();
        let figures = move || async move { ([(header::CONTENT_TYPE, MEDIA_TYPE)], metrics.render()) };
        let health = move || async move { health(draining.is_cancelled()) };
        Router::new().route("/metrics", get(figures)).route("/healthz", get(health))
    }

    pub(super) fn connection(&self) -> Open {
        self.0.connections.inc();
        Open(self.clone())
    }

    pub(super) fn begun(&self) {
        self.0.in_flight.inc();
    }

    pub(super) fn ended(&self, seen: &Seen<'_>) {
        let inner = &*self.0;
        inner.in_flight.dec();
        inner.received_bytes.inc_by(seen.bytes_in);
        inner.sent_bytes.inc_by(seen.bytes_out);
        if !seen.is_complete {
            inner.cut.inc();
        }
        // the first question of a client that does not know yet that it has to show something is no failure
        if seen.status == Some(403) || (seen.status == Some(401) && seen.has_credential) {
            inner.auth_failures.inc();
        }
        let route = seen.route;
        // 499: gone before there was an answer, as other servers count it
        let status = seen.status.unwrap_or(499);
        inner.requests.get_or_create(&Request { method: method_name(seen.method), route, status }).inc();
        inner.seconds.get_or_create(&Route { route }).observe(seen.took.as_secs_f64());
    }

    pub(super) fn refused(&self) {
        self.0.refused.inc();
    }

    pub(super) fn tls_failed(&self) {
        self.0.tls_failures.inc();
    }
}

impl Default for Inner {
    fn default() -> Self {
        let mut inner = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            received_bytes: Counter::default(),
            sent_bytes: Counter::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            refused: Counter::default(),
            cut: Counter::default(),
            tls_failures: Counter::default(),
            auth_failures: Counter::default(),
            log_dropped: Counter::default(),
            registry: Mutex::default(),
        };
        let mut registry = Registry::with_prefix("transload_depot");
        let r = &mut registry;
        r.register("requests", "Requests that have ended", inner.requests.clone());
        r.register(
            "request_duration_seconds",
            "From a request's head to the last byte of its answer",
            inner.seconds.clone(),
        );
        r.register("received_bytes", "Bytes of requests' bodies", inner.received_bytes.clone());
        r.register("sent_bytes", "Bytes of answers' bodies", inner.sent_bytes.clone());
        r.register("requests_in_flight", "Requests that run", inner.in_flight.clone());
        r.register("connections", "Connections that are open", inner.connections.clone());
        r.register("requests_refused", "Requests over the bound, answered with 503", inner.refused.clone());
        r.register("requests_cut", "Requests whose answer was not given whole", inner.cut.clone());
        r.register(
            "tls_handshake_failures",
            "Connections that did not get to speak TLS",
            inner.tls_failures.clone(),
        );
        r.register("auth_failures", "Credentials that were refused", inner.auth_failures.clone());
        r.register(
            "access_log_dropped",
            "Lines that the access log could not take",
            inner.log_dropped.clone(),
        );
        inner.registry = Mutex::new(registry);
        inner
    }
}

/// What a depot has, asked for at every look.
#[derive(Debug)]
struct Watched(Depot);

impl Collector for Watched {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut gauge = |name: &str, help: &str, value: u64| {
            let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)
        };
        let uploads = self.0.uploads().count() as u64;
        gauge("uploads_open", "Upload sessions that are open", uploads)?;
        // before the first collection nobody has counted
        if let Some(stored) = self.0.folder().and_then(Folder::stored) {
            let help = "Blobs and manifests, as the last collection of garbage counted them";
            gauge("stored_blobs", help, stored.blobs)?;
            let help = "Bytes of blobs and manifests, as the last collection of garbage counted them";
            gauge("stored_bytes", help, stored.bytes)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.connections.dec();
    }
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn health(is_draining: bool) -> Response {
    if is_draining {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response()
    } else {
        "ok\n".into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_make_up_makes_no_series() {
        let metrics = Metrics::new();
        for method in ["BREW", "WHEN", "GET"] {
            metrics.begun();
            metrics.ended(&Seen {
                method: &method.parse().unwrap(),
                route: "blob",
                status: Some(200),
                has_credential: false,
                took: Duration::from_millis(3),
                bytes_in: 1,
                bytes_out: 10,
                is_complete: true,
            });
        }
        let text = metrics.render();
        for line in [
            r#"transload_depot_requests_total{method="GET",route="blob",status="200"} 1"#,
            r#"transload_depot_requests_total{method="other",route="blob",status="200"} 2"#,
            r#"transload_depot_request_duration_seconds_bucket{le="0.005",route="blob"} 3"#,
            "transload_depot_sent_bytes_total 30",
            "transload_depot_requests_in_flight 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("BREW"), "{text}");
    }

    #[test]
    fn a_credential_that_is_refused_is_counted_and_a_first_question_is_not() {
        let metrics = Metrics::new();
        for (status, has_credential) in [(401, false), (401, true), (403, false), (404, true)] {
            metrics.begun();
            metrics.ended(&Seen {
                method: &Method::GET,
                route: "base",
                status: Some(status),
                has_credential,
                took: Duration::ZERO,
                bytes_in: 0,
                bytes_out: 0,
                is_complete: true,
            });
        }
        assert!(metrics.render().contains("transload_depot_auth_failures_total 2\n"));
    }
}
