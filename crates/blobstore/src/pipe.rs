//! A pipe as a store: one blob, written from its first byte to its last.
//!
//! Nothing can be looked at, read back, resumed or taken back. It is for standard output, tapes and diodes; what is
//! written is what a bundle's file would contain.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;

use crate::error::{Error, ErrorKind};
use crate::store::{
    BlobStat, BlobStore, Block, BlockLimits, BlockOrder, ByteStream, Stage, StageOptions, StagedBlock,
};

/// The writing end of a pipe. It takes one blob, once.
#[derive(Clone)]
pub struct PipeStore {
    label: String,
    writer: Arc<Mutex<Option<Box<dyn AsyncWrite + Send + Unpin>>>>,
}

impl fmt::Debug for PipeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeStore").field("label", &self.label).finish_non_exhaustive()
    }
}

impl PipeStore {
    /// A pipe into `writer`, which people are told of by `label` ("standard output").
    pub fn new(label: impl Into<String>, writer: Box<dyn AsyncWrite + Send + Unpin>) -> Self {
        Self { label: label.into(), writer: Arc::new(Mutex::new(Some(writer))) }
    }

    fn cannot(&self, what: &str) -> Error {
        Error::new(ErrorKind::Unsupported, self.label.as_str(), format!("a pipe cannot be {what}"))
    }
}

#[async_trait]
impl BlobStore for PipeStore {
    fn describe(&self, _name: &str) -> String {
        self.label.clone()
    }

    fn limits(&self) -> BlockLimits {
        BlockLimits {
            order: BlockOrder::InOrder,
            block_bytes_min: 0,
            block_bytes_max: 1 << 30,
            blocks_max: usize::MAX,
        }
    }

    async fn stat(&self, _name: &str) -> Result<Option<BlobStat>, Error> {
        Ok(None)
    }

    async fn read(&self, _name: &str, _range: Range<u64>, _etag: Option<&str>) -> Result<ByteStream, Error> {
        Err(self.cannot("read from its middle"))
    }

    async fn list(&self, _prefix: &str) -> Result<BoxStream<'static, Result<BlobStat, Error>>, Error> {
        Err(self.cannot("listed"))
    }

    async fn delete(&self, _name: &str, _etag: Option<&str>) -> Result<(), Error> {
        Err(self.cannot("deleted"))
    }

    fn check_delete(&self, _name: &str) -> Result<(), Error> {
        Err(self.cannot("deleted"))
    }

    async fn stage(&self, _name: &str, _options: StageOptions) -> Result<Box<dyn Stage>, Error> {
        let writer = self.writer.lock().await.take().ok_or_else(|| self.cannot("written twice"))?;
        let state = State { writer, offset: 0 };
        Ok(Box::new(PipeStage { label: self.label.clone(), state: Mutex::new(state) }))
    }
}

struct State {
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    offset: u64,
}

struct PipeStage {
    label: String,
    state: Mutex<State>,
}

impl fmt::Debug for PipeStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeStage").field("label", &self.label).finish_non_exhaustive()
    }
}

impl PipeStage {
    fn failed(&self, error: &std::io::Error) -> Error {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => {
                let detail = "whoever was to read the pipe has gone away";
                Error::new(ErrorKind::Io, self.label.as_str(), detail)
                    .with_hint("look at what the other end said, then run the whole pipe again")
            }
            std::io::ErrorKind::StorageFull => {
                Error::new(ErrorKind::Full, self.label.as_str(), "there is no room left behind the pipe")
            }
            _ => Error::new(ErrorKind::Io, self.label.as_str(), error.to_string()),
        }
    }
}

#[async_trait]
impl Stage for PipeStage {
    fn staged(&self) -> Vec<StagedBlock> {
        Vec::new()
    }

    async fn put(&self, block: &Block, bytes: Bytes) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        if block.offset != state.offset || bytes.len() as u64 != block.len {
            let detail = format!("byte {} is next in the pipe, not {}", state.offset, block.offset);
            return Err(Error::new(ErrorKind::Io, self.label.as_str(), detail));
        }
        state.writer.write_all(&bytes).await.map_err(|error| self.failed(&error))?;
        state.offset += block.len;
        Ok(())
    }

    async fn commit(&self, blocks: &[Block]) -> Result<BlobStat, Error> {
        let mut state = self.state.lock().await;
        let listed: u64 = blocks.iter().map(|block| block.len).sum();
        if listed != state.offset {
            let detail = format!("{} bytes were written, {listed} are listed", state.offset);
            return Err(Error::new(ErrorKind::BlocksMissing, self.label.as_str(), detail));
        }
        let flushed = state.writer.flush().await;
        let closed = match flushed {
            Ok(()) => state.writer.shutdown().await,
            failed => failed,
        };
        closed.map_err(|error| self.failed(&error))?;
        Ok(BlobStat { name: "-".to_owned(), size: state.offset, etag: None, modified: None })
    }

    async fn discard(&self) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Unsupported, self.label.as_str(), "a pipe takes nothing back"))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::conformance::blocks;

    #[tokio::test]
    async fn what_is_put_comes_out_and_only_in_order() {
        let (writer, mut reader) = tokio::io::duplex(1 << 16);
        let store = PipeStore::new("standard output", Box::new(writer));
        let contents = [Bytes::from_static(b"first"), Bytes::from_static(b"second")];
        let list = blocks(&contents);
        let stage = store.stage("-", StageOptions::default()).await.unwrap();
        assert_eq!(stage.put(&list[1], contents[1].clone()).await.unwrap_err().kind(), ErrorKind::Io);
        stage.put(&list[0], contents[0].clone()).await.unwrap();
        assert_eq!(stage.commit(&list).await.unwrap_err().kind(), ErrorKind::BlocksMissing);
        stage.put(&list[1], contents[1].clone()).await.unwrap();
        assert_eq!(stage.commit(&list).await.unwrap().size, 11);
        let mut read = String::new();
        reader.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "firstsecond");
        assert!(store.stage("-", StageOptions::default()).await.is_err(), "one blob, once");
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_is_told() {
        let (writer, reader) = tokio::io::duplex(16);
        drop(reader);
        let store = PipeStore::new("standard output", Box::new(writer));
        let contents = [Bytes::from_static(b"first")];
        let list = blocks(&contents);
        let stage = store.stage("-", StageOptions::default()).await.unwrap();
        let error = stage.put(&list[0], contents[0].clone()).await.unwrap_err();
        assert!(error.to_string().contains("gone away"), "{error}");
    }
}
