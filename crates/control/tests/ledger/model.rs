//! Whatever is done in whatever order, a ledger says what a model in memory says.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use transload_control::LedgerLimits;
use transload_control::ledger::{Beat, Claim, DeletedRun, Ending, NewRun, PutOutcome, QueueLimits};
use transload_control::run::Record;
use transload_control::run::RunState::{self, *};
use uuid::Uuid;

use crate::sample::*;
use crate::stage::Stage;

const RUNS: usize = 3;
const ATTEMPTS_MAX: u32 = 2;

/// What is done. Claims are named by their number, of those that were given out so far.
#[derive(Debug, Clone)]
enum Act {
    Put {
        run: usize,
        request: usize,
    },
    Claim,
    /// A worker's word that it is at it: for long, or not.
    Beat {
        claim: usize,
        long: bool,
    },
    End {
        claim: usize,
        ending: usize,
    },
    Cancel {
        run: usize,
    },
    Delete {
        run: usize,
    },
}

/// What is known of a run.
#[derive(Debug, Clone)]
struct Known {
    request: usize,
    generation: i64,
    state: RunState,
    attempts: u32,
    doomed: bool,
    /// The claim that it is with, and whether its lease ran out.
    with: Option<(usize, bool)>,
}

#[derive(Default)]
struct Model {
    runs: BTreeMap<usize, Known>,
    claims: Vec<Claim>,
}

fn endings(number: usize) -> Ending {
    [Ending::Succeeded, failed(true), failed(false), Ending::Stopped, Ending::Released][number].clone()
}

fn act() -> impl Strategy<Value = Act> {
    let (run, claim) = (0..RUNS, 0..6_usize);
    prop_oneof![
        3 => (run.clone(), 0..2_usize).prop_map(|(run, request)| Act::Put { run, request }),
        4 => Just(Act::Claim),
        2 => (claim.clone(), any::<bool>()).prop_map(|(claim, long)| Act::Beat { claim, long }),
        4 => (claim, 0..5_usize).prop_map(|(claim, ending)| Act::End { claim, ending }),
        1 => run.clone().prop_map(|run| Act::Cancel { run }),
        1 => run.prop_map(|run| Act::Delete { run }),
    ]
}

impl Model {
    /// A run's state from now on; one that ended and was to be removed is.
    fn become_(&mut self, run: usize, state: RunState) {
        let Some(known) = self.runs.get_mut(&run) else { return };
        known.state = state;
        if state != Running && state != Canceling {
            known.with = None;
        }
        if state.is_final() && known.doomed {
            self.runs.remove(&run);
        }
    }

    fn with(&mut self, claim: usize) -> Option<(usize, &mut Known)> {
        self.runs
            .iter_mut()
            .find(|(_, known)| known.with.is_some_and(|(with, _)| with == claim))
            .map(|(run, known)| (*run, known))
    }

    async fn act(&mut self, stage: &Stage, act: &Act) {
        match *act {
            Act::Put { run, request } => self.put(stage, run, request).await,
            Act::Claim => self.claim(stage).await,
            Act::Beat { claim, long } => self.beat(stage, claim, long).await,
            Act::End { claim, ending } => self.end(stage, claim, &endings(ending)).await,
            Act::Cancel { run } => {
                let canceled = stage.ledger.cancel_run(&run_id(&name(run)), "me").await.unwrap();
                assert_eq!(canceled.is_some(), self.runs.contains_key(&run));
                self.stop(run);
            }
            Act::Delete { run } => {
                let deleted = stage.ledger.delete_run(&run_id(&name(run))).await.unwrap();
                let Some(known) = self.runs.get_mut(&run) else {
                    assert_eq!(deleted, DeletedRun::Absent);
                    return;
                };
                known.doomed = true;
                let state = known.state;
                self.stop(run);
                if state.is_final() {
                    self.runs.remove(&run);
                }
                assert_eq!(deleted == DeletedRun::Gone, !self.runs.contains_key(&run), "{deleted:?}");
            }
        }
    }

    fn stop(&mut self, run: usize) {
        match self.runs.get(&run).map(|known| known.state) {
            Some(Queued) => self.become_(run, Canceled),
            Some(Running) => self.become_(run, Canceling),
            _ => {}
        }
    }

    async fn put(&mut self, stage: &Stage, run: usize, request: usize) {
        let new = NewRun {
            work: import("p", &format!("b{request}")),
            operation: Uuid::new_v4(),
            ..new_run(&name(run), "p")
        };
        let outcome = stage.ledger.put_run(&new).await.unwrap().outcome;
        let wanted = match self.runs.get_mut(&run) {
            None => {
                let known =
                    Known { request, generation: 1, state: Queued, attempts: 0, doomed: false, with: None };
                self.runs.insert(run, known);
                PutOutcome::Created
            }
            Some(known) if known.doomed => PutOutcome::Busy,
            Some(known) if known.request == request => PutOutcome::Unchanged,
            Some(known) if known.state.is_final() => {
                (known.request, known.state, known.attempts) = (request, Queued, 0);
                known.generation += 1;
                PutOutcome::Requeued
            }
            Some(_) => PutOutcome::Busy,
        };
        assert_eq!(outcome, wanted);
    }

    async fn claim(&mut self, stage: &Stage) {
        // first those whose lease ran out, so that what is claimed is what waits
        let late = self.runs.iter().filter(|(_, known)| known.with.is_some_and(|(_, late)| late));
        let late: Vec<usize> = late.map(|(run, _)| *run).collect();
        assert_eq!(stage.ledger.sweep().await.unwrap(), late.len());
        for run in late {
            let known = &self.runs[&run];
            let spent = known.attempts >= ATTEMPTS_MAX;
            let state = if known.state == Canceling {
                Canceled
            } else if spent {
                Failed
            } else {
                Queued
            };
            self.become_(run, state);
        }
        let claim = stage.ledger.claim("w", LEASE).await.unwrap();
        let waits: Vec<String> =
            self.runs.iter().filter(|(_, known)| known.state == Queued).map(|(run, _)| name(*run)).collect();
        let Some(claim) = claim else {
            assert_eq!(waits, [""; 0]);
            return;
        };
        assert!(waits.iter().any(|name| name == claim.run.id.name()), "{waits:?} {claim:?}");
        let number = self.claims.len();
        let run: usize = claim.run.id.name()[1..].parse().unwrap();
        let known = self.runs.get_mut(&run).unwrap();
        known.attempts += 1;
        (known.state, known.with) = (Running, Some((number, false)));
        assert_eq!(claim.attempt, known.attempts);
        self.claims.push(claim);
    }

    async fn beat(&mut self, stage: &Stage, claim: usize, long: bool) {
        let Some(given) = self.claims.get(claim).cloned() else { return };
        let lease = if long { LEASE } else { NO_LEASE };
        let beat = stage.ledger.beat(&given, lease, None).await.unwrap();
        let wanted = match self.with(claim) {
            None => Beat::Lost,
            Some((_, known)) => {
                known.with = Some((claim, !long));
                if known.state == Canceling { Beat::Cancel } else { Beat::Go }
            }
        };
        assert_eq!(beat, wanted);
    }

    async fn end(&mut self, stage: &Stage, claim: usize, ending: &Ending) {
        let Some(given) = self.claims.get(claim).cloned() else { return };
        let beat = stage.ledger.finish(&given, ending, &Record::default()).await.unwrap();
        let Some((run, known)) = self.with(claim) else {
            assert_eq!(beat, Beat::Lost);
            return;
        };
        assert_eq!(beat, Beat::Go);
        let canceling = known.state == Canceling;
        let gives_back = *ending == Ending::Released || (*ending == Ending::Stopped && !canceling);
        if gives_back {
            known.attempts -= 1;
        }
        let again = gives_back
            || matches!(ending, Ending::Failed { transient: true, .. } if known.attempts < ATTEMPTS_MAX);
        let state = match ending {
            Ending::Succeeded => Succeeded,
            _ if canceling => Canceled,
            _ if again => Queued,
            _ => Failed,
        };
        self.become_(run, state);
    }

    async fn compare(&self, stage: &Stage) {
        for run in 0..RUNS {
            let found = stage.ledger.run(&run_id(&name(run))).await.unwrap();
            let found = found.map(|run| (run.state, run.generation, run.record.attempts));
            let known = self.runs.get(&run).map(|known| (known.state, known.generation, known.attempts));
            assert_eq!(found, known, "{run}");
        }
    }
}

fn name(run: usize) -> String {
    format!("r{run}")
}

async fn play(acts: &[Act]) {
    let queue = QueueLimits {
        attempts_max: ATTEMPTS_MAX,
        backoff_first: Duration::ZERO,
        backoff_max: Duration::ZERO,
    };
    let stage = Stage::sqlite_with(LedgerLimits { queue, ..limits() }).await;
    let mut model = Model::default();
    for act in acts {
        model.act(&stage, act).await;
        model.compare(&stage).await;
    }
    stage.look_over().await;
    stage.ledger.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_ledger_does_what_the_model_does(acts in proptest::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(&acts));
    }
}
