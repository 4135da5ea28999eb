//! One folder, served by one after the other.

use std::path::Path;

use serde_json::Value;
use tokio::runtime::Runtime;
use transload_depot::{Depot, Server};
use transload_oci::Digest;
use transload_testkit::peers::{Answer, DockerRegistry, Endpoint};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Does something with the depot over a folder, which is let go of afterwards.
fn with_depot<T>(folder: &Path, work: impl FnOnce(&Endpoint) -> T) -> T {
    let runtime = Runtime::new().unwrap();
    let depot = Depot::in_folder(folder).unwrap();
    let server = runtime.block_on(Server::start(([127, 0, 0, 1], 0).into(), depot)).unwrap();
    let done = work(&Endpoint { addr: server.addr(), ca_pem: None });
    runtime.block_on(server.shutdown());
    done
}

fn ask(endpoint: &Endpoint, method: &str, path: &str) -> Answer {
    let accept = format!("{OCI}, {DOCKER}");
    endpoint.request(method, path, &[("Accept", &accept)], b"").unwrap()
}

fn blob(endpoint: &Endpoint, repository: &str, bytes: &[u8]) -> Digest {
    let digest = Digest::sha256(bytes);
    let begun = ask(endpoint, "POST", &format!("/v2/{repository}/blobs/uploads/"));
    let location = begun.header("location").unwrap().trim_start_matches(&endpoint.url()).to_owned();
    let separator = if location.contains('?') { '&' } else { '?' };
    let path = format!("{location}{separator}digest={digest}");
    assert_eq!(endpoint.request("PUT", &path, &[], bytes).unwrap().status, 201);
    digest
}

/// Pushes an image of one layer; gives the document.
fn image(endpoint: &Endpoint, repository: &str, tag: &str, media_type: &str, more: &str) -> String {
    let (config, layer) = (blob(endpoint, repository, b"{}"), blob(endpoint, repository, tag.as_bytes()));
    let text = format!(
        r#"{{ "schemaVersion":2, "mediaType":"{media_type}",
  "config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},
  "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{}}}]{more} }}"#,
        tag.len()
    );
    let path = format!("/v2/{repository}/manifests/{tag}");
    let put = endpoint.request("PUT", &path, &[("Content-Type", media_type)], text.as_bytes()).unwrap();
    assert_eq!(put.status, 201, "{}", put.text());
    text
}

#[track_caller]
fn served(endpoint: &Endpoint, repository: &str, tag: &str, media_type: &str, text: &str) {
    let answer = ask(endpoint, "GET", &format!("/v2/{repository}/manifests/{tag}"));
    assert_eq!((answer.status, answer.text().as_str()), (200, text));
    assert_eq!(answer.header("content-type"), Some(media_type));
    let by_digest = format!("/v2/{repository}/manifests/{}", Digest::sha256(text.as_bytes()));
    assert_eq!(ask(endpoint, "GET", &by_digest).text(), text);
    let layer = Digest::sha256(tag.as_bytes());
    assert_eq!(ask(endpoint, "GET", &format!("/v2/{repository}/blobs/{layer}")).body, tag.as_bytes());
}

#[track_caller]
fn names(endpoint: &Endpoint, path: &str, field: &str) -> Vec<String> {
    let body: Value = serde_json::from_slice(&ask(endpoint, "GET", path).body).unwrap();
    let names = body[field].as_array().cloned().unwrap_or_default();
    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_the_twin_wrote_is_served_by_the_depot_and_the_other_way_round() {
    let mut twin = DockerRegistry::start();
    let theirs = image(twin.endpoint(), "team/theirs", "t1", OCI, "");
    let docker = image(twin.endpoint(), "team/theirs", "t2", DOCKER, "");
    let subject = Digest::sha256(theirs.as_bytes());
    let more = format!(r#","subject":{{"mediaType":"{OCI}","digest":"{subject}","size":{}}}"#, theirs.len());
    let about = image(twin.endpoint(), "team/theirs", "about", OCI, &more);
    image(twin.endpoint(), "team/theirs", "moved", OCI, "");
    let moved = image(twin.endpoint(), "team/theirs", "moved", DOCKER, "");
    image(twin.endpoint(), "team/theirs", "deleted", OCI, r#","annotations":{"k":"v"}"#);
    let deleted = ask(twin.endpoint(), "HEAD", "/v2/team/theirs/manifests/deleted");
    let digest = deleted.header("docker-content-digest").unwrap();
    assert_eq!(ask(twin.endpoint(), "DELETE", &format!("/v2/team/theirs/manifests/{digest}")).status, 202);
    twin.stop();

    let folder = twin.data_dir();
    let (ours, kept) = with_depot(&folder, |depot| {
        served(depot, "team/theirs", "t1", OCI, &theirs);
        served(depot, "team/theirs", "t2", DOCKER, &docker);
        served(depot, "team/theirs", "moved", DOCKER, &moved);
        assert_eq!(names(depot, "/v2/team/theirs/tags/list", "tags"), ["about", "moved", "t1", "t2"]);
        assert_eq!(names(depot, "/v2/_catalog", "repositories"), ["team/theirs"]);
        // what refers to what is found although the twin does not keep it
        let referrers = ask(depot, "GET", &format!("/v2/team/theirs/referrers/{subject}"));
        assert!(
            referrers.text().contains(&Digest::sha256(about.as_bytes()).to_string()),
            "{}",
            referrers.text()
        );
        // and it goes on from there
        let kept = image(depot, "team/theirs", "t3", OCI, "");
        assert_eq!(ask(depot, "DELETE", "/v2/team/theirs/manifests/t2").status, 202);
        let about = Digest::sha256(about.as_bytes());
        assert_eq!(ask(depot, "DELETE", &format!("/v2/team/theirs/manifests/{about}")).status, 202);
        (image(depot, "team/ours", "o1", DOCKER, ""), kept)
    });

    twin.restart();
    served(twin.endpoint(), "team/ours", "o1", DOCKER, &ours);
    served(twin.endpoint(), "team/theirs", "t1", OCI, &theirs);
    served(twin.endpoint(), "team/theirs", "t3", OCI, &kept);
    let mut tags = names(twin.endpoint(), "/v2/team/theirs/tags/list", "tags");
    tags.sort();
    assert_eq!(tags, ["moved", "t1", "t3"]);
    assert_eq!(names(twin.endpoint(), "/v2/_catalog", "repositories"), ["team/ours", "team/theirs"]);
    let again = image(twin.endpoint(), "team/ours", "o2", OCI, "");
    twin.stop();
    with_depot(&folder, |depot| served(depot, "team/ours", "o2", OCI, &again));
}
