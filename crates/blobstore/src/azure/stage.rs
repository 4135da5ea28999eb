//! Writing a block blob.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::{Etag, RequestContent, XmlFormat};
use azure_storage_blob::models::HttpRange;
use azure_storage_blob::models::{
    BlobClientDeleteOptions, BlockBlobClientCommitBlockListOptions, BlockBlobClientStageBlockFromUrlOptions,
    BlockLookupList,
};
use bytes::Bytes;
use secrecy::ExposeSecret;

use super::{Inner, lists, stat_of};
use crate::error::{Error, ErrorKind};
use crate::retry::{Failure, retry};
use crate::sas::Action;
use crate::store::{BlobStat, Block, BlockId, CopyPlace, CopySource, Stage, StageOptions, StagedBlock};

/// What a bundle is, to whoever downloads it by other means.
const CONTENT_TYPE: &str = "application/x-tar";

#[derive(Debug)]
pub(super) struct AzureStage {
    store: Arc<Inner>,
    name: String,
    options: StageOptions,
    found: Vec<StagedBlock>,
}

impl AzureStage {
    /// Looks whether the blob is there and what is staged under its name, as far as the credential may read.
    pub(super) async fn open(store: Arc<Inner>, name: &str, options: StageOptions) -> Result<Self, Error> {
        store.check_first(name, &[Action::Write])?;
        let mut found = Vec::new();
        if store.may_read() {
            let there = store.stat(name).await?.is_some();
            if there && !options.overwrite {
                return Err(Error::already_exists(store.describe(name), "a blob"));
            }
            let staged = lists::uncommitted(&store, name).await?;
            if staged.iter().any(|(id, _)| id.len() != 64) && !there {
                clear(&store, name).await?;
            } else {
                found = staged.into_iter().filter_map(|(id, len)| staged_block(&id, len)).collect();
            }
        }
        Ok(Self { store, name: name.to_owned(), options, found })
    }
}

fn staged_block(id: &[u8], len: u64) -> Option<StagedBlock> {
    Some(StagedBlock { id: BlockId(id.try_into().ok()?), offset: None, index: None, len })
}

#[async_trait]
impl Stage for AzureStage {
    fn staged(&self) -> Vec<StagedBlock> {
        self.found.clone()
    }

    async fn put(&self, block: &Block, bytes: Bytes) -> Result<(), Error> {
        block.check_len(&bytes, || self.store.describe(&self.name))?;
        let client = self.store.blob(&self.name, Action::Write)?.block_blob_client();
        let (client, id) = (&client, &block.id.0);
        retry(&self.store.retry, |_| {
            let content = bytes.clone().into();
            async move {
                let staged = client.stage_block(id, block.len, content, None).await;
                staged.map(|_| ()).map_err(|e| self.store.failure(&self.name, Action::Write, &e))
            }
        })
        .await
    }

    /// <https://learn.microsoft.com/rest/api/storageservices/put-block-from-url>
    async fn put_from(&self, block: &Block, source: &CopySource, offset: u64) -> Result<bool, Error> {
        let CopyPlace::Azure(url) = &source.place else { return Ok(false) };
        if block.len == 0 {
            return Ok(false);
        }
        let client = self.store.blob(&self.name, Action::Write)?.block_blob_client();
        let client = &client;
        let copied = retry(&self.store.retry, |_| {
            let options = BlockBlobClientStageBlockFromUrlOptions {
                source_range: Some(HttpRange::new(offset, block.len)),
                source_if_match: source.etag.clone().map(Etag::from),
                ..Default::default()
            };
            async move {
                let url = url.expose_secret().to_owned();
                let copied = client.stage_block_from_url(&block.id.0, 0, url, Some(options)).await;
                copied.map(|_| ()).map_err(|e| self.store.failure(&self.name, Action::Write, &e))
            }
        });
        match copied.await {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::Changed => Err(e),
            // the one service cannot reach the other, or has no copies; what is really wrong shows when the bytes are put
            Err(error) => {
                tracing::debug!(%error, "the store does not copy");
                Ok(false)
            }
        }
    }

    async fn commit(&self, blocks: &[Block]) -> Result<BlobStat, Error> {
        let ids: Vec<Vec<u8>> = blocks.iter().map(|b| b.id.0.to_vec()).collect();
        let size = blocks.iter().map(|b| b.len).sum();
        let committed = retry(&self.store.retry, |attempt| {
            let ids = ids.clone();
            async move {
                match self.commit_once(ids.clone(), size).await {
                    // an earlier attempt may have been carried out without its answer reaching us
                    Err(f) if attempt > 1 && is_conflict(&f.error) => self.is_ours(&ids).await?.ok_or(f),
                    result => result,
                }
            }
        });
        committed.await
    }

    /// Only a commit or a deletion makes the service forget blocks; where the blob exists they stay for a week.
    async fn discard(&self) -> Result<(), Error> {
        if self.store.stat(&self.name).await?.is_some() || !self.store.may_delete() {
            return Ok(());
        }
        clear(&self.store, &self.name).await
    }
}

impl AzureStage {
    async fn commit_once(&self, ids: Vec<Vec<u8>>, size: u64) -> Result<BlobStat, Failure> {
        let metadata: HashMap<_, _> = self.options.metadata.clone().into_iter().collect();
        let options = BlockBlobClientCommitBlockListOptions {
            if_none_match: (!self.options.overwrite).then(|| Etag::from("*")),
            blob_content_type: Some(CONTENT_TYPE.to_owned()),
            metadata: (!metadata.is_empty()).then_some(metadata),
            ..Default::default()
        };
        let client = self.store.blob(&self.name, Action::Write)?.block_blob_client();
        let failed = |e| self.store.failure(&self.name, Action::Write, &e);
        let list = block_list(ids).map_err(failed)?;
        let answer = client.commit_block_list(list, Some(options)).await.map_err(|e| {
            let failure = failed(e);
            match failure.error.kind() {
                ErrorKind::Changed if !self.options.overwrite => {
                    Error::already_exists(self.store.describe(&self.name), "a blob").into()
                }
                _ => failure,
            }
        })?;
        Ok(stat_of(&self.name, size, answer.headers()))
    }

    /// The blob that is there, if its blocks are these.
    async fn is_ours(&self, ids: &[Vec<u8>]) -> Result<Option<BlobStat>, Failure> {
        let listed = lists::committed(&self.store, &self.name).await?;
        if listed.iter().map(|(id, _)| id).ne(ids) {
            return Ok(None);
        }
        Ok(self.store.stat(&self.name).await?)
    }
}

fn is_conflict(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::BlocksMissing)
}

fn block_list(ids: Vec<Vec<u8>>) -> azure_core::Result<RequestContent<BlockLookupList, XmlFormat>> {
    // "latest": a block staged just now, or one of the blob that is overwritten, which has the same content
    BlockLookupList { latest: Some(ids), ..BlockLookupList::default() }.try_into()
}

/// Makes the service forget blocks under a name that has no blob: an empty blob is committed and removed again.
async fn clear(store: &Arc<Inner>, name: &str) -> Result<(), Error> {
    let client = store.blob(name, Action::Write)?;
    let options =
        BlockBlobClientCommitBlockListOptions { if_none_match: Some(Etag::from("*")), ..Default::default() };
    let failed = |action| move |e: azure_core::Error| store.failure(name, action, &e).error;
    let list = block_list(Vec::new()).map_err(failed(Action::Write))?;
    let made = client
        .block_blob_client()
        .commit_block_list(list, Some(options))
        .await
        .map_err(failed(Action::Write))?;
    let etag = stat_of(name, 0, made.headers()).etag;
    let options = BlobClientDeleteOptions { if_match: etag.map(Etag::from), ..Default::default() };
    let client = store.blob(name, Action::Delete)?;
    client.delete(Some(options)).await.map(|_| ()).map_err(failed(Action::Delete))
}
