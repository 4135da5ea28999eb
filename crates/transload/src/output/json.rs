//! Events as JSON lines on stdout.

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;
use transload_oci::Digest;
use transload_transfer::{Event, Observer};

/// Progress of one blob is told so often at most.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Bytes of each blob that were not told yet, and when it was last told.
pub(super) struct JsonLines(Mutex<HashMap<Digest, (Instant, u64)>>);

/// Something that is no event of the engine, with its name beside it.
#[derive(Serialize)]
pub(super) struct Tagged<'a, T: Serialize> {
    pub(super) event: &'a str,
    #[serde(flatten)]
    pub(super) content: &'a T,
}

impl JsonLines {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Adds up progress; the sum, when it is time to tell it.
    fn add(&self, digest: Digest, bytes: u64) -> Option<u64> {
        let mut told = self.0.lock();
        let (last, untold) = told.entry(digest).or_insert_with(|| (Instant::now(), 0));
        *untold += bytes;
        if last.elapsed() < PROGRESS_EVERY {
            return None;
        }
        *last = Instant::now();
        Some(std::mem::take(untold))
    }

    fn rest(&self, digest: &Digest) -> Option<u64> {
        self.0.lock().remove(digest).map(|(_, untold)| untold).filter(|untold| *untold > 0)
    }
}

impl Observer for JsonLines {
    fn event(&self, event: &Event) {
        match event {
            Event::BlobProgress { digest, bytes } => {
                if let Some(bytes) = self.add(*digest, *bytes) {
                    line(&Event::BlobProgress { digest: *digest, bytes });
                }
            }
            Event::BlobFinished { digest, .. } => {
                if let Some(bytes) = self.rest(digest) {
                    line(&Event::BlobProgress { digest: *digest, bytes });
                }
                line(event);
            }
            other => line(other),
        }
    }
}

/// One value, one line.
pub(super) fn line(value: &impl Serialize) {
    if let Ok(mut text) = serde_json::to_vec(value) {
        text.push(b'\n');
        // a reader that has gone away is no failure of ours
        if super::stdout_is_data() {
            let _ = std::io::stderr().lock().write_all(&text);
            return;
        }
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(&text).and_then(|()| stdout.flush());
    }
}
