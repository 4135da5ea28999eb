//! One attempt at a run: the work beside its heartbeat, and the word about how it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use transload_control::Error;
use transload_control::ledger::{Beat, Claim, Ending, Ledger, Wanted};
use transload_control::run::Work;
use transload_transfer::{Closed, WaitReason};

use crate::fault::Fault;
use crate::options::WorkerOptions;
use crate::progress::Progress;

/// The longest that a change of the record waits to be written.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Between two tries to write to a ledger that does not answer.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// A claim, and how long it is still sure to be ours.
pub(crate) struct Attempt<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) claim: &'a Claim,
    /// When it was asked for.
    pub(crate) held: Instant,
    pub(crate) progress: &'a Arc<Progress>,
    pub(crate) options: &'a WorkerOptions,
    /// Stops the engine.
    pub(crate) cancel: &'a CancellationToken,
}

/// Why an attempt has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Somebody canceled the run.
    Cancel,
    /// Another worker has it, or will.
    Lost,
}

impl Attempt<'_> {
    /// Does the work to its end, unless the run is to be stopped, is lost, or the worker ends (`stop`) or may not move bytes any
    /// more. Whatever came of it is
    /// written to the ledger, but for a run that is lost: of that nothing more is written. Of the work nothing goes on when
    /// this returns, and when it is dropped.
    pub(crate) async fn run(self, mut work: BoxFuture<'_, Result<(), Fault>>, stop: &CancellationToken) {
        let mut held = self.held;
        let (mut canceled, mut stopping) = (false, false);
        let moves = !Wanted::Checks.takes(&self.claim.run.work);
        let done = loop {
            tokio::select! {
                biased;
                told = self.keep(&mut held, canceled) => match told {
                    Told::Cancel => {
                        canceled = true;
                        self.cancel.cancel();
                    }
                    Told::Lost => {
                        tracing::warn!(run = %self.claim.run.id, "the run is another worker's by now; stopped");
                        return;
                    }
                },
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.cancel.cancel();
                }
                // both ends are opened anew when it goes on: until then tokens, secrets and connections would have ended
                closed = self.options.pace.until_closed(), if !stopping && moves => {
                    stopping = true;
                    self.tell_of_wait(&closed);
                    self.cancel.cancel();
                }
                done = &mut work => break done,
            }
        };
        let ending = match ending(done, canceled) {
            // somebody waits for the answer of a check, and can ask again
            Ending::Failed { error, .. } if matches!(self.claim.run.work, Work::Check { .. }) => {
                Ending::Failed { error, transient: false }
            }
            ending => ending,
        };
        self.finish(&ending, held).await;
    }

    fn tell_of_wait(&self, closed: &Closed) {
        let (until, seconds) = (&closed.until, closed.wait.as_secs());
        tracing::info!(run = %self.claim.run.id, until, "the run is given back: its window is over");
        self.progress.line(&json!({
            "event": "waiting", "reason": WaitReason::Window, "until": until, "seconds": seconds,
            "message": "given back: it goes on when the window opens",
        }));
    }

    /// Keeps the claim until there is something to tell. `held` is when it was last known to be ours; `told` that it is
    /// known that the run is to be stopped.
    async fn keep(&self, held: &mut Instant, told: bool) -> Told {
        let mut beaten = *held;
        loop {
            let changed = (beaten.elapsed() >= WRITE_EVERY.min(self.options.heartbeat))
                .then(|| self.progress.take_changed())
                .flatten();
            if changed.is_some() || beaten.elapsed() >= self.options.heartbeat {
                beaten = Instant::now();
                let beat = self.beat(*held, changed.as_ref()).await;
                match beat {
                    Some(Beat::Lost) => return Told::Lost,
                    Some(beat) => {
                        *held = beaten;
                        self.write_lines().await;
                        if beat == Beat::Cancel && !told {
                            return Told::Cancel;
                        }
                    }
                    // what could not be written is written with the next
                    None => self.progress.change(|_| ()),
                }
            }
            let left = self.options.lease.saturating_sub(held.elapsed());
            if left.is_zero() {
                return Told::Lost;
            }
            tokio::time::sleep((WRITE_EVERY.min(self.options.heartbeat) / 4).min(left)).await;
        }
    }

    /// One heartbeat, as long as the lease lasts; `None` when the ledger did not answer.
    async fn beat(&self, held: Instant, record: Option<&transload_control::run::Record>) -> Option<Beat> {
        let left = self.options.lease.saturating_sub(held.elapsed());
        let beat = self.ledger.beat(self.claim, self.options.lease, record).boxed();
        match tokio::time::timeout(left, beat).await {
            Ok(Ok(beat)) => Some(beat),
            Ok(Err(error)) => {
                tracing::warn!(run = %self.claim.run.id, error = %error, "heartbeat failed");
                tokio::time::sleep(ASK_AGAIN.min(left)).await;
                None
            }
            Err(_) => None,
        }
    }

    async fn write_lines(&self) {
        let lines = self.progress.lines();
        if lines.is_empty() {
            return;
        }
        match self.ledger.log(self.claim, &lines).boxed().await {
            // what is dropped in between is written twice rather than not at all
            Ok(_) => self.progress.written(lines.len()),
            Err(error) => {
                tracing::warn!(run = %self.claim.run.id, error = %error, "a run's log could not be written");
            }
        }
    }

    /// Writes how it ended, as long as the claim is ours.
    async fn finish(&self, ending: &Ending, held: Instant) {
        let (word, error) = said(ending);
        self.progress.line(&json!({"event": "ended", "ending": word, "error": error}));
        self.write_lines().await;
        let record = self.progress.record();
        loop {
            // once at least: the ledger knows best whose the run is
            let left = self.options.lease.saturating_sub(held.elapsed()).max(ASK_AGAIN);
            match tokio::time::timeout(left, self.ledger.finish(self.claim, ending, &record).boxed()).await {
                Ok(Ok(_)) => {
                    tracing::info!(run = %self.claim.run.id, attempt = self.claim.attempt, ending = word, "run ended");
                    return;
                }
                Ok(Err(error)) => self.not_written(&error),
                Err(_) => {}
            }
            if held.elapsed() >= self.options.lease {
                return;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    fn not_written(&self, error: &Error) {
        tracing::warn!(run = %self.claim.run.id, error = %error, "the end of a run could not be written; trying again");
    }
}

/// How an attempt ended, for the ledger. What was done before the word to stop arrived is done; what broke while the worker
/// was ending failed.
fn ending(done: Result<(), Fault>, canceled: bool) -> Ending {
    match done {
        Ok(()) => Ending::Succeeded,
        Err(_) if canceled => Ending::Stopped,
        Err(Fault::Interrupted) => Ending::Released,
        Err(Fault::Deferred { error }) => Ending::Deferred { error },
        Err(Fault::Failed { error, transient }) => Ending::Failed { error, transient },
    }
}

fn said(ending: &Ending) -> (&'static str, Option<String>) {
    match ending {
        Ending::Succeeded => ("Succeeded", None),
        Ending::Failed { error, transient } => (
            if *transient { "Failed for now" } else { "Failed" },
            Some(format!("{}: {}", error.code, error.message)),
        ),
        Ending::Deferred { error } => ("Deferred", Some(format!("{}: {}", error.code, error.message))),
        Ending::Stopped => ("Canceled", None),
        Ending::Released => ("Released", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_ending() {
        let failed = |transient| match Fault::lasting("X", "y") {
            Fault::Failed { error, .. } => Fault::Failed { error, transient },
            other => other,
        };
        let deferred = || match Fault::lasting("X", "y") {
            Fault::Failed { error, .. } => Fault::Deferred { error },
            other => other,
        };
        let is = |done, canceled| said(&ending(done, canceled)).0;
        assert_eq!(is(Ok(()), false), "Succeeded");
        assert_eq!(is(Ok(()), true), "Succeeded");
        assert_eq!(is(Err(Fault::Interrupted), true), "Canceled");
        assert_eq!(is(Err(Fault::Interrupted), false), "Released");
        assert_eq!(is(Err(failed(false)), false), "Failed");
        assert_eq!(is(Err(failed(true)), false), "Failed for now");
        assert_eq!(is(Err(failed(true)), true), "Canceled");
        assert_eq!(is(Err(deferred()), false), "Deferred");
        assert_eq!(is(Err(deferred()), true), "Canceled");
    }
}
