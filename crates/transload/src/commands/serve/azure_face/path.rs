//! What a path beneath `/acr/v1/` names.

use transload_oci::{Digest, is_repository, is_tag};

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// All repositories.
    Catalog,
    /// A repository.
    Repository(String),
    /// Its tags.
    Tags(String),
    /// One of them.
    Tag(String, String),
    /// Its manifests.
    Manifests(String),
    /// One of them.
    Manifest(String, Digest),
}

impl Place {
    /// `None` for a path that names nothing: words of the registry's own begin with `_`, as no repository's part does.
    pub(super) fn of(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/acr/v1/")?;
        let rest = percent_encoding::percent_decode_str(rest).decode_utf8().ok()?;
        if rest == "_catalog" {
            return Some(Self::Catalog);
        }
        let named = |name: &str| is_repository(name).then(|| name.to_owned());
        if let Some((name, tag)) = rest.split_once("/_tags/") {
            return Some(Self::Tag(named(name)?, is_tag(tag).then(|| tag.to_owned())?));
        }
        if let Some((name, digest)) = rest.split_once("/_manifests/") {
            return Some(Self::Manifest(named(name)?, digest.parse().ok()?));
        }
        if let Some(name) = rest.strip_suffix("/_tags") {
            return Some(Self::Tags(named(name)?));
        }
        if let Some(name) = rest.strip_suffix("/_manifests") {
            return Some(Self::Manifests(named(name)?));
        }
        named(&rest).map(Self::Repository)
    }

    /// The repository that it is of.
    pub(super) fn repository(&self) -> Option<&str> {
        match self {
            Self::Catalog => None,
            Self::Repository(name)
            | Self::Tags(name)
            | Self::Tag(name, _)
            | Self::Manifests(name)
            | Self::Manifest(name, _) => Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_what_they_name() {
        let digest = Digest::sha256(b"x");
        let of = |rest: &str| Place::of(&format!("/acr/v1/{rest}"));
        let name = || "team/web".to_owned();
        assert_eq!(of("_catalog"), Some(Place::Catalog));
        assert_eq!(of("team/web"), Some(Place::Repository(name())));
        assert_eq!(of("team/web/_tags"), Some(Place::Tags(name())));
        assert_eq!(of("team/web/_tags/v1"), Some(Place::Tag(name(), "v1".to_owned())));
        assert_eq!(of("team/web/_manifests"), Some(Place::Manifests(name())));
        assert_eq!(of(&format!("team/web/_manifests/{digest}")), Some(Place::Manifest(name(), digest)));
        let encoded = digest.to_string().replace(':', "%3A");
        assert_eq!(of(&format!("team%2Fweb/_manifests/{encoded}")), Some(Place::Manifest(name(), digest)));
        for nothing in [
            "",
            "_tags",
            "Team",
            "a/../b",
            "a/_tags/",
            "a/_manifests/v1",
            "a/_tags/v1/x",
            "_deleted/_catalog",
        ] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
    }
}
