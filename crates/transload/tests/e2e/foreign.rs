//! Layers that need not be in a registry.

use transload_registry::{Source as _, Target as _};
use transload_testkit::images::{Blob, foreign_layer, image, layer};
use transload_testkit::peers::DockerRegistry;

use crate::support::{Said, block_on, client, folder, names, path, push_one, transload};

/// A registry whose blobs are reached by URL, the URL of this layer in it, and the layer that names it.
fn elsewhere(seed: u64) -> (DockerRegistry, Blob) {
    let web = DockerRegistry::start();
    let bare = foreign_layer(seed, 90_000, "");
    block_on(client(&web.host()).push_blob("any/where", &bare.descriptor, &[], &bare)).unwrap();
    let url = format!("http://{}/v2/any/where/blobs/{}", web.host(), bare.descriptor.digest);
    (web, foreign_layer(seed, 90_000, &url))
}

#[test]
fn a_foreign_layer_comes_from_its_url_and_arrives() {
    let ((mut web, foreign), source, target) =
        (elsewhere(1), DockerRegistry::start(), DockerRegistry::start());
    push_one(&source.host(), "win/app:v1", &image(&[foreign.clone(), layer(2, 5_000)]));
    let folder = folder();
    let (bundle, artifact) = (path(&folder, "win.tar"), format!("{}/win/app:v1", source.host()));
    transload().run(["export", &artifact, "--to", &bundle]).ok();
    web.stop();
    transload().run(["verify", &bundle]).ok();
    transload().run(["import", &bundle, "--to", &target.host()]).ok();
    let size = block_on(client(&target.host()).blob_size("win/app", &foreign.descriptor.digest)).unwrap();
    assert_eq!(size, Some(foreign.descriptor.size));
    let again = transload().run(["import", &bundle, "--to", &target.host()]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());

    let fresh = path(&folder, "fresh.tar");
    let failed = transload().run(["export", &artifact, "--to", &fresh]);
    let next = failed.refused(4, "ForeignLayerUnavailable");
    assert!(next.contains("--foreign-layers omit"), "{next}");
    assert!(failed.stderr.contains(&foreign.descriptor.urls[0]), "{}", failed.stderr);
    assert_eq!(names(&folder), ["win.tar"], "nothing is written");
}

#[test]
fn an_omitted_layer_is_said_and_the_import_goes_without() {
    let ((web, foreign), source, target) = (elsewhere(3), DockerRegistry::start(), DockerRegistry::start());
    drop(web);
    push_one(&source.host(), "win/app:v1", &image(&[foreign.clone(), layer(4, 5_000)]));
    let folder = folder();
    let (bundle, artifact) = (path(&folder, "win.tar"), format!("{}/win/app:v1", source.host()));
    let done = transload().run(["export", &artifact, "--foreign-layers", "omit", "--to", &bundle]).ok();
    assert!(done.stdout.contains("without 1 foreign layer"), "{}", done.stdout);
    let table = transload().run(["inspect", &bundle]).ok().stdout;
    assert!(
        table.contains("not in it: foreign layer") && table.contains(&foreign.descriptor.urls[0]),
        "{table}"
    );
    let json = transload().run(["inspect", &bundle, "--json"]).ok().stdout;
    assert!(json.contains("\"carried\":false"), "{json}");
    transload().run(["import", &bundle, "--to", &target.host()]).ok();
    let size = block_on(client(&target.host()).blob_size("win/app", &foreign.descriptor.digest)).unwrap();
    assert_eq!(size, None);
    assert!(block_on(client(&target.host()).manifest("win/app", "v1")).is_ok());
}
