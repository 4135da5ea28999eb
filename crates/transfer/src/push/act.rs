//! Pushing what the plan found lacking: blobs, then manifests children first, then tags.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::stream;
use futures_util::{FutureExt, StreamExt};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use transload_oci::{Descriptor, Digest, Manifest};
use transload_registry::{Pushed, Source, Target};

use super::origin::{Origin, Reader};
use super::plan::{PushArtifact, PushBlob, PushPlan};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::{BlobOutcome, Event};
use crate::report::{ArtifactStatus, Operation, Report, Totals, refuse_failures};
use crate::stream::Feed;
use crate::walk::{Blob, Sources, place_text};

/// Everything a blob's task needs.
#[derive(Debug)]
pub(super) struct Pusher {
    pub(super) engine: Engine,
    sources: Sources,
    target: Arc<dyn Target>,
    sums: Mutex<Totals>,
    /// What bytes of the source are called that are not what they should be.
    damage: Code,
}

/// Pushes; from a pipe what comes out of it. Artifacts that fail on the way are failed in the report; unless errors are
/// borne the first ends it.
pub(crate) async fn act(
    engine: &Engine,
    mut plan: PushPlan,
    sources: &Sources,
    target: &Arc<dyn Target>,
    feed: Option<&Feed>,
    continue_on_errors: bool,
    report: &mut Report,
) -> Result<(), Error> {
    let pusher = Arc::new(Pusher {
        engine: engine.clone(),
        sources: sources.clone(),
        target: Arc::clone(target),
        sums: Mutex::default(),
        damage: match report.operation {
            Operation::Import => Code::BundleDamaged,
            _ => Code::DigestMismatch,
        },
    });
    let faults = pusher.all_blobs(&plan, feed, continue_on_errors).await;
    let moved = *pusher.sums.lock();
    report.totals.bytes_moved = moved.bytes_moved;
    report.totals.bytes_mounted = moved.bytes_mounted;
    let faults = faults?;
    plan.walk.fail_where(|digest| faults.get(digest).cloned());
    settle(&plan, report, continue_on_errors)?;

    let failed = pusher.each_artifact(&plan, continue_on_errors, Pusher::manifests).await;
    take(&mut plan, failed);
    settle(&plan, report, continue_on_errors)?;

    let failed = pusher.each_artifact(&plan, continue_on_errors, Pusher::tags).await;
    take(&mut plan, failed);
    settle(&plan, report, continue_on_errors)?;
    for (artifact, part) in report.artifacts.iter_mut().zip(&plan.artifacts) {
        if artifact.status == ArtifactStatus::Planned {
            artifact.status =
                if part.unchanged { ArtifactStatus::Unchanged } else { ArtifactStatus::Imported };
        }
    }
    Ok(())
}

fn take(plan: &mut PushPlan, failed: Vec<(usize, Error)>) {
    for (index, error) in failed {
        plan.walk.artifacts[index].error = Some(error);
    }
}

/// Brings what failed into the report, and stops if that is not to be borne.
fn settle(plan: &PushPlan, report: &mut Report, continue_on_errors: bool) -> Result<(), Error> {
    report.note_failures(&plan.walk);
    refuse_failures(&report.artifacts, continue_on_errors)
}

impl Pusher {
    /// Pushes every blob that somebody lacks: what is at hand first, then what comes out of the pipe.
    async fn all_blobs(
        self: &Arc<Self>,
        plan: &PushPlan,
        feed: Option<&Feed>,
        continue_on_errors: bool,
    ) -> Result<HashMap<Digest, Error>, Error> {
        let Some(feed) = feed else { return self.blobs(plan, |_| true, continue_on_errors).await };
        let at_hand = |digest: &Digest| feed.index.cached(digest).is_some();
        let mut faults = self.blobs(plan, at_hand, continue_on_errors).await?;
        if faults.is_empty() || continue_on_errors {
            faults.extend(self.blobs_from(plan, feed, continue_on_errors).await?);
        }
        Ok(faults)
    }

    /// Pushes every chosen blob that somebody lacks, once, and mounts it into the other repositories that want it.
    async fn blobs(
        self: &Arc<Self>,
        plan: &PushPlan,
        chosen: impl Fn(&Digest) -> bool,
        continue_on_errors: bool,
    ) -> Result<HashMap<Digest, Error>, Error> {
        let mut work: Vec<(Blob, PushBlob)> = plan
            .blobs
            .iter()
            .filter(|(digest, _)| chosen(digest))
            .filter_map(|(d, part)| Some((plan.walk.blobs.get(d)?.clone(), part.clone())))
            .collect();
        let order = plan.walk.order.as_ref();
        match order {
            // one after the other, as they come
            Some(order) => work.sort_by_key(|(blob, _)| order.get(&blob.descriptor.digest).copied()),
            // the longest first, so that no long blob is left alone at the end
            None => work.sort_by_key(|(blob, _)| std::cmp::Reverse(blob.descriptor.size)),
        }
        let mut work = work.into_iter();
        let mut faults = HashMap::new();
        let mut tasks: JoinSet<Result<(), (Digest, Error)>> = JoinSet::new();
        let limits = &self.engine.limits;
        loop {
            // short blobs cost round trips and long ones bandwidth: each kind has its own bound
            while let Some((blob, _)) = work.as_slice().first() {
                let most = if order.is_some() {
                    1
                } else if blob.descriptor.size < limits.small_blob_bytes {
                    limits.requests_at_once
                } else {
                    limits.blobs_at_once
                };
                if tasks.len() >= most.max(1) {
                    break;
                }
                if let Some((blob, part)) = work.next() {
                    tasks.spawn(Arc::clone(self).blob(blob, part, Origin::Source));
                }
            }
            match tasks.join_next().await {
                None => return Ok(faults),
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err((digest, error)))) => {
                    faults.insert(digest, error);
                    if !continue_on_errors {
                        return Ok(faults);
                    }
                }
                Some(Err(error)) => {
                    return Err(Error::new(Code::Internal, "", format!("a transfer task died: {error}")));
                }
            }
        }
    }

    /// Pushes a blob into every repository that lacks it.
    pub(super) async fn blob(
        self: Arc<Self>,
        blob: Blob,
        part: PushBlob,
        origin: Origin,
    ) -> Result<(), (Digest, Error)> {
        let Descriptor { digest, size, .. } = blob.descriptor;
        self.engine.events.send(&Event::BlobStarted { digest, size, offset: 0 });
        let mut present: Vec<String> = part.present.into_iter().collect();
        let mut outcome = BlobOutcome::Existed;
        for repository in part.wanted {
            match self.push_one(&blob, &repository, &present, &origin).await {
                Ok(pushed) => {
                    self.count(&pushed, size);
                    outcome = match pushed {
                        Pushed::Uploaded { .. } => BlobOutcome::Moved,
                        Pushed::Mounted if outcome == BlobOutcome::Existed => BlobOutcome::Mounted,
                        Pushed::Mounted | Pushed::Existed => outcome,
                    };
                    present.insert(0, repository);
                }
                Err(error) => {
                    self.engine.events.send(&Event::BlobFinished {
                        digest,
                        size,
                        outcome: BlobOutcome::Failed,
                    });
                    return Err((digest, error));
                }
            }
        }
        self.engine.events.send(&Event::BlobFinished { digest, size, outcome });
        Ok(())
    }

    async fn push_one(
        &self,
        blob: &Blob,
        repository: &str,
        mount_from: &[String],
        origin: &Origin,
    ) -> Result<Pushed, Error> {
        let internal =
            || Error::new(Code::Internal, blob.descriptor.digest.to_string(), "a blob without a source");
        let (registry, from) = blob.places.first().ok_or_else(internal)?;
        let source = self.sources.get(registry).ok_or_else(internal)?;
        let mut mount_from = mount_from.to_vec();
        if source.host() == self.target.host() {
            mount_from.extend(
                blob.places.iter().filter(|(host, _)| host == registry).map(|(_, from)| from.clone()),
            );
        }
        let (source, from_repository) = match (origin, mount_from.first()) {
            // what a pipe has passed is had from where it went
            (Origin::Tape(..), Some(there)) => (Arc::clone(&self.target) as Arc<dyn Source>, there.clone()),
            _ => (Arc::clone(source), from.clone()),
        };
        let origin = if mount_from.is_empty() { origin.clone() } else { origin.unless_passed() };
        let reader = Reader {
            source,
            repository: from_repository,
            blob: blob.descriptor.clone(),
            origin,
            engine: self.engine.clone(),
        };
        let pushed = self.target.push_missing_blob(repository, &blob.descriptor, &mount_from, &reader).await;
        pushed.map_err(|error| self.blame_source(error.into(), registry, from, &blob.descriptor.digest))
    }

    /// Bytes that do not match are the source's fault, and nobody should look for it in the target.
    fn blame_source(&self, error: Error, registry: &str, repository: &str, digest: &Digest) -> Error {
        if error.code() != Code::DigestMismatch {
            return error;
        }
        let place = match self.damage {
            Code::BundleDamaged => format!("{registry}@{digest}"),
            _ => place_text(registry, repository, digest),
        };
        Error::new(self.damage, place, error.detail())
    }

    fn count(&self, pushed: &Pushed, size: u64) {
        let mut sums = self.sums.lock();
        match pushed {
            Pushed::Uploaded { sent } => sums.bytes_moved += sent,
            Pushed::Mounted => sums.bytes_mounted += size,
            Pushed::Existed => {}
        }
    }

    /// Does one step for every artifact that has not failed, many at a time.
    async fn each_artifact<'a, F>(
        &'a self,
        plan: &'a PushPlan,
        continue_on_errors: bool,
        step: impl Fn(&'a Self, &'a PushPlan, &'a PushArtifact) -> F,
    ) -> Vec<(usize, Error)>
    where
        F: Future<Output = Result<(), Error>> + Send + 'a,
    {
        let todo = plan.walk.artifacts.iter().zip(&plan.artifacts).enumerate();
        let todo = todo.filter(|(_, (walked, part))| walked.error.is_none() && !part.unchanged);
        // made before the stream: who holds a stream of closures over references cannot be shown to be Send
        let steps: Vec<_> = todo
            .map(|(index, (_, part))| {
                let step = step(self, plan, part);
                async move { (index, step.await) }.boxed()
            })
            .collect();
        let mut done = stream::iter(steps).buffer_unordered(self.engine.limits.requests_at_once);
        let mut failed = Vec::new();
        while let Some((index, done)) = done.next().await {
            if let Err(error) = done {
                failed.push((index, error));
                if !continue_on_errors {
                    break;
                }
            }
        }
        failed
    }

    async fn manifests(&self, plan: &PushPlan, part: &PushArtifact) -> Result<(), Error> {
        for digest in &part.manifests {
            if let Some(manifest) = plan.walk.manifests.get(digest) {
                let reference = digest.to_string();
                let pushed =
                    self.engine.request(self.target.push_manifest(&part.repository, &reference, manifest));
                pushed.await.map_err(|error| explained(error.into(), part, manifest))?;
            }
        }
        Ok(())
    }

    async fn tags(&self, plan: &PushPlan, part: &PushArtifact) -> Result<(), Error> {
        // referrers' tags first: whoever sees the artifact's tag finds its signatures
        for (tag, digest) in part.tags.iter().rev() {
            if let Some(manifest) = plan.walk.manifests.get(digest) {
                self.engine.request(self.target.push_manifest(&part.repository, tag, manifest)).await?;
            }
        }
        Ok(())
    }
}

/// A registry that wants every child of an index, or every layer, says so in many ways.
fn explained(error: Error, part: &PushArtifact, manifest: &Manifest) -> Error {
    let refused = matches!(error.code(), Code::ManifestRefused | Code::ManifestNotFound | Code::BlobNotFound);
    if refused && part.lacks_layers && !manifest.is_index() {
        let next = "the registry may want the foreign layers: export again with --foreign-layers carry";
        return error.with_next(next);
    }
    if !(part.sparse && manifest.is_index() && refused) {
        return error;
    }
    let detail =
        format!("the registry does not take an index without all of its platforms: {}", error.detail());
    Error::new(Code::SparseIndexRefused, part.name.clone(), detail)
}
