//! Peers that tests share while several of them run.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use transload_testkit::peers::Azurite;

/// The Azurite of everybody who runs now; each test has a container of its own. It ends with the last of them: a
/// peer in a `static` would outlive the tests.
pub(crate) fn azurite() -> Arc<Azurite> {
    static SHARED: Mutex<Weak<Azurite>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let started = Arc::new(Azurite::start());
        *shared = Arc::downgrade(&started);
        started
    })
}
