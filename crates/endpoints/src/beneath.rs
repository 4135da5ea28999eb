//! A store as a pipeline sees it: beneath its prefix, within its folder, and with errors that name its secret.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::ready;
use futures_util::stream::BoxStream;
use transload_blobstore::file::FileStore;
use transload_blobstore::{
    BlobStat, BlobStore, Block, BlockLimits, ByteStream, CopySource, Error, ErrorKind, Stage, StageOptions,
    StagedBlock, check_name,
};

use crate::folders::stays;

/// The wrapper. It passes the stores' own conformance suite.
#[derive(Debug)]
pub(crate) struct Beneath {
    store: Arc<dyn BlobStore>,
    rules: Arc<Rules>,
}

#[derive(Debug)]
struct Rules {
    /// Empty, or ends with `/`.
    prefix: String,
    /// How the secret that opens the store gets another value.
    renew: Option<String>,
    fence: Option<Fence>,
}

/// A folder, and what its blobs must not leave.
#[derive(Debug, Clone)]
struct Fence {
    folder: PathBuf,
    root: PathBuf,
}

impl Beneath {
    /// A store's blobs beneath a prefix.
    pub(crate) fn new(store: Arc<dyn BlobStore>, prefix: Option<String>, renew: Option<String>) -> Self {
        let prefix = prefix.map(|prefix| prefix + "/").unwrap_or_default();
        Self { store, rules: Arc::new(Rules { prefix, renew, fence: None }) }
    }

    /// The blobs of a folder; links that lead out of `root` are not followed.
    pub(crate) fn folder(folder: PathBuf, root: PathBuf) -> Self {
        let store = Arc::new(FileStore::new(&folder));
        let fence = Some(Fence { folder, root });
        Self { store, rules: Arc::new(Rules { prefix: String::new(), renew: None, fence }) }
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.rules.prefix)
    }

    /// Refuses what would leave the place; the name within the store underneath.
    async fn admitted(&self, name: &str) -> Result<String, Error> {
        // before the prefix is in front of it, which would make a folder's name of an empty one
        check_name(name)?;
        if let Some(fence) = self.rules.fence.clone() {
            let (asked, subject) = (name.to_owned(), self.describe(name));
            let within = tokio::task::spawn_blocking(move || stays(&fence.folder, &fence.root, &asked)).await;
            if !within.unwrap_or(false) {
                let detail = "a link leads out of the folders that pipelines may use";
                return Err(Error::new(ErrorKind::Denied, subject, detail).with_hint(
                    "remove the link, or let the operator allow where it leads (--allow-folder)",
                ));
            }
        }
        Ok(self.full(name))
    }
}

impl Rules {
    /// The name that the pipeline knows.
    fn own(&self, mut stat: BlobStat) -> BlobStat {
        if let Some(own) = stat.name.strip_prefix(&self.prefix) {
            stat.name = own.to_owned();
        }
        stat
    }

    fn keeps(&self, stat: &BlobStat) -> bool {
        self.fence.as_ref().is_none_or(|fence| stays(&fence.folder, &fence.root, &stat.name))
    }

    /// A failure of a credential that came out of a secret, with how that gets another value.
    fn told(&self, error: Error) -> Error {
        let of_credential = matches!(
            error.kind(),
            ErrorKind::SasExpired
                | ErrorKind::SasNotYetValid
                | ErrorKind::SasPermission
                | ErrorKind::SasResource
                | ErrorKind::SasHttpsOnly
                | ErrorKind::SasAddress
                | ErrorKind::SasMalformed
                | ErrorKind::Unauthenticated
                | ErrorKind::Denied
                | ErrorKind::CredentialMissing
        );
        match &self.renew {
            Some(renew) if of_credential => {
                let hint = error.hint().map_or_else(|| renew.clone(), |hint| format!("{hint}; {renew}"));
                error.with_hint(hint)
            }
            _ => error,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl BlobStore for Beneath {
    fn describe(&self, name: &str) -> String {
        match name.is_empty() {
            true => self.store.describe(self.rules.prefix.trim_end_matches('/')),
            false => self.store.describe(&self.full(name)),
        }
    }

    fn limits(&self) -> BlockLimits {
        self.store.limits()
    }

    async fn stat(&self, name: &str) -> Result<Option<BlobStat>, Error> {
        let found = self.store.stat(&self.admitted(name).await?).await;
        Ok(found.map_err(|error| self.rules.told(error))?.map(|stat| self.rules.own(stat)))
    }

    async fn read(&self, name: &str, range: Range<u64>, etag: Option<&str>) -> Result<ByteStream, Error> {
        let stream = self.store.read(&self.admitted(name).await?, range, etag).await;
        let (stream, rules) = (stream.map_err(|error| self.rules.told(error))?, Arc::clone(&self.rules));
        Ok(stream.map(move |piece| piece.map_err(|error| rules.told(error))).boxed())
    }

    async fn list(&self, prefix: &str) -> Result<BoxStream<'static, Result<BlobStat, Error>>, Error> {
        let stream = self.store.list(&self.full(prefix)).await;
        let (stream, rules) = (stream.map_err(|error| self.rules.told(error))?, Arc::clone(&self.rules));
        let named = stream.filter_map(move |found| {
            ready(match found {
                Ok(stat) => rules.keeps(&stat).then(|| Ok(rules.own(stat))),
                Err(error) => Some(Err(rules.told(error))),
            })
        });
        Ok(named.boxed())
    }

    async fn unfinished(&self, prefix: &str) -> Result<Vec<BlobStat>, Error> {
        let found = self.store.unfinished(&self.full(prefix)).await;
        let found = found.map_err(|error| self.rules.told(error))?;
        Ok(found.into_iter().filter(|stat| self.rules.keeps(stat)).map(|stat| self.rules.own(stat)).collect())
    }

    fn copy_source(&self, name: &str, etag: Option<&str>) -> Option<CopySource> {
        self.store.copy_source(&self.full(name), etag)
    }

    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), Error> {
        let deleted = self.store.delete(&self.admitted(name).await?, etag).await;
        deleted.map_err(|error| self.rules.told(error))
    }

    fn check_delete(&self, name: &str) -> Result<(), Error> {
        self.store.check_delete(&self.full(name)).map_err(|error| self.rules.told(error))
    }

    async fn stage(&self, name: &str, options: StageOptions) -> Result<Box<dyn Stage>, Error> {
        let stage = self.store.stage(&self.admitted(name).await?, options).await;
        let stage = stage.map_err(|error| self.rules.told(error))?;
        Ok(Box::new(StageBeneath { stage, rules: Arc::clone(&self.rules) }))
    }
}

#[derive(Debug)]
struct StageBeneath {
    stage: Box<dyn Stage>,
    rules: Arc<Rules>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Stage for StageBeneath {
    fn staged(&self) -> Vec<StagedBlock> {
        self.stage.staged()
    }

    async fn put(&self, block: &Block, bytes: Bytes) -> Result<(), Error> {
        self.stage.put(block, bytes).await.map_err(|error| self.rules.told(error))
    }

    async fn put_from(&self, block: &Block, source: &CopySource, offset: u64) -> Result<bool, Error> {
        self.stage.put_from(block, source, offset).await.map_err(|error| self.rules.told(error))
    }

    async fn keep(&self) -> Result<(), Error> {
        self.stage.keep().await.map_err(|error| self.rules.told(error))
    }

    async fn commit(&self, blocks: &[Block]) -> Result<BlobStat, Error> {
        let committed = self.stage.commit(blocks).await.map_err(|error| self.rules.told(error))?;
        Ok(self.rules.own(committed))
    }

    async fn discard(&self) -> Result<(), Error> {
        self.stage.discard().await.map_err(|error| self.rules.told(error))
    }
}
