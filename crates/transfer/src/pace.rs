//! How fast contents may pass, and when: limits that a person sets so that others can use the line too.
//!
//! What counts are the bytes of blobs, once, as they are read from where they come from. What goes out are the same
//! bytes, so that neither direction takes more than the rate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};
use transload_oci::Descriptor;
use transload_registry::{self as registry, ByteStream, Source};

use crate::engine::Engine;
use crate::event::{Event, WaitReason};

/// What may pass at once behind a pause: as much as the rate gives in this time.
const BURST: Duration = Duration::from_millis(250);
/// A clock may be set and a machine may sleep: so often it is looked at anew.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// So often it is looked whether a time in which bytes may move is over.
const LOOK_FOR_THE_END_EVERY: Duration = Duration::from_secs(1);

/// When bytes may move.
pub trait Schedule: fmt::Debug + Send + Sync {
    /// `None` when they may now, else how long they may not.
    fn closed(&self) -> Option<Closed>;
}

/// A time in which no bytes move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// How long from now.
    pub wait: Duration,
    /// Until when, for people and programs: date, time and offset (RFC 3339).
    pub until: String,
}

/// The pace of everything that an engine moves. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    rate: Option<Arc<Rate>>,
    schedule: Option<Arc<dyn Schedule>>,
    /// What was told last, so that it is told once and not by every blob.
    told: Arc<Mutex<Option<String>>>,
}

/// A bucket of tokens, kept as the moment at which it would be full again.
#[derive(Debug)]
struct Rate {
    bytes_per_second: u64,
    full_at: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most so many bytes a second (at least one), and only when `schedule` lets them.
    pub fn new(bytes_per_second: Option<u64>, schedule: Option<Arc<dyn Schedule>>) -> Self {
        let rate =
            bytes_per_second.map(|bytes| Rate { bytes_per_second: bytes.max(1), full_at: Mutex::default() });
        Self { rate: rate.map(Arc::new), schedule, told: Arc::default() }
    }

    /// The same pace, kept together with this one, for an operation whose events go elsewhere: it is told there too.
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self { told: Arc::default(), ..self.clone() }
    }

    /// How long no bytes may move, if they may not now.
    pub fn closed(&self) -> Option<Closed> {
        self.schedule.as_ref()?.closed()
    }

    /// Whether there are times in which no bytes move.
    pub fn has_schedule(&self) -> bool {
        self.schedule.is_some()
    }

    /// Until no bytes may move any more. Without a schedule that never is.
    pub async fn until_closed(&self) -> Closed {
        if !self.has_schedule() {
            return std::future::pending().await;
        }
        loop {
            if let Some(closed) = self.closed() {
                return closed;
            }
            sleep(LOOK_FOR_THE_END_EVERY).await;
        }
    }

    fn is_free(&self) -> bool {
        self.rate.is_none() && self.schedule.is_none()
    }
}

impl Rate {
    /// Takes tokens for so many bytes; when they are there.
    fn take(&self, bytes: u64, now: Instant) -> Instant {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut full_at = self.full_at.lock();
        let next = full_at.map_or(now, |full_at| full_at.max(now)) + cost;
        *full_at = Some(next);
        next.checked_sub(BURST).unwrap_or(now)
    }
}

impl Engine {
    /// Waits until bytes that have come may go on.
    pub(crate) async fn pass(&self, bytes: u64) {
        if let Some(rate) = &self.pace.rate {
            sleep_until(rate.take(bytes, Instant::now())).await;
        }
    }

    /// Waits until bytes may move at all. Whether it had to.
    pub(crate) async fn until_open(&self) -> bool {
        let Some(mut closed) = self.pace.closed() else { return false };
        loop {
            self.tell(&closed);
            sleep(closed.wait.min(LOOK_EVERY)).await;
            match self.pace.closed() {
                Some(still) => closed = still,
                None => return true,
            }
        }
    }

    /// Bytes that can be had but once, at this engine's pace: over a long wait they stand still.
    pub(crate) fn paced(&self, stream: ByteStream) -> ByteStream {
        if self.pace.is_free() {
            return stream;
        }
        let engine = self.clone();
        let at_pace = stream.then(move |chunk| {
            let engine = engine.clone();
            async move {
                engine.until_open().await;
                if let Ok(chunk) = &chunk {
                    engine.pass(chunk.len() as u64).await;
                }
                chunk
            }
        });
        at_pace.boxed()
    }

    fn tell(&self, closed: &Closed) {
        let mut told = self.pace.told.lock();
        if told.as_deref() != Some(&closed.until) {
            *told = Some(closed.until.clone());
            let (until, seconds) = (closed.until.clone(), closed.wait.as_secs());
            self.events.send(&Event::Waiting { reason: WaitReason::Window, subject: None, until, seconds });
        }
    }

    /// A blob from `offset` on, at this engine's pace. Over a long wait the connection would be cut: it is let go
    /// of, and the blob taken up again where it stood.
    pub(crate) async fn blob(
        &self,
        source: &Arc<dyn Source>,
        repository: &str,
        blob: &Descriptor,
        offset: u64,
    ) -> Result<ByteStream, registry::Error> {
        self.until_open().await;
        let opened = source.blob(repository, blob, offset).await?;
        if self.pace.is_free() {
            return Ok(opened);
        }
        let paced = Paced {
            engine: self.clone(),
            source: Arc::clone(source),
            repository: repository.to_owned(),
            blob: blob.clone(),
            position: offset,
            stream: opened,
        };
        Ok(stream::try_unfold(paced, Paced::step).boxed())
    }
}

struct Paced {
    engine: Engine,
    source: Arc<dyn Source>,
    repository: String,
    blob: Descriptor,
    /// The byte that comes next.
    position: u64,
    stream: ByteStream,
}

impl Paced {
    async fn step(mut self) -> Result<Option<(bytes::Bytes, Self)>, registry::Error> {
        if self.engine.until_open().await && self.position < self.blob.size {
            self.stream = self.source.blob(&self.repository, &self.blob, self.position).await?;
        }
        let Some(chunk) = self.stream.next().await.transpose()? else { return Ok(None) };
        self.position += chunk.len() as u64;
        self.engine.pass(chunk.len() as u64).await;
        Ok(Some((chunk, self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_holds_over_time_and_a_pause_is_not_saved_up() {
        let rate = Rate { bytes_per_second: 1000, full_at: Mutex::default() };
        let start = Instant::now();
        // the burst passes at once, what follows at the rate
        assert!(rate.take(250, start) <= start);
        assert_eq!(rate.take(1000, start), start + Duration::from_secs(1));
        assert_eq!(rate.take(1000, start), start + Duration::from_secs(2));
        let later = start + Duration::from_secs(100);
        assert_eq!(rate.take(1250, later), later + Duration::from_secs(1));
    }

    #[test]
    fn operations_of_one_pace_share_its_rate() {
        let pace = Pace::new(Some(1000), None);
        let (one, other) = (pace.for_another(), pace.for_another());
        let start = Instant::now();
        one.rate.unwrap().take(250, start);
        assert_eq!(other.rate.unwrap().take(1000, start), start + Duration::from_secs(1));
    }
}
