//! What the tests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use transload_oci::Descriptor;
use transload_registry::conformance::Sample;
use transload_registry::{BlobReader, ByteStream, Client, ClientOptions, Error, Limits, Source};

/// Limits that let a test of retries end soon.
pub(crate) fn quick() -> Limits {
    Limits {
        retry_delay_min: Duration::from_millis(2),
        retry_delay_max: Duration::from_millis(20),
        read_idle_timeout: Duration::from_secs(5),
        commit_timeout: Duration::from_secs(10),
        list_page_size: 3,
        ..Limits::default()
    }
}

/// A client without credentials.
pub(crate) fn client(host: &str) -> Client {
    client_with(host, |_| {})
}

/// A client with other options.
pub(crate) fn client_with(host: &str, change: impl FnOnce(&mut ClientOptions)) -> Client {
    let mut options = ClientOptions { limits: quick(), ..ClientOptions::default() };
    change(&mut options);
    Client::new(host, options).unwrap()
}

/// All of a blob from `offset` on.
pub(crate) async fn read(
    source: &dyn Source,
    repository: &str,
    blob: &Descriptor,
    offset: u64,
) -> Result<Vec<u8>, Error> {
    let mut stream = source.blob(repository, blob, offset).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

/// A reader that counts what is read through it.
pub(crate) struct Counted<'a> {
    pub(crate) sample: &'a Sample,
    pub(crate) bytes: Arc<AtomicU64>,
}

impl<'a> Counted<'a> {
    pub(crate) fn new(sample: &'a Sample) -> Self {
        Self { sample, bytes: Arc::default() }
    }

    pub(crate) fn read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl BlobReader for Counted<'_> {
    async fn open(&self, offset: u64) -> Result<ByteStream, Error> {
        let counter = self.bytes.clone();
        let stream = self.sample.open(offset).await?;
        let counted = stream.inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            }
        });
        Ok(counted.boxed())
    }
}
