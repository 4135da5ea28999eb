//! Manifests, tags, referrers and lists; skopeo as the stranger.

use crate::support::{CONFIG, Fixture, INDEX, MANIFEST, code, image, json};
use transload_depot::{Depot, Error, Limits, Server};
use transload_oci::Digest;
use transload_testkit::peers::skopeo_ok;

#[test]
fn a_manifest_comes_back_byte_for_byte_with_its_media_type() {
    let f = Fixture::new(Depot::temporary().unwrap());
    let text = f.image("team/app", "v1");
    let digest = Digest::sha256(text.as_bytes());
    for reference in ["v1".to_owned(), digest.to_string()] {
        let path = format!("/v2/team/app/manifests/{reference}");
        let answer = f.ask("GET", &path);
        assert_eq!(answer.text(), text);
        assert_eq!(answer.header("content-type"), Some(MANIFEST));
        assert_eq!(answer.header("docker-content-digest"), Some(digest.to_string().as_str()));
        let head = f.ask("HEAD", &path);
        let len = text.len().to_string();
        assert_eq!((head.status, head.header("content-length")), (200, Some(len.as_str())));
    }
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let text = text.replace(MANIFEST, docker);
    let put = f.send("PUT", "/v2/team/app/manifests/d", &[("Content-Type", docker)], text.as_bytes());
    assert_eq!(put.status, 201);
    assert_eq!(f.ask("GET", "/v2/team/app/manifests/d").header("content-type"), Some(docker));
}

#[test]
fn what_points_at_nothing_is_refused() {
    let f = Fixture::new(Depot::temporary().unwrap());
    let config = f.blob("a", CONFIG);
    let missing = Digest::sha256(b"missing");
    let refused = f.manifest("a", "v1", &image(&config, &missing, 7, ""));
    assert_eq!((refused.status, code(&refused).as_str()), (400, "MANIFEST_BLOB_UNKNOWN"));
    assert!(refused.text().contains(&missing.to_string()));
    let foreign = image(&config, &missing, 7, "").replace(".layer.v1.tar", ".layer.nondistributable.v1.tar");
    assert_eq!(f.manifest("a", "v1", &foreign).status, 201);
    let index = |child: &Digest| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{MANIFEST}","digest":"{child}","size":1}}]}}"#
        )
    };
    let put = |text: &str| f.send("PUT", "/v2/a/manifests/i", &[("Content-Type", INDEX)], text.as_bytes());
    // sparse indexes are served as they are
    assert_eq!(put(&index(&missing)).status, 201);
    assert_eq!(put(&index(&Digest::sha256(foreign.as_bytes()))).status, 201);
}

#[test]
fn what_is_no_manifest_is_refused() {
    let f = Fixture::new(Depot::temporary().unwrap());
    assert_eq!(code(&f.manifest("a", "v1", "<html>")), "MANIFEST_INVALID");
    let schema1 = [("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws")];
    assert_eq!(code(&f.send("PUT", "/v2/a/manifests/v1", &schema1, b"{}")), "MANIFEST_INVALID");
    let other = Digest::sha256(b"other");
    assert_eq!(code(&f.manifest("a", &other.to_string(), "{}")), "DIGEST_INVALID");
    assert_eq!(code(&f.ask("GET", "/v2/a/manifests/v1")), "NAME_UNKNOWN");
    f.image("a", "v1");
    assert_eq!(code(&f.ask("GET", "/v2/a/manifests/v2")), "MANIFEST_UNKNOWN");
    assert_eq!(code(&f.ask("GET", &format!("/v2/a/manifests/{other}"))), "MANIFEST_UNKNOWN");
    assert_eq!(code(&f.ask("POST", "/v2/a/manifests/v1")), "UNSUPPORTED");
    assert_eq!(f.ask("GET", "/v2/").header("docker-distribution-api-version"), Some("registry/2.0"));
}

#[test]
fn deleting_a_tag_keeps_the_manifest_and_deleting_the_manifest_takes_its_tags() {
    let f = Fixture::new(Depot::temporary().unwrap());
    let text = f.image("a", "v1");
    let digest = Digest::sha256(text.as_bytes());
    f.manifest("a", "v2", &text);
    f.manifest("a", "v3", &text);
    assert_eq!(f.ask("DELETE", "/v2/a/manifests/v1").status, 202);
    assert_eq!(f.ask("DELETE", "/v2/a/manifests/v1").status, 404);
    assert_eq!(f.ask("GET", "/v2/a/manifests/v2").status, 200);
    assert_eq!(f.ask("DELETE", &format!("/v2/a/manifests/{digest}")).status, 202);
    assert_eq!(f.ask("GET", "/v2/a/manifests/v2").status, 404);
    assert_eq!(json(&f.ask("GET", "/v2/a/tags/list"))["tags"], serde_json::json!([]));
}

#[test]
fn referrers_are_found_by_subject_and_type() {
    let f = Fixture::new(Depot::temporary().unwrap());
    let subject = Digest::sha256(f.image("a", "v1").as_bytes());
    let path = format!("/v2/a/referrers/{subject}");
    let list = |path: &str| {
        let answer = f.ask("GET", path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(INDEX)));
        (json(&answer)["manifests"].as_array().unwrap().clone(), answer)
    };
    assert!(list(&path).0.is_empty());
    assert!(list(&format!("/v2/none/referrers/{subject}")).0.is_empty());
    let (config, layer) = (f.blob("a", CONFIG), f.blob("a", b"sbom"));
    let about = |artifact_type: &str| {
        format!(
            r#","artifactType":"{artifact_type}","annotations":{{"k":"v"}},"subject":{{"mediaType":"{MANIFEST}","digest":"{subject}","size":1}}"#
        )
    };
    let mut digests = Vec::new();
    for artifact_type in ["application/sbom", "application/signature"] {
        let text = image(&config, &layer, 4, &about(artifact_type));
        digests.push(Digest::sha256(text.as_bytes()));
        let put = f.manifest("a", &digests[digests.len() - 1].to_string(), &text);
        assert_eq!((put.status, put.header("oci-subject")), (201, Some(subject.to_string().as_str())));
    }
    let (all, _) = list(&path);
    assert_eq!(all.len(), 2);
    let sbom = all.iter().find(|one| one["digest"] == digests[0].to_string().as_str()).unwrap();
    assert_eq!((&sbom["artifactType"], &sbom["annotations"]["k"]), (&"application/sbom".into(), &"v".into()));
    let (some, answer) = list(&format!("{path}?artifactType=application%2Fsignature"));
    assert_eq!((some.len(), some[0]["digest"].as_str()), (1, Some(digests[1].to_string().as_str())));
    assert_eq!(answer.header("oci-filters-applied"), Some("artifactType"));
    f.ask("DELETE", &format!("/v2/a/manifests/{}", digests[0]));
    assert_eq!(list(&path).0.len(), 1);
}

#[test]
fn lists_are_paged_in_lexical_order() {
    let f = Fixture::new(Depot::temporary_with(Limits { page_entries_max: 3, ..Limits::default() }).unwrap());
    let text = f.image("b/x", "t0");
    for n in 1..5 {
        f.manifest("b/x", &format!("t{n}"), &text);
    }
    f.image("a", "v");
    let first = f.ask("GET", "/v2/b/x/tags/list?n=2");
    assert_eq!(json(&first)["tags"], serde_json::json!(["t0", "t1"]));
    let link = first.header("link").unwrap();
    assert_eq!(link, "</v2/b/x/tags/list?n=2&last=t1>; rel=\"next\"");
    assert_eq!(json(&f.ask("GET", "/v2/b/x/tags/list?n=2&last=t1"))["tags"], serde_json::json!(["t2", "t3"]));
    assert_eq!(json(&f.ask("GET", "/v2/b/x/tags/list"))["tags"].as_array().unwrap().len(), 3);
    assert_eq!(f.ask("GET", "/v2/b/x/tags/list?n=9&last=t3").header("link"), None);
    assert_eq!(code(&f.ask("GET", "/v2/b/x/tags/list?n=x")), "PAGINATION_NUMBER_INVALID");
    assert_eq!(code(&f.ask("GET", "/v2/none/tags/list")), "NAME_UNKNOWN");
    let catalog = f.ask("GET", "/v2/_catalog?n=1");
    assert_eq!(json(&catalog)["repositories"], serde_json::json!(["a"]));
    assert_eq!(catalog.header("link"), Some("</v2/_catalog?n=1&last=a>; rel=\"next\""));
    assert_eq!(json(&f.ask("GET", "/v2/_catalog?last=a"))["repositories"], serde_json::json!(["b/x"]));
}

#[test]
fn skopeo_copies_inspects_and_lists() {
    let folder = tempfile::tempdir().unwrap();
    for depot in [Depot::temporary().unwrap(), Depot::in_folder(folder.path().join("depot")).unwrap()] {
        let f = Fixture::new(depot);
        let text = f.image("team/app", "v1");
        let from = format!("docker://{}/team/app:v1", f.endpoint.addr);
        let layout = format!("oci:{}:v1", folder.path().join("layout").display());
        let to = format!("docker://{}/other/copy:v2", f.endpoint.addr);
        skopeo_ok(&["copy", "--preserve-digests", "--src-tls-verify=false", &from, &layout]);
        skopeo_ok(&["copy", "--preserve-digests", "--dest-tls-verify=false", &layout, &to]);
        assert_eq!(f.ask("GET", "/v2/other/copy/manifests/v2").text(), text);
        let inspected = skopeo_ok(&["inspect", "--tls-verify=false", &to]);
        assert!(inspected.contains(&Digest::sha256(text.as_bytes()).to_string()), "{inspected}");
        let repository = to.trim_end_matches(":v2");
        let tags = skopeo_ok(&["list-tags", "--tls-verify=false", repository]);
        assert!(tags.contains("\"v2\""), "{tags}");
        skopeo_ok(&["delete", "--tls-verify=false", &to]);
        assert_eq!(f.ask("GET", "/v2/other/copy/manifests/v2").status, 404);
    }
}

#[test]
fn a_server_listens_where_it_may_and_ends_when_told() {
    let mut f = Fixture::new(Depot::temporary().unwrap());
    let start = |addr| f.runtime.block_on(Server::start(addr, Depot::temporary().unwrap()));
    assert!(matches!(start(([0, 0, 0, 0], 0).into()), Err(Error::NotLoopback { .. })));
    let taken = start(f.endpoint.addr).unwrap_err();
    assert!(matches!(taken, Error::Bind { .. }) && taken.is_transient());
    let idle = std::net::TcpStream::connect(f.endpoint.addr).unwrap();
    let server = f.server.take().unwrap();
    f.runtime.block_on(server.shutdown());
    drop(idle);
    assert!(f.endpoint.request("GET", "/v2/", &[], b"").is_err());
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(Depot::in_folder(file.path()), Err(Error::Folder { .. })));
}

#[test]
fn a_repository_is_taken_away_whole_and_its_neighbours_stay() {
    let depot = Depot::temporary().unwrap();
    let folder = depot.folder().unwrap().clone();
    let f = Fixture::new(depot);
    let first = Digest::sha256(f.image("team/app", "v1").as_bytes());
    // the tag goes on to another manifest, and the first has none any more
    let second = f.image("team/app", "v2");
    assert_eq!(f.manifest("team/app", "v1", &second).status, 201);
    let second = Digest::sha256(second.as_bytes());
    f.image("team/app/tools", "v1");
    f.image("team", "v1");
    let kept = f.runtime.block_on(folder.manifests("team/app")).unwrap();
    let mut digests: Vec<_> = kept.iter().map(|one| one.digest).collect();
    assert!(kept.iter().all(|one| one.since.is_some()));
    assert!(f.runtime.block_on(folder.tagged_since("team/app", "v1")).is_some());

    let mut removed = f.runtime.block_on(folder.remove_repository("team/app")).unwrap();
    assert_eq!(removed.tags, ["v1", "v2"]);
    for list in [&mut removed.manifests, &mut digests] {
        list.sort_unstable_by_key(ToString::to_string);
    }
    assert_eq!(removed.manifests, digests);
    assert!(digests.contains(&first) && digests.contains(&second));
    assert_eq!(
        json(&f.ask("GET", "/v2/_catalog"))["repositories"],
        serde_json::json!(["team", "team/app/tools"])
    );
    assert_eq!(code(&f.ask("GET", "/v2/team/app/manifests/v1")), "NAME_UNKNOWN");
    assert!(f.runtime.block_on(folder.remove_repository("team/app")).is_err());
    assert!(f.runtime.block_on(folder.manifests("team/app")).is_err());

    f.image("team/app", "v3");
    assert_eq!(f.ask("GET", "/v2/team/app/manifests/v3").status, 200);
    assert_eq!(f.ask("GET", &format!("/v2/team/app/manifests/{first}")).status, 404);
    assert_eq!(f.ask("GET", "/v2/team/manifests/v1").status, 200);
}
