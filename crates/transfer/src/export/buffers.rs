//! Block buffers: as many as the memory bound allows, each used again and again.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A bounded set of block buffers.
#[derive(Debug, Clone)]
pub(super) struct Buffers {
    permits: Arc<Semaphore>,
    most: u32,
    idle: Arc<Mutex<Vec<BytesMut>>>,
    block_bytes: usize,
}

/// The right to hold a buffer, and the buffer.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) bytes: BytesMut,
    permit: OwnedSemaphorePermit,
}

/// A filled buffer on its way to the store.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) bytes: Bytes,
    permit: OwnedSemaphorePermit,
}

impl Buffers {
    pub(super) fn new(memory_bytes_max: u64, block_bytes: u64) -> Self {
        let most = (memory_bytes_max / block_bytes.max(1)).clamp(2, 1024) as u32;
        Self {
            permits: Arc::new(Semaphore::new(most as usize)),
            most,
            idle: Arc::default(),
            block_bytes: usize::try_from(block_bytes).unwrap_or(usize::MAX),
        }
    }

    /// How many there are.
    pub(super) fn most(&self) -> usize {
        self.most as usize
    }

    /// Waits for a buffer. `None` once the set is closed, which it never is.
    pub(super) async fn take(&self) -> Option<Buffer> {
        self.take_counting(1).await
    }

    /// Waits for a buffer that counts as several: for work that needs that much memory beside it.
    pub(super) async fn take_counting(&self, count: u32) -> Option<Buffer> {
        let permit = Arc::clone(&self.permits).acquire_many_owned(count.min(self.most)).await.ok()?;
        let idle = self.idle.lock().pop();
        Some(Buffer { bytes: idle.unwrap_or_else(|| BytesMut::with_capacity(self.block_bytes)), permit })
    }

    /// Gives a buffer back when the store is through with it.
    pub(super) fn give_back(&self, filled: Filled) {
        if let Ok(mut bytes) = filled.bytes.try_into_mut() {
            bytes.clear();
            self.idle.lock().push(bytes);
        }
        drop(filled.permit);
    }
}

impl Buffer {
    pub(super) fn freeze(self) -> Filled {
        Filled { bytes: self.bytes.freeze(), permit: self.permit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn buffers_are_used_again_and_never_exceed_their_number() {
        let buffers = Buffers::new(3 * 1024, 1024);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(buffers.take().await.unwrap());
        }
        assert_eq!(buffers.permits.available_permits(), 0);
        let mut first = held.pop().unwrap();
        first.bytes.extend_from_slice(b"x");
        let at = first.bytes.as_ptr();
        buffers.give_back(first.freeze());
        let again = buffers.take().await.unwrap();
        assert_eq!(again.bytes.as_ptr(), at);
        assert!(again.bytes.is_empty());
    }
}
