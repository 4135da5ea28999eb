//! What keeps a collection of garbage from taking what has just come to be needed.

use std::collections::HashSet;

use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use transload_oci::Digest;

/// Whoever makes something point at a blob or a manifest does so inside [`pointing`](Self::pointing), and notes its
/// digest. A collection that runs asks for the notes inside [`removing`](Self::removing), when nobody is pointing.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    gate: RwLock<()>,
    /// Digests that were pointed at since the running collection began; `None` while there is none.
    noted: Mutex<Option<HashSet<Digest>>>,
}

/// The right to make something point at digests.
#[derive(Debug)]
pub(super) struct Pointing<'a> {
    sweep: &'a Sweep,
    _gate: RwLockReadGuard<'a, ()>,
}

/// The right to remove what nothing points at.
#[derive(Debug)]
pub(super) struct Removing<'a> {
    // let go of in this order
    noted: MutexGuard<'a, Option<HashSet<Digest>>>,
    _gate: RwLockWriteGuard<'a, ()>,
}

impl Sweep {
    pub(super) fn pointing(&self) -> Pointing<'_> {
        Pointing { sweep: self, _gate: self.gate.read() }
    }

    /// Begins a collection; `false` when there is one already.
    pub(super) fn begin(&self) -> bool {
        // whoever is pointing now has noted it nowhere, and has to be done before anything is marked
        let _gate = self.gate.write();
        let mut noted = self.noted.lock();
        let begun = noted.is_none();
        noted.get_or_insert_default();
        begun
    }

    /// Ends the collection.
    pub(super) fn end(&self) {
        *self.noted.lock() = None;
    }

    /// Keeps everybody from pointing for as long as the value lives, which has to be short.
    pub(super) fn removing(&self) -> Removing<'_> {
        let gate = self.gate.write();
        Removing { noted: self.noted.lock(), _gate: gate }
    }
}

impl Pointing<'_> {
    pub(super) fn note(&self, digest: &Digest) {
        if let Some(noted) = self.sweep.noted.lock().as_mut() {
            noted.insert(*digest);
        }
    }
}

impl Removing<'_> {
    /// Whether this was pointed at since the collection began.
    pub(super) fn is_noted(&self, digest: &Digest) -> bool {
        self.noted.as_ref().is_some_and(|noted| noted.contains(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pointed_at_during_a_collection_is_noted() {
        let (before, during) = (Digest::sha256(b"before"), Digest::sha256(b"during"));
        let sweep = Sweep::default();
        sweep.pointing().note(&before);
        assert!(sweep.begin() && !sweep.begin());
        sweep.pointing().note(&during);
        let removing = sweep.removing();
        assert!(removing.is_noted(&during) && !removing.is_noted(&before));
        drop(removing);
        sweep.end();
        assert!(sweep.begin());
        assert!(!sweep.removing().is_noted(&during));
    }
}
