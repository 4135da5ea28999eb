//! Bundles served as a registry, to real clients, without any import.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use transload_testkit::cli::Cli;
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::hog::wait_until;
use transload_testkit::images::{
    Corpus, docker_image, helm_chart, image, layer, multi_arch, sbom, signature,
};
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{ACCOUNT, DockerRegistry, FakeGcs, Moto, skopeo, skopeo_ok};

use crate::support::{Said, Served, assert_whole, azurite, folder, only, path, push, push_one, transload};

const MIB: u64 = 1 << 20;

/// Images, an index, a chart and what is about them, exported as `all.tar` of the folder.
fn bundle(folder: &TempDir) -> Corpus {
    let source = DockerRegistry::start();
    let mut corpus = only("team/web", "v1", multi_arch(3000, 2 * MIB).with_referrer(sbom));
    corpus.add("team/db", "v2", image(&[layer(3001, 3 * MIB), layer(3002, 900)]).with_referrer(signature));
    corpus.add("team/old", "v3", docker_image(&[layer(3003, 70_000)]));
    corpus.add("charts/demo", "0.3.0", helm_chart("demo", "0.3.0", 40_000));
    push(&source.host(), &corpus);
    export(&corpus.references(&source.host()), &path(folder, "all.tar"));
    corpus
}

fn export(references: &[String], to: &str) {
    let mut arguments = vec!["export".to_owned()];
    arguments.extend_from_slice(references);
    arguments.extend(["--to", to].map(str::to_owned));
    transload().run(&arguments).ok();
}

/// Where the content of a digest begins in a bundle of ours, by its own catalog.
fn place(bundle: &[u8], digest: &str) -> usize {
    let text = String::from_utf8_lossy(bundle);
    let line = format!("{digest} ");
    let lines = text.split("transload-catalog 1\n").nth(1).unwrap().lines();
    let found = lines.map(|l| l.to_owned()).find(|l| l.starts_with(&line)).unwrap();
    found.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn skopeo_pulls_from_a_bundle_as_from_any_registry() {
    let folder = folder();
    let corpus = bundle(&folder);
    let served = Served::start(&transload(), &["--bundle", &path(&folder, "all.tar")]);
    assert!(served.said().contains("read-only: 4 repositories with 4 tags from"), "{}", served.said());
    assert_eq!(served.told(), "", "there is nothing to warn of");
    assert_whole(&served.host(), &corpus, "");
    let host = served.host();
    let web = format!("docker://{host}/team/web:v1");
    let tags = skopeo_ok(&["list-tags", "--tls-verify=false", &format!("docker://{host}/team/web")]);
    assert_eq!(serde_json::from_str::<Value>(&tags).unwrap()["Tags"], serde_json::json!(["v1"]));
    let inspected = skopeo_ok(&["inspect", "--tls-verify=false", &web]);
    assert_eq!(serde_json::from_str::<Value>(&inspected).unwrap()["RepoTags"], serde_json::json!(["v1"]));
    for entry in &corpus.entries {
        let from = format!("docker://{host}/{}:{}", entry.repository, entry.tag);
        let raw = skopeo_ok(&["inspect", "--raw", "--tls-verify=false", &from]);
        assert!(raw.as_bytes() == entry.artifact.manifest.bytes, "{from}: byte for byte");
        if entry.repository != "charts/demo" {
            let to = path(&folder, &entry.repository.replace('/', "-"));
            skopeo_ok(&[
                "copy",
                "--all",
                "--preserve-digests",
                "--src-tls-verify=false",
                &from,
                &format!("dir:{to}"),
            ]);
            let blobs = entry.artifact.all_blobs().map(|blob| &blob.descriptor);
            let layer = &blobs.max_by_key(|blob| blob.size).unwrap().digest;
            assert!(Path::new(&to).join(layer.hex()).exists());
        }
    }
    let layout = format!("oci:{}:v1", path(&folder, "layout"));
    skopeo_ok(&["copy", "--all", "--preserve-digests", "--src-tls-verify=false", &web, &layout]);
}

#[test]
fn export_and_copy_take_a_served_bundle_for_a_source() {
    let folder = folder();
    let corpus = bundle(&folder);
    let served = Served::start(&transload(), &["--bundle", &path(&folder, "all.tar")]);
    let target = DockerRegistry::start();
    let mut copy = vec!["copy".to_owned()];
    copy.extend(corpus.references(&served.host()));
    copy.extend(["--to".to_owned(), target.host()]);
    transload().run(&copy).ok();
    assert_whole(&target.host(), &corpus, "");
    // the repositories are listed, so patterns work
    export(&[format!("{}/**", served.host())], &path(&folder, "again.tar"));
    let second = DockerRegistry::start();
    transload().run(["import", &path(&folder, "again.tar"), "--to", &second.host()]).ok();
    assert_whole(&second.host(), &corpus, "");
}

#[test]
fn nothing_is_written_to_a_bundle() {
    let folder = folder();
    bundle(&folder);
    let before = std::fs::read(folder.path().join("all.tar")).unwrap();
    let served = Served::start(&transload(), &["--bundle", &path(&folder, "all.tar")]);
    let digest = transload_oci::Digest::sha256(b"x");
    for (method, path) in [
        ("POST", "/v2/team/web/blobs/uploads/".to_owned()),
        ("PUT", "/v2/team/web/manifests/v9".to_owned()),
        ("DELETE", "/v2/team/web/manifests/v1".to_owned()),
        ("DELETE", format!("/v2/team/web/blobs/{digest}")),
        ("PATCH", "/v2/team/web/blobs/uploads/7f".to_owned()),
    ] {
        let answer = served.request(method, &path, &[]);
        assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text());
        assert!(
            answer.text().contains("UNSUPPORTED") && answer.text().contains("read-only"),
            "{}",
            answer.text()
        );
    }
    let pushed = skopeo(&[
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        &format!("docker://{}/team/db:v2", served.host()),
        &format!("docker://{}/team/db:v3", served.host()),
    ]);
    assert!(!pushed.status.success());
    assert!(std::fs::read(folder.path().join("all.tar")).unwrap() == before);
}

#[test]
fn ranges_referrers_and_mirrors_questions_are_answered() {
    let folder = folder();
    let corpus = bundle(&folder);
    let served = Served::start(&transload(), &["--bundle", &path(&folder, "all.tar")]);
    let db = &corpus.entries[1].artifact;
    let blob = db.blobs.iter().max_by_key(|blob| blob.descriptor.size).unwrap();
    // containerd says to its mirrors which registry it means
    let url = format!("/v2/team/db/blobs/{}?ns=registry.example", blob.descriptor.digest);
    let bytes = blob.bytes();
    let whole = served.request("GET", &url, &[]);
    assert!(whole.status == 200 && whole.body == bytes);
    let part = served.request("GET", &url, &[("Range", "bytes=2000000-2000099")]);
    assert_eq!((part.status, part.body.as_slice()), (206, &bytes[2_000_000..2_000_100]));
    let tail = served.request("GET", &url, &[("Range", "bytes=-7")]);
    assert_eq!((tail.status, tail.body.as_slice()), (206, &bytes[bytes.len() - 7..]));
    assert_eq!(served.request("GET", &url, &[("Range", "bytes=99999999-")]).status, 416);
    let head = served.request("HEAD", &url, &[]);
    assert_eq!(head.header("content-length"), Some(bytes.len().to_string().as_str()));
    let manifest = served.request("HEAD", "/v2/team/db/manifests/v2?ns=docker.io", &[]);
    assert_eq!(manifest.header("docker-content-digest"), Some(db.digest().to_string().as_str()));
    let referrers = format!("/v2/team/db/referrers/{}?artifactType=application/x.none", db.digest());
    let none = served.request("GET", &referrers, &[]);
    assert_eq!(none.header("oci-filters-applied"), Some("artifactType"));
    let all = served.request("GET", &format!("/v2/team/db/referrers/{}", db.digest()), &[]);
    let all: Value = serde_json::from_slice(&all.body).unwrap();
    assert_eq!(all["manifests"].as_array().unwrap().len(), 1, "{all}");
    assert!(all["manifests"][0]["artifactType"].is_string());
    // what another repository has is not here
    assert_eq!(served.request("GET", &url.replace("team/db", "team/web"), &[]).status, 404);
}

#[test]
fn a_wrong_byte_cuts_the_answer_and_a_replaced_bundle_is_not_served() {
    let folder = folder();
    let corpus = bundle(&folder);
    let layer = corpus.entries[1].artifact.blobs.iter().max_by_key(|b| b.descriptor.size).unwrap();
    let file = folder.path().join("all.tar");
    let sound = std::fs::read(&file).unwrap();
    let mut bent = sound.clone();
    let at = place(&sound, &layer.descriptor.digest.to_string());
    bent[at + 100_000] ^= 1;
    std::fs::write(&file, &bent).unwrap();
    let served = Served::start(&transload(), &["--bundle", &path(&folder, "all.tar")]);
    let url = format!("/v2/team/db/blobs/{}", layer.descriptor.digest);
    let cut = served.request("GET", &url, &[]);
    assert!(cut.body.len() < layer.bytes().len(), "the answer is shorter than its Content-Length");
    assert_eq!(cut.header("content-length"), Some(layer.descriptor.size.to_string().as_str()));
    assert!(served.told().contains(&format!("at byte {at}")), "{}", served.told());
    assert!(served.told().contains("[BundleDamaged]"), "{}", served.told());
    let from = format!("docker://{}/team/db:v2", served.host());
    let pulled = skopeo(&["copy", "--src-tls-verify=false", &from, &format!("dir:{}", path(&folder, "out"))]);
    assert!(!pulled.status.success(), "no client takes it");

    // the sound one takes its place: the registry that runs has another in mind
    let beside = folder.path().join("new.tar");
    std::fs::write(&beside, &sound).unwrap();
    std::fs::rename(&beside, &file).unwrap();
    let refused = served.request("GET", &url, &[]);
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.text().contains("start the registry again"), "{}", refused.text());
    assert!(!refused.text().contains(folder.path().to_str().unwrap()), "clients see no path");
    assert!(served.told().contains("[BundleChanged]"), "{}", served.told());
    std::fs::remove_file(&file).unwrap();
    assert_eq!(served.request("GET", &url, &[]).status, 503);
    assert!(served.told().contains("[BundleNotFound]"), "{}", served.told());
    let again = Served::start(
        &transload(),
        &["--bundle", &{
            std::fs::write(&file, &sound).unwrap();
            path(&folder, "all.tar")
        }],
    );
    assert!(again.request("GET", &url, &[]).body == layer.bytes());
}

#[test]
fn layouts_and_archives_of_other_tools_are_served_as_they_are() {
    let source = DockerRegistry::start();
    let corpus = only("team/web", "v1", multi_arch(3100, 300_000));
    push(&source.host(), &corpus);
    let folder = folder();
    let from = format!("docker://{}/team/web:v1", source.host());
    let copy = |to: &str| {
        skopeo_ok(&["copy", "--all", "--preserve-digests", "--src-tls-verify=false", &from, to]);
    };
    copy(&format!("oci-archive:{}:team/web:v1", path(&folder, "archive.tar")));
    copy(&format!("oci:{}:team/web:v1", path(&folder, "layout")));
    for name in ["archive.tar", "layout"] {
        let served = Served::start(&transload(), &["--bundle", &path(&folder, name)]);
        assert_whole(&served.host(), &corpus, "");
    }
    // without a name in it, it has that of its file
    copy(&format!("oci-archive:{}", path(&folder, "nameless.tar")));
    let served = Served::start(&transload(), &["--bundle", &path(&folder, "nameless.tar")]);
    assert!(served.told().contains("served as nameless:latest"), "{}", served.told());
    let digest = corpus.entries[0].artifact.digest().to_string();
    let manifest = served.request("GET", "/v2/nameless/manifests/latest", &[]);
    assert_eq!(manifest.header("docker-content-digest"), Some(digest.as_str()));
    let served = Served::start(
        &transload(),
        &["--bundle", &path(&folder, "nameless.tar"), "--repository", "team/named"],
    );
    assert_eq!(served.request("GET", &format!("/v2/team/named/manifests/{digest}"), &[]).status, 200);

    // an archive that docker load takes
    push_one(&source.host(), "team/app:v4", &image(&[layer(3101, 200_000)]));
    let app = format!("docker://{}/team/app:v4", source.host());
    let archive = path(&folder, "docker.tar");
    skopeo_ok(&["copy", "--src-tls-verify=false", &app, &format!("docker-archive:{archive}:team/app:v4")]);
    let served = Served::start(&transload(), &["--bundle", &archive]);
    assert!(served.told().contains("docker-archive"), "{}", served.told());
    let from = format!("docker://{}/team/app:v4", served.host());
    skopeo_ok(&["copy", "--src-tls-verify=false", &from, &format!("dir:{}", path(&folder, "app"))]);
    let out = std::fs::read_dir(folder.path().join("app")).unwrap().count();
    assert!(out >= 4, "manifest, version, config and layer: {out}");
}

#[test]
fn a_stick_with_weekly_bundles_is_one_registry() {
    let source = DockerRegistry::start();
    let folder = folder();
    let place = format!("{}/", folder.path().display());
    for week in [1_u64, 2, 3] {
        push_one(&source.host(), "team/web:latest", &image(&[layer(3200, MIB), layer(3200 + week, 90_000)]));
        push_one(
            &source.host(),
            &format!("team/web:w{week}"),
            &image(&[layer(3200, MIB), layer(3200 + week, 90_000)]),
        );
        // named so that order by name is not order by age
        let name = path(&folder, &format!("{}.tar", ["c", "a", "b"][week as usize - 1]));
        let host = source.host();
        export(&[format!("{host}/team/web:latest"), format!("{host}/team/web:w{week}")], &name);
        let time = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + week * 604_800);
        std::fs::File::options().write(true).open(&name).unwrap().set_modified(time).unwrap();
    }
    std::fs::write(folder.path().join("readme.txt"), "not a bundle").unwrap();
    let served = Served::start(&transload(), &["--bundle", &place]);
    let digest = |reference: &str| {
        let answer = served.request("HEAD", &format!("/v2/team/web/manifests/{reference}"), &[]);
        answer.header("docker-content-digest").map(str::to_owned)
    };
    assert_eq!(digest("latest"), digest("w3"), "the one written last counts");
    assert!(digest("w1").is_some() && digest("w2").is_some() && digest("w1") != digest("w3"));
    let told = served.told();
    assert!(told.contains("team/web:latest is") && told.contains("the latter is served"), "{told}");
    assert!(told.contains("readme.txt is passed over"), "{told}");
    // named one by one the order is the one in which they are named
    let first = [path(&folder, "b.tar"), path(&folder, "c.tar")];
    let served = Served::start(
        &transload(),
        &["--bundle", &first[0], "--bundle", &first[1], "--map", "team/*=prod/*"],
    );
    let latest = served.request("HEAD", "/v2/prod/web/manifests/latest", &[]);
    assert_eq!(latest.header("docker-content-digest").map(str::to_owned), digest("w1"));
}

#[test]
fn what_cannot_be_served_is_refused_before_anything_listens() {
    let folder = folder();
    bundle(&folder);
    let all = path(&folder, "all.tar");
    let refused = |arguments: &[&str], exit: i32, code: &str| {
        let mut all = vec!["registry", "serve", "--listen", "127.0.0.1:0", "--bundle"];
        all.extend_from_slice(arguments);
        transload().run(&all).refused(exit, code)
    };
    let packed = std::process::Command::new("gzip").args(["-k", "-1", &all]).status().unwrap();
    assert!(packed.success());
    let next = refused(&[&format!("{all}.gz")], 2, "Usage");
    assert!(next.contains("gzip -dk") && next.contains("transload import"), "{next}");
    refused(&[&path(&folder, "nothing.tar")], 4, "BundleNotFound");
    std::fs::write(folder.path().join("page.tar"), "<html>sign in</html>").unwrap();
    refused(&[&path(&folder, "page.tar")], 7, "NotABundle");
    refused(&[&all, "--sas-token-env", "X"], 2, "Usage");
    transload().run(["registry", "serve"]).refused_by_parser("--data");
    transload().run(["registry", "serve", "--bundle", &all, "--data", "x"]).refused_by_parser("--data");
    let odd = ["registry", "serve", "--bundle", &all, "--repository", "Not/A:Name"];
    transload().run(odd).refused_by_parser("--repository");
}

/// A bundle of one image, for stores: where it is exported to, and what is in it.
fn exported_to(program: &Cli, location: &str, more: &[&str]) -> Corpus {
    let source = DockerRegistry::start();
    let corpus =
        only("team/web", "v1", image(&[layer(3300, 7 * MIB), layer(3301, 90_000)]).with_referrer(sbom));
    push(&source.host(), &corpus);
    let references = corpus.references(&source.host());
    let mut arguments = vec!["export", &references[0], "--to", location];
    arguments.extend_from_slice(more);
    program.run(&arguments).ok();
    corpus
}

#[test]
fn a_bundle_in_a_container_is_served_by_ranged_reads() {
    let azurite = azurite();
    azurite.create_container("served");
    let proxy = FaultProxy::start(azurite.addr());
    let token = Sas::container("served").permissions("racwdl");
    let program = transload().env("MY_SAS", token.token());
    let container = format!("{}/{ACCOUNT}/served", proxy.url());
    let options = ["--sas-token-env", "MY_SAS"];
    let corpus = exported_to(&program, &format!("{container}/web.tar"), &options);
    let before = proxy.response_body_bytes();
    let blob = format!("{container}/web.tar");
    let served = Served::start(&program, &["--bundle", &blob, "--sas-token-env", "MY_SAS"]);
    let opened = proxy.response_body_bytes() - before;
    assert!(opened < 2 * MIB, "the head alone is read: {opened} bytes");
    assert_whole(&served.host(), &corpus, "");
    let from = format!("docker://{}/team/web:v1", served.host());
    let folder = folder();
    skopeo_ok(&["copy", "--src-tls-verify=false", &from, &format!("dir:{}", path(&folder, "web"))]);
    // every bundle of the container, and the folder's over them
    let mine = path(&folder, "mine.tar");
    exported_to(&transload(), &mine, &[]);
    let both = Served::start(
        &program,
        &["--bundle", &container, "--bundle", &mine, "--map", "team/web=a/web", "--sas-token-env", "MY_SAS"],
    );
    assert_eq!(both.request("GET", "/v2/a/web/manifests/v1", &[]).status, 200);
    // who hangs up ends the read from the store
    let layer = corpus.entries[0].artifact.blobs.iter().max_by_key(|b| b.descriptor.size).unwrap();
    proxy.add(Rule::on("GET", "/served/").throttle(500_000));
    let before = proxy.response_body_bytes();
    served.hang_up_on(&format!("/v2/team/web/blobs/{}", layer.descriptor.digest), 100_000);
    let still = || {
        let was = proxy.response_body_bytes();
        std::thread::sleep(Duration::from_secs(2));
        proxy.response_body_bytes() == was
    };
    assert!(wait_until(Duration::from_secs(60), still), "it is read on and on");
    let one = proxy.response_body_bytes() - before;
    assert!(one < 6 * MIB, "{one} bytes were read for nobody");
    for text in [served.said(), served.told(), both.said(), both.told()] {
        assert!(!text.contains(&token.signature()), "{text}");
    }
}

#[test]
fn bundles_in_buckets_are_served() {
    let moto = Moto::start();
    moto.create_bucket("served");
    // it is not locked: when moto checks signatures it takes none over a prefix with a slash
    let s3 = transload()
        .env("AWS_ENDPOINT_URL_S3", moto.url())
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "hunter2hunter2");
    let gcs = FakeGcs::start();
    gcs.create_bucket("served");
    let google = transload().env("STORAGE_EMULATOR_HOST", gcs.url());
    for (program, scheme) in [(&s3, "s3"), (&google, "gs")] {
        let corpus = exported_to(program, &format!("{scheme}://served/week/web.tar"), &[]);
        for location in ["served/week/web.tar", "served/week", "served"] {
            let served = Served::start(program, &["--bundle", &format!("{scheme}://{location}")]);
            assert_whole(&served.host(), &corpus, "");
        }
    }
}

#[test]
fn a_delta_says_which_base_it_lacks_and_is_whole_with_it() {
    let folder = folder();
    let base = path(&folder, "base.tar");
    let corpus = exported_to(&transload(), &base, &[]);
    let inspected = transload().run(["inspect", &base, "--output", "json"]).ok().stdout;
    let plan = serde_json::from_str::<Value>(&inspected).unwrap()["plan_id"].as_str().unwrap().to_owned();
    let layer = corpus.entries[0].artifact.blobs.iter().max_by_key(|b| b.descriptor.size).unwrap();
    let digest = layer.descriptor.digest;
    // what a delta is: the same without what its base has
    let delta = folder.path().join("delta");
    std::fs::create_dir(&delta).unwrap();
    let unpacked = std::process::Command::new("tar").args(["-xf", &base, "-C"]).arg(&delta).status();
    assert!(unpacked.unwrap().success());
    std::fs::remove_file(delta.join(digest.layout_path())).unwrap();
    let read =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(delta.join(name)).unwrap()).unwrap() };
    let write = |value: &Value, at: &mut Value| {
        let bytes = value.to_string();
        let digest = transload_oci::Digest::sha256(bytes.as_bytes());
        std::fs::write(delta.join(digest.layout_path()), &bytes).unwrap();
        at["digest"] = serde_json::json!(digest);
        at["size"] = serde_json::json!(bytes.len());
    };
    let blob =
        |at: &Value| at["digest"].as_str().unwrap().parse::<transload_oci::Digest>().unwrap().layout_path();
    let mut index = read("index.json");
    let root = index["manifests"].as_array().unwrap().len() - 1;
    let mut manifest = read(&blob(&index["manifests"][root]));
    let mut transfer = read(&blob(&manifest["layers"][0]));
    transfer["planId"] = "a-week-later".into();
    transfer["delta"] = serde_json::json!({
        "bases": [plan], "omitted": [{"digest": digest, "size": layer.descriptor.size, "repositories": ["team/web"]}]
    });
    let kept = |listed: &Value| listed["digest"] != serde_json::json!(digest);
    transfer["blobs"].as_array_mut().unwrap().retain(kept);
    write(&transfer, &mut manifest["layers"][0]);
    write(&manifest.clone(), &mut index["manifests"][root]);
    std::fs::write(delta.join("index.json"), index.to_string()).unwrap();

    let delta = delta.to_str().unwrap();
    let lone = Served::start(&transload(), &["--bundle", delta]);
    assert!(lone.told().contains(&format!("the bundle with the plan id {plan}")), "{}", lone.told());
    let url = format!("/v2/team/web/blobs/{digest}");
    let absent = lone.request("GET", &url, &[]);
    assert_eq!(absent.status, 404);
    assert!(absent.text().contains("BLOB_UNKNOWN") && absent.text().contains(&plan), "{}", absent.text());
    assert_eq!(lone.request("GET", "/v2/team/web/manifests/v1", &[]).status, 200);
    for order in [[delta, base.as_str()], [base.as_str(), delta]] {
        let served = Served::start(&transload(), &["--bundle", order[0], "--bundle", order[1]]);
        assert_eq!(served.told(), "");
        assert_whole(&served.host(), &corpus, "");
    }
}
