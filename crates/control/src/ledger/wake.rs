//! Waking those that wait for work: within this process at once, from other processes by PostgreSQL's notifications.

use std::time::Duration;

use sqlx::postgres::PgListener;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

/// How long after a lost connection it is tried again. Those that wait look by themselves until then.
const RECONNECT_PAUSE: Duration = Duration::from_secs(2);

/// Those who wait. A word that finds nobody waiting is kept for the next who does.
#[derive(Debug, Clone, Default)]
pub(super) struct Wake {
    work: Arc<Notify>,
    pokes: Arc<Notify>,
    closed: CancellationToken,
}

impl Wake {
    /// The channel that says that there is something to claim.
    pub(super) const WORK: &str = "transload_work";
    /// The channel that says that a container was written to.
    pub(super) const POKES: &str = "transload_pokes";

    /// Wakes one that waits for work, and all that wait for containers.
    pub(super) fn woken(&self, work: bool, pokes: bool) {
        if work {
            self.work.notify_one();
        }
        if pokes {
            // each worker has watches of its own, so all are told
            self.pokes.notify_waiters();
            self.pokes.notify_one();
        }
    }

    /// Until there is something to claim, or the time is over.
    pub(super) async fn work(&self, most: Duration) {
        self.wait(&self.work, most).await;
    }

    /// Until a container was written to, or the time is over.
    pub(super) async fn pokes(&self, most: Duration) {
        self.wait(&self.pokes, most).await;
    }

    async fn wait(&self, on: &Notify, most: Duration) {
        tokio::select! {
            () = on.notified() => {}
            () = self.closed.cancelled() => {}
            () = tokio::time::sleep(most) => {}
        }
    }

    /// Nobody waits any longer.
    pub(super) fn close(&self) {
        self.closed.cancel();
    }
}

/// Listens to what other processes say until the guard is dropped.
pub(super) fn listen(url: Url, wake: Wake) -> DropGuard {
    let closed = wake.closed.clone();
    let ended = closed.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = ended.cancelled() => {}
            () = listen_for_ever(url, wake) => {}
        }
    });
    closed.drop_guard()
}

async fn listen_for_ever(url: Url, wake: Wake) {
    loop {
        if let Err(why) = listen_once(&url, &wake).await {
            // the text is of the driver's own and has no URL in it
            tracing::warn!(error = %why, "not told of new work by PostgreSQL; looking for it at intervals");
        }
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

async fn listen_once(url: &Url, wake: &Wake) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect(url.as_str()).await?;
    listener.listen_all([Wake::WORK, Wake::POKES]).await?;
    // what was said before this is not heard
    wake.woken(true, true);
    loop {
        match listener.try_recv().await? {
            Some(said) => wake.woken(said.channel() == Wake::WORK, said.channel() == Wake::POKES),
            // the connection was lost and is there again
            None => wake.woken(true, true),
        }
    }
}
