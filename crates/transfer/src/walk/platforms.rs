//! Holding one artifact against the platforms that are wanted.

use futures_util::TryStreamExt;
use transload_oci::media_type::is_image_config;
use transload_oci::{Digest, Manifest};
use transload_registry::Source;

use super::Artifact;
use super::graph::Graph;
use super::sieve::{platform_of_config, rewrite};
use super::walker::Walker;
use crate::code::Code;
use crate::error::Error;
use crate::select::Request;

/// Configs have some KiB.
const CONFIG_BYTES_MAX: u64 = 4 * 1024 * 1024;

impl Walker<'_> {
    /// Fails an artifact that has none of the platforms that are wanted, and rewrites its index where that is wanted.
    pub(super) fn sifted(
        &self,
        artifact: &mut Artifact,
        root: Manifest,
        graph: &mut Graph,
    ) -> Result<Manifest, Error> {
        let platforms = self.platforms;
        if (platforms.wanted.is_empty() && !platforms.rewrite) || !root.is_index() {
            return Ok(root);
        }
        if graph.platforms.is_empty() && !graph.platforms_dropped.is_empty() {
            return Err(platforms.none_of(&artifact.name, &graph.platforms_dropped));
        }
        if !graph.platforms.is_empty() {
            for lacking in platforms.lacking(&graph.platforms) {
                artifact.warnings.push(format!("{} has no {lacking}", artifact.name));
            }
        }
        if !platforms.rewrite || graph.dropped.iter().all(|digest| graph.keeps(digest)) {
            return Ok(root);
        }
        let left = graph.referrers.get(&root.digest).map_or(0, Vec::len);
        let made = rewrite(&root, graph)?;
        artifact.original = Some(root.digest);
        artifact.warnings.push(format!(
            "{}: its index was written anew without the other platforms and is {} now, not {}; {}",
            artifact.name,
            made.digest,
            root.digest,
            match left {
                0 => "signatures of the old one do not fit".to_owned(),
                left => format!(
                    "{left} signatures, SBOMs or attestations of the old one do not fit and stay behind"
                ),
            }
        ));
        Ok(made)
    }

    /// An image without an index has its platform in its config.
    pub(super) async fn check_platform(
        &self,
        source: &dyn Source,
        request: &Request,
        root: &Manifest,
    ) -> Result<(), Error> {
        let config = root.view.children.blobs.first().filter(|blob| is_image_config(&blob.media_type));
        let Some(config) = config.filter(|_| !self.platforms.wanted.is_empty() && !root.is_index()) else {
            return Ok(());
        };
        if config.size > CONFIG_BYTES_MAX {
            let detail = format!("its config has {} bytes, the bound is {CONFIG_BYTES_MAX}", config.size);
            return Err(Error::new(Code::LimitExceeded, request.name.clone(), detail));
        }
        let read = async {
            let stream = source.blob(&request.repository, config, 0).await?;
            stream
                .try_fold(Vec::new(), |mut all, chunk| async move {
                    all.extend_from_slice(&chunk);
                    Ok(all)
                })
                .await
        };
        let bytes = self.engine.request(read).await?;
        if Digest::of(config.digest.algorithm(), &bytes) != config.digest {
            let subject = format!("{}/{}@{}", request.registry, request.repository, config.digest);
            return Err(Error::new(Code::DigestMismatch, subject, "the config has another digest"));
        }
        match platform_of_config(&bytes) {
            Some(platform) if !self.platforms.takes(&platform) => {
                Err(self.platforms.none_of(&request.name, &[platform]))
            }
            _ => Ok(()),
        }
    }
}
