//! Names of entries: what an image layout expects, what is harmless, what is hostile.

use transload_oci::Digest;

use crate::head::LAYOUT_NAME;
use crate::index;

/// What an entry's name makes of it in an image layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryRole {
    /// `oci-layout`.
    Layout,
    /// `index.json`.
    Index,
    /// A blob, named by its digest.
    Blob(Digest),
    /// `manifest.json`: a docker-archive has it, some image layouts have it too.
    DockerManifest,
    /// `oci-layout` in this folder: somebody packed the layout's folder and not what is in it.
    NestedLayout(String),
    /// Nothing anybody reads.
    Ignored,
    /// A file in a folder that image layouts do not have.
    Outside,
}

/// A name without `./` and doubled slashes; empty for the root folder. The error says what is hostile in it.
pub(crate) fn normal(name: &[u8]) -> Result<String, &'static str> {
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

/// The name that a link of the normal name `link` leads to; `None` when that is outside.
pub(crate) fn beside(link: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// What a file of that normal name is. Names inside `blobs/` that are no digests are passed over, as all readers do.
pub(crate) fn role(name: &str) -> EntryRole {
    if let Some(digest) = Digest::from_layout_path(name) {
        return EntryRole::Blob(digest);
    }
    match name.rsplit_once('/') {
        None if name == LAYOUT_NAME => EntryRole::Layout,
        None if name == index::NAME => EntryRole::Index,
        None if name == "manifest.json" => EntryRole::DockerManifest,
        None => EntryRole::Ignored,
        Some((folder, file)) if file == LAYOUT_NAME && !folder.starts_with("blobs/") => {
            EntryRole::NestedLayout(folder.to_owned())
        }
        Some(_) if name.starts_with("blobs/") || name.starts_with(".void/") => EntryRole::Ignored,
        Some(_) => EntryRole::Outside,
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
    fn links_lead_where_they_say_and_never_out() {
        for (link, target, expected) in [
            ("a/layer.tar", "../b/layer.tar", Some("b/layer.tar")),
            ("a/layer.tar", "./x", Some("a/x")),
            ("a", "b//c", Some("b/c")),
            ("a/b", "../../c", None),
            ("a", "../c", None),
            ("a", "/etc/passwd", None),
        ] {
            assert_eq!(beside(link, target).as_deref(), expected, "{link} -> {target}");
        }
    }

    #[test]
    fn roles() {
        let digest = Digest::sha256(b"");
        assert_eq!(role(&digest.layout_path()), EntryRole::Blob(digest));
        assert_eq!(role("oci-layout"), EntryRole::Layout);
        assert_eq!(role("x/oci-layout"), EntryRole::NestedLayout("x".to_owned()));
        for ignored in ["repositories", ".pad", ".void/00", "blobs/sha256/short", "blobs/md5/x"] {
            assert_eq!(role(ignored), EntryRole::Ignored, "{ignored}");
        }
        assert_eq!(role("etc/passwd"), EntryRole::Outside);
    }
}
