//! `transload list`: the bundles in a place, and what else lies there.

use serde_json::Value;
use transload_testkit::images::{image, layer};
use transload_testkit::peers::DockerRegistry;
use transload_testkit::peers::sas::Sas;

use crate::support::{Said, azurite, folder, path, push_one, transload};

fn listed(arguments: &[&str]) -> Value {
    let said = transload().run([&["list", "--output", "json"], arguments].concat()).ok();
    serde_json::from_str(&said.stdout).unwrap()
}

fn names<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list[key].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn a_folder_is_listed_with_what_is_in_its_bundles_and_why_the_rest_are_none() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "team/web:v1", &image(&[layer(950, 90_000)]));
    push_one(&source.host(), "team/db:v2", &image(&[layer(951, 250_000)]));
    let reference = |name: &str| format!("{}/{name}", source.host());
    let folder = folder();
    let file = |name: &str| folder.path().join(name);
    transload().run(["export", &reference("team/web:v1"), "--to", &path(&folder, "web.tar")]).ok();
    transload().run(["export", &reference("team/db:v2"), "--to", &path(&folder, "db.tar")]).ok();
    let db = std::fs::read(file("db.tar")).unwrap();
    for (n, part) in db.chunks(100_000).enumerate() {
        std::fs::write(file(&format!("parts.tar.{:03}", n + 1)), part).unwrap();
    }
    std::fs::remove_file(file("db.tar")).unwrap();
    std::fs::create_dir(file("layout")).unwrap();
    let mut unpack = std::process::Command::new("tar");
    unpack.arg("-C").arg(file("layout")).arg("-xf").arg(file("web.tar"));
    assert!(unpack.status().unwrap().success());
    std::fs::write(file("cut.tar"), &db[..60_000]).unwrap();
    std::fs::write(file("notes.txt"), "look at web.tar").unwrap();
    std::fs::write(file("packed.tar.gz"), b"\x1f\x8b\x08\0 and so on").unwrap();
    std::fs::write(file("next.tar.partial"), &db[..50_000]).unwrap();
    std::fs::write(file("lost.tar.002"), &db[..5000]).unwrap();

    let place = format!("{}/", folder.path().display());
    let list = listed(&[&place]);
    assert_eq!(names(&list, "bundles"), ["layout/", "parts.tar.001", "web.tar"]);
    assert_eq!(names(&list, "others"), ["cut.tar", "lost.tar.002", "next.tar", "notes.txt", "packed.tar.gz"]);
    let [layout, parts, web] = [0, 1, 2].map(|n| &list["bundles"][n]);
    assert_eq!((&layout["folder"], &layout["artifacts"][0]["name"]), (&true.into(), &"team/web:v1".into()));
    assert_eq!((&parts["parts"], &parts["bytes"]), (&db.len().div_ceil(100_000).into(), &db.len().into()));
    assert_eq!(parts["artifacts"][0]["name"], "team/db:v2");
    assert_eq!((&web["format"], &web["location"]), (&"bundle".into(), &path(&folder, "web.tar").into()));
    for (n, says) in
        ["of its", "begins with", "goes on with it", "not a tar", "compressed with gzip"].iter().enumerate()
    {
        let other = &list["others"][n];
        let text = other["reason"].as_str().unwrap();
        // a second part alone is a cut bundle like any other, or no tar at all
        assert!(text.contains(says) || (n == 1 && !text.is_empty()), "{other}");
        assert_eq!(other["unfinished"], n == 2, "{other}");
    }
    let table = transload().run(["list", &place]).ok().stdout;
    for says in ["web.tar", "team/db:v2", "bundle, folder", "NO BUNDLE", "notes.txt"] {
        assert!(table.contains(says), "{says}: {table}");
    }
    let web = listed(&[&path(&folder, "web")]);
    assert_eq!((names(&web, "bundles"), names(&web, "others")), (vec!["web.tar"], vec![]));
    // what is listed can be taken as it is named
    for bundle in list["bundles"].as_array().unwrap() {
        transload().run(["verify", bundle["location"].as_str().unwrap()]).ok();
    }
}

#[test]
fn a_container_is_listed_and_an_empty_place_too() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "team/web:v1", &image(&[layer(960, 90_000)]));
    let reference = format!("{}/team/web:v1", source.host());
    let azure = azurite();
    azure.create_container("listed");
    let token = Sas::container("listed").permissions("rcwl");
    let url = azure.url_with("listed", &token);
    assert_eq!(names(&listed(&[&url]), "bundles"), [""; 0]);
    transload().run(["export", &reference, "--to", &url]).ok();
    let list = listed(&[&url]);
    assert_eq!(list["bundles"][0]["artifacts"][0]["name"], "team/web:v1");
    assert!(!list.to_string().contains("sig="), "{list}");
    let empty = folder();
    let said = transload().run(["list", &format!("{}/", empty.path().display())]).ok();
    assert!(said.stdout.contains("no bundle in"), "{}", said.stdout);
    transload().run(["list", "/nowhere/at/all/"]).refused(4, "ContainerNotFound");
}
