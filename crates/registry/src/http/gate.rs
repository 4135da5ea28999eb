//! One gate per host: who is asked to wait makes everybody wait who talks to the same host, and only so many are
//! let through at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use url::Url;

/// Hosts, who talks to them, and until when they want silence.
pub(super) struct Gate {
    closed: Mutex<HashMap<String, Instant>>,
    /// How many requests a host may have under way; `None` for any number.
    at_once_max: Option<usize>,
    lanes: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A request's place among those of its host, until its answer has been read.
pub(crate) struct Turn {
    _place: Option<OwnedSemaphorePermit>,
}

impl Gate {
    /// With at most so many requests at once to each host.
    pub(super) fn new(at_once_max: Option<usize>) -> Self {
        Self { closed: Mutex::default(), at_once_max, lanes: Mutex::default() }
    }

    /// Waits until the host may be asked.
    pub(super) async fn wait(&self, url: &Url) -> Turn {
        let place = match self.lane(url) {
            // a lane is never closed
            Some(lane) => lane.acquire_owned().await.ok(),
            None => None,
        };
        // Looked at again after each wait: another request may have been told to wait longer.
        while let Some(until) = self.until(url) {
            tokio::time::sleep_until(until).await;
        }
        Turn { _place: place }
    }

    /// Nobody asks this host for so long. Whether it would have been asked before that.
    pub(super) fn close(&self, url: &Url, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut closed = self.closed.lock();
        let was_open = !closed.contains_key(&key(url));
        let entry = closed.entry(key(url)).or_insert(until);
        *entry = (*entry).max(until);
        was_open
    }

    fn lane(&self, url: &Url) -> Option<Arc<Semaphore>> {
        let at_once_max = self.at_once_max?;
        let lane = || Arc::new(Semaphore::new(at_once_max.max(1)));
        Some(self.lanes.lock().entry(key(url)).or_insert_with(lane).clone())
    }

    fn until(&self, url: &Url) -> Option<Instant> {
        let mut closed = self.closed.lock();
        if closed.is_empty() {
            return None;
        }
        let until = *closed.get(&key(url))?;
        if until > Instant::now() {
            return Some(until);
        }
        closed.remove(&key(url));
        None
    }
}

fn key(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}
