//! What is forgotten in time.

use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use transload_control::Control;
use transload_control::ledger::Retention;

/// Forgets what is older than `retention`, now and then, until `stop`.
pub(super) async fn prune(control: Control, retention: Option<Duration>, stop: CancellationToken) {
    let Some(age) = retention else { return };
    loop {
        let before = OffsetDateTime::now_utc().checked_sub(age.try_into().unwrap_or(time::Duration::MAX));
        // runs stay until somebody deletes them: they are resources
        let retention = Retention { operations_before: before, runs_before: None, audit_before: before };
        match control.ledger().prune(&retention).await {
            Ok(pruned) => tracing::debug!(?pruned, "forgot what is old"),
            Err(error) => tracing::warn!(%error, "what is old cannot be forgotten now"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(super::PRUNE_EVERY) => {}
        }
    }
}

/// Ends runs whose worker is gone and that are not to be tried again, until `stop`: also where no worker of this process
/// would do so.
pub(super) async fn sweep(control: Control, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(super::SWEEP_EVERY) => {}
        }
        if let Err(error) = control.ledger().sweep().await {
            tracing::warn!(%error, "runs whose worker is gone cannot be looked for now");
        }
    }
}
