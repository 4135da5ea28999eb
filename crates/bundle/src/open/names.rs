//! Names of entries: what an image layout expects, what is harmless, what is hostile.

use transload_oci::Digest;

use crate::head::LAYOUT_NAME;
use crate::index;

/// What an entry's name makes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    Layout,
    Index,
    Blob(Digest),
    /// `manifest.json`: docker-archive has it, some image layouts have it too.
    DockerManifest,
    /// `oci-layout` in this folder: somebody packed the layout's folder and not what is in it.
    NestedLayout(String),
    /// Nothing anybody reads.
    Ignored,
    /// A file in a folder that image layouts do not have.
    Outside,
}

/// A name without `./` and doubled slashes; empty for the root folder. The error says what is hostile in it.
pub(super) fn normal(name: &[u8]) -> Result<String, &'static str> {
    let name = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8")?;
    if name.starts_with('/') {
        return Err("its name is absolute");
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err("its name has '..' in it"),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// What a file of that normal name is. Names inside `blobs/` that are no digests are passed over, as all readers do.
pub(super) fn role(name: &str) -> Role {
    if let Some(digest) = Digest::from_layout_path(name) {
        return Role::Blob(digest);
    }
    match name.rsplit_once('/') {
        None if name == LAYOUT_NAME => Role::Layout,
        None if name == index::NAME => Role::Index,
        None if name == "manifest.json" => Role::DockerManifest,
        None => Role::Ignored,
        Some((folder, file)) if file == LAYOUT_NAME && !folder.starts_with("blobs/") => {
            Role::NestedLayout(folder.to_owned())
        }
        Some(_) if name.starts_with("blobs/") || name.starts_with(".void/") => Role::Ignored,
        Some(_) => Role::Outside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_in_every_honest_form() {
        for (name, expected) in
            [("./index.json", "index.json"), ("a//b/./c", "a/b/c"), ("./", ""), ("blobs/", "blobs")]
        {
            assert_eq!(normal(name.as_bytes()).as_deref(), Ok(expected));
        }
        for name in [&b"/etc/passwd"[..], b"blobs/../../x", b"..", b"\xff"] {
            assert!(normal(name).is_err());
        }
    }

    #[test]
    fn roles() {
        let digest = Digest::sha256(b"");
        assert_eq!(role(&digest.layout_path()), Role::Blob(digest));
        assert_eq!(role("oci-layout"), Role::Layout);
        assert_eq!(role("x/oci-layout"), Role::NestedLayout("x".to_owned()));
        for ignored in ["repositories", ".pad", ".void/00", "blobs/sha256/short", "blobs/md5/x"] {
            assert_eq!(role(ignored), Role::Ignored, "{ignored}");
        }
        assert_eq!(role("etc/passwd"), Role::Outside);
    }
}
