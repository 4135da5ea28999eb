//! One watched container: what lies there, what is known of it, and what follows from that.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use notify::RecommendedWatcher;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use transload_control::ResourceId;
use transload_control::ledger::{Seen, Verdict};
use transload_control::resource::{Body, Pipeline, PipelineOption, Stored};
use transload_control::run::RunState;
use transload_endpoints::{Job, OpenContainer};
use transload_transfer::{Candidate, Engine, Events, Sight, are_parts, candidates, sight};

use super::decide::{Decision, Listed, decide};
use super::folder::Stirs;
use super::start::Maker;
use crate::fault::Fault;
use crate::words::Task;
use crate::worker::Worker;

/// What is still being written goes by such names.
const UNFINISHED: &str = ".partial";
/// Rows of what is known that are read at a time.
const SEEN_AT_ONCE: usize = 1_000;
/// Rows that are forgotten at a time.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// One watched container.
pub(super) struct Container {
    worker: Worker,
    stirs: Stirs,
    id: ResourceId,
    pipeline: Pipeline,
    stamp: (i64, i64),
    maker: Maker,
    /// What is known of its blobs; none before it was read.
    seen: Option<HashMap<String, Seen>>,
    open: Option<Open>,
    /// Looks in a row that came to nothing.
    failures: u32,
    listed: Option<Instant>,
    /// Blobs that could not be read: how often in a row, and when they are tried again.
    unreadable: HashMap<String, (u32, Instant)>,
}

struct Open {
    container: OpenContainer,
    since: Instant,
    /// Told of by the file system as long as this lives.
    _watcher: Option<RecommendedWatcher>,
}

impl Container {
    /// The container of a pipeline; `None` for what is no pipeline.
    pub(super) fn new(stored: &Stored, fence: i64, worker: &Worker, stirs: &Stirs) -> Option<Self> {
        let Body::Pipeline(pipeline) = &stored.body else { return None };
        Some(Self {
            worker: worker.clone(),
            stirs: stirs.clone(),
            id: stored.id.clone(),
            pipeline: pipeline.clone(),
            stamp: (stored.revision, fence),
            maker: Maker::new(worker, &stored.id, pipeline)?,
            seen: None,
            open: None,
            failures: 0,
            listed: None,
            unreadable: HashMap::new(),
        })
    }

    /// Which version of the pipeline it is of, and which watch.
    pub(super) fn stamp(&self) -> (i64, i64) {
        self.stamp
    }

    /// How long to leave it alone after looks that came to nothing.
    pub(super) fn pause(&self) -> Option<Duration> {
        (self.failures > 0).then(|| self.backed_off(self.failures))
    }

    /// Whether something here could not be reached.
    pub(super) fn is_troubled(&self) -> bool {
        self.failures > 0 || !self.unreadable.is_empty()
    }

    /// What could not be reached is tried anew, with a secret that is read anew.
    pub(super) fn begin_anew(&mut self) {
        self.open = None;
        self.failures = 0;
        self.unreadable.clear();
        self.listed = None;
    }

    fn backed_off(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.min(16));
        let most = self.worker.options.limits.trigger.listing_again_max;
        self.worker.options.interval.saturating_mul(doubled).min(most)
    }

    /// Looks at the blobs that were told of, or at all of them where none or many were.
    pub(super) async fn look(&mut self, told: HashSet<String>) {
        match self.look_once(told).await {
            Ok(()) => self.failures = 0,
            Err(fault) => {
                self.open = None;
                self.failures += 1;
                let (code, message) = match fault {
                    Fault::Failed { error, .. } | Fault::Deferred { error } => (error.code, error.message),
                    Fault::Interrupted => return,
                };
                tracing::warn!(pipeline = %self.id, code, message, failures = self.failures, "cannot watch a container");
            }
        }
    }

    async fn look_once(&mut self, told: HashSet<String>) -> Result<(), Fault> {
        self.open().await?;
        self.recall().await?;
        let limits = self.worker.options.limits.trigger;
        let whole_due = self.listed.is_none_or(|at| at.elapsed() >= self.worker.options.interval);
        let few = !told.is_empty() && told.len() <= limits.told_max;
        // one part says nothing of its row
        let parts = told.iter().any(|name| are_parts(name, name));
        let found = if few && !parts && !whole_due { self.ask(&told).await? } else { self.list().await? };
        self.handle(found).await
    }

    /// Opens it, unless it is open; from time to time anew, since secrets change.
    async fn open(&mut self) -> Result<(), Fault> {
        let open_for = self.worker.options.limits.trigger.open_for;
        if self.open.as_ref().is_some_and(|open| open.since.elapsed() < open_for) {
            return Ok(());
        }
        let correlation = uuid::Uuid::new_v4().to_string();
        let delete = self.pipeline.options.contains(&PipelineOption::DeleteSourceBlobOnSuccess);
        let job = Job::Watch { delete };
        let container = self.worker.reach.container(&self.id, &self.pipeline, job, &correlation).await?;
        let watcher = container.folder.as_ref().and_then(|folder| self.stirs.watch(self.id.key(), folder));
        self.open = Some(Open { container, since: Instant::now(), _watcher: watcher });
        Ok(())
    }

    /// Reads what is known of the blobs, once: while the watch is held nobody else writes it.
    async fn recall(&mut self) -> Result<(), Fault> {
        if self.seen.is_some() {
            return Ok(());
        }
        let mut seen = HashMap::new();
        let mut after = None;
        loop {
            let page = self.worker.reach.ledger().seen_page(&self.id, after.as_deref(), SEEN_AT_ONCE).await?;
            seen.extend(page.items.into_iter().map(|seen| (seen.name.clone(), seen)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.seen = Some(seen);
        Ok(())
    }

    fn opened(&self) -> Result<&OpenContainer, Fault> {
        let open = self.open.as_ref().map(|open| &open.container);
        open.ok_or_else(|| Fault::lasting("Internal", "the container is not open"))
    }

    /// All that lies there, as far as the bound goes; what is gone is forgotten.
    async fn list(&mut self) -> Result<Vec<Candidate>, Fault> {
        let most = self.worker.options.limits.trigger.blobs_max;
        let store = &self.opened()?.store;
        let listing = store.list("").await.map_err(|error| self.fault(error))?;
        let finished = listing.try_filter(|stat| {
            let finished = !stat.name.ends_with(UNFINISHED);
            async move { finished }
        });
        let mut stats: Vec<_> =
            finished.take(most.saturating_add(1)).try_collect().await.map_err(|error| self.fault(error))?;
        let whole = stats.len() <= most;
        if !whole {
            stats.truncate(most);
            tracing::warn!(pipeline = %self.id, blobs = most, "there are more blobs in the container than are looked at");
        }
        let found = candidates(store, stats);
        if whole {
            self.forget(&found).await?;
        }
        self.listed = Some(Instant::now());
        Ok(found)
    }

    /// Some blobs, by name.
    async fn ask(&self, names: &HashSet<String>) -> Result<Vec<Candidate>, Fault> {
        let store = &self.opened()?.store;
        let mut stats = Vec::new();
        for name in names.iter().filter(|name| !name.ends_with(UNFINISHED)) {
            stats.extend(store.stat(name).await.map_err(|error| self.fault(error))?);
        }
        Ok(candidates(store, stats))
    }

    async fn forget(&mut self, found: &[Candidate]) -> Result<(), Fault> {
        let there: HashSet<&str> = found.iter().map(|candidate| candidate.name.as_str()).collect();
        let Some(seen) = &mut self.seen else { return Ok(()) };
        let gone: Vec<String> = seen.keys().filter(|name| !there.contains(name.as_str())).cloned().collect();
        for names in gone.chunks(FORGOTTEN_AT_ONCE) {
            self.worker.reach.ledger().forget_seen(&self.id, names).await?;
        }
        gone.iter().for_each(|name| drop(seen.remove(name)));
        self.unreadable.retain(|name, _| there.contains(name.as_str()));
        Ok(())
    }

    /// Does what is to be done about each, first about those that have to be read.
    async fn handle(&mut self, found: Vec<Candidate>) -> Result<(), Fault> {
        let now = OffsetDateTime::now_utc();
        let mut decisions = Vec::new();
        for candidate in found {
            let run = self.run_state(&candidate.name).await?;
            let seen = self.seen.as_ref().and_then(|seen| seen.get(&candidate.name));
            let listed = Listed { etag: &candidate.etag, size: candidate.bytes };
            match decide(seen, listed, run, now, &self.worker.options.limits.trigger) {
                Decision::Leave => {}
                decision => decisions.push((candidate, decision)),
            }
        }
        let (looks, others): (Vec<_>, Vec<_>) =
            decisions.into_iter().partition(|(_, decision)| *decision == Decision::Look);
        let now = Instant::now();
        let looks = looks.into_iter().map(|(candidate, _)| candidate);
        let due = |name: &str| self.unreadable.get(name).is_none_or(|(_, again)| *again <= now);
        let looks = looks.filter(|candidate| due(&candidate.name)).collect();
        self.read(looks).await?;
        for (candidate, decision) in others {
            self.act(&candidate, decision).await?;
        }
        Ok(())
    }

    /// Where the run stands that imports a blob; asked for only as long as something may come of it.
    async fn run_state(&self, name: &str) -> Result<Option<RunState>, Fault> {
        let seen = self.seen.as_ref().and_then(|seen| seen.get(name));
        let run = seen.filter(|seen| !seen.reported).and_then(|seen| seen.run.as_ref());
        let Some(run) = run else { return Ok(None) };
        Ok(self.worker.reach.ledger().run(run).await?.map(|run| run.state))
    }

    /// Reads fronts, several at a time, and notes what they are; of bundles the runs are made.
    async fn read(&mut self, looks: Vec<Candidate>) -> Result<(), Fault> {
        let at_once = self.worker.options.limits.trigger.fronts_at_once.max(1);
        let engine = Engine::new(self.worker.options.engine, Events::none(), CancellationToken::new());
        let mut sights = stream::iter(looks)
            .map(|candidate| {
                let engine = engine.clone();
                async move {
                    let seen = sight(&engine, &candidate).await;
                    (candidate, seen)
                }
            })
            .buffer_unordered(at_once);
        while let Some((candidate, seen)) = sights.next().await {
            if seen.is_ok() {
                self.unreadable.remove(&candidate.name);
            }
            match seen {
                Ok(Sight::Bundle { id, .. }) => {
                    tracing::info!(pipeline = %self.id, blob = candidate.name, bundle = id, "a bundle arrived");
                    self.note(blank(&candidate, Verdict::Bundle, Some(id))).await?;
                    self.act(&candidate, Decision::Start).await?;
                }
                Ok(Sight::Partial { detail }) => {
                    self.note_none(&candidate, Verdict::Partial, &detail).await?;
                }
                Ok(Sight::Other { detail }) => {
                    self.note_none(&candidate, Verdict::Other, &detail).await?;
                }
                // gone or replaced since it was listed: the next listing has it
                Err(error) if matches!(error.code().as_str(), "BundleNotFound" | "BundleChanged") => {}
                Err(error) => self.leave_for_now(&candidate, &error),
            }
        }
        Ok(())
    }

    /// A blob that cannot be read is no reason to leave the others: it is tried again, at longer and longer intervals.
    fn leave_for_now(&mut self, candidate: &Candidate, error: &transload_transfer::Error) {
        let failures = self.unreadable.get(&candidate.name).map_or(1, |(failures, _)| failures + 1);
        let again = Instant::now() + self.backed_off(failures);
        self.unreadable.insert(candidate.name.clone(), (failures, again));
        tracing::warn!(pipeline = %self.id, blob = candidate.name, error = %error, failures, "a blob cannot be read");
    }

    async fn note_none(&mut self, candidate: &Candidate, verdict: Verdict, why: &str) -> Result<(), Fault> {
        tracing::debug!(pipeline = %self.id, blob = candidate.name, why, "no bundle, or not yet");
        self.note(blank(candidate, verdict, None)).await
    }

    /// Notes what is known of a blob, in the ledger first.
    async fn note(&mut self, seen: Seen) -> Result<(), Fault> {
        self.worker.reach.ledger().note_seen(&self.id, &seen).await?;
        self.keep(seen);
        Ok(())
    }

    /// Remembers what the ledger knows of a blob.
    fn keep(&mut self, seen: Seen) {
        if let Some(all) = &mut self.seen {
            all.insert(seen.name.clone(), seen);
        }
    }

    async fn act(&mut self, candidate: &Candidate, decision: Decision) -> Result<(), Fault> {
        let Some(seen) = self.seen.as_ref().and_then(|seen| seen.get(&candidate.name)).cloned() else {
            return Ok(());
        };
        let seen = match decision {
            Decision::Look | Decision::Leave => return Ok(()),
            Decision::Start | Decision::Again => match self.maker.make(candidate, &seen).await? {
                Some(seen) => seen,
                None => return Ok(()),
            },
            Decision::Defer(at) => Seen { next_at: Some(at), ..seen },
            Decision::Settle => Seen { reported: true, ..seen },
            Decision::Report => {
                let seen = self.maker.report(seen).await?;
                self.keep(seen);
                return Ok(());
            }
        };
        self.note(seen).await
    }

    fn fault(&self, error: impl Into<transload_transfer::Error>) -> Fault {
        Fault::of_engine(&error.into(), Task::Import, &self.worker.options.limits)
    }
}

/// What is known of a blob that was just looked at.
fn blank(candidate: &Candidate, verdict: Verdict, bundle_id: Option<String>) -> Seen {
    Seen {
        name: candidate.name.clone(),
        etag: candidate.etag.clone(),
        size: candidate.bytes,
        bundle_id,
        verdict,
        run: None,
        attempts: 0,
        next_at: None,
        reported: false,
    }
}
