//! What the tests share: a control plane with registries and stores around it, and Azure's clients.

mod clients;
pub(crate) mod world;

pub(crate) use clients::{Outcome, Sdk, Steps};
pub(crate) use world::{World, export_pipeline, import_pipeline};

use std::future::Future;

use transload_registry::{Client, ClientOptions};
use transload_testkit::cli::Cli;
use transload_testkit::images::Corpus;
use transload_testkit::site::{Site, SiteOptions};

/// Starts the built program's control plane.
pub(crate) fn site(options: SiteOptions) -> Site {
    Site::start(env!("CARGO_BIN_EXE_transload"), options)
}

/// The built program, away from the machine's settings.
pub(crate) fn transload() -> Cli {
    Cli::new(env!("CARGO_BIN_EXE_transload"))
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

/// Whether a registry has all of a corpus: manifests byte for byte, tags, referrers, every blob.
pub(crate) fn assert_whole(host: &str, corpus: &Corpus) {
    if let Err(faults) = block_on(corpus.check(&client(host), "")) {
        panic!("{faults}");
    }
}
