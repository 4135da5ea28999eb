//! Sample artifacts are what they say they are: a registry takes them, a stranger reads them.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

use transload_depot::{Depot, Server};
use transload_registry::memory::MemoryRegistry;
use transload_registry::{Client, ClientOptions, Source as _, Target as _};
use transload_testkit::images::{Corpus, Shape, image, layer, multi_arch, write_layout};
use transload_testkit::peers::{DockerRegistry, skopeo_ok};

fn client(host: &str) -> Client {
    Client::new(host, ClientOptions::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_goes_into_a_registry_and_is_whole_there() {
    let corpus = Corpus::every_kind(10_000);
    let depot = Server::start(([127, 0, 0, 1], 0).into(), Depot::temporary().unwrap()).await.unwrap();
    let docker = DockerRegistry::start();
    for host in [depot.addr().to_string(), docker.host()] {
        let client = client(&host);
        corpus.push(&client).await.unwrap();
        corpus.check(&client, "").await.unwrap();
    }
    let memory = MemoryRegistry::new("memory.example");
    corpus.push(&memory).await.unwrap();
    corpus.check(&memory, "").await.unwrap();
    let fault = corpus.check(&memory, "other/").await.unwrap_err();
    assert_eq!(fault.lines().count(), corpus.entries.len(), "{fault}");
}

#[tokio::test]
async fn a_check_finds_what_is_missing() {
    let memory = MemoryRegistry::new("memory.example");
    let app = image(&[layer(1, 100)]);
    app.push(&memory, "a", Some("v1")).await.unwrap();
    let other = image(&[layer(2, 100)]);
    other.push(&memory, "a", Some("v2")).await.unwrap();
    app.check(&memory, "a", Some("v1")).await.unwrap();
    assert!(app.check(&memory, "a", Some("v2")).await.unwrap_err().contains("and not"));
    assert!(app.check(&memory, "a", Some("v3")).await.is_err());
    memory.push_manifest("a", "v1", &other.manifest).await.unwrap();
    assert!(app.check(&memory, "a", Some("v1")).await.is_err());
    assert_eq!(memory.tags("a").await.unwrap(), ["v1", "v2"]);
}

#[test]
fn a_corpus_shares_what_it_says() {
    let shape = Shape {
        images: 12,
        repositories: 3,
        bases: 2,
        base_layers: 2,
        base_layer_bytes: 10_000,
        own_layer_bytes: 1_000,
        seed: 0,
    };
    let corpus = Corpus::shared_bases(&shape);
    assert_eq!(corpus.references("r.example")[4], "r.example/team-1/app:v4");
    // four base layers, twelve own layers, twelve configs
    assert_eq!(corpus.unique_blobs().len(), 4 + 12 + 12);
    assert!(corpus.unique_blob_bytes() > 4 * 10_000 + 12 * 1_000);
    let other = Corpus::shared_bases(&Shape { seed: 1, ..shape });
    let digests = |c: &Corpus| c.unique_blobs().iter().map(|b| b.descriptor.digest).collect::<Vec<_>>();
    assert!(digests(&corpus).iter().all(|digest| !digests(&other).contains(digest)));
    assert_eq!(digests(&corpus), digests(&Corpus::shared_bases(&shape)));
    assert_eq!(Corpus::small(5, 20).unique_blobs().len(), 10);
}

#[test]
fn skopeo_reads_a_layout() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    let (app, arches) = (image(&[layer(1, 5_000), layer(2, 10)]), multi_arch(3, 700));
    write_layout(&layout, &[("app:v1", &app), ("arches:v1", &arches)]).unwrap();
    for (name, artifact) in [("app:v1", &app), ("arches:v1", &arches)] {
        let from = format!("oci:{}:{name}", layout.display());
        let raw = skopeo_ok(&["inspect", "--raw", &from]);
        assert_eq!(raw.as_bytes(), artifact.manifest.bytes, "{name}");
    }
    let registry = DockerRegistry::start();
    let to = format!("docker://{}/arches:v1", registry.host());
    let from = format!("oci:{}:arches:v1", layout.display());
    skopeo_ok(&["copy", "--all", "--preserve-digests", "--dest-tls-verify=false", &from, &to]);
}
