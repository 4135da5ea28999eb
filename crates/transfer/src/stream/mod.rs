//! Import from a pipe: a bundle that is read once, from its first byte to its last, and never lies anywhere.
//!
//! Bundles of our own have everything that an importer plans with in front, so one pass is enough: the head is read,
//! the target is asked what it lacks, and blobs are pushed as they come by. What the target has is passed over. What the
//! pipe is compressed with is undone on the way.

mod tape;

use std::sync::Arc;
use std::time::Instant;

use transload_blobstore::memory::MemoryStore;
use transload_blobstore::pipe::PipeStore;
use transload_blobstore::{BlobStore, BlockOrder};
use transload_bundle::{self as bundle, OpenBundle, Opener, StreamOutcome, TRAILER_LEN};
use transload_oci::Pattern;
use transload_registry::Target;

pub use tape::PipeReader;
pub(crate) use tape::Tape;

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::import::{self, Import, TargetOptions};
use crate::open::Opened;
use crate::report::{BundleReport, Operation, Report};
use crate::unpack;

/// What of a pipe shows whether it is a bundle of ours, in bytes.
const SNIFF_BYTES: u64 = 1 << 20;

/// What to import from a pipe, and where to.
pub struct StreamImport {
    /// Name of the pipe, for people: "standard input".
    pub label: String,
    /// The pipe.
    pub reader: PipeReader,
    /// What of it: everything when this is empty.
    pub only: Vec<Pattern>,
    /// The registry to fill.
    pub target: Arc<dyn Target>,
    /// How.
    pub options: TargetOptions,
}

impl std::fmt::Debug for StreamImport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamImport").field("label", &self.label).finish_non_exhaustive()
    }
}

/// A pipe that stands behind its head, and what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    pub(crate) tape: Arc<Tape>,
    pub(crate) index: Arc<OpenBundle>,
}

impl StreamImport {
    /// Plans, and unless it is a dry run acts. Everything that happened is in the report.
    pub async fn run(self, engine: &Engine) -> Report {
        let started = Instant::now();
        let place = import::place(&self.target, &self.options);
        let mut report =
            Report::new(Operation::Import, self.label.clone(), place).with_dry_run(self.options.dry_run);
        let steps = async {
            let reader = unpack::unpacked_if_packed(self.reader).await;
            let reader = reader.map_err(|error| tape::unreadable(&self.label, &error))?;
            let tape = Tape::new(self.label, reader);
            steps(engine, tape, self.only, self.target, self.options, &mut report).await
        };
        if let Err(error) = engine.until_cancelled(steps).await {
            report.fail(error);
        }
        report.finish(engine, started)
    }
}

async fn steps(
    engine: &Engine,
    tape: Arc<Tape>,
    only: Vec<Pattern>,
    target: Arc<dyn Target>,
    options: TargetOptions,
    report: &mut Report,
) -> Result<(), Error> {
    let first = tape.range(0..SNIFF_BYTES).await?;
    if first.is_empty() {
        let detail = "nothing came out of it";
        return Err(Error::new(Code::NotABundle, tape.label(), detail)
            .with_next("look at what the exporting side said"));
    }
    if (first.len() as u64) < SNIFF_BYTES || !bundle::is_own(&first) {
        let (store, name) = whole(engine, &tape).await?;
        let delete_source_blob_on_success = false;
        return Import { store, name, only, target, options, delete_source_blob_on_success }
            .steps(engine, report)
            .await;
    }
    let location = tape.label().to_owned();
    let mut opener = Opener::of_stream(bundle::Limits::default());
    while let Some(range) = opener.want() {
        let bytes = tape.range(range.clone()).await?;
        if (bytes.len() as u64) < range.end - range.start {
            return Err(tape.ended_at(range.end).await);
        }
        opener.feed(&bytes).map_err(|error| Error::from_bundle(&error, &location))?;
    }
    let index = opener.finish().map_err(|error| Error::from_bundle(&error, &location))?;
    report.bundle = Some(BundleReport { location: location.clone(), bytes: index.len });
    let index = Arc::new(index);
    let nothing_behind: Arc<dyn BlobStore> = Arc::new(PipeStore::new(location, Box::new(tokio::io::sink())));
    let opened = Opened::of_stream(Arc::clone(&index), &nothing_behind);
    import::from_opened(engine, opened, Some(&Feed { tape, index }), &only, &target, &options, report).await
}

/// A pipe that can be held in memory: any bundle will do then, in any order.
async fn whole(engine: &Engine, tape: &Tape) -> Result<(Arc<dyn BlobStore>, String), Error> {
    let most = engine.limits.memory_bytes_max;
    let bytes = tape.range(0..most.saturating_add(1)).await?;
    if bytes.len() as u64 > most {
        let detail = "its layers may come before what names them, and it is too long to be held in memory";
        return Err(Error::new(Code::StoreUnsupported, tape.label(), detail).with_next(
            "write it to a file and import the file; bundles that `transload export` wrote can come through a pipe",
        ));
    }
    let store = MemoryStore::named(tape.label(), BlockOrder::AtCommit);
    store.insert("-", bytes.to_vec());
    Ok((Arc::new(store), "-".to_owned()))
}

impl Feed {
    /// Reads on to the end of the pipe: what the exporting side says there of what failed, if anything did.
    pub(crate) async fn end(&self) -> Result<Option<StreamOutcome>, Error> {
        let start = self.index.len - TRAILER_LEN;
        let most = bundle::Limits::default().transfer_bytes_max;
        let tail = self.tape.range(start..start + most).await?;
        if (tail.len() as u64) < TRAILER_LEN {
            return Err(self.tape.ended_at(start + TRAILER_LEN).await);
        }
        StreamOutcome::parse_tail(&tail).map_err(|error| Error::from_bundle(&error, self.tape.label()))
    }
}
