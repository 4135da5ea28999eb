//! Limits that a person sets: what waits goes on where it stood, and what arrives is the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use transload_registry::Source;
use transload_transfer::{Closed, Engine, Event, Events, Outcome, Pace, Schedule, WaitReason};

use crate::support::*;

/// Closes for a moment every few times it is asked.
#[derive(Debug, Default)]
struct Flickering(AtomicUsize);

impl Schedule for Flickering {
    fn closed(&self) -> Option<Closed> {
        let asked = self.0.fetch_add(1, Ordering::SeqCst);
        (asked % 5 == 3).then(|| Closed { wait: Duration::from_millis(1), until: format!("moment {asked}") })
    }
}

/// An engine that waits, and what it told of it.
fn waiting(rate: Option<u64>) -> (Engine, Arc<Mutex<Vec<String>>>) {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let tell = Arc::clone(&told);
    let events = Events::to(Arc::new(move |event: &Event| {
        if let Event::Waiting { reason: WaitReason::Window, until, .. } = event {
            tell.lock().push(until.clone());
        }
    }));
    let pace = Pace::new(rate, Some(Arc::new(Flickering::default())));
    (Engine::new(limits(), events, CancellationToken::new()).with_pace(pace), told)
}

#[tokio::test]
async fn a_transfer_that_waits_in_between_moves_the_same() {
    for order in ORDERS {
        let (source, plain, paced) = (source(), store(order), store(order));
        export(&source, &plain, &["team/app", "team/web"]).await;
        source.reset_counters();
        let (engine, told) = waiting(None);
        let report = export_of(&source, &paced, &["team/app", "team/web"]).run(&engine).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
        assert_eq!(paced.bytes(BUNDLE), plain.bytes(BUNDLE));
        assert!(!told.lock().is_empty());
        let mut once = told.lock().clone();
        once.dedup();
        assert_eq!(once, *told.lock(), "a wait is told once");
        let read = source.counters().blobs_read as usize;
        assert!(read > report.totals.blobs, "connections are let go of while it waits: {read}");

        let target = target();
        let (engine, told) = waiting(Some(1 << 30));
        let report = import_of(&paced, &target).run(&engine).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
        assert!(!told.lock().is_empty());
        assert_eq!(tags(&target), tags(&source));
        assert!(target.manifest("team/app", "v1").await.is_ok());
    }
}
