//! Doing deployments in the background: claiming them, saying that they are still at work, writing down how they ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use transload_control::Error;
use transload_control::deployment::{DeploymentRecord, DeploymentState, DeploymentText};
use transload_control::ledger::{DeploymentBeat, DeploymentClaim};

use super::job::Job;
use crate::face::{Face, Server};
use crate::limits::Limits;

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
        // by their depth: those that wait for nested ones must not keep these from being done
        let mut sets: Vec<JoinSet<()>> = Vec::new();
        let limits = &face.options.limits;
        let pause = Duration::from_millis(limits.deployment_look_millis);
        while !stop.is_cancelled() {
            for set in &mut sets {
                while set.try_join_next().is_some() {}
            }
            let full = full(&sets, limits.deployments_at_once);
            let lease = Duration::from_secs(limits.deployment_lease_seconds);
            let asked = Instant::now();
            match face.control.ledger().claim_deployment(name, lease, &full).await {
                Ok(Some(claim)) => {
                    let depth = claim.deployment.depth as usize;
                    if sets.len() <= depth {
                        sets.resize_with(depth + 1, JoinSet::new);
                    }
                    sets[depth].spawn(work(Arc::clone(face), claim, asked, stop.child_token()));
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
        for mut set in sets {
            while set.join_next().await.is_some() {}
        }
    }
}

/// Depths at which no more is to be begun.
fn full(sets: &[JoinSet<()>], most: usize) -> Vec<u32> {
    (0..).zip(sets).filter(|(_, set)| set.len() >= most).map(|(depth, _)| depth).collect()
}

/// Does one, as long as it is this server's; `asked` is when it asked for it.
async fn work(face: Arc<Face>, claim: DeploymentClaim, asked: Instant, stop: CancellationToken) {
    let (id, operation) = (claim.deployment.id.clone(), claim.deployment.operation);
    let cancel = CancellationToken::new();
    if claim.deployment.stopping {
        cancel.cancel();
    }
    tracing::info!(deployment = %id, attempt = claim.attempt, "a deployment is begun");
    let job = Job::new(&face, &claim, cancel.clone());
    let ended = tokio::select! {
        ended = job.run() => ended,
        () = keep(&face.options.limits, asked, &cancel, || beat(&face, &claim)) => {
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

async fn beat(face: &Face, claim: &DeploymentClaim) -> Result<DeploymentBeat, Error> {
    let lease = Duration::from_secs(face.options.limits.deployment_lease_seconds);
    face.control.ledger().beat_deployment(claim.deployment.operation, claim.fence, lease).await
}

/// Says again and again that this server is at it, which it is since `asked`; returns when it is so no longer, or when that is
/// not known: without a word for so long another may have it.
async fn keep<F>(limits: &Limits, asked: Instant, cancel: &CancellationToken, beat: impl Fn() -> F)
where
    F: Future<Output = Result<DeploymentBeat, Error>>,
{
    let lease = Duration::from_secs(limits.deployment_lease_seconds);
    let pause = Duration::from_millis(limits.deployment_beat_millis);
    // the ledger counts from when it was told, which is not before it was asked to be
    let mut until = asked + lease;
    loop {
        tokio::time::sleep_until(until.min(Instant::now() + pause)).await;
        let said = Instant::now();
        match tokio::time::timeout_at(until, beat()).await {
            Ok(Ok(DeploymentBeat::Lost)) | Err(_) => return,
            Ok(Ok(beat)) => {
                until = said + lease;
                if beat == DeploymentBeat::Stop {
                    cancel.cancel();
                }
            }
            Ok(Err(_)) if said >= until => return,
            Ok(Err(error)) => tracing::warn!(%error, "a deployment's heartbeat failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use transload_control::Code;

    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    async fn kept<F>(asked: Instant, beat: impl Fn() -> F) -> Duration
    where
        F: Future<Output = Result<DeploymentBeat, Error>>,
    {
        keep(&Limits::default(), asked, &CancellationToken::new(), beat).await;
        asked.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_ledger_that_does_not_answer_is_waited_for_as_long_as_the_lease() {
        assert_eq!(kept(Instant::now(), std::future::pending).await, LEASE);
        let down = || async { Err(Error::new(Code::LedgerUnavailable, "down")) };
        assert_eq!(kept(Instant::now(), down).await, LEASE);
    }

    #[tokio::test(start_paused = true)]
    async fn the_lease_began_when_it_was_asked_for() {
        let asked = Instant::now();
        tokio::time::advance(LEASE * 2).await;
        assert_eq!(kept(asked, std::future::pending).await, LEASE * 2, "it is over already");
    }

    #[tokio::test(start_paused = true)]
    async fn a_word_lasts_from_when_it_was_said() {
        let said = std::sync::atomic::AtomicU32::new(0);
        let beat = || {
            let first = said.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
            async move {
                if !first {
                    return std::future::pending().await;
                }
                tokio::time::sleep(LEASE / 3).await;
                Ok(DeploymentBeat::Go)
            }
        };
        let first = Duration::from_millis(Limits::default().deployment_beat_millis);
        assert_eq!(kept(Instant::now(), beat).await, first + LEASE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_told_to_stop_goes_on_until_it_is_lost() {
        let (cancel, told) = (CancellationToken::new(), std::sync::atomic::AtomicU32::new(0));
        let beat = || {
            let before = told.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move { Ok(if before == 0 { DeploymentBeat::Stop } else { DeploymentBeat::Lost }) }
        };
        keep(&Limits::default(), Instant::now(), &cancel, beat).await;
        assert!(cancel.is_cancelled());
    }
}
