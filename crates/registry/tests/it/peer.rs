//! An independent client reads what ours wrote, and the reverse.

use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client as Peer, Reference};
use serde_json::json;
use transload_oci::media_type;
use transload_registry::conformance::Sample;
use transload_registry::{Source, Target};
use transload_testkit::peers::DockerRegistry;

use crate::support::{client, read};

fn peer() -> Peer {
    Peer::new(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() })
}

#[tokio::test]
async fn what_ours_pushed_the_peer_pulls() {
    let registry = DockerRegistry::start();
    let ours = client(&registry.host());
    let (config, layer) = (Sample::of(r#"{"os":"linux"}"#), Sample::random(200_000));
    for sample in [&config, &layer] {
        ours.push_blob("team/app", &sample.descriptor, &[], sample).await.unwrap();
    }
    let image = Sample::image(&config, &[&layer], json!({}));
    ours.push_manifest("team/app", "v1", &image).await.unwrap();
    let reference: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    let accepted = vec![media_type::OCI_LAYER];
    let pulled = peer().pull(&reference, &RegistryAuth::Anonymous, accepted).await.unwrap();
    assert_eq!(pulled.digest.as_deref(), Some(image.digest.to_string().as_str()));
    assert!(pulled.layers[0].data[..] == layer.bytes[..]);
    assert!(pulled.config.data[..] == config.bytes[..]);
}

#[tokio::test]
async fn what_the_peer_pushed_ours_pulls() {
    let registry = DockerRegistry::start();
    let data = Sample::random(150_000).bytes;
    let layers = [ImageLayer::new(data.to_vec(), media_type::OCI_LAYER.to_owned(), None)];
    let config = Config::new(b"{}".to_vec(), media_type::OCI_CONFIG.to_owned(), None);
    let reference: Reference = format!("{}/team/app:v2", registry.host()).parse().unwrap();
    peer().push(&reference, &layers, config, &RegistryAuth::Anonymous, None).await.unwrap();
    let ours = client(&registry.host());
    let manifest = ours.manifest("team/app", "v2").await.unwrap();
    let (raw, digest) = peer()
        .pull_manifest_raw(&reference, &RegistryAuth::Anonymous, &[media_type::OCI_MANIFEST])
        .await
        .unwrap();
    assert_eq!((manifest.bytes, manifest.digest.to_string()), (raw, digest));
    let layer = &manifest.view.children.blobs[1];
    assert!(read(&ours, "team/app", layer, 0).await.unwrap() == data);
    assert_eq!(ours.tags("team/app").await.unwrap(), ["v2"]);
}
