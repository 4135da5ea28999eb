//! What is forgotten in time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use transload_control::Control;
use transload_control::ledger::Retention;

/// Forgets what is older than `retention`, now and then, until `stop`.
pub(super) async fn prune(control: Control, retention: Option<Duration>, stop: CancellationToken) {
    let Some(age) = retention else { return };
    let retention = Retention::older_than(age);
    loop {
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
