//! A depot on a runtime of its own, and a client of a few lines.

use tokio::runtime::Runtime;
use transload_depot::{Depot, Server};
use transload_oci::Digest;
use transload_testkit::peers::{Answer, Endpoint};

pub(crate) struct Fixture {
    pub(crate) runtime: Runtime,
    pub(crate) server: Option<Server>,
    pub(crate) endpoint: Endpoint,
}

impl Fixture {
    pub(crate) fn new(depot: Depot) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(Server::start(([127, 0, 0, 1], 0).into(), depot)).unwrap();
        let endpoint = Endpoint { addr: server.addr(), ca_pem: None };
        Self { runtime, server: Some(server), endpoint }
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Answer {
        self.send(method, path, &[], b"")
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.endpoint.request(method, path, headers, body).unwrap()
    }

    /// Pushes a blob in one request.
    pub(crate) fn blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = self.send("POST", &path, &[], bytes);
        assert_eq!(answer.status, 201, "{}", answer.text());
        digest
    }

    /// Opens an upload session and gives its path.
    pub(crate) fn session(&self, repository: &str) -> String {
        let answer = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"));
        assert_eq!((answer.status, answer.header("range")), (202, Some("0-0")));
        answer.header("location").unwrap().to_owned()
    }

    pub(crate) fn manifest(&self, repository: &str, reference: &str, text: &str) -> Answer {
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.send("PUT", &path, &[("Content-Type", MANIFEST)], text.as_bytes())
    }

    /// Pushes a config, a layer and a manifest of both; gives the manifest.
    pub(crate) fn image(&self, repository: &str, tag: &str) -> String {
        let config = self.blob(repository, CONFIG);
        let layer = self.blob(repository, tag.as_bytes());
        let text = image(&config, &layer, tag.len(), "");
        let answer = self.manifest(repository, tag, &text);
        assert_eq!(answer.status, 201, "{}", answer.text());
        text
    }
}

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const CONFIG: &[u8] =
    br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;

/// A manifest with white space that no serializer would write; `more` goes to its end.
pub(crate) fn image(config: &Digest, layer: &Digest, layer_len: usize, more: &str) -> String {
    format!(
        r#"{{ "schemaVersion":2,   "mediaType":"{MANIFEST}",
  "config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{}}},
  "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{layer_len}}}]{more} }}"#,
        CONFIG.len()
    )
}

pub(crate) fn code(answer: &Answer) -> String {
    let value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    value["errors"][0]["code"].as_str().unwrap().to_owned()
}

pub(crate) fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_slice(&answer.body).unwrap()
}
