//! A docker-archive (`docker save`), made into what an image layout would have.
//!
//! It has a config and layers, but no manifest: that is made here, so its digest is new. A layer that is a plain tar is
//! named by the config's `rootfs.diff_ids`, and whoever reads it checks it against that; one that is compressed is
//! hashed.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use transload_oci::{Descriptor, Digest, media_type};

use super::Extent;
use super::contents::{Contents, Packed};
use super::found::Found;
use crate::compression::Compression;
use crate::error::{Error, ErrorKind};
use crate::index::Root;
use crate::limits::Limits;

/// The layer's media type for zstd (image-spec, "Image Layer Filesystem Changeset").
const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// One image of `manifest.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Saved {
    /// Name of the config's file.
    pub(super) config: String,
    /// `repository:tag`, as docker writes them.
    pub(super) repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// Reads `manifest.json`.
pub(super) fn saved(bytes: &[u8]) -> Result<Vec<Saved>, serde_json::Error> {
    serde_json::from_slice::<Option<Vec<Saved>>>(bytes).map(Option::unwrap_or_default)
}

/// The images that are made, while they are made.
#[derive(Debug)]
pub(super) struct Archive {
    todo: VecDeque<Saved>,
    current: Option<Image>,
    /// Layers by the place of their files: images share them.
    layers: BTreeMap<u64, Packed>,
    made_bytes: u64,
    pub(super) made: Made,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) catalog: BTreeMap<Digest, Extent>,
    pub(super) roots: Vec<Root>,
    pub(super) manifests: BTreeMap<Digest, Bytes>,
}

/// An image whose config was read.
#[derive(Debug)]
struct Image {
    saved: Saved,
    config: Descriptor,
    diff_ids: Vec<Digest>,
    layers: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestJson<'a> {
    schema_version: u32,
    media_type: &'a str,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
}

impl Archive {
    /// Reads `manifest.json`.
    pub(super) fn of(manifest: &[u8], limits: &Limits) -> Result<Self, Error> {
        let not = |detail: String| {
            Error::new(ErrorKind::NotABundle, "", detail)
                .with_hint("a bundle is made by 'transload export', by 'docker save', or by 'skopeo copy … oci-archive:FILE'")
        };
        let todo = saved(manifest).map_err(|e| {
            not(format!("it is neither an OCI image layout nor a docker-archive: manifest.json in it cannot be read: {e}"))
        })?;
        if todo.is_empty() {
            return Err(not("it is a docker-archive, and manifest.json in it lists no image".to_owned()));
        }
        let layers: usize = todo.iter().filter_map(|saved| Some(saved.layers.as_ref()?.len())).sum();
        let names: usize = todo.iter().filter_map(|saved| Some(saved.repo_tags.as_ref()?.len())).sum();
        if todo.len().max(names) > limits.roots_max || layers > limits.entries_max {
            let detail = format!("it lists {} images with {names} names and {layers} layers", todo.len());
            return Err(Error::new(ErrorKind::LimitExceeded, "manifest.json", detail));
        }
        Ok(Self {
            todo: todo.into(),
            current: None,
            layers: BTreeMap::new(),
            made_bytes: 0,
            made: Made::default(),
        })
    }

    /// Goes as far as contents are there. `true` when all images are made.
    pub(super) fn advance(
        &mut self,
        found: &Found,
        contents: &mut dyn Contents,
        limits: &Limits,
    ) -> Result<bool, Error> {
        loop {
            let mut image = match self.current.take() {
                Some(image) => image,
                None => {
                    let Some(saved) = self.todo.front() else { return Ok(true) };
                    let Some((at, bytes)) = config(saved, found, contents, limits)? else { return Ok(false) };
                    let image = Image::of(saved.clone(), &bytes)?;
                    self.made.catalog.insert(image.config.digest, at);
                    self.todo.pop_front();
                    image
                }
            };
            let done = self.add_layers(&mut image, found, contents)?;
            if !done {
                self.current = Some(image);
                return Ok(false);
            }
            self.finish(&image, limits)?;
        }
    }

    fn add_layers(
        &mut self,
        image: &mut Image,
        found: &Found,
        contents: &mut dyn Contents,
    ) -> Result<bool, Error> {
        let names = image.saved.layers.as_deref().unwrap_or_default();
        for (name, diff_id) in names.iter().zip(&image.diff_ids).skip(image.layers.len()) {
            let at = found.place_of(name)?;
            let packed = match self.layers.get(&at.offset).copied() {
                Some(packed) => packed,
                None => match contents.layer(at)? {
                    Some(packed) => packed,
                    None => return Ok(false),
                },
            };
            self.layers.insert(at.offset, packed);
            let digest = packed.digest.unwrap_or(*diff_id);
            let media_type = match packed.compression {
                None => media_type::OCI_LAYER,
                Some(Compression::Gzip) => media_type::OCI_LAYER_GZIP,
                Some(Compression::Zstd) => OCI_LAYER_ZSTD,
            };
            let known = self.made.catalog.insert(digest, at);
            if let Some(other) = known.filter(|other| other.len != at.len) {
                let detail = format!(
                    "its config gives it the digest {digest}, as it does for a file of {} bytes; it has {}",
                    other.len, at.len
                );
                return Err(Error::new(ErrorKind::Damaged, name, detail));
            }
            image.layers.push(Descriptor::new(media_type, digest, at.len));
        }
        Ok(true)
    }

    /// Makes the manifest, and a root for each name.
    fn finish(&mut self, image: &Image, limits: &Limits) -> Result<(), Error> {
        let json = ManifestJson {
            schema_version: 2,
            media_type: media_type::OCI_MANIFEST,
            config: &image.config,
            layers: &image.layers,
        };
        let bytes = serde_json::to_vec(&json)
            .map_err(|e| Error::new(ErrorKind::PlanInvalid, &image.saved.config, e.to_string()))?;
        self.made_bytes += bytes.len() as u64;
        if bytes.len() as u64 > limits.manifest_bytes_max || self.made_bytes > limits.documents_bytes_max {
            let detail = format!("a manifest of {} bytes would have to be made for it", bytes.len());
            return Err(Error::new(ErrorKind::LimitExceeded, &image.saved.config, detail));
        }
        let descriptor = Descriptor::of(media_type::OCI_MANIFEST, &bytes);
        self.made.manifests.insert(descriptor.digest, Bytes::from(bytes));
        let tags = image.saved.repo_tags.as_deref().unwrap_or_default();
        self.made.roots.extend(tags.iter().map(|tag| Root::named(descriptor.clone(), tag)));
        if tags.is_empty() {
            self.made.roots.push(Root::of(descriptor));
        }
        Ok(())
    }
}

/// The config of an image, and where it lies. `None` when it has to be read first.
fn config(
    saved: &Saved,
    found: &Found,
    contents: &mut dyn Contents,
    limits: &Limits,
) -> Result<Option<(Extent, Bytes)>, Error> {
    let at = found.place_of(&saved.config)?;
    if at.len > limits.manifest_bytes_max {
        let detail = format!("its {} bytes are more than the {} allowed", at.len, limits.manifest_bytes_max);
        return Err(Error::new(ErrorKind::LimitExceeded, &saved.config, detail));
    }
    Ok(contents.bytes(at)?.map(|bytes| (at, bytes)))
}

impl Image {
    fn of(saved: Saved, config: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Config {
            rootfs: Option<RootFs>,
        }
        #[derive(Deserialize)]
        struct RootFs {
            diff_ids: Option<Vec<Digest>>,
        }
        let damaged = |detail: String| Error::new(ErrorKind::Damaged, &saved.config, detail);
        let read: Config =
            serde_json::from_slice(config).map_err(|e| damaged(format!("the config cannot be read: {e}")))?;
        let descriptor = Descriptor::of(media_type::OCI_CONFIG, config);
        if let Some(named) = named_digest(&saved.config).filter(|named| *named != descriptor.digest) {
            return Err(damaged(format!("its bytes have the digest {}, not {named}", descriptor.digest)));
        }
        let diff_ids = read.rootfs.and_then(|rootfs| rootfs.diff_ids).unwrap_or_default();
        let layers = saved.layers.as_ref().map_or(0, Vec::len);
        if layers != diff_ids.len() {
            let detail = format!(
                "the config names {} layers in rootfs.diff_ids, manifest.json has {layers}",
                diff_ids.len()
            );
            return Err(damaged(detail));
        }
        Ok(Self { saved, config: descriptor, diff_ids, layers: Vec::new() })
    }
}

/// The digest that a config's file is named by, as far as it is: `<hex>.json`, `sha256:<hex>`, `blobs/sha256/<hex>`.
pub(super) fn named_digest(file: &str) -> Option<Digest> {
    let name = file.rsplit('/').next()?;
    let hex = name.strip_suffix(".json").unwrap_or(name);
    format!("sha256:{}", hex.strip_prefix("sha256:").unwrap_or(hex)).parse().ok()
}
