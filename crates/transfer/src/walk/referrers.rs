//! What is about a manifest: by the referrers API, the fallback tag, and cosign's tags.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use transload_oci::{Descriptor, Digest};
use transload_registry::{ErrorKind, Source};

use super::walker::{Found, Listing, Walker};
use crate::error::Error;
use crate::select::Request;

/// Suffixes of the tags under which cosign keeps what belongs to a manifest.
const COSIGN_SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

impl Walker<'_> {
    pub(super) async fn referrers(
        &self,
        source: &dyn Source,
        request: &Request,
        subject: Digest,
        depth: usize,
    ) -> Result<Found, Error> {
        let api = async {
            if !source.has_referrers_api()
                && let Some(tags) = self.listed_tags(source, request).await
                && !tags.contains(&subject.referrers_tag())
            {
                return Ok(Vec::new());
            }
            match self.engine.request(source.referrers(&request.repository, &subject)).await {
                Ok(list) => Ok(list),
                Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Vec::new()),
                Err(error) => {
                    let error = Error::from(error);
                    let next =
                        format!("{}; --no-referrers leaves signatures and SBOMs behind", error.next_step());
                    Err(error.with_next(next))
                }
            }
        };
        let (listed, tagged) = tokio::join!(api, self.cosign(source, request, subject));
        let mut list: Vec<(Descriptor, Option<String>)> = listed?.into_iter().map(|d| (d, None)).collect();
        list.extend(tagged?.into_iter().map(|(d, tag)| (d, Some(tag))));
        list.sort_by_key(|(descriptor, tag)| (descriptor.digest, tag.clone()));
        Ok(Found::Referrers { subject, depth, list })
    }

    /// What cosign keeps under tags made of the digest.
    async fn cosign(
        &self,
        source: &dyn Source,
        request: &Request,
        subject: Digest,
    ) -> Result<Vec<(Descriptor, String)>, Error> {
        let prefix = subject.referrers_tag();
        let listed = self.listed_tags(source, request).await;
        let wanted = COSIGN_SUFFIXES
            .iter()
            .map(|suffix| format!("{prefix}.{suffix}"))
            .filter(|tag| listed.is_none_or(|tags| tags.contains(tag)));
        let asked = wanted.map(|tag| async move {
            let stat = self.engine.request(source.manifest_stat(&request.repository, &tag)).await?;
            Ok::<_, Error>(stat.map(|descriptor| (descriptor, tag)))
        });
        let found: Result<Vec<_>, Error> = futures_util::future::join_all(asked).await.into_iter().collect();
        Ok(found?.into_iter().flatten().collect())
    }

    /// The tags of the artifact's repository, where listing them is worth it and allowed.
    async fn listed_tags(&self, source: &dyn Source, request: &Request) -> Option<&BTreeSet<String>> {
        let listing = self.listing(request).filter(|listing| listing.pays.load(Ordering::Relaxed))?;
        let listed = listing.tags.get_or_init(|| async {
            let tags = self.engine.request(source.tags(&request.repository)).await;
            tags.ok().map(|tags| tags.into_iter().collect())
        });
        listed.await.as_ref()
    }

    pub(super) fn listing(&self, request: &Request) -> Option<&Listing> {
        self.tags.get(&(request.registry.clone(), request.repository.clone()))
    }
}
