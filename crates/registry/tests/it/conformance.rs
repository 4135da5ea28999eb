//! The conformance suite, over everything there is.

use transload_depot::{Depot, Server};
use transload_registry::conformance::{Abilities, all};
use transload_registry::memory::MemoryRegistry;
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::DockerRegistry;

use crate::support::client;

const EVERYTHING: Abilities = Abilities { sha512: true, catalog: true };

#[tokio::test]
async fn memory() {
    all(&MemoryRegistry::new("memory.test"), EVERYTHING).await;
}

#[tokio::test]
async fn memory_without_referrers_api() {
    let registry = MemoryRegistry::new("memory.test");
    registry.switch(|s| s.lacks_referrers_api = true);
    all(&registry, EVERYTHING).await;
}

#[tokio::test]
async fn depot_in_a_temporary_folder_and_in_a_kept_one() {
    let folder = tempfile::tempdir().unwrap();
    for depot in [Depot::temporary().unwrap(), Depot::in_folder(folder.path()).unwrap()] {
        let server = Server::start("127.0.0.1:0".parse().unwrap(), depot).await.unwrap();
        all(&client(&server.addr().to_string()), EVERYTHING).await;
        server.shutdown().await;
    }
}

#[tokio::test]
async fn docker_registry() {
    let registry = DockerRegistry::start();
    all(&client(&registry.host()), EVERYTHING).await;
}

#[tokio::test]
async fn docker_registry_behind_a_proxy_that_fails_now_and_then() {
    let registry = DockerRegistry::start();
    let proxy = FaultProxy::start(registry.addr());
    // Every kind of request meets each fault once or twice; the rest passes.
    for nth in [2, 9, 23] {
        proxy.add(Rule::on("GET", "/v2/").nth(nth).status(503));
        proxy.add(Rule::on("HEAD", "/v2/").nth(nth + 1).drop_connection());
        proxy.add(Rule::on("POST", "/uploads/").nth(nth).retry_after(429, 0));
        proxy.add(Rule::on("PUT", "/manifests/").nth(nth).lose_answer());
        proxy.add(Rule::on("GET", "/blobs/").nth(nth + 2).cut_response_after(20_000));
    }
    // What happens to the bodies of uploads is told by the tests of uploads: the suite counts bytes.
    all(&client(&proxy.host()), EVERYTHING).await;
}
