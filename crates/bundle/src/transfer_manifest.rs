//! The transfer manifest: what was asked for, what came of it, and what is in the bundle.
//!
//! It is the JSON that gets signed. `index.json` is navigation only and is checked against it.
//!
//! There are no offsets in it. Offsets depend on the length of the head, which depends on this document; they
//! are in the catalog instead, which the OCI manifest of the transfer manifest names by digest beside this
//! JSON, so a signature over that OCI manifest covers both. Nor are there times, attempts or anything else that
//! differs between two runs of the same plan.

use serde::{Deserialize, Serialize};
use transload_oci::Digest;

use crate::error::{Error, ErrorKind};

/// `artifactType` of the transfer manifest, in `index.json` and in its own OCI manifest.
pub const TRANSFER_ARTIFACT_TYPE: &str = "application/vnd.transload.transfer.v1";
/// Media type of the transfer manifest's JSON.
pub const TRANSFER_MEDIA_TYPE: &str = "application/vnd.transload.transfer.v1+json";
/// Media type of the catalog.
pub const CATALOG_MEDIA_TYPE: &str = "application/vnd.transload.catalog.v1+text";
/// What [`TRANSFER_ARTIFACT_TYPE`] begins with in every version of the format.
pub(crate) const TRANSFER_ARTIFACT_TYPE_STEM: &str = "application/vnd.transload.transfer.";

/// The version of the format that this crate writes, and the newest that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The document. Fields that a later writer adds are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferManifest {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The program that wrote it, with its version (`transload 0.1.0`).
    pub tool: String,
    /// Identifies the plan: the same selection of the same content has the same id.
    pub plan_id: String,
    /// What was asked for, as it was asked for.
    #[serde(default)]
    pub selection: Vec<String>,
    /// Every artifact that was asked for, whatever came of it.
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    /// Every blob that the exported artifacts need and this bundle contains; manifests are not among them.
    #[serde(default)]
    pub blobs: Vec<Blob>,
    /// What was left out because the target should have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta>,
    /// Layers that need not be in a registry.
    #[serde(default)]
    pub foreign_layers: Vec<ForeignLayer>,
    /// Sums.
    #[serde(default)]
    pub totals: Totals,
}

/// What came of one artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Where it came from: `registry/repository:tag` or `registry/repository@digest`.
    pub source: String,
    /// Registry it came from.
    pub registry: String,
    /// Repository it came from.
    pub repository: String,
    /// Its tags; none when it was asked for by digest.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Digest of its manifest; `None` when it was not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Media type of its manifest.
    #[serde(default)]
    pub media_type: String,
    /// Length of its manifest in bytes.
    #[serde(default)]
    pub size: u64,
    /// What kind of artifact it is, where its manifest says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Platforms of a multi-platform image.
    #[serde(default)]
    pub platforms: Platforms,
    /// Signatures, SBOMs and attestations that travel with it.
    #[serde(default)]
    pub referrers: Vec<Referrer>,
    /// What came of it.
    pub status: Status,
    /// Code of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The failure in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Artifact {
    /// Whether its manifest is in the bundle.
    pub fn is_present(&self) -> bool {
        matches!(self.status, Status::Exported | Status::Unchanged)
    }
}

/// Outcome of one artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// In the bundle.
    Exported,
    /// Its manifests are in the bundle, all its layers should be in the target.
    Unchanged,
    /// Left out on purpose.
    Skipped,
    /// Could not be exported.
    Failed,
}

/// Platforms of a multi-platform image, as `os/architecture[/variant]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Platforms {
    /// Those in the bundle.
    #[serde(default)]
    pub kept: Vec<String>,
    /// Those left out.
    #[serde(default)]
    pub dropped: Vec<String>,
    /// Manifests of those, with their attestations: they are in the bundle as far as the source had them, what they
    /// point at is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_manifests: Vec<Digest>,
    /// The digest that the index had before it was written anew without what is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Digest>,
}

/// A signature, SBOM or attestation of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    /// Digest of its manifest.
    pub digest: Digest,
    /// Media type of its manifest.
    pub media_type: String,
    /// Length of its manifest in bytes.
    pub size: u64,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifest it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// The tag it is found by, when it is found by one (cosign's `.sig`, `.att`, `.sbom`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// A blob in the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blob {
    /// Digest.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
}

/// What a bundle leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delta {
    /// Ids of the receipts, inventories or bundles that it builds on.
    #[serde(default)]
    pub bases: Vec<String>,
    /// All blobs that were left out.
    #[serde(default)]
    pub omitted: Vec<Omitted>,
}

/// A blob that the target should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Omitted {
    /// Digest.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// Repositories of the target that should hold it.
    #[serde(default)]
    pub repositories: Vec<String>,
}

/// A layer that need not be in a registry (image-spec, "Non-Distributable Layers").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForeignLayer {
    /// Digest.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// Media type.
    pub media_type: String,
    /// Where it can be had.
    #[serde(default)]
    pub urls: Vec<String>,
    /// Whether it is in the bundle.
    pub carried: bool,
}

/// Sums over the bundle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Artifacts in the bundle.
    #[serde(default)]
    pub artifacts: u64,
    /// Manifests and indexes, each once.
    #[serde(default)]
    pub manifests: u64,
    /// Blobs, each once.
    #[serde(default)]
    pub blobs: u64,
    /// Bytes of all content, each blob and manifest once.
    #[serde(default)]
    pub bytes: u64,
    /// Bytes that would have been there again if artifacts did not share blobs.
    #[serde(default)]
    pub bytes_shared: u64,
}

impl TransferManifest {
    /// The document as it stands in a bundle. The same value has the same bytes.
    ///
    /// # Errors
    /// [`ErrorKind::PlanInvalid`] when it cannot be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self)
            .map_err(|e| Error::new(ErrorKind::PlanInvalid, "transfer manifest", e.to_string()))
    }

    /// Reads the document.
    ///
    /// # Errors
    /// [`ErrorKind::TooNew`] for a schema version above [`SCHEMA_VERSION`], [`ErrorKind::Damaged`] otherwise.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            schema_version: u32,
            #[serde(default)]
            tool: Option<String>,
        }
        let damaged = |e: serde_json::Error| {
            Error::new(ErrorKind::Damaged, "transfer manifest", format!("it cannot be read: {e}"))
        };
        let version: Version = serde_json::from_slice(bytes).map_err(damaged)?;
        if version.schema_version > SCHEMA_VERSION {
            return Err(too_new(&version.schema_version.to_string(), version.tool.as_deref()));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }
}

/// The bundle has format `version`, written by `tool`.
pub(crate) fn too_new(version: &str, tool: Option<&str>) -> Error {
    let (version, tool) = (printable(version), printable(tool.unwrap_or("a newer transload")));
    Error::new(
        ErrorKind::TooNew,
        "transfer manifest",
        format!(
            "the bundle has format version {version}, written by {tool}; this program reads up to version {SCHEMA_VERSION}"
        ),
    )
    .with_hint(format!("import it with {tool} or later"))
}

/// A short foreign text without control characters.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
