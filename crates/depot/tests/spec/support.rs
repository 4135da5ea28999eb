//! A depot on a runtime of its own, and a client of a few lines.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use transload_depot::{Depot, Limits, Server};
use transload_oci::{Algorithm, Digest};
use transload_testkit::peers::{Answer, Endpoint};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub(crate) const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// The config of every image here.
pub(crate) const CONFIG_BYTES: &[u8] = b"{}";

pub(crate) struct Registry {
    pub(crate) endpoint: Endpoint,
    _server: Server,
    _runtime: Runtime,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let runtime = Runtime::new().unwrap();
        let depot = Depot::temporary_with(limits).unwrap();
        let server = runtime.block_on(Server::start(([127, 0, 0, 1], 0).into(), depot)).unwrap();
        let endpoint = Endpoint { addr: server.addr(), ca_pem: None };
        Self { endpoint, _server: server, _runtime: runtime }
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Answer {
        self.send(method, path, &[], b"")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path)
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.endpoint.request(method, path, headers, body).unwrap()
    }

    /// Sends a body without saying how long it is, in two pieces.
    pub(crate) fn stream(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.endpoint.addr).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let (first, second) = body.split_at(body.len() / 2);
        for piece in [first, second, b""] {
            stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).unwrap();
            stream.write_all(piece).unwrap();
            stream.write_all(b"\r\n").unwrap();
            if piece.is_empty() {
                break;
            }
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Pushes a blob in one request.
    pub(crate) fn blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        expect(&self.send("POST", &path, &[], bytes), 201);
        digest
    }

    /// Opens an upload session and gives its path.
    pub(crate) fn session(&self, repository: &str) -> String {
        let answer = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"));
        expect(&answer, 202);
        answer.header("location").unwrap().to_owned()
    }

    /// Puts a document under the media type that it says it has.
    pub(crate) fn put(&self, repository: &str, reference: &str, document: &Value) -> Answer {
        let media_type = document["mediaType"].as_str().unwrap();
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.send("PUT", &path, &[("Content-Type", media_type)], document.to_string().as_bytes())
    }

    /// Pushes an image of one layer under a tag; gives the document.
    pub(crate) fn image(&self, repository: &str, tag: &str) -> Value {
        let document = self.unpushed(repository, tag);
        expect(&self.put(repository, tag, &document), 201);
        document
    }

    /// An image whose blobs are pushed, and it itself is not.
    pub(crate) fn unpushed(&self, repository: &str, layer: &str) -> Value {
        self.blob(repository, CONFIG_BYTES);
        self.blob(repository, layer.as_bytes());
        image(&[descriptor(LAYER, layer.as_bytes())])
    }
}

/// An image of these layers.
pub(crate) fn image(layers: &[Value]) -> Value {
    let config = descriptor(CONFIG, CONFIG_BYTES);
    json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers })
}

pub(crate) fn index(manifests: &[Value]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests })
}

/// The document with another field.
pub(crate) fn with(mut document: Value, field: &str, value: Value) -> Value {
    document[field] = value;
    document
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::sha256(bytes).to_string(), "size": bytes.len() })
}

/// Describes a manifest or an index.
pub(crate) fn described(document: &Value) -> Value {
    descriptor(document["mediaType"].as_str().unwrap(), document.to_string().as_bytes())
}

pub(crate) fn digest_of(document: &Value) -> Digest {
    Digest::sha256(document.to_string().as_bytes())
}

pub(crate) fn sha512(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha512, bytes)
}

pub(crate) fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[track_caller]
pub(crate) fn expect(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
}

/// A refusal of that status, in the shape of the section "Error Codes", with that code.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, code: &str) {
    expect(answer, status);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = json_of(answer);
    let error = &body["errors"][0];
    assert_eq!(error["code"], code, "{body}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
}
