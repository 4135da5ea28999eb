//! Which platforms of an image travel.
//!
//! An index keeps its digest although only some of its platforms travel: its manifests all do, the blobs of those that
//! are dropped do not. Attestations follow the manifest that they are about.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;
use transload_oci::{Descriptor, Digest, Manifest, Platform, PlatformPattern};

use super::graph::{Graph, is_manifest};
use crate::code::Code;
use crate::error::Error;
use crate::select::{Platforms, Request};

/// In the annotations of what build tools put beside images: the digest of the manifest that it is about.
const ATTESTED: &str = "vnd.docker.reference.digest";
/// What stands for a platform where there is none.
const UNKNOWN: &str = "unknown";

/// What is let through.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sieve<'a> {
    /// Everything but what the bundle itself says is not there.
    Known(&'a HashSet<Digest>),
    /// These platforms.
    Platforms(&'a Platforms),
}

impl<'a> Sieve<'a> {
    pub(super) fn new(platforms: &'a Platforms, request: &'a Request) -> Self {
        if platforms.wanted.is_empty() { Self::Known(&request.dropped) } else { Self::Platforms(platforms) }
    }

    /// Notes in the graph which children of an index are kept and which are not; `kept` is whether the index is.
    pub(super) fn sift(self, index: &Manifest, kept: bool, graph: &mut Graph) {
        let children: Vec<&Descriptor> =
            index.view.children.manifests.iter().filter(|child| is_manifest(child)).collect();
        let mut fates: HashMap<Digest, bool> = HashMap::new();
        for child in &children {
            // a manifest that is listed for two platforms is kept for either
            *fates.entry(child.digest).or_default() |= kept && self.keeps(child);
        }
        for child in &children {
            let about = child.annotations.get(ATTESTED).and_then(|about| about.parse::<Digest>().ok());
            let about = about.filter(|about| fates.contains_key(about)).unwrap_or(child.digest);
            let fate = fates.get(&about).copied().unwrap_or(kept);
            if fate { &mut graph.kept } else { &mut graph.dropped }.insert(child.digest);
            if let Some(platform) = platform_of(child) {
                let list = if fate { &mut graph.platforms } else { &mut graph.platforms_dropped };
                if !list.contains(platform) {
                    list.push(platform.clone());
                }
            }
        }
    }

    fn keeps(self, child: &Descriptor) -> bool {
        match (self, platform_of(child)) {
            (Self::Known(dropped), _) => !dropped.contains(&child.digest),
            // what says nothing of a platform is for all of them
            (Self::Platforms(_), None) => true,
            (Self::Platforms(platforms), Some(platform)) => platforms.takes(platform),
        }
    }
}

impl Platforms {
    pub(super) fn takes(&self, platform: &Platform) -> bool {
        self.wanted.iter().any(|wanted| wanted.takes(platform))
    }

    /// What was asked for and is not among these.
    pub(super) fn lacking(&self, there: &[Platform]) -> Vec<&PlatformPattern> {
        self.wanted.iter().filter(|wanted| !there.iter().any(|platform| wanted.takes(platform))).collect()
    }

    /// The error of an artifact that has other platforms.
    pub(super) fn none_of(&self, name: &str, there: &[Platform]) -> Error {
        let wanted: Vec<String> = self.wanted.iter().map(ToString::to_string).collect();
        let there: Vec<String> = there.iter().map(ToString::to_string).collect();
        let detail = format!("it is not for {}; it is for {}", wanted.join(" or "), there.join(", "));
        Error::new(Code::PlatformNotFound, name, detail)
    }
}

/// The platform of a child, if it names one.
fn platform_of(child: &Descriptor) -> Option<&Platform> {
    child.platform.as_ref().filter(|platform| !platform.os.is_empty() && platform.os != UNKNOWN)
}

/// The platform that an image's config names; `None` for what is no image, or an image of nothing in particular.
pub(super) fn platform_of_config(config: &[u8]) -> Option<Platform> {
    let platform: Platform = serde_json::from_slice(config).ok()?;
    (!platform.os.is_empty() && platform.os != UNKNOWN && !platform.architecture.is_empty())
        .then_some(platform)
}

/// Writes an index anew without what is dropped, and the indexes in it too. Its digest is another one then. The graph
/// has the new ones instead of the old ones, and nothing that was dropped.
pub(super) fn rewrite(root: &Manifest, graph: &mut Graph) -> Result<Manifest, Error> {
    let dropped: HashSet<Digest> = graph.dropped.difference(&graph.kept).copied().collect();
    let made = without(root, &dropped, graph)?;
    for digest in dropped {
        graph.nodes.remove(&digest);
        graph.referrers.remove(&digest);
    }
    graph.dropped.clear();
    Ok(made)
}

fn without(index: &Manifest, dropped: &HashSet<Digest>, graph: &mut Graph) -> Result<Manifest, Error> {
    let fail = |error: String| Error::new(Code::ManifestUnsupported, index.digest.to_string(), error);
    let mut document: Value =
        serde_json::from_slice(&index.bytes).map_err(|error| fail(error.to_string()))?;
    let listed =
        document["manifests"].as_array_mut().ok_or_else(|| fail("it has no manifests".to_owned()))?;
    let digest_of = |child: &Value| child["digest"].as_str().and_then(|digest| digest.parse::<Digest>().ok());
    listed.retain(|child| digest_of(child).is_none_or(|digest| !dropped.contains(&digest)));
    for child in listed.iter_mut() {
        let nested =
            digest_of(child).and_then(|digest| graph.nodes.get(&digest)).filter(|node| node.is_index());
        let Some(nested) = nested.cloned() else { continue };
        let made = without(&nested, dropped, graph)?;
        child["digest"] = made.digest.to_string().into();
        child["size"] = made.size().into();
    }
    if listed.len() == index.view.children.manifests.len()
        && document == serde_json::from_slice::<Value>(&index.bytes).unwrap_or_default()
    {
        return Ok(index.clone());
    }
    let bytes = serde_json::to_vec(&document).map_err(|error| fail(error.to_string()))?;
    let made = Manifest::parse(Some(&index.media_type), None, bytes.into())
        .map_err(|error| fail(error.to_string()))?;
    graph.nodes.remove(&index.digest);
    graph.referrers.remove(&index.digest);
    graph.nodes.insert(made.digest, made.clone());
    Ok(made)
}

/// Tags under which the referrers of these manifests are kept begin so.
pub(super) fn tag_prefixes<'a>(digests: impl IntoIterator<Item = &'a Digest>) -> BTreeSet<String> {
    digests.into_iter().map(Digest::referrers_tag).collect()
}
