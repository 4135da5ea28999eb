//! Doing deployments in the background: claiming them, saying that they are still at work, writing down how they ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use transload_control::deployment::{DeploymentRecord, DeploymentState, DeploymentText};
use transload_control::ledger::{DeploymentBeat, DeploymentClaim};

use super::job::Job;
use crate::face::{Face, Server};

/// How a deployment ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) state: DeploymentState,
    pub(crate) record: DeploymentRecord,
    /// What is kept of it for an export.
    pub(crate) text: DeploymentText,
}

impl Server {
    /// Does deployments until it is told to stop; those that are under way then are given back and go on where they were,
    /// here or at another server of the same ledger. `name` names this process in the ledger.
    pub async fn deployments(&self, name: &str, stop: CancellationToken) {
        let face = self.face();
        let (mut outer, mut nested) = (JoinSet::new(), JoinSet::new());
        let limits = &face.options.limits;
        let pause = Duration::from_millis(limits.deployment_look_millis);
        while !stop.is_cancelled() {
            while outer.try_join_next().is_some() {}
            while nested.try_join_next().is_some() {}
            // those that wait for a nested one must not keep it from being done
            let nested_only = outer.len() >= limits.deployments_at_once;
            let lease = Duration::from_secs(limits.deployment_lease_seconds);
            match face.control.ledger().claim_deployment(name, lease, nested_only).await {
                Ok(Some(claim)) => {
                    let set = if claim.deployment.depth == 0 { &mut outer } else { &mut nested };
                    set.spawn(work(Arc::clone(face), claim, stop.child_token()));
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "deployments cannot be claimed"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = face.deployments.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        while outer.join_next().await.is_some() {}
        while nested.join_next().await.is_some() {}
    }
}

/// Does one, as long as it is this server's.
async fn work(face: Arc<Face>, claim: DeploymentClaim, stop: CancellationToken) {
    let (id, operation) = (claim.deployment.id.clone(), claim.deployment.operation);
    let cancel = CancellationToken::new();
    if claim.deployment.stopping {
        cancel.cancel();
    }
    tracing::info!(deployment = %id, attempt = claim.attempt, "a deployment is begun");
    let job = Job::new(&face, &claim, cancel.clone());
    let ended = tokio::select! {
        ended = job.run() => ended,
        () = keep(&face, &claim, &cancel) => {
            tracing::warn!(deployment = %id, "a deployment was lost to another server, or is gone");
            return;
        }
        () = stop.cancelled() => None,
    };
    let ledger = face.control.ledger();
    let written = match ended {
        // to be gone on with: this server ends, or its ledger did not answer
        None => {
            let pause = Duration::from_millis(face.options.limits.deployment_look_millis);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
            ledger.release_deployment(operation, claim.fence).await.map(|()| true)
        }
        Some(end) => {
            tracing::info!(deployment = %id, state = end.state.name(), "a deployment ended");
            match face.control.seal_deployment(operation, &end.text) {
                Ok(sealed) => {
                    ledger.end_deployment(operation, claim.fence, end.state, &end.record, &sealed).await
                }
                Err(error) => Err(error),
            }
        }
    };
    if let Err(error) = written {
        tracing::error!(deployment = %id, %error, "how a deployment ended was not written down");
    }
    face.deployments.notify_one();
}

/// Says again and again that this server is at it; returns when it is so no longer.
async fn keep(face: &Face, claim: &DeploymentClaim, cancel: &CancellationToken) {
    let limits = &face.options.limits;
    let lease = Duration::from_secs(limits.deployment_lease_seconds);
    let mut until = Instant::now() + lease;
    loop {
        tokio::time::sleep(Duration::from_millis(limits.deployment_beat_millis)).await;
        let said = Instant::now();
        let beat =
            face.control.ledger().beat_deployment(claim.deployment.operation, claim.fence, lease).await;
        match beat {
            Ok(DeploymentBeat::Lost) => return,
            Ok(beat) => {
                until = said + lease;
                if beat == DeploymentBeat::Stop {
                    cancel.cancel();
                }
            }
            // without a word for so long another may have it
            Err(_) if Instant::now() >= until => return,
            Err(_) => {}
        }
    }
}
