//! `index.json`: the roots of an image layout, as this tool names them and as others do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use transload_oci::{Descriptor, Digest, Reference, Selector, is_tag, media_type};

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::transfer_manifest::{TRANSFER_ARTIFACT_TYPE, TRANSFER_ARTIFACT_TYPE_STEM, TransferManifest};

/// Keys of the annotations of `index.json` and of what they hold.
pub mod annotation {
    /// Name of a root within its layout (image-spec, "Pre-Defined Annotation Keys").
    pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
    /// Full name of a root as containerd writes it.
    pub const CONTAINERD_NAME: &str = "io.containerd.image.name";
    /// Registry that a root came from.
    pub const REGISTRY: &str = "dev.transload.registry";
    /// Repository that a root came from.
    pub const REPOSITORY: &str = "dev.transload.repository";
    /// Tag of a root.
    pub const TAG: &str = "dev.transload.tag";
    /// `referrer` on a root that is there because another one is.
    pub const ROLE: &str = "dev.transload.role";
    /// On the transfer manifest: the program that wrote the bundle, with its version.
    pub const TOOL: &str = "dev.transload.tool";
    /// On the transfer manifest: length of the head in bytes, 20 digits.
    pub const HEAD_BYTES: &str = "dev.transload.head.bytes";
    /// On the transfer manifest: length of the data section in bytes, 20 digits.
    pub const DATA_BYTES: &str = "dev.transload.data.bytes";
    /// On the transfer manifest: offset in the tar of the catalog's content, 20 digits.
    pub const CATALOG_OFFSET: &str = "dev.transload.catalog.offset";
    /// On the transfer manifest: length of the catalog in bytes, 20 digits.
    pub const CATALOG_BYTES: &str = "dev.transload.catalog.bytes";
}

pub(crate) const NAME: &str = "index.json";
const ROLE_REFERRER: &str = "referrer";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    #[serde(default = "oci_index")]
    media_type: Option<String>,
    // must be there; Go writes an empty list as null
    #[serde(deserialize_with = "Option::deserialize")]
    manifests: Option<Vec<Descriptor>>,
}

fn oci_index() -> Option<String> {
    Some(media_type::OCI_INDEX.to_owned())
}

/// One descriptor of `index.json`, and the name it goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The descriptor as it stands there.
    pub descriptor: Descriptor,
    /// Registry it came from, when it is named.
    pub registry: Option<String>,
    /// Repository it came from, when it is named.
    pub repository: Option<String>,
    /// Its tag, when it has one.
    pub tag: Option<String>,
    /// The name that the layout gives it, as it is written.
    pub ref_name: Option<String>,
    /// Whether it is there only because another root is: a signature, an SBOM, an attestation.
    pub referrer: bool,
}

/// Writes `index.json`.
pub(crate) fn render(manifests: Vec<Descriptor>) -> Result<Vec<u8>, Error> {
    let document = Document { schema_version: 2, media_type: oci_index(), manifests: Some(manifests) };
    serde_json::to_vec(&document).map_err(|e| Error::new(ErrorKind::PlanInvalid, NAME, e.to_string()))
}

/// Reads `index.json`.
pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Result<Vec<Descriptor>, Error> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|e| Error::new(ErrorKind::Damaged, NAME, format!("it cannot be read: {e}")))?;
    let manifests = document.manifests.unwrap_or_default();
    if document.schema_version != 2 {
        let detail = format!("its schema version is {}, not 2", document.schema_version);
        return Err(Error::new(ErrorKind::Damaged, NAME, detail));
    }
    if manifests.len() > limits.roots_max {
        let detail =
            format!("it lists {} manifests, more than the {} allowed", manifests.len(), limits.roots_max);
        return Err(Error::new(ErrorKind::LimitExceeded, NAME, detail));
    }
    Ok(manifests)
}

/// The roots that a transfer manifest stands for: one for each tag of each artifact that is in the bundle,
/// then their referrers, each once.
pub(crate) fn roots(transfer: &TransferManifest) -> Vec<Descriptor> {
    let mut roots = Vec::new();
    let present = || transfer.artifacts.iter().filter(|artifact| artifact.is_present());
    for artifact in present() {
        let Some(digest) = artifact.digest else { continue };
        let tags: Vec<Option<&str>> = match artifact.tags.as_slice() {
            [] => vec![None],
            tags => tags.iter().map(|tag| Some(tag.as_str())).collect(),
        };
        for tag in tags {
            let mut root = Descriptor::new(artifact.media_type.clone(), digest, artifact.size);
            root.artifact_type.clone_from(&artifact.artifact_type);
            let repository = &artifact.repository;
            let name =
                tag.map_or_else(|| format!("{repository}@{digest}"), |tag| format!("{repository}:{tag}"));
            root.annotations = names(&artifact.registry, repository, tag);
            root.annotations.insert(annotation::REF_NAME.to_owned(), name);
            roots.push(root);
        }
    }
    let mut seen = BTreeSet::new();
    for artifact in present() {
        for referrer in &artifact.referrers {
            let tag = referrer.tag.as_deref();
            if !seen.insert((&artifact.registry, &artifact.repository, referrer.digest, tag)) {
                continue;
            }
            let mut root = Descriptor::new(referrer.media_type.clone(), referrer.digest, referrer.size);
            root.artifact_type.clone_from(&referrer.artifact_type);
            root.annotations = names(&artifact.registry, &artifact.repository, tag);
            root.annotations.insert(annotation::ROLE.to_owned(), ROLE_REFERRER.to_owned());
            if let Some(tag) = tag {
                let name = format!("{}:{tag}", artifact.repository);
                root.annotations.insert(annotation::REF_NAME.to_owned(), name);
            }
            roots.push(root);
        }
    }
    roots
}

fn names(registry: &str, repository: &str, tag: Option<&str>) -> BTreeMap<String, String> {
    let named = [
        (annotation::REGISTRY, Some(registry)),
        (annotation::REPOSITORY, Some(repository)),
        (annotation::TAG, tag),
    ];
    named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect()
}

/// What a descriptor of the transfer manifest says about the bundle around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) head_bytes: u64,
    pub(crate) data_bytes: u64,
    pub(crate) catalog_offset: u64,
    pub(crate) catalog_bytes: u64,
}

impl Geometry {
    /// As annotations, each of fixed width: the length of `index.json` does not depend on their values.
    pub(crate) fn annotations(&self, tool: &str) -> BTreeMap<String, String> {
        let numbers = [
            (annotation::HEAD_BYTES, self.head_bytes),
            (annotation::DATA_BYTES, self.data_bytes),
            (annotation::CATALOG_OFFSET, self.catalog_offset),
            (annotation::CATALOG_BYTES, self.catalog_bytes),
        ];
        let mut all: BTreeMap<_, _> =
            numbers.map(|(key, number)| (key.to_owned(), format!("{number:020}"))).into();
        all.insert(annotation::TOOL.to_owned(), tool.to_owned());
        all
    }

    /// `None` when one is missing or malformed.
    pub(crate) fn of(descriptor: &Descriptor) -> Option<Self> {
        let number = |key| crate::catalog::fixed(descriptor.annotations.get(key)?);
        Some(Self {
            head_bytes: number(annotation::HEAD_BYTES)?,
            data_bytes: number(annotation::DATA_BYTES)?,
            catalog_offset: number(annotation::CATALOG_OFFSET)?,
            catalog_bytes: number(annotation::CATALOG_BYTES)?,
        })
    }
}

/// The descriptors of an `index.json`, told apart.
#[derive(Debug, Clone)]
pub(crate) struct Roots {
    pub(crate) roots: Vec<Root>,
    pub(crate) transfer: Option<Descriptor>,
}

impl Roots {
    /// Takes the transfer manifest out and names the others.
    ///
    /// # Errors
    /// [`ErrorKind::TooNew`] for a transfer manifest of a later format, [`ErrorKind::Damaged`] for two of them.
    pub(crate) fn of(descriptors: Vec<Descriptor>) -> Result<Self, Error> {
        let mut all = Self { roots: Vec::new(), transfer: None };
        for descriptor in descriptors {
            match descriptor.artifact_type.as_deref() {
                Some(TRANSFER_ARTIFACT_TYPE) => {
                    if all.transfer.replace(descriptor).is_some() {
                        let detail = "there are two transfer manifests in it";
                        return Err(Error::new(ErrorKind::Damaged, NAME, detail));
                    }
                }
                Some(other) if other.starts_with(TRANSFER_ARTIFACT_TYPE_STEM) => {
                    let version = &other[TRANSFER_ARTIFACT_TYPE_STEM.len()..];
                    let tool = descriptor.annotations.get(annotation::TOOL).map(String::as_str);
                    return Err(crate::transfer_manifest::too_new(version, tool));
                }
                _ => all.roots.push(Root::of(descriptor)),
            }
        }
        Ok(all)
    }
}

impl Root {
    /// Finds the name of a descriptor: our own annotations, containerd's, or `ref.name`, in that order.
    pub(crate) fn of(descriptor: Descriptor) -> Self {
        let get = |key| descriptor.annotations.get(key).filter(|value| !value.is_empty()).cloned();
        let ref_name = get(annotation::REF_NAME);
        let referrer = get(annotation::ROLE).as_deref() == Some(ROLE_REFERRER);
        let (registry, repository, tag) = match get(annotation::REPOSITORY) {
            Some(repository) => (get(annotation::REGISTRY), Some(repository), get(annotation::TAG)),
            None => get(annotation::CONTAINERD_NAME)
                .and_then(|name| parse_name(&name))
                .or_else(|| parse_name(ref_name.as_deref()?))
                .unwrap_or_default(),
        };
        Self { registry, repository, tag, ref_name, referrer, descriptor }
    }
}

impl Root {
    /// A root that goes by this name, whatever its annotations say.
    pub(crate) fn named(descriptor: Descriptor, name: &str) -> Self {
        let (registry, repository, tag) = parse_name(name).unwrap_or_default();
        let ref_name = Some(name.to_owned());
        Self { registry, repository, tag, ref_name, referrer: false, descriptor }
    }
}

/// Registry, repository and tag of a name, each as far as it is there.
type Name = (Option<String>, Option<String>, Option<String>);

/// A name without `/`, `:` and `@` is a tag, anything else a reference.
fn parse_name(name: &str) -> Option<Name> {
    if !name.contains(['/', ':', '@']) {
        return is_tag(name).then(|| (None, None, Some(name.to_owned())));
    }
    if name.parse::<Digest>().is_ok() {
        return None;
    }
    let reference: Reference = name.parse().ok()?;
    let tag = match reference.selector {
        Selector::Tag(tag) | Selector::Digest(_, Some(tag)) => Some(tag),
        Selector::All | Selector::Digest(_, None) => None,
    };
    Some((reference.registry, Some(reference.repository), tag))
}

/// Checks that `index.json` names exactly what the transfer manifest says is in the bundle.
///
/// # Errors
/// [`ErrorKind::Damaged`] with the first name on which they differ.
pub(crate) fn check(found: &[Root], transfer: &TransferManifest) -> Result<(), Error> {
    let expected: Vec<Root> = roots(transfer).into_iter().map(Root::of).collect();
    let expected: BTreeMap<_, _> = expected.iter().map(|root| (key(root), root)).collect();
    let found: BTreeMap<_, _> = found.iter().map(|root| (key(root), root)).collect();
    let differ = |root: &Root, detail: &str| Err(Error::new(ErrorKind::Damaged, described(root), detail));
    if let Some(root) = found.iter().find_map(|(key, root)| (!expected.contains_key(key)).then_some(root)) {
        return differ(root, "index.json names it, the transfer manifest does not");
    }
    for (key, root) in &expected {
        match found.get(key) {
            None => return differ(root, "the transfer manifest names it, index.json does not"),
            Some(other) if described_as(other) != described_as(root) => {
                return differ(root, "index.json and the transfer manifest describe it differently");
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Keeps the roots that the transfer manifest stands for.
pub(crate) fn retain(found: &mut Vec<Root>, transfer: &TransferManifest) {
    let expected: Vec<Root> = roots(transfer).into_iter().map(Root::of).collect();
    let expected: BTreeSet<_> = expected.iter().map(key).collect();
    found.retain(|root| expected.contains(&key(root)));
}

/// What of a root has to agree besides its name.
fn described_as(root: &Root) -> (u64, &str, Option<&str>, Option<&str>) {
    let descriptor = &root.descriptor;
    let artifact_type = descriptor.artifact_type.as_deref();
    (descriptor.size, &descriptor.media_type, artifact_type, root.ref_name.as_deref())
}

type Key<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>, Digest, bool);

fn key(root: &Root) -> Key<'_> {
    let Root { registry, repository, tag, referrer, .. } = root;
    (registry.as_deref(), repository.as_deref(), tag.as_deref(), root.descriptor.digest, *referrer)
}

fn described(root: &Root) -> String {
    match (&root.repository, &root.tag) {
        (Some(repository), Some(tag)) => format!("{repository}:{tag} ({})", root.descriptor.digest),
        (Some(repository), None) => format!("{repository}@{}", root.descriptor.digest),
        (None, _) => root.descriptor.digest.to_string(),
    }
}
