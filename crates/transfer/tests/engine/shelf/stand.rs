//! What tests of shelves share.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use transload_blobstore::memory::MemoryStore;
use transload_blobstore::{
    BlobStat, BlobStore, BlockLimits, ByteStream, Error as StoreError, Stage, StageOptions,
};
use transload_oci::Digest;
use transload_transfer::{Engine, Error, Event, Events, Place, Shelf, ShelfBlob, ShelfOptions};

use crate::support::{BUNDLE, limits};

/// What an engine warned of.
pub(super) type Warnings = Arc<Mutex<Vec<String>>>;

pub(super) fn place(store: Arc<impl BlobStore>, name: Option<&str>) -> Place {
    Place { store, name: name.map(str::to_owned) }
}

pub(super) async fn shelf_at(places: &[Place], options: ShelfOptions) -> Result<Shelf, Error> {
    Ok(listening(places, options).await?.0)
}

/// A shelf, and where its warnings go.
pub(super) async fn listening(places: &[Place], options: ShelfOptions) -> Result<(Shelf, Warnings), Error> {
    let warnings = Warnings::default();
    let kept = Arc::clone(&warnings);
    let events = Events::to(Arc::new(move |event: &Event| {
        if let Event::Warning { message } = event {
            kept.lock().push(message.clone());
        }
    }));
    let engine = Engine::new(limits(), events, CancellationToken::new());
    Ok((Shelf::open(&engine, places, options).await?, warnings))
}

pub(super) async fn shelf_of(store: &Arc<MemoryStore>) -> Shelf {
    shelf_at(&[place(Arc::clone(store), Some(BUNDLE))], ShelfOptions::default()).await.unwrap()
}

pub(super) async fn part(blob: &ShelfBlob, range: Range<u64>) -> Result<Vec<u8>, Error> {
    let pieces: Vec<_> = blob.read(range).await?.try_collect().await?;
    Ok(pieces.concat())
}

pub(super) async fn all(blob: &ShelfBlob) -> Result<Vec<u8>, Error> {
    part(blob, 0..blob.len()).await
}

pub(super) fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().unwrap().code().as_str()
}

/// Puts an image layout into a folder of a store: these contents, and these roots.
pub(super) fn layout(store: &MemoryStore, folder: &str, contents: &[&[u8]], roots: &[Value]) {
    for content in contents {
        let name = format!("{folder}/{}", Digest::sha256(content).layout_path());
        store.insert(&name, content.to_vec());
    }
    let index = json!({"schemaVersion": 2, "manifests": roots});
    store.insert(&format!("{folder}/index.json"), index.to_string());
    store.insert(&format!("{folder}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
}

/// Makes a delta of a bundle: the same without these blobs, as a folder.
pub(super) fn delta(store: &MemoryStore, bundle: &str, folder: &str, bases: &[&str], omitted: &[Digest]) {
    let bytes = store.bytes(bundle).unwrap();
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        files.push((name, content));
    }
    let file = |name: &str| files.iter().find(|(n, _)| n == name).unwrap().1.clone();
    let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let mut index = parse(&file("index.json"));
    let root = index["manifests"].as_array().unwrap().len() - 1;
    let path = |digest: &Value| digest.as_str().unwrap().parse::<Digest>().unwrap().layout_path();
    let mut manifest = parse(&file(&path(&index["manifests"][root]["digest"])));
    let mut transfer = parse(&file(&path(&manifest["layers"][0]["digest"])));
    let omitted_json: Vec<Value> =
        omitted.iter().map(|digest| json!({"digest": digest, "size": 1, "repositories": []})).collect();
    transfer["delta"] = json!({"bases": bases, "omitted": omitted_json});
    transfer["planId"] = json!(format!("{folder}-plan"));
    let gone: Vec<String> = omitted.iter().map(Digest::layout_path).collect();
    transfer["blobs"]
        .as_array_mut()
        .unwrap()
        .retain(|blob| !omitted.iter().any(|digest| blob["digest"] == json!(digest)));
    let put = |value: &Value, at: &mut Value| {
        let bytes = value.to_string().into_bytes();
        let digest = Digest::sha256(&bytes);
        at["digest"] = json!(digest);
        at["size"] = json!(bytes.len());
        store.insert(&format!("{folder}/{}", digest.layout_path()), bytes);
    };
    put(&transfer, &mut manifest["layers"][0]);
    let manifest = manifest;
    put(&manifest, &mut index["manifests"][root]);
    for (name, content) in files.iter().filter(|(name, _)| !gone.contains(name) && name != "index.json") {
        store.insert(&format!("{folder}/{name}"), content.clone());
    }
    store.insert(&format!("{folder}/index.json"), index.to_string());
}

/// A store that counts what is read of it.
#[derive(Debug)]
pub(super) struct Counting {
    store: Arc<MemoryStore>,
    reads: AtomicUsize,
}

impl Counting {
    pub(super) fn over(store: Arc<MemoryStore>) -> Arc<Self> {
        Arc::new(Self { store, reads: AtomicUsize::new(0) })
    }

    pub(super) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl BlobStore for Counting {
    fn describe(&self, name: &str) -> String {
        self.store.describe(name)
    }

    fn limits(&self) -> BlockLimits {
        self.store.limits()
    }

    async fn stat(&self, name: &str) -> Result<Option<BlobStat>, StoreError> {
        self.store.stat(name).await
    }

    async fn read(
        &self,
        name: &str,
        range: Range<u64>,
        etag: Option<&str>,
    ) -> Result<ByteStream, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.read(name, range, etag).await
    }

    async fn list(
        &self,
        prefix: &str,
    ) -> Result<BoxStream<'static, Result<BlobStat, StoreError>>, StoreError> {
        self.store.list(prefix).await
    }

    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), StoreError> {
        self.store.delete(name, etag).await
    }

    async fn stage(&self, name: &str, options: StageOptions) -> Result<Box<dyn Stage>, StoreError> {
        self.store.stage(name, options).await
    }
}
