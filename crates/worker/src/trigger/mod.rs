//! The trigger: containers of enabled import pipelines are looked at, and bundles that arrive are imported.
//!
//! Each pipeline is watched by one worker at a time, by a lease. A container is listed at an interval; a word from outside
//! (a poke) or from the file system makes it be looked at at once. What is known of each blob is in the ledger, so that a
//! bundle is handled once whoever watches.

mod container;
mod decide;
mod folder;
mod start;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use transload_control::ledger::Watch;

use crate::worker::Worker;
use container::Container;
use folder::Stirs;
pub(crate) use start::BY;

/// Words about blobs that are taken at a time.
const POKES_AT_ONCE: usize = 256;

/// What is watched here.
struct Watching<'a> {
    worker: &'a Worker,
    slots: HashMap<String, Slot>,
    looks: JoinSet<(String, Container)>,
    stirs: Stirs,
}

/// One container.
struct Slot {
    revision: i64,
    fence: i64,
    /// Away while it is being looked at.
    container: Option<Container>,
    /// When it is looked at next.
    due: Instant,
    /// Blobs that were told of; a whole listing is wanted where this is nothing or too much.
    told: HashSet<String>,
    /// Something happened in the folder while it was being looked at.
    stirred: bool,
    /// Who may reach it may have changed while it was being looked at.
    woken: bool,
    /// Stops a look at it.
    cancel: CancellationToken,
}

impl Slot {
    /// One that could not be reached is looked at now: perhaps it can be.
    fn wake(&mut self) {
        match &mut self.container {
            None => self.woken = true,
            Some(container) if container.is_troubled() => {
                container.begin_anew();
                self.due = Instant::now();
            }
            Some(_) => {}
        }
    }
}

/// Watches until it is told to stop, then gives the containers to others.
pub(crate) async fn watch(worker: &Worker, stop: &CancellationToken) {
    let stirs = Stirs::default();
    let mut watching = Watching { worker, slots: HashMap::new(), looks: JoinSet::new(), stirs };
    let mut renew = Instant::now();
    while !stop.is_cancelled() {
        if renew <= Instant::now() || watching.stirs.take_poked() {
            watching.claim().await;
            renew = Instant::now() + worker.options.heartbeat;
        }
        watching.hear();
        watching.look_at_due();
        let wake = watching.next_due().unwrap_or(renew).min(renew);
        let most = wake.saturating_duration_since(Instant::now()).max(Duration::from_millis(10));
        tokio::select! {
            () = stop.cancelled() => {}
            () = watching.stirs.stirred() => {}
            Some(looked) = watching.looks.join_next() => watching.put_back(looked),
            () = worker.reach.ledger().wait_for_pokes(most) => watching.stirs.poked(),
        }
    }
    watching.looks.shutdown().await;
    if let Err(error) = worker.reach.ledger().release_watches(&worker.options.name).await {
        tracing::warn!(error = %error, "watches could not be given back; others take them when their leases have run out");
    }
}

impl Watching<'_> {
    /// Renews what is watched, takes what is free, lets go of what is not ours; and hears of blobs that were told of.
    async fn claim(&mut self) {
        let options = &self.worker.options;
        let ledger = self.worker.reach.ledger();
        let most = options.limits.trigger.watches_max;
        match ledger.claim_watches(&options.name, options.lease, most).await {
            Ok(watches) => self.keep(watches),
            Err(error) => {
                tracing::warn!(error = %error, "cannot ask the ledger which containers to watch");
                return;
            }
        }
        match ledger.take_pokes(&options.name, POKES_AT_ONCE).await {
            Ok(pokes) => {
                if pokes.len() >= POKES_AT_ONCE {
                    self.stirs.poked();
                }
                for poke in pokes {
                    let Some(slot) = self.slots.get_mut(poke.pipeline.key()) else { continue };
                    if poke.name.is_empty() {
                        slot.wake();
                        continue;
                    }
                    slot.told.insert(poke.name);
                    slot.due = Instant::now();
                }
            }
            Err(error) => tracing::warn!(error = %error, "cannot ask the ledger which blobs were written"),
        }
    }

    /// What is watched now; what changed is opened anew.
    fn keep(&mut self, watches: Vec<Watch>) {
        let mut kept = HashSet::new();
        for watch in watches {
            let key = watch.pipeline.id.key().to_owned();
            kept.insert(key.clone());
            let known = self.slots.get(&key);
            if known.is_some_and(|slot| slot.revision == watch.pipeline.revision && slot.fence == watch.fence)
            {
                continue;
            }
            let Some(container) = Container::new(&watch.pipeline, watch.fence, self.worker, &self.stirs)
            else {
                continue;
            };
            let slot = Slot {
                revision: watch.pipeline.revision,
                fence: watch.fence,
                container: Some(container),
                due: Instant::now(),
                told: HashSet::new(),
                stirred: false,
                woken: false,
                cancel: CancellationToken::new(),
            };
            if let Some(old) = self.slots.insert(key, slot) {
                old.cancel.cancel();
            }
        }
        self.slots.retain(|key, slot| {
            let keep = kept.contains(key);
            if !keep {
                slot.cancel.cancel();
            }
            keep
        });
    }

    /// Folders in which something happened are due, though not at every write.
    fn hear(&mut self) {
        let pause = self.worker.options.limits.trigger.look_again;
        for key in self.stirs.take_folders() {
            if let Some(slot) = self.slots.get_mut(&key) {
                slot.stirred = slot.container.is_none();
                slot.due = slot.due.min(Instant::now() + pause);
            }
        }
    }

    fn look_at_due(&mut self) {
        let limits = &self.worker.options.limits.trigger;
        let now = Instant::now();
        for (key, slot) in &mut self.slots {
            if self.looks.len() >= limits.listings_at_once {
                return;
            }
            if slot.due > now {
                continue;
            }
            let Some(mut container) = slot.container.take() else { continue };
            let told = std::mem::take(&mut slot.told);
            let (key, cancel) = (key.clone(), slot.cancel.clone());
            self.looks.spawn(async move {
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => {}
                    () = container.look(told) => {}
                }
                (key, container)
            });
        }
    }

    /// When the next container is due that is not being looked at.
    fn next_due(&self) -> Option<Instant> {
        if self.looks.len() >= self.worker.options.limits.trigger.listings_at_once {
            return None;
        }
        self.slots.values().filter(|slot| slot.container.is_some()).map(|slot| slot.due).min()
    }

    fn put_back(&mut self, looked: Result<(String, Container), tokio::task::JoinError>) {
        let (key, container) = match looked {
            Ok(looked) => looked,
            Err(error) => {
                // its slot has no container any more: it is made anew with the next claim
                tracing::error!(error = %error, "a look at a container broke");
                self.slots.retain(|_, slot| slot.container.is_some());
                return;
            }
        };
        let Some(slot) = self.slots.get_mut(&key) else { return };
        if container.stamp() != (slot.revision, slot.fence) {
            return;
        }
        let pause = match container.pause() {
            Some(pause) => pause,
            None if !slot.told.is_empty() => Duration::ZERO,
            None if slot.stirred => self.worker.options.limits.trigger.look_again,
            None => jittered(self.worker.options.interval),
        };
        slot.due = Instant::now() + pause;
        slot.stirred = false;
        slot.container = Some(container);
        if std::mem::take(&mut slot.woken) {
            slot.wake();
        }
    }
}

/// Give or take a tenth, so that not all workers list at the same moment.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::rng().random_range(0.9..1.1))
}
