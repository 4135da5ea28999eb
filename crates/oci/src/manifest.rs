//! A manifest: its raw bytes, and a view of what it points at.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use crate::descriptor::{Descriptor, Platform, null_is_default};
use crate::digest::Digest;
use crate::media_type;

/// A manifest or index as a registry keeps it. The bytes are never written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Media type, from the transport or, failing that, from the document.
    pub media_type: String,
    /// Digest of `bytes`.
    pub digest: Digest,
    /// The document, byte for byte.
    pub bytes: Bytes,
    /// What the document says.
    pub view: View,
}

/// The fields of a manifest that a transfer needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// `mediaType`, as the document has it.
    pub media_type: Option<String>,
    /// What it points at.
    pub children: Children,
    /// The manifest that this one is about (signature, SBOM, attestation).
    pub subject: Option<Descriptor>,
    /// `artifactType`, or the config's media type where an artifact has none.
    pub artifact_type: Option<String>,
    /// Annotations of the document.
    pub annotations: BTreeMap<String, String>,
}

/// What a manifest points at, in the document's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Children {
    /// Manifests and indexes.
    pub manifests: Vec<Descriptor>,
    /// Config and layers.
    pub blobs: Vec<Descriptor>,
}

/// Why bytes are not a manifest that can travel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or JSON of another shape.
    #[error("not a manifest: {0}")]
    Malformed(String),
    /// Docker schema 1.
    #[error(
        "Docker schema 1 manifest ({0}): its digest does not cover what is stored and current registries refuse it"
    )]
    Schema1(String),
    /// A media type that is no manifest's.
    #[error("media type '{0}' is not that of a manifest or index")]
    UnknownMediaType(String),
    /// The bytes have another digest than the one asked for.
    #[error("expected digest {expected}, got {actual}")]
    Digest {
        /// Digest asked for.
        expected: Box<Digest>,
        /// Digest of the bytes.
        actual: Box<Digest>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: Option<String>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_is_default")]
    layers: Vec<Descriptor>,
    #[serde(default, deserialize_with = "null_is_default")]
    blobs: Vec<Descriptor>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_is_default")]
    annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// `media_type` is what the transport said (a `Content-Type` or a descriptor); parameters behind `;`
    /// are dropped. Without it, or when it is no manifest's, the document's own `mediaType` counts, and
    /// failing that its shape. `expected` is checked when given; otherwise the digest is SHA-256.
    ///
    /// # Errors
    /// [`ManifestError`]: malformed, schema 1, unknown media type, wrong digest.
    pub fn parse(
        media_type: Option<&str>,
        expected: Option<&Digest>,
        bytes: Bytes,
    ) -> Result<Self, ManifestError> {
        let digest = match expected {
            None => Digest::sha256(&bytes),
            Some(expected) => {
                let actual = Digest::of(expected.algorithm(), &bytes);
                if actual != *expected {
                    return Err(ManifestError::Digest {
                        expected: Box::new(*expected),
                        actual: Box::new(actual),
                    });
                }
                actual
            }
        };
        let said = media_type.map(|m| m.split(';').next().unwrap_or(m).trim().to_owned());
        if let Some(said) = said.as_deref().filter(|m| media_type::is_schema1(m)) {
            return Err(ManifestError::Schema1(said.to_owned()));
        }
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|e| ManifestError::Malformed(e.to_string()))?;
        let media_type = document.media_type_given(said)?;
        Ok(Self { media_type, digest, bytes, view: document.view() })
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Describes it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest, self.size())
    }

    /// Whether it is an index or a manifest list.
    pub fn is_index(&self) -> bool {
        media_type::is_index(&self.media_type)
    }

    /// The platforms of an index's children, each once, without the `unknown/unknown` of attestations.
    pub fn platforms(&self) -> Vec<Platform> {
        let mut platforms: Vec<Platform> = Vec::new();
        for platform in self.view.children.manifests.iter().filter_map(|child| child.platform.as_ref()) {
            if platform.os != "unknown" && !platforms.contains(platform) {
                platforms.push(platform.clone());
            }
        }
        platforms
    }
}

impl Document {
    fn media_type_given(&self, said: Option<String>) -> Result<String, ManifestError> {
        let inside = self.media_type.clone().filter(|m| !m.is_empty());
        if let Some(known) = [&said, &inside].into_iter().flatten().find(|m| media_type::is_manifest(m)) {
            return Ok(known.clone());
        }
        if self.schema_version == Some(1) {
            return Err(ManifestError::Schema1(media_type::DOCKER_SCHEMA1.to_owned()));
        }
        if let Some(inside) = inside {
            return Err(ManifestError::UnknownMediaType(inside));
        }
        if self.manifests.is_some() {
            Ok(media_type::OCI_INDEX.to_owned())
        } else if self.config.is_some() {
            Ok(media_type::OCI_MANIFEST.to_owned())
        } else {
            Err(match said {
                Some(said) => ManifestError::UnknownMediaType(said),
                None => ManifestError::Malformed("neither 'config' nor 'manifests' in it".to_owned()),
            })
        }
    }

    fn view(self) -> View {
        let config_type = self.config.as_ref().map(|c| c.media_type.clone());
        let mut children = Children { manifests: Vec::new(), blobs: Vec::new() };
        children.blobs.extend(self.config);
        children.blobs.extend(self.layers);
        children.blobs.extend(self.blobs);
        children.manifests = self.manifests.unwrap_or_default();
        View {
            media_type: self.media_type,
            children,
            subject: self.subject,
            artifact_type: self.artifact_type.filter(|t| !t.is_empty()).or(config_type),
            annotations: self.annotations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(media_type: Option<&str>, json: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(media_type, None, Bytes::copy_from_slice(json.as_bytes()))
    }

    #[test]
    fn lists_config_and_layers_in_order() {
        let json = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"c","digest":"{D}","size":1}},
               "layers":[{{"mediaType":"l","digest":"{D}","size":2}}],"annotations":null,
               "subject":{{"mediaType":"m","digest":"{D}","size":3}}}}"#
        );
        let manifest = parse(None, &json).unwrap();
        assert_eq!(manifest.media_type, media_type::OCI_MANIFEST);
        let sizes: Vec<u64> = manifest.view.children.blobs.iter().map(|d| d.size).collect();
        assert_eq!(sizes, [1, 2]);
        assert_eq!(manifest.view.subject.as_ref().unwrap().size, 3);
        assert_eq!(manifest.view.artifact_type.as_deref(), Some("c"));
        assert_eq!(manifest.bytes, json.as_bytes());
    }

    #[test]
    fn takes_an_index_with_null_where_a_list_should_be() {
        let manifest = parse(Some(media_type::OCI_INDEX), r#"{"schemaVersion":2,"manifests":null}"#).unwrap();
        assert!(manifest.is_index());
        assert!(manifest.view.children.manifests.is_empty());
    }

    #[test]
    fn the_transport_may_add_parameters_or_be_wrong() {
        let json = r#"{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","layers":null}"#;
        let manifest = parse(Some("application/json; charset=utf-8"), json).unwrap();
        assert_eq!(manifest.media_type, media_type::DOCKER_MANIFEST);
    }

    #[test]
    fn refuses_schema_1_html_and_other_documents() {
        assert!(matches!(
            parse(Some(media_type::DOCKER_SCHEMA1_SIGNED), "{}"),
            Err(ManifestError::Schema1(_))
        ));
        assert!(matches!(parse(None, r#"{"schemaVersion":1}"#), Err(ManifestError::Schema1(_))));
        assert!(matches!(parse(None, "<html>"), Err(ManifestError::Malformed(_))));
        assert!(matches!(parse(None, "{}"), Err(ManifestError::Malformed(_))));
        assert!(matches!(
            parse(Some("text/x"), r#"{"mediaType":"text/y"}"#),
            Err(ManifestError::UnknownMediaType(_))
        ));
    }

    #[test]
    fn checks_the_digest_that_was_asked_for() {
        let expected: Digest = D.parse().unwrap();
        let result = Manifest::parse(None, Some(&expected), Bytes::from_static(b"{}"));
        assert!(matches!(result, Err(ManifestError::Digest { .. })));
    }
}
