//! Damaged and hostile bundles: one clear error each, and a registry that saw nothing of them.

use std::path::PathBuf;

use serde_json::Value;
use transload_testkit::fault::FaultProxy;
use transload_testkit::images::{image, layer};
use transload_testkit::peers::DockerRegistry;

use crate::support::{Said, Served, catalog, folder, only, path, push, transload};

/// Those that are good.
const GOOD: [&str; 7] = [
    "ours-good.tar",
    "others-good.tar",
    "others-gzip.tar",
    "docker-archive.tar",
    "docker-layout.tar",
    "docker-layout-sparse.tar",
    "docker-layers-packed.tar",
];
/// Those whose fault shows only when a layer is read.
const LATE: [&str; 2] = ["ours-layer-bit.tar", "docker-layer-bit.tar"];

fn fixtures() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../bundle/tests/fixtures");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut tars: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "tar")).collect();
    tars.sort();
    assert!(tars.len() > 50, "{} fixtures", tars.len());
    tars
}

#[test]
fn each_gives_one_clear_error_and_touches_no_registry() {
    let target = DockerRegistry::start();
    let proxy = FaultProxy::start(target.addr());
    let mut faults = Vec::new();
    for file in fixtures() {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if GOOD.contains(&name.as_str()) || LATE.contains(&name.as_str()) {
            continue;
        }
        let bundle = file.to_str().unwrap();
        for arguments in
            [vec!["import", bundle, "--to", &proxy.host()], vec!["inspect", bundle], vec!["verify", bundle]]
        {
            let said = transload().run(&arguments);
            let errors = said.stderr.lines().filter(|line| line.trim().starts_with("error: ")).count();
            let next = said.stderr.lines().filter(|line| line.trim().starts_with("next: ")).count();
            let control = said.all().chars().any(|c| c.is_control() && c != '\n');
            if !matches!(said.code(), 2 | 7) || errors != 1 || next != 1 || control {
                faults.push(format!("{name} {}: {} {}", arguments[0], said.code(), said.all()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(proxy.log().iter().all(|e| e.method == "GET" || e.method == "HEAD"), "nothing was sent");
    assert!(catalog(&target.host()).is_empty());
}

#[test]
fn a_wrong_bit_in_a_layer_shows_when_it_is_read_and_gets_no_tag() {
    let target = DockerRegistry::start();
    for name in LATE {
        let file = fixtures().into_iter().find(|path| path.ends_with(name)).unwrap();
        let bundle = file.to_str().unwrap();
        transload().run(["inspect", bundle]).ok();
        transload().run(["verify", bundle]).refused(7, "BundleDamaged");
        let refused = transload().run(["import", bundle, "--to", &target.host()]);
        refused.refused(7, "BundleDamaged");
        assert!(refused.stderr.contains(&format!("{name}@sha256:")), "{}", refused.stderr);
    }
    for (repository, tag) in
        [("team/app", "v1"), ("team/app", "v2"), ("team/web", "v1"), ("team/web", "latest")]
    {
        let there = target.request("HEAD", &format!("/v2/{repository}/manifests/{tag}"), &[], b"").status;
        assert_eq!(there, 404, "{repository}:{tag}");
    }
}

#[test]
fn the_good_ones_are_good() {
    let target = DockerRegistry::start();
    for name in GOOD {
        let file = fixtures().into_iter().find(|path| path.ends_with(name)).unwrap();
        let bundle = file.to_str().unwrap();
        transload().run(["verify", bundle]).ok();
        let stem = name.trim_end_matches(".tar");
        let said = transload().run(["import", bundle, "--to", &format!("{}/{stem}", target.host())]);
        if name == "docker-layout-sparse.tar" {
            // this registry takes no index of which it does not have everything: that is said
            said.refused(7, "SparseIndexRefused");
            continue;
        }
        said.ok();
        assert!(catalog(&target.host()).iter().any(|name| name.starts_with(stem)), "{name}");
    }
}

/// Sizes are the word of whoever pushed the manifest. Together they are more than any number has room for.
#[test]
fn a_manifest_that_lies_about_sizes_is_told_and_breaks_no_sum() {
    let data = folder();
    let registry = Served::start(&transload(), &["--data", &path(&data, "data")]);
    let corpus = only("team/web", "v1", image(&[layer(1, 1_000), layer(2, 1_000)]));
    push(&registry.host(), &corpus);
    let honest = String::from_utf8(corpus.entries[0].artifact.manifest.bytes.to_vec()).unwrap();
    let mut manifest: Value = serde_json::from_str(&honest).unwrap();
    for layer in manifest["layers"].as_array_mut().unwrap() {
        layer["size"] = u64::MAX.into();
    }
    let kind = [("Content-Type", "application/vnd.oci.image.manifest.v1+json")];
    let pushed = registry.send("PUT", "/v2/team/web/manifests/liar", &kind, manifest.to_string().as_bytes());
    assert_eq!(pushed.status, 201, "{}", pushed.text());
    let liar = format!("{}/team/web:liar", registry.host());
    let bundle = path(&data, "liar.tar");
    for words in [&["plan", &liar][..], &["export", &liar, "--to", &bundle]] {
        let said = transload().run(words);
        assert_eq!(said.code(), 7, "{}", said.all());
        assert!(said.stderr.contains("its manifest says 18446744073709551615"), "{}", said.stderr);
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    }
}
