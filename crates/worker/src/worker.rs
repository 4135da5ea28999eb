//! The worker: takes runs as long as there is room, and ends in good order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use transload_control::Ledger;
use transload_control::ledger::{Claim, Ending, Wanted};
use transload_endpoints::Endpoints;

use crate::attempt::Attempt;
use crate::options::WorkerOptions;
use crate::outside::{Hosted, Secrets};
use crate::perform::{Bench, perform, task_of};
use crate::progress::Progress;
use crate::reach::Reach;
use crate::trigger;

/// How long to wait for work that nobody tells of.
const IDLE: Duration = Duration::from_secs(5);
/// The least that is waited for a window that is about to open.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// After the ledger did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes runs and performs them, and watches containers.
#[derive(Debug, Clone)]
pub struct Worker {
    pub(crate) reach: Arc<Reach>,
    pub(crate) options: Arc<WorkerOptions>,
}

impl Worker {
    /// A worker on this ledger. Nothing happens before [`run`](Self::run).
    pub fn new(
        ledger: Ledger,
        endpoints: Endpoints,
        secrets: Arc<dyn Secrets>,
        hosted: Arc<dyn Hosted>,
        options: WorkerOptions,
    ) -> Self {
        let suffix = options.storage_suffix.clone();
        let reach = Arc::new(Reach::new(ledger, endpoints, secrets, hosted, suffix));
        Self { reach, options: Arc::new(options) }
    }

    /// Works until it is told to stop. Then the runs that it has are given back, for another worker to go on with: what they
    /// staged or pushed stays. Dropping this future stops at once; its runs go to others when their leases have run out.
    pub async fn run(&self, stop: CancellationToken) {
        tracing::info!(worker = self.options.name, "worker started");
        let watching = async {
            if self.options.watches {
                trigger::watch(self, &stop).await;
            }
        };
        tokio::join!(self.take_runs(&stop), watching);
        tracing::info!(worker = self.options.name, "worker ended");
    }

    async fn take_runs(&self, stop: &CancellationToken) {
        let turns = Arc::new(Semaphore::new(self.options.limits.runs_at_once.max(1)));
        let mut under_way = JoinSet::new();
        let mut told = None;
        while !stop.is_cancelled() {
            let Some(turn) = self.turn(&turns, stop).await else { break };
            let (wanted, longest) = self.wanted(&mut told);
            // from before it is asked for: the ledger counts the lease from somewhere in between
            let held = Instant::now();
            // not to be dropped halfway: a claim that nobody knows of waits for its lease to run out
            match self.reach.ledger().claim_of(&self.options.name, self.options.lease, wanted).await {
                Ok(Some(claim)) if stop.is_cancelled() => self.give_back(&claim).await,
                Ok(Some(claim)) => {
                    under_way.spawn(self.clone().attempt(claim, held, stop.clone(), turn));
                }
                Ok(None) => self.wait(stop, wanted, longest).await,
                Err(error) => {
                    tracing::warn!(error = %error, "cannot ask the ledger for work");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
            while let Some(ended) = under_way.try_join_next() {
                note(ended);
            }
        }
        let all = async {
            while let Some(ended) = under_way.join_next().await {
                note(ended);
            }
        };
        if tokio::time::timeout(self.options.limits.stop_within, all).await.is_err() {
            tracing::warn!("runs did not stop in time; others take them when their leases have run out");
        }
    }

    async fn turn(&self, turns: &Arc<Semaphore>, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            () = stop.cancelled() => None,
            turn = Arc::clone(turns).acquire_owned() => turn.ok(),
        }
    }

    /// What this worker takes now, and how long it waits for it at the longest. While no bytes may move all that would move
    /// them stays in the queue: for another worker now, or for this one later. `told` is until when that was said to be.
    fn wanted(&self, told: &mut Option<String>) -> (Wanted, Duration) {
        let Some(closed) = self.options.pace.closed() else {
            if told.take().is_some() {
                tracing::info!(worker = self.options.name, "the window is open: runs are taken again");
            }
            return (Wanted::Anything, IDLE);
        };
        if told.as_ref() != Some(&closed.until) {
            tracing::info!(
                worker = self.options.name,
                until = closed.until,
                "runs wait for the window; only checks are done"
            );
            *told = Some(closed.until);
        }
        (Wanted::Checks, closed.wait.clamp(LOOK_AGAIN, IDLE))
    }

    async fn wait(&self, stop: &CancellationToken, wanted: Wanted, most: Duration) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.reach.ledger().wait_for_work_of(wanted, most) => {}
        }
    }

    async fn give_back(&self, claim: &Claim) {
        let given = self.reach.ledger().finish(claim, &Ending::Released, &claim.run.record).await;
        if let Err(error) = given {
            tracing::warn!(run = %claim.run.id, error = %error, "a run could not be given back");
        }
    }

    /// One attempt at a run.
    async fn attempt(
        self,
        claim: Claim,
        held: Instant,
        stop: CancellationToken,
        _turn: OwnedSemaphorePermit,
    ) {
        let run = &claim.run;
        tracing::info!(run = %run.id, attempt = claim.attempt, correlation = run.correlation, "run started");
        let progress = Progress::new(run.record.clone(), task_of(&run.work), self.options.limits);
        let cancel = CancellationToken::new();
        let bench = Bench {
            reach: &self.reach,
            claim: &claim,
            progress: &progress,
            options: &self.options,
            cancel: &cancel,
        };
        progress.line(&json!({
            "event": "attempt", "attempt": claim.attempt, "worker": self.options.name, "correlation": run.correlation,
        }));
        let attempt = Attempt {
            ledger: self.reach.ledger(),
            claim: &claim,
            held,
            progress: &progress,
            options: &self.options,
            cancel: &cancel,
        };
        attempt.run(perform(&bench).boxed(), &stop).await;
    }
}

/// A run whose task broke is taken on by whoever sees that its lease has run out.
fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error = %error, "an attempt at a run broke");
    }
}
