//! What is pushed in the script, by name.

use serde_json::{Value, json};
use transload_oci::{Algorithm, Digest};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

/// Names and bytes. `{name}` in a path is the digest, `{name-512}` the long one.
pub(crate) struct Contents(Vec<(&'static str, Vec<u8>)>);

impl Contents {
    pub(crate) fn new() -> Self {
        let mut contents = Self(
            [
                ("empty", ""),
                ("config", "{}"),
                ("layer", "the bytes of a layer"),
                ("half", "the bytes "),
                ("other", "other bytes"),
                ("absent", "nobody pushes this"),
                ("page", "<html></html>"),
            ]
            .map(|(name, text)| (name, text.as_bytes().to_vec()))
            .to_vec(),
        );
        let (config, layer, absent) =
            (contents.describe("config"), contents.describe("layer"), contents.describe("absent"));
        let image = |media_type: &str, layers: &[&Value]| -> Value {
            json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers })
        };
        contents.add("image", &image(OCI, &[&layer]));
        contents.add("lacking", &image(OCI, &[&absent]));
        contents.add("bare", &image(OCI, &[]));
        contents.add("docker", &image("application/vnd.docker.distribution.manifest.v2+json", &[&layer]));
        let mut foreign = absent.clone();
        foreign["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar");
        contents.add("foreign", &image(OCI, &[&foreign]));
        let subject = contents.manifest("image");
        let mut artifact = image(OCI, &[]);
        artifact["subject"] = subject.clone();
        artifact["artifactType"] = json!("application/vnd.example.sbom");
        contents.add("artifact", &artifact);
        let index =
            |manifests: &[&Value]| json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        contents.add("index", &index(&[&subject]));
        let inner = contents.manifest("index");
        contents.add("nested", &index(&[&inner]));
        contents.add("none", &index(&[]));
        let mut gone = absent;
        gone["mediaType"] = json!(OCI);
        contents.add("sparse", &index(&[&gone]));
        contents
    }

    fn add(&mut self, name: &'static str, document: &Value) {
        self.0.push((name, document.to_string().into_bytes()));
    }

    fn describe(&self, name: &str) -> Value {
        let bytes = self.bytes(name);
        json!({ "mediaType": LAYER, "digest": Digest::sha256(bytes).to_string(), "size": bytes.len() })
    }

    fn manifest(&self, name: &str) -> Value {
        let mut descriptor = self.describe(name);
        descriptor["mediaType"] = json!(self.media_type(name).unwrap());
        descriptor
    }

    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        &self.0.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name}")).1
    }

    /// What a document says of itself.
    pub(crate) fn media_type(&self, name: &str) -> Option<String> {
        let document: Value = serde_json::from_slice(self.bytes(name)).ok()?;
        document["mediaType"].as_str().map(str::to_owned)
    }

    /// Puts digests in the place of their names.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, bytes)| {
            text.replace(&format!("{{{name}}}"), &Digest::sha256(bytes).to_string())
                .replace(&format!("{{{name}-512}}"), &Digest::of(Algorithm::Sha512, bytes).to_string())
        })
    }

    /// Puts names in the place of digests.
    pub(crate) fn name(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, bytes)| {
            text.replace(&Digest::sha256(bytes).to_string(), &format!("{{{name}}}"))
                .replace(&Digest::of(Algorithm::Sha512, bytes).to_string(), &format!("{{{name}-512}}"))
        })
    }
}
