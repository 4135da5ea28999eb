//! Memory that may be taken, all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number of bytes that is shared.
#[derive(Debug)]
pub(crate) struct Budget {
    max: u64,
    taken: AtomicU64,
}

/// Bytes taken from a budget; given back on drop.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(max: u64) -> Arc<Self> {
        Arc::new(Self { max, taken: AtomicU64::new(0) })
    }

    pub(crate) fn nothing(self: &Arc<Self>) -> Held {
        Held { budget: Arc::clone(self), bytes: 0 }
    }

    /// `None` when that much is not left.
    pub(crate) fn take(self: &Arc<Self>, bytes: u64) -> Option<Held> {
        let mut held = self.nothing();
        held.grow(bytes).then_some(held)
    }
}

impl Held {
    /// Takes more; `false`, and nothing taken, when that much is not left.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: u64) -> bool {
        let within = |taken: u64| taken.checked_add(bytes).filter(|&sum| sum <= self.budget.max);
        let taken = self.budget.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok();
        if taken {
            self.bytes += bytes;
        }
        taken
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let budget = Budget::new(10);
        let mut held = budget.take(6).unwrap();
        assert!(budget.take(5).is_none());
        assert!(held.grow(4) && !held.grow(1));
        drop(held);
        assert!(budget.take(10).is_some());
    }
}
