//! What the tests share: a control plane with two registries and two storage accounts, and `az` signed in to it.

mod lab;
mod making;
mod paper;

pub(crate) use lab::{Lab, Side};
pub(crate) use making::{assert_said, deploy};
pub(crate) use paper::Shell;

use std::future::Future;
use std::path::PathBuf;

use serde_json::Value;
use transload_registry::{Client, ClientOptions};
use transload_testkit::images::Corpus;

/// A template of this folder's.
pub(crate) fn template(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/az/templates");
    folder.join(name).to_str().unwrap().to_owned()
}

/// What a command printed, read as JSON.
pub(crate) fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Pushes a corpus to a registry.
pub(crate) fn push(host: &str, corpus: &Corpus) {
    block_on(corpus.push(&client(host))).unwrap();
}

/// Whether a registry has all of a corpus: manifests byte for byte, tags, referrers, every blob.
pub(crate) fn assert_whole(host: &str, corpus: &Corpus) {
    if let Err(faults) = block_on(corpus.check(&client(host), "")) {
        panic!("{faults}");
    }
}

fn client(host: &str) -> Client {
    Client::new(host, ClientOptions::default()).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
