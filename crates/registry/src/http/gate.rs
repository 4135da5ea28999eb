//! One gate per host: who is asked to wait makes everybody wait who talks to the same host.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use url::Url;

/// Hosts that asked for silence, and until when.
#[derive(Default)]
pub(super) struct Gate {
    closed: Mutex<HashMap<String, Instant>>,
}

impl Gate {
    /// Waits until the host may be asked.
    pub(super) async fn wait(&self, url: &Url) {
        // Looked at again after each wait: another request may have been told to wait longer.
        while let Some(until) = self.until(url) {
            tokio::time::sleep_until(until).await;
        }
    }

    /// Nobody asks this host for so long.
    pub(super) fn close(&self, url: &Url, pause: Duration) {
        let until = Instant::now() + pause;
        let mut closed = self.closed.lock();
        let entry = closed.entry(key(url)).or_insert(until);
        *entry = (*entry).max(until);
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
