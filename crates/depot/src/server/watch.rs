//! Watching a request to its end, however it ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::metrics::Seen;
use super::record::{AccessLog, Asked, Record};
use super::stall::Alarm;
use super::{Arrival, Metrics, RequestId, RouteName, Shared};
use crate::access::Caller;

/// Counts a request and tells of it when it is dropped: with the last byte of its answer, or with its connection.
#[derive(Debug)]
pub(super) struct Watch {
    metrics: Metrics,
    started: Instant,
    method: Method,
    has_credential: bool,
    taken: Arc<AtomicU64>,
    given: u64,
    answer: Option<Answered>,
    is_complete: bool,
    log: Option<Logged>,
    /// The place among the requests in flight.
    _permit: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Answered {
    status: u16,
    route: &'static str,
}

/// What only the log wants to know.
#[derive(Debug)]
struct Logged {
    to: Arc<dyn AccessLog>,
    at: SystemTime,
    asked: Asked,
    peer: std::net::SocketAddr,
    id: RequestId,
    user: Option<String>,
}

impl Watch {
    pub(super) fn new(request: &Request, arrival: Arrival, id: RequestId, shared: &Shared) -> Self {
        shared.metrics.begun();
        let log = shared.log.as_ref().map(|to| Logged {
            to: Arc::clone(to),
            at: SystemTime::now(),
            asked: Asked::of(request.method(), request.uri(), request.headers()),
            peer: arrival.peer,
            id,
            user: None,
        });
        Self {
            metrics: shared.metrics.clone(),
            started: Instant::now(),
            method: request.method().clone(),
            has_credential: request.headers().contains_key(header::AUTHORIZATION),
            taken: Arc::default(),
            given: 0,
            answer: None,
            is_complete: false,
            log,
            _permit: None,
        }
    }

    pub(super) fn hold(&mut self, permit: OwnedSemaphorePermit) {
        self._permit = Some(permit);
    }

    /// Where the bytes of the request's body are counted.
    pub(super) fn taken(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.taken)
    }

    /// The head of the answer is there.
    pub(super) fn answered(&mut self, response: &Response) {
        let route = response.extensions().get::<RouteName>().map_or("other", |name| name.0);
        self.answer = Some(Answered { status: response.status().as_u16(), route });
        if let Some(log) = &mut self.log {
            log.user = response.extensions().get::<Caller>().and_then(Caller::user).map(str::to_owned);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let bytes_in = self.taken.load(Ordering::Relaxed);
        let status = self.answer.as_ref().map(|answer| answer.status);
        self.metrics.ended(&Seen {
            method: &self.method,
            route: self.answer.as_ref().map_or("other", |answer| answer.route),
            status,
            has_credential: self.has_credential,
            took,
            bytes_in,
            bytes_out: self.given,
            is_complete: self.is_complete,
        });
        let Some(log) = self.log.take() else { return };
        log.to.record(Record {
            at: log.at,
            peer: log.peer,
            user: log.user,
            asked: log.asked,
            status,
            bytes_out: self.given,
            bytes_in,
            took,
            id: log.id.0,
            is_complete: self.is_complete,
        });
    }
}

/// The body of a request, counted as it comes, and given up when nothing comes for too long.
#[derive(Debug)]
pub(super) struct Incoming {
    body: Body,
    taken: Arc<AtomicU64>,
    alarm: Alarm,
}

impl Incoming {
    pub(super) fn new(body: Body, taken: Arc<AtomicU64>, idle: Duration) -> Self {
        Self { body, taken, alarm: Alarm::new(idle) }
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            return self
                .alarm
                .poll(context)
                .map(|()| Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut)))));
        };
        self.alarm.stop();
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref) {
            self.taken.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer; with it the request ends.
#[derive(Debug)]
pub(super) struct Outgoing {
    body: Body,
    watch: Watch,
    expected: Option<u64>,
}

impl Outgoing {
    pub(super) fn new(body: Body, mut watch: Watch, headers: &HeaderMap) -> Self {
        let announced = headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|len| len.to_str().ok()).and_then(|len| len.parse().ok());
        // an answer to HEAD announces a length and has no body
        let has_none = watch.method == Method::HEAD || body.is_end_stream();
        watch.is_complete = has_none;
        Self { expected: announced.filter(|_| !has_none), body, watch }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            None => self.watch.is_complete = self.expected.is_none_or(|len| len == self.watch.given),
            Some(Ok(frame)) => {
                self.watch.given += frame.data_ref().map_or(0, |data| data.len() as u64);
                // a body whose length was announced is not asked again when it has given that much
                if self.expected == Some(self.watch.given) || self.body.is_end_stream() {
                    self.watch.is_complete = true;
                }
            }
            Some(Err(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
