//! One platform of many.

use transload_registry::Source as _;
use transload_testkit::images::multi_arch;
use transload_testkit::peers::{DockerRegistry, skopeo_ok};

use crate::support::{OwnRegistry, Said, block_on, client, folder, path, push_one, transload};

#[test]
fn a_sparse_bundle_goes_where_sparse_indexes_are_taken_and_is_explained_where_not() {
    let (source, strict) = (DockerRegistry::start(), DockerRegistry::start());
    let image = multi_arch(31, 120_000);
    push_one(&source.host(), "team/web:v1", &image);
    let folder = folder();
    let bundle = path(&folder, "amd64.tar");
    let artifact = format!("{}/team/web:v1", source.host());
    let done = transload().run(["export", &artifact, "--platform", "linux/amd64", "--to", &bundle]).ok();
    assert!(done.stdout.contains("linux/amd64 (without linux/arm64/v8 linux/arm/v7)"), "{}", done.stdout);
    let len = std::fs::metadata(&bundle).unwrap().len();
    assert!(len < 240_000, "the layers of the others stayed behind: {len}");
    transload().run(["verify", &bundle]).ok();
    let table = transload().run(["inspect", &bundle]).ok().stdout;
    assert!(table.contains("without"), "{table}");
    // skopeo takes the platform that is there
    let from = format!("oci-archive:{bundle}:team/web:v1");
    let to = format!("docker://{}/skopeo/web:v1", strict.host());
    skopeo_ok(&[
        "--override-os=linux",
        "--override-arch=amd64",
        "copy",
        "--dest-tls-verify=false",
        &from,
        &to,
    ]);

    let refused = transload().run(["import", &bundle, "--to", &strict.host()]);
    let next = refused.refused(7, "SparseIndexRefused");
    assert!(next.contains("--platform-rewrite"), "{next}");
    let tags = block_on(client(&strict.host()).tags("team/web")).unwrap_or_default();
    assert!(tags.is_empty(), "{tags:?}");

    // whoever has only the bundle can have the index written anew on this side
    let rewritten = transload().run(["import", &bundle, "--to", &strict.host(), "--platform-rewrite"]).ok();
    assert!(rewritten.stderr.contains("written anew"), "{}", rewritten.all());
    let there = block_on(client(&strict.host()).manifest("team/web", "v1")).unwrap();
    assert_eq!(there.view.children.manifests.len(), 2, "the image and its attestation: {there:?}");
    let again = transload().run(["import", &bundle, "--to", &strict.host(), "--platform-rewrite"]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
}

#[test]
fn a_rewritten_index_is_taken_everywhere_and_says_that_it_is_another() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let image = multi_arch(32, 50_000);
    push_one(&source.host(), "team/web:v1", &image);
    let folder = folder();
    let bundle = path(&folder, "two.tar");
    let artifact = format!("{}/team/web:v1", source.host());
    let arguments =
        ["export", &artifact, "--platform", "linux/amd64,linux/arm64", "--platform-rewrite", "--to", &bundle];
    let done = transload().run(arguments).ok();
    assert!(done.stderr.contains(&format!("not {}", image.digest())), "{}", done.stderr);
    let table = transload().run(["inspect", &bundle]).ok().stdout;
    assert!(table.contains(&format!("its index was {}", image.digest())), "{table}");
    transload().run(["import", &bundle, "--to", &target.host()]).ok();
    let there = block_on(client(&target.host()).manifest("team/web", "v1")).unwrap();
    assert_ne!(there.digest, image.digest());
    // two images and their attestations
    assert_eq!(there.view.children.manifests.len(), 4);
    let again = transload().run(["import", &bundle, "--to", &target.host()]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
    let raw = skopeo_ok(&[
        "inspect",
        "--raw",
        "--tls-verify=false",
        &format!("docker://{}/team/web:v1", target.host()),
    ]);
    assert!(raw.contains("linux") && raw.contains("arm64") && !raw.contains("\"v7\""), "{raw}");
}

#[test]
fn a_copy_of_one_platform_and_the_platforms_there_are() {
    let (source, own) = (DockerRegistry::start(), OwnRegistry::start());
    push_one(&source.host(), "team/web:v1", &multi_arch(33, 20_000));
    let (artifact, to) = (format!("{}/team/web:v1", source.host()), own.addr.to_string());
    let none = transload().run(["copy", &artifact, "--platform", "windows/amd64", "--to", &to]);
    none.refused(4, "PlatformNotFound");
    assert!(none.stderr.contains("linux/amd64, linux/arm64/v8, linux/arm/v7"), "{}", none.stderr);
    let odd = transload().run(["copy", &artifact, "--platform", "amd64", "--to", &to]);
    assert_eq!(odd.code(), 2, "{}", odd.all());
    let rewritten = ["copy", &artifact, "--platform", "linux/arm", "--platform-rewrite", "--to", &to];
    transload().run(rewritten).ok();
    let there = block_on(client(&to).manifest("team/web", "v1")).unwrap();
    let platforms: Vec<String> = there.platforms().iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/arm/v7"]);
}
