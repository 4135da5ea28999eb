//! Checking every byte of a bundle.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use transload_blobstore::BlobStore;
use transload_bundle::Extent;
use transload_oci::{Digest, Verifier};

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::{BlobOutcome, Event};
use crate::open::{self, BundleSource, Opened};
use crate::report::{ArtifactStatus, BundleReport, Operation, Outcome, Report, refuse_failures};
use crate::walk::walk_bundle;

/// What to verify.
#[derive(Debug)]
pub struct Verify {
    /// Where the bundle is.
    pub store: Arc<dyn BlobStore>,
    /// Its name there.
    pub name: String,
}

impl Verify {
    /// Reads the whole bundle: every content against its digest, every manifest's children against what is
    /// there, the transfer manifest against the index. Everything found is in the report.
    pub async fn run(self, engine: &Engine) -> Report {
        let started = Instant::now();
        let location = self.store.describe(&self.name);
        let mut report = Report::new(Operation::Verify, location.clone(), location);
        if let Err(error) = engine.until_cancelled(self.steps(engine, &mut report)).await {
            report.fail(error);
        }
        report.finish(engine, started)
    }

    async fn steps(&self, engine: &Engine, report: &mut Report) -> Result<(), Error> {
        // opening checks the head: the transfer manifest and the catalog against index.json
        let opened = open::bundle(engine, &self.store, &self.name).await?;
        report.warnings.extend(opened.conversion());
        report.bundle = Some(BundleReport { location: opened.location.clone(), bytes: opened.len() });
        report.plan_id = opened.index.transfer.as_ref().map(|transfer| transfer.plan_id.clone());
        let source = Arc::new(BundleSource::new(opened.clone()).await?);
        let mut walk = walk_bundle(engine, &source, &[], false).await?;
        report.totals = crate::export::totals(&walk);
        engine.events.send(&Event::Planned { operation: Operation::Verify, totals: report.totals });
        let (faults, read) = contents(engine, &opened).await?;
        walk.fail_where(|digest| faults.get(digest).cloned());
        report.totals.bytes_moved = read;
        report.artifacts = walk.artifacts.iter().map(|a| a.report(&walk, ArtifactStatus::Verified)).collect();
        refuse_failures(&report.artifacts, false)?;
        // what no artifact needs is still part of the bundle
        faults.into_values().next().map_or(Ok(()), Err)?;
        report.outcome = Outcome::Succeeded;
        Ok(())
    }
}

/// Reads everything the catalog names. Returns what is wrong, by digest, and how many bytes were read.
async fn contents(engine: &Engine, opened: &Opened) -> Result<(HashMap<Digest, Error>, u64), Error> {
    let mut extents: Vec<(Digest, Extent)> = opened.index.catalog.iter().map(|(d, e)| (*d, *e)).collect();
    extents.sort_by_key(|(_, extent)| extent.offset);
    // what is compressed as a whole comes in one order only
    let at_once = if opened.is_packed() { 1 } else { engine.limits.blobs_at_once.max(1) };
    let mut checks = futures_util::stream::iter(extents)
        .map(|(digest, extent)| {
            let (engine, opened) = (engine.clone(), opened.clone());
            let check = tokio::spawn(async move { content(&engine, &opened, digest, extent).await });
            async move { (digest, extent.len, check.await) }
        })
        .buffer_unordered(at_once);
    let mut faults = HashMap::new();
    let mut read = 0;
    while let Some((digest, len, checked)) = checks.next().await {
        let checked =
            checked.map_err(|error| Error::new(Code::Internal, "", format!("a task died: {error}")))?;
        read += len;
        match checked {
            Ok(()) => {}
            Err(error) if error.code() == Code::BundleDamaged => drop(faults.insert(digest, error)),
            Err(error) => return Err(error),
        }
    }
    Ok((faults, read))
}

async fn content(engine: &Engine, opened: &Opened, digest: Digest, extent: Extent) -> Result<(), Error> {
    let size = extent.len;
    engine.events.send(&Event::BlobStarted { digest, size, offset: 0 });
    let mut verifier = Verifier::new(digest, size);
    engine.until_open().await;
    let mut stream = opened.read(&extent, 0).await?;
    let damaged = |reason: String| {
        let subject = format!("{}@{digest}", opened.location);
        Error::new(Code::BundleDamaged, subject, format!("{}: {reason}", opened.place(&extent)))
    };
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        engine.pass(chunk.len() as u64).await;
        verifier.update(&chunk).map_err(|mismatch| damaged(mismatch.to_string()))?;
        engine.events.send(&Event::BlobProgress { digest, bytes: chunk.len() as u64 });
    }
    let verified = verifier.finish();
    let outcome = if verified.is_ok() { BlobOutcome::Existed } else { BlobOutcome::Failed };
    engine.events.send(&Event::BlobFinished { digest, size, outcome });
    verified.map_err(|mismatch| damaged(mismatch.to_string()))
}
