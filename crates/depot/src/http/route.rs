//! Paths (distribution-spec, "Endpoints").

use percent_encoding::percent_decode_str;
use transload_oci::{Digest, is_repository, is_tag};

use super::refusal::{Code, Refusal};
use crate::contents::Reference;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/v2/`
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/<name>/tags/list`
    Tags { repository: String },
    /// `/v2/<name>/referrers/<digest>`
    Referrers { repository: String, digest: Digest },
    /// `/v2/<name>/blobs/<digest>`
    Blob { repository: String, digest: Digest },
    /// `/v2/<name>/blobs/uploads/`
    Uploads { repository: String },
    /// `/v2/<name>/blobs/uploads/<id>`
    Upload { repository: String, id: String },
    /// `/v2/<name>/manifests/<tag or digest>`
    Manifest { repository: String, reference: Reference },
}

impl Route {
    /// Which endpoint it is.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Catalog => "catalog",
            Self::Tags { .. } => "tags",
            Self::Referrers { .. } => "referrers",
            Self::Blob { .. } => "blob",
            Self::Uploads { .. } => "uploads",
            Self::Upload { .. } => "upload",
            Self::Manifest { .. } => "manifest",
        }
    }

    pub(super) fn parse(path: &str) -> Result<Self, Refusal> {
        let unknown = || Refusal::new(Code::NotFound, "no such endpoint");
        // clients encode the colon of a digest, some of them
        let path = percent_decode_str(path).decode_utf8().map_err(|_| unknown())?;
        let rest = match path.strip_prefix("/v2") {
            Some("" | "/") => return Ok(Self::Base),
            Some(rest) => rest.strip_prefix('/').ok_or_else(unknown)?,
            None => return Err(unknown()),
        };
        if rest == "_catalog" {
            return Ok(Self::Catalog);
        }
        // from the end: repositories may have parts named like endpoints
        let (head, last) = rest.rsplit_once('/').ok_or_else(unknown)?;
        if let Some(name) = head.strip_suffix("/blobs/uploads") {
            let repository = repository(name)?;
            return Ok(match last {
                "" => Self::Uploads { repository },
                id => Self::Upload { repository, id: id.to_owned() },
            });
        }
        let (name, endpoint) = head.rsplit_once('/').ok_or_else(unknown)?;
        match (endpoint, last) {
            ("tags", "list") => Ok(Self::Tags { repository: repository(name)? }),
            ("blobs", "uploads") => Ok(Self::Uploads { repository: repository(name)? }),
            ("blobs", _) => Ok(Self::Blob { repository: repository(name)?, digest: digest(last)? }),
            ("referrers", _) => Ok(Self::Referrers { repository: repository(name)?, digest: digest(last)? }),
            ("manifests", _) => {
                Ok(Self::Manifest { repository: repository(name)?, reference: reference(last)? })
            }
            _ => Err(unknown()),
        }
    }

    /// The methods that do something there, as `Allow` lists them.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Base | Self::Catalog | Self::Tags { .. } | Self::Referrers { .. } => "GET, HEAD",
            Self::Blob { .. } => "GET, HEAD, DELETE",
            Self::Uploads { .. } => "POST",
            Self::Upload { .. } => "GET, HEAD, PATCH, PUT, DELETE",
            Self::Manifest { .. } => "GET, HEAD, PUT, DELETE",
        }
    }
}

fn repository(name: &str) -> Result<String, Refusal> {
    if is_repository(name) {
        Ok(name.to_owned())
    } else {
        Err(Refusal::new(Code::NameInvalid, "the name of the repository breaks the grammar"))
    }
}

fn reference(text: &str) -> Result<Reference, Refusal> {
    if text.contains(':') {
        return Ok(Reference::Digest(digest(text)?));
    }
    Ok(Reference::Tag(tag(text.to_owned())?))
}

/// A tag out of a path or a query.
pub(super) fn tag(text: String) -> Result<String, Refusal> {
    if is_tag(&text) { Ok(text) } else { Err(Refusal::new(Code::TagInvalid, "the tag breaks the grammar")) }
}

/// A digest out of a path or a query.
pub(super) fn digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(|e: transload_oci::DigestError| Refusal::new(Code::DigestInvalid, e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_slashes_and_parts_named_like_endpoints() {
        let d = Digest::sha256(b"");
        let r = |text: &str| text.to_owned();
        let cases = [
            (r("/v2"), Route::Base),
            (r("/v2/"), Route::Base),
            (r("/v2/_catalog"), Route::Catalog),
            (r("/v2/a/tags/list"), Route::Tags { repository: r("a") }),
            (r("/v2/tags/list/tags/list"), Route::Tags { repository: r("tags/list") }),
            (r("/v2/a/b/blobs/uploads/"), Route::Uploads { repository: r("a/b") }),
            (r("/v2/a/b/blobs/uploads"), Route::Uploads { repository: r("a/b") }),
            (r("/v2/a/blobs/uploads/7f"), Route::Upload { repository: r("a"), id: r("7f") }),
            (format!("/v2/a/blobs/{d}"), Route::Blob { repository: r("a"), digest: d }),
            (format!("/v2/a/blobs/sha256%3A{}", d.hex()), Route::Blob { repository: r("a"), digest: d }),
            (format!("/v2/a/referrers/{d}"), Route::Referrers { repository: r("a"), digest: d }),
            (
                r("/v2/manifests/manifests/v1"),
                Route::Manifest { repository: r("manifests"), reference: Reference::Tag(r("v1")) },
            ),
        ];
        for (path, route) in cases {
            assert_eq!(Route::parse(&path).ok(), Some(route), "{path}");
        }
    }

    #[test]
    fn other_paths_are_refused_with_their_own_code() {
        for (path, code) in [
            ("/", "NOT_FOUND"),
            ("/v2/a", "NOT_FOUND"),
            ("/v2/../etc/passwd", "NOT_FOUND"),
            ("/v2/A/tags/list", "NAME_INVALID"),
            ("/v2/../x/tags/list", "NAME_INVALID"),
            ("/v2/a/blobs/sha256:12", "DIGEST_INVALID"),
            ("/v2/a/manifests/.x", "TAG_INVALID"),
        ] {
            let refusal = Route::parse(path).unwrap_err().to_string();
            assert!(refusal.contains(code), "{path}: {refusal}");
        }
    }
}
