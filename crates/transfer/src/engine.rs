//! What every operation runs on: bounds, events, cancellation.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::code::Code;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::limits::Limits;
use crate::pace::Pace;

/// Bounds, events and cancellation of one operation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Bounds.
    pub limits: Limits,
    /// Where events go.
    pub events: Events,
    /// Stops the operation: within moments, with everything staged kept.
    pub cancel: CancellationToken,
    /// How fast contents pass, and when.
    pub pace: Pace,
    requests: Arc<Semaphore>,
}

impl Engine {
    /// An engine with these bounds that tells `events`.
    pub fn new(limits: Limits, events: Events, cancel: CancellationToken) -> Self {
        let requests = Arc::new(Semaphore::new(limits.requests_at_once.max(1)));
        Self { limits, events, cancel, pace: Pace::default(), requests }
    }

    /// The same at this pace.
    #[must_use]
    pub fn with_pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Runs one small request, waiting for its turn.
    pub(crate) async fn request<T>(&self, request: impl Future<Output = T>) -> T {
        // the semaphore is never closed: an error here cannot happen, and would only mean no waiting
        let _turn = self.requests.acquire().await;
        request.await
    }

    /// Runs work until it ends or the operation is cancelled.
    pub(crate) async fn until_cancelled<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::new(Code::Interrupted, "", "stopped on request")),
            done = work => done,
        }
    }

    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.events.send(&Event::Warning { message: message.into() });
    }
}
