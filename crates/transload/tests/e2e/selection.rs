//! What a person can select, and under which names it arrives.

use transload_testkit::images::{Corpus, cosign_signature, image, layer};
use transload_testkit::peers::DockerRegistry;

use crate::support::{Said, catalog, folder, path, push, transload};

/// Three versions of one image, a signed one, and one in another team.
fn versions() -> Corpus {
    let mut corpus = Corpus::default();
    for (seed, tag) in (1..).zip(["v1.3.0", "v1.4.0", "v1.5.0-rc1", "latest"]) {
        corpus.add("team/app", tag, image(&[layer(seed, 2_000)]));
    }
    corpus.add("team/web", "v1.4.0", image(&[layer(10, 2_000)]).with_tagged("sig", cosign_signature));
    corpus.add("other/db", "16.2", image(&[layer(11, 2_000)]));
    corpus
}

#[test]
fn patterns_exclusions_and_the_newest_select_what_they_say() {
    let source = DockerRegistry::start();
    push(&source.host(), &versions());
    let (folder, host) = (folder(), source.host());
    let plan = |arguments: &[&str]| -> Vec<String> {
        let to = path(&folder, "never.tar");
        let mut all = vec!["export", "--dry-run", "--json", "--from", &host, "--to", &to];
        all.extend_from_slice(arguments);
        let report = transload().run(&all).ok().report();
        let name = |a: &serde_json::Value| a["source"].as_str().unwrap()[host.len() + 1..].to_owned();
        report["artifacts"].as_array().unwrap().iter().map(name).collect()
    };
    assert_eq!(plan(&["team/app:v1.*"]), ["team/app:v1.3.0", "team/app:v1.4.0", "team/app:v1.5.0-rc1"]);
    assert_eq!(plan(&["team/app:^1.4"]), ["team/app:v1.4.0"]);
    assert_eq!(plan(&["team/app:>=1.3 <1.4"]), ["team/app:v1.3.0"]);
    assert_eq!(plan(&["team/app:/v1\\.[34].0/"]), ["team/app:v1.3.0", "team/app:v1.4.0"]);
    assert_eq!(plan(&["team/*", "--latest", "1"]), ["team/app:v1.4.0", "team/web:v1.4.0"]);
    assert_eq!(plan(&["**", "--exclude", "team/app", "--exclude", "*/db:*"]), ["team/web:v1.4.0"]);
    let list = path(&folder, "list.txt");
    std::fs::write(&list, "team/*:v1.4.0  # both\n!team/web\n").unwrap();
    assert_eq!(plan(&["--artifacts-file", &list]), ["team/app:v1.4.0"]);

    let to = path(&folder, "never.tar");
    let said = transload().run(["export", &format!("{host}/team/app:v1.*"), "--dry-run", "--to", &to]).ok();
    assert!(said.stdout.contains("team/app:v1.* is 3 artifacts"), "{}", said.stdout);
    let none = transload().run(["export", &format!("{host}/team/app:v9*"), "--to", &to]);
    assert!(none.refused(4, "NothingMatched").contains("v1.3.0"), "{}", none.all());
    let odd = transload().run(["export", &format!("{host}/team/app:/v(/"), "--to", &to]);
    odd.refused(2, "ReferenceInvalid");
    let nowhere = transload().run(["export", &format!("{host}/taem/*"), "--to", &to]);
    assert!(nowhere.refused(4, "NothingMatched").contains("team/"), "{}", nowhere.all());
}

#[test]
fn an_import_takes_part_of_a_bundle_under_other_names() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    push(&source.host(), &versions());
    let folder = folder();
    let bundle = path(&folder, "all.tar");
    transload().run(["export", &format!("{}/**", source.host()), "--to", &bundle]).ok();
    let host = target.host();
    let conflict = transload().run(["import", &bundle, "--to", &host, "--map", "**=one"]);
    assert!(conflict.refused(2, "NameConflict").contains("--map"), "{}", conflict.all());
    assert!(catalog(&host).is_empty(), "refused before anything is pushed");

    let arguments = ["--only", "team/*:v1.4.0", "--map", "team/web=front/web", "--map", "team/*=prod/team/*"];
    let mut import = vec!["import", bundle.as_str(), "--to", host.as_str()];
    import.extend(arguments);
    transload().run(&import).ok();
    assert_eq!(catalog(&host), ["front/web", "prod/team/app"]);
    let tags = target.request("GET", "/v2/front/web/tags/list", &[], b"").body;
    assert!(String::from_utf8_lossy(&tags).contains(".sig"), "its signature came along");
    let again = transload().run(&import).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
    let none = transload().run(["import", &bundle, "--to", &host, "--only", "team/wbe"]);
    assert!(none.refused(4, "NothingMatched").contains("team/web:v1.4.0"), "{}", none.all());
    let odd = transload().run(["import", &bundle, "--to", &host, "--map", "a/*=b/*/*"]);
    assert_eq!(odd.code(), 2, "{}", odd.all());
    assert!(odd.stderr.contains("wildcards"), "{}", odd.stderr);
}
