//! What the tests share: the program, the peers, and reading what the program says.

mod peers;
mod plane;
mod said;
mod served;
mod sparse;

use std::future::Future;

use serde_json::Value;
use tempfile::TempDir;
use transload_registry::{Client, ClientOptions, Source as _};
use transload_testkit::cli::Cli;
use transload_testkit::images::{Artifact, Corpus};

pub(crate) use peers::{OwnRegistry, azurite};
pub(crate) use plane::{SECRET, ScriptedPlane};
pub(crate) use said::Said;
pub(crate) use served::Served;
pub(crate) use sparse::SparseRegistry;

/// The built program, away from the machine's settings.
pub(crate) fn transload() -> Cli {
    Cli::new(env!("CARGO_BIN_EXE_transload"))
}

/// An empty folder.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A path in a folder, as text.
pub(crate) fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// Names of what is in a folder, sorted.
pub(crate) fn names(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A client of our own for preparing and checking registries.
pub(crate) fn client(host: &str) -> Client {
    Client::new(host, ClientOptions::default()).unwrap()
}

/// Runs something asynchronous to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Pushes a corpus to a registry.
pub(crate) fn push(host: &str, corpus: &Corpus) {
    block_on(corpus.push(&client(host))).unwrap();
}

/// Pushes one artifact, as `repository:tag`.
pub(crate) fn push_one(host: &str, name: &str, artifact: &Artifact) {
    let (repository, tag) = name.split_once(':').unwrap();
    block_on(artifact.push(&client(host), repository, Some(tag))).unwrap();
}

/// Whether a registry has all of a corpus: manifests byte for byte, tags, referrers, every blob.
pub(crate) fn assert_whole(host: &str, corpus: &Corpus, prefix: &str) {
    if let Err(faults) = block_on(corpus.check(&client(host), prefix)) {
        panic!("{faults}");
    }
}

/// Repositories of a registry.
pub(crate) fn catalog(host: &str) -> Vec<String> {
    block_on(client(host).repositories(1000)).unwrap()
}

/// A corpus of one artifact.
pub(crate) fn only(repository: &str, tag: &str, artifact: Artifact) -> Corpus {
    let mut corpus = Corpus::default();
    corpus.add(repository, tag, artifact);
    corpus
}

/// Every kind of artifact that can travel: all but the one with a layer that no registry has.
pub(crate) fn every_kind(layer_bytes: u64) -> Corpus {
    let mut corpus = Corpus::every_kind(layer_bytes);
    corpus.entries.retain(|entry| entry.repository != "kinds/foreign");
    corpus
}

/// A file's content as JSON.
pub(crate) fn read_json(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
