//! A small maker of bundles, and a driver of the opener.

use std::collections::BTreeMap;

use bytes::Bytes;
use transload_bundle::{
    Artifact, Blob, Entry, Error, HeadInput, Limits, OpenBundle, Opener, Placed, Platforms, Referrer, Status,
    StreamOpener, Totals, TransferManifest, build_head, place, trailer,
};
use transload_oci::{Algorithm, Digest, Manifest, media_type};

/// Everything a bundle is made of.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) transfer: TransferManifest,
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) small: Vec<Entry>,
    pub(crate) data: Vec<Entry>,
    pub(crate) content: BTreeMap<Digest, Bytes>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            transfer: TransferManifest {
                schema_version: 1,
                tool: "transload 0.1.0".to_owned(),
                plan_id: "plan".to_owned(),
                selection: Vec::new(),
                artifacts: Vec::new(),
                blobs: Vec::new(),
                delta: None,
                foreign_layers: Vec::new(),
                totals: Totals::default(),
            },
            manifests: Vec::new(),
            small: Vec::new(),
            data: Vec::new(),
            content: BTreeMap::new(),
        }
    }
}

impl Sample {
    /// Adds an image of these layers under `repository:tag`, small layers in the head.
    pub(crate) fn image(&mut self, repository: &str, tag: Option<&str>, layers: &[Vec<u8>]) -> Digest {
        let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
        let config = self.blob(Algorithm::Sha256, config);
        let layers: Vec<String> = layers
            .iter()
            .map(|layer| {
                let algorithm = if layer.first() == Some(&5) { Algorithm::Sha512 } else { Algorithm::Sha256 };
                let entry = self.blob(algorithm, layer);
                descriptor(media_type::OCI_LAYER, &entry)
            })
            .collect();
        let json = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}}"#,
            media_type::OCI_MANIFEST,
            descriptor(media_type::OCI_CONFIG, &config),
            layers.join(",")
        );
        let manifest = self.manifest(json);
        self.transfer.artifacts.push(Artifact {
            source: format!("source.example/{repository}"),
            registry: "source.example".to_owned(),
            repository: repository.to_owned(),
            tags: tag.into_iter().map(str::to_owned).collect(),
            digest: Some(manifest.digest),
            media_type: manifest.media_type.clone(),
            size: manifest.size(),
            artifact_type: None,
            platforms: Platforms::default(),
            referrers: Vec::new(),
            status: Status::Exported,
            code: None,
            text: None,
        });
        manifest.digest
    }

    /// Adds a signature of the last image. Its config is the empty one.
    pub(crate) fn referrer(&mut self, subject: Digest, tag: Option<&str>) -> Digest {
        let config = self.blob(Algorithm::Sha256, b"{}");
        let json = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","artifactType":"application/x.sig","config":{},"layers":[],"subject":{}}}"#,
            media_type::OCI_MANIFEST,
            descriptor(media_type::OCI_EMPTY, &config),
            descriptor(media_type::OCI_MANIFEST, &Entry::new(subject, 7)),
        );
        let manifest = self.manifest(json);
        self.transfer.artifacts.last_mut().unwrap().referrers.push(Referrer {
            digest: manifest.digest,
            media_type: manifest.media_type.clone(),
            size: manifest.size(),
            artifact_type: Some("application/x.sig".to_owned()),
            subject: Some(subject),
            tag: tag.map(str::to_owned),
        });
        manifest.digest
    }

    fn manifest(&mut self, json: String) -> Manifest {
        let manifest = Manifest::parse(None, None, Bytes::from(json)).unwrap();
        if self.manifests.iter().all(|m| m.digest != manifest.digest) {
            self.manifests.push(manifest.clone());
            self.content.insert(manifest.digest, manifest.bytes.clone());
        }
        manifest
    }

    fn blob(&mut self, algorithm: Algorithm, bytes: &[u8]) -> Entry {
        let entry = Entry::new(Digest::of(algorithm, bytes), bytes.len() as u64);
        if self.content.insert(entry.digest, Bytes::copy_from_slice(bytes)).is_none() {
            let list = if bytes.len() < 2048 { &mut self.small } else { &mut self.data };
            list.push(entry);
            self.transfer.blobs.push(Blob { digest: entry.digest, size: entry.size });
        }
        entry
    }

    /// Calls `act` with the input of a head for this sample without the `void` blobs.
    pub(crate) fn with_input<T>(
        &self,
        void: &[Digest],
        act: impl FnOnce(&HeadInput<'_>, &[Placed]) -> T,
    ) -> T {
        let (placed, data_len) = place(&self.data);
        let good: Vec<Placed> =
            placed.iter().filter(|placed| !void.contains(&placed.entry.digest)).copied().collect();
        let input = HeadInput {
            transfer: &self.transfer,
            manifests: &self.manifests,
            small: &self.small,
            data: &good,
            data_len,
        };
        act(&input, &placed)
    }

    /// The whole bundle.
    pub(crate) fn bundle(&self, void: &[Digest], pad_to: Option<u64>) -> Vec<u8> {
        self.with_input(void, |input, placed| {
            let content = |digest: &Digest| self.content.get(digest).cloned();
            let mut out = build_head(input, &content, pad_to).unwrap().to_vec();
            for Placed { entry, .. } in placed {
                let bad = void.contains(&entry.digest);
                out.extend(if bad { entry.void_header() } else { entry.header() });
                out.extend_from_slice(&self.content[&entry.digest]);
                out.resize(out.len().next_multiple_of(512), 0);
            }
            out.extend_from_slice(&trailer());
            out
        })
    }
}

fn descriptor(media_type: &str, entry: &Entry) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#, entry.digest, entry.size)
}

/// Opens a bundle that is in memory.
pub(crate) fn open(bytes: &[u8]) -> Result<OpenBundle, Error> {
    open_limited(bytes, Limits::default()).0
}

/// The same with other limits. Gives the ranges that were read, too.
pub(crate) fn open_limited(
    bytes: &[u8],
    limits: Limits,
) -> (Result<OpenBundle, Error>, Vec<std::ops::Range<u64>>) {
    let mut opener = Opener::new(bytes.len() as u64, limits);
    let mut reads = Vec::new();
    while let Some(range) = opener.want() {
        assert!(range.start < range.end && range.end <= bytes.len() as u64, "{range:?} of {}", bytes.len());
        reads.push(range.clone());
        assert!(reads.len() < 100_000, "it reads on and on: {range:?}");
        if let Err(error) = opener.feed(&bytes[range.start as usize..range.end as usize]) {
            assert_eq!(opener.want(), None);
            assert!(opener.finish().is_err());
            return (Err(error), reads);
        }
    }
    (opener.finish(), reads)
}

/// The content of a blob, from the place where the bundle says it is.
pub(crate) fn read<'a>(bundle: &OpenBundle, bytes: &'a [u8], digest: &Digest) -> &'a [u8] {
    let extent = bundle.catalog[digest];
    &bytes[extent.offset as usize..(extent.offset + extent.len) as usize]
}

/// Opens a tar that comes as a stream, in pieces of `piece` bytes.
pub(crate) fn open_stream(bytes: &[u8], piece: usize, limits: Limits) -> Result<OpenBundle, Error> {
    let mut opener = StreamOpener::new(limits);
    for chunk in bytes.chunks(piece) {
        opener.feed(Bytes::copy_from_slice(chunk))?;
    }
    opener.finish()
}

/// Packs files as they are, with a ustar header each.
pub(crate) fn tar_of(entries: &[(&str, Content)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        match content {
            Content::File(bytes) => {
                header.set_size(bytes.len() as u64);
                builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
            }
            Content::Link(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                builder.append_link(&mut header, name, target).unwrap();
            }
        }
    }
    builder.into_inner().unwrap()
}

/// What an entry of [`tar_of`] is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    File(Vec<u8>),
    Link(&'static str),
}

/// A file with this content.
pub(crate) fn file(content: impl Into<Vec<u8>>) -> Content {
    Content::File(content.into())
}
