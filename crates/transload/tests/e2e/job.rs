//! The main job: registry → file → registry.

use transload_testkit::fault::FaultProxy;
use transload_testkit::images::{Corpus, cosign_signature, docker_image, image, layer, multi_arch};
use transload_testkit::peers::{DockerRegistry, skopeo_ok};

use crate::support::{
    Said, assert_whole, catalog, every_kind, folder, names, only, path, push, push_one, read_json, transload,
};

fn raw_manifest(host: &str, name: &str) -> String {
    skopeo_ok(&["inspect", "--raw", "--tls-verify=false", &format!("docker://{host}/{name}")])
}

fn bytes_sent(proxy: &FaultProxy) -> usize {
    ["PUT", "POST", "PATCH"].into_iter().map(|method| proxy.count(method, "")).sum()
}

#[test]
fn every_kind_of_artifact_arrives_byte_for_byte() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let proxy = FaultProxy::start(target.addr());
    let corpus = every_kind(150_000);
    push(&source.host(), &corpus);
    let folder = folder();
    let bundle = path(&folder, "all.tar");
    let mut export = vec!["export".to_owned()];
    export.extend(corpus.references(&source.host()));
    export.extend(["--to".to_owned(), bundle.clone()]);
    transload().run(&export).ok();
    assert_eq!(names(&folder), ["all.tar"], "nothing but the bundle is left");

    // the far side knows nothing of the near one
    drop(source.log());
    let import = transload().run(["import", &bundle, "--to", &proxy.host()]).ok();
    assert!(import.stdout.contains("imported"), "{}", import.stdout);
    assert_whole(&target.host(), &corpus, "");
    for name in ["kinds/multi-arch:v1", "kinds/docker:v1", "kinds/docker-list:v1", "charts/web:1.2.3"] {
        assert_eq!(raw_manifest(&source.host(), name), raw_manifest(&target.host(), name), "{name}");
    }

    proxy.forget();
    let again = transload().run(["import", &bundle, "--to", &proxy.host()]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    assert_eq!(bytes_sent(&proxy), 0, "a second import only asks");
}

#[test]
fn json_is_one_event_a_line_with_the_report_last() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    push_one(&source.host(), "team/web:v1", &multi_arch(41, 90_000));
    let folder = folder();
    let (bundle, report) = (path(&folder, "web.tar"), path(&folder, "report.json"));
    let artifact = format!("{}/team/web:v1", source.host());
    let export = transload().run(["export", &artifact, "--to", &bundle, "--json", "--report", &report]).ok();
    let said = export.report();
    assert_eq!((&said["operation"], &said["outcome"]), (&"export".into(), &"succeeded".into()), "{said}");
    assert_eq!(said["artifacts"][0]["status"], "exported");
    assert_eq!(said["artifacts"][0]["platforms"].as_array().unwrap().len(), 3, "{said}");
    let events = export.events();
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((named("resolving"), named("planned"), named("committed")), (1, 1, 1), "{}", export.stdout);
    // the file is the same report, without the name that marks it in the stream
    let mut filed = read_json(&report);
    filed["event"] = "report".into();
    assert_eq!(filed, said);
    assert_eq!(said["bundle"]["bytes"], std::fs::metadata(&bundle).unwrap().len());
    assert!(export.stderr.is_empty(), "{}", export.stderr);

    let import = transload().run(["import", &bundle, "--to", &target.host(), "--json"]).ok();
    let said = import.report();
    assert_eq!((&said["operation"], &said["outcome"]), (&"import".into(), &"succeeded".into()), "{said}");
    assert_eq!(said["plan_id"], filed["plan_id"]);
    let again = transload().run(["import", &bundle, "--to", &target.host(), "--json"]).ok().report();
    assert_eq!((&again["outcome"], &again["totals"]["bytes_moved"]), (&"unchanged".into(), &0.into()));
    let failed = transload().run(["import", "/nowhere.tar", "--to", &target.host(), "--json"]);
    assert_eq!(failed.code(), 4, "{}", failed.all());
    assert_eq!(failed.report()["error"]["code"], "BundleNotFound", "{}", failed.stdout);
}

#[test]
fn a_dry_run_plans_and_touches_nothing() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let proxy = FaultProxy::start(target.addr());
    let base = layer(50, 200_000);
    push_one(&source.host(), "a:v1", &image(&[base.clone(), layer(51, 100_000)]));
    push_one(&source.host(), "b:v1", &image(&[base, layer(52, 100_000)]));
    let folder = folder();
    let bundle = path(&folder, "ab.tar");
    let (a, b) = (format!("{}/a:v1", source.host()), format!("{}/b:v1", source.host()));
    let plan = transload().run(["export", &a, &b, "--to", &bundle, "--dry-run"]).ok();
    assert!(
        plan.stdout.contains("2 artifacts") && plan.stdout.contains("saved by sharing"),
        "{}",
        plan.all()
    );
    assert!(names(&folder).is_empty(), "{:?}", names(&folder));
    let planned = transload().run(["export", &a, &b, "--to", &bundle, "--dry-run", "--json"]).ok().report();
    assert_eq!(planned["dry_run"], true);

    let done = transload().run(["export", &a, &b, "--to", &bundle, "--json"]).ok().report();
    assert_eq!(planned["bundle"], done["bundle"], "the plan knows the length");
    assert_eq!(planned["totals"]["bytes_moved"], done["totals"]["bytes_moved"]);
    let plan = transload().run(["import", &bundle, "--to", &proxy.host(), "--dry-run"]).ok();
    assert!(plan.stdout.contains("dry run"), "{}", plan.all());
    assert_eq!(bytes_sent(&proxy), 0);
    assert!(catalog(&target.host()).is_empty());
}

#[test]
fn artifacts_come_from_files_standard_input_and_a_common_registry() {
    let source = DockerRegistry::start();
    let corpus = Corpus::small(6, 2_000);
    push(&source.host(), &corpus);
    push_one(&source.host(), "other/app:v1", &image(&[layer(60, 1_000)]));
    let folder = folder();
    let list = path(&folder, "list.txt");
    let text = format!(
        "# what the far side needs\n\nsmall/many:t0000   # the first\r\n  {}/small/many:t0001\n",
        source.host()
    );
    std::fs::write(&list, text).unwrap();
    let run = |input: &[u8], arguments: &[&str]| {
        let mut all = vec!["export", "--json", "--from"];
        let host = source.host();
        all.push(&host);
        all.extend_from_slice(arguments);
        let report = transload().run_with_input(&all, input).ok().report();
        let sources = report["artifacts"].as_array().unwrap().clone();
        sources.into_iter().map(|a| a["source"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let host = source.host();
    let named = |tag: &str| format!("{host}/small/many:{tag}");
    let to = path(&folder, "1.tar");
    let from_file = run(b"", &["--artifacts-file", &list, "--to", &to]);
    assert_eq!(from_file, [named("t0000"), named("t0001")]);
    let to = path(&folder, "2.tar");
    let mixed = run(b"small/many:t0003\n", &["small/many:t0002", "--artifacts-file", "-", "--to", &to]);
    assert_eq!(mixed, [named("t0002"), named("t0003")]);
    // a repository without a tag is every tag of it
    let to = path(&folder, "3.tar");
    assert_eq!(run(b"", &["small/many", "--to", &to]).len(), 6);
    // a digest is taken without a tag
    let digest = corpus.entries[4].artifact.digest();
    let by_digest = format!("small/many@{digest}");
    let to = path(&folder, "4.tar");
    assert_eq!(run(b"", &[&by_digest, "--to", &to]), [format!("{host}/{by_digest}")]);

    let nothing = transload().run(["export", "--to", &to]);
    nothing.refused(2, "Usage");
    let nameless = transload().run(["export", "small/many:t0000", "--to", &to]);
    assert!(nameless.refused(2, "ReferenceInvalid").contains("--from"), "{}", nameless.all());
    let odd = transload().run_with_input(
        ["export", "--from", &host, "--artifacts-file", "-", "--to", &to],
        b"fine:v1\nsmall/MANY:v1\n",
    );
    odd.refused(2, "ReferenceInvalid");
    assert!(odd.stderr.contains("line 2"), "{}", odd.stderr);
}

#[test]
fn tags_that_exist_with_other_content_are_conflicts_before_anything_is_pushed() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let proxy = FaultProxy::start(target.addr());
    let corpus = Corpus::small(3, 2_000);
    push(&source.host(), &corpus);
    let stranger = docker_image(&[layer(70, 500)]);
    push_one(&target.host(), "small/many:t0001", &stranger);
    let folder = folder();
    let bundle = path(&folder, "b.tar");
    transload().run(["export", &format!("{}/small/many", source.host()), "--to", &bundle]).ok();

    let conflict = transload().run(["import", &bundle, "--to", &proxy.host()]);
    assert!(conflict.refused(6, "TagConflict").contains("--overwrite-tags"), "{}", conflict.all());
    assert!(conflict.stderr.contains(&stranger.digest().to_string()), "{}", conflict.stderr);
    assert_eq!(bytes_sent(&proxy), 0, "found before anything is pushed");

    let partly = transload().run(["import", &bundle, "--to", &proxy.host(), "--continue-on-errors"]);
    partly.refused(3, "TagConflict");
    let digest = stranger.digest().to_string();
    let digest_there = || {
        let path = "/v2/small/many/manifests/t0001";
        let accept = [(
            "Accept",
            "*/*, application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json",
        )];
        target.request("HEAD", path, &accept, b"").header("docker-content-digest").unwrap().to_owned()
    };
    assert_eq!(digest_there(), digest);

    let beside = format!("{}/mirror/here", proxy.host());
    transload().run(["import", &bundle, "--to", &beside]).ok();
    assert_whole(&target.host(), &corpus, "mirror/here/");
    transload().run(["import", &bundle, "--to", &proxy.host(), "--overwrite-tags"]).ok();
    assert_whole(&target.host(), &corpus, "");
    assert_ne!(digest_there(), digest);
}

#[test]
fn quiet_says_nothing_unless_something_fails() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "app:v1", &image(&[layer(80, 3_000)]));
    let folder = folder();
    let artifact = format!("{}/app:v1", source.host());
    let to = path(&folder, "a.tar");
    let done = transload().run(["export", &artifact, "--to", &to, "--quiet"]).ok();
    assert_eq!(done.all(), "");
    let failed = transload().run(["export", &format!("{artifact}2"), "--to", &to, "-q"]);
    failed.refused(4, "TagNotFound");
    assert_eq!(failed.stdout, "");
}

#[test]
fn a_folder_gets_a_name_made_and_the_same_export_is_found_there() {
    let source = DockerRegistry::start();
    let signed = image(&[layer(90, 3_000)]).with_tagged("sig", cosign_signature);
    push_one(&source.host(), "team/web:v1", &signed);
    let (folder, artifact) = (folder(), format!("{}/team/web:v1", source.host()));
    let to = format!("{}/", folder.path().display());
    let first = transload().run(["export", &artifact, "--to", &to]).ok();
    let [name] = names(&folder).try_into().unwrap();
    assert!(name.starts_with("web-v1-") && name.ends_with(".tar"), "{name}");
    assert!(first.stdout.contains(&name), "its name is printed: {}", first.stdout);
    let content = std::fs::read(folder.path().join(&name)).unwrap();
    let again = transload().run(["export", &artifact, "--to", &to]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
    let anew = transload().run(["export", &artifact, "--to", &to, "--overwrite-blobs"]).ok();
    assert!(anew.stdout.contains("exported"), "{}", anew.all());
    assert_eq!(names(&folder), std::slice::from_ref(&name));
    assert!(std::fs::read(folder.path().join(&name)).unwrap() == content, "byte for byte the same");

    // signatures stay behind when asked to: another bundle under another name
    let bare = transload().run(["export", &artifact, "--to", &to, "--no-referrers", "--json"]).ok().report();
    assert!(bare["artifacts"][0].get("referrers").is_none(), "{bare}");
    assert_eq!(names(&folder).len(), 2);
}

#[test]
fn copy_needs_nothing_between() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let corpus = every_kind(20_000);
    push(&source.host(), &corpus);
    let mut arguments = vec!["copy".to_owned()];
    arguments.extend(corpus.references(&source.host()));
    arguments.extend(["--to".to_owned(), format!("{}/near", target.host())]);
    transload().run(&arguments).ok();
    assert_whole(&target.host(), &corpus, "near/");
    let again = transload().run(&arguments).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
}

#[test]
fn inspect_and_verify_show_what_is_inside() {
    let source = DockerRegistry::start();
    let corpus = only("team/web", "v1", multi_arch(42, 80_000));
    push(&source.host(), &corpus);
    let folder = folder();
    let bundle = path(&folder, "web.tar");
    transload().run(["export", &corpus.references(&source.host())[0], "--to", &bundle]).ok();
    let table = transload().run(["inspect", &bundle, "--blobs"]).ok().stdout;
    let digest = corpus.entries[0].artifact.digest();
    assert!(table.contains("team/web:v1") && table.contains("linux/arm64"), "{table}");
    let json = transload().run(["inspect", &bundle, "--output", "json"]).ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["artifacts"][0]["digest"], digest.to_string(), "{json}");
    let verified = transload().run(["verify", &bundle, "--json"]).ok().report();
    assert_eq!((&verified["operation"], &verified["outcome"]), (&"verify".into(), &"succeeded".into()));
    assert_eq!(verified["artifacts"][0]["status"], "verified", "{verified}");
}

#[test]
fn a_foreign_layer_without_a_source_fails_the_plan() {
    let source = DockerRegistry::start();
    let corpus = Corpus::every_kind(4_000);
    push(&source.host(), &corpus);
    let folder = folder();
    let mut arguments = vec!["export".to_owned()];
    arguments.extend(corpus.references(&source.host()));
    arguments.extend(["--to".to_owned(), path(&folder, "all.tar")]);
    let failed = transload().run(&arguments);
    failed.refused(4, "ForeignLayerUnavailable");
    assert!(failed.stderr.contains("kinds/foreign:v1"), "{}", failed.stderr);
    assert!(names(&folder).is_empty(), "nothing is written");
}
