//! Folders as containers: only within those that the operator allowed.

use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

use crate::error::{Error, ErrorKind};

/// A folder that may be used.
pub(crate) struct Folder {
    /// Without links. It may not exist yet.
    pub(crate) path: PathBuf,
    /// The allowed folder that it is in, without links.
    pub(crate) root: PathBuf,
}

/// The folder that a `file:` URI names, if it lies within one of `allowed`, links followed.
///
/// Azure's command-line extension puts URIs in lower case, so an allowed folder is found in whatever case it is written.
///
/// # Errors
/// `LocationInvalid`, `FolderNotAllowed`, `FolderNotFound`.
pub(crate) fn allowed(uri: &str, allowed: &[PathBuf]) -> Result<Folder, Error> {
    let path = path_of(uri)?;
    let roots: Vec<PathBuf> = allowed.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
    let written = allowed.iter().zip(&roots).chain(roots.iter().zip(&roots));
    let within = |folder: &Path| roots.iter().find(|root| folder.starts_with(root)).cloned();
    let mut ways = vec![path.clone()];
    ways.extend(written.filter_map(|(folder, root)| Some(root.join(rest_ignoring_case(&path, folder)?))));
    for way in ways {
        if let Some(real) = real(&way)
            && let Some(root) = within(&real)
        {
            return Ok(Folder { path: real, root });
        }
    }
    let absent =
        allowed.iter().find(|folder| !folder.exists() && rest_ignoring_case(&path, folder).is_some());
    match absent {
        Some(folder) => Err(not_there(&path, folder)),
        None => Err(not_allowed(&path, allowed)),
    }
}

/// A disk that is not mounted, for one.
fn not_there(path: &Path, folder: &Path) -> Error {
    Error::new(
        ErrorKind::FolderNotFound,
        format!("file://{}", path.display()),
        format!("the folder {}, which pipelines may use, is not there", folder.display()),
        "mount or make it",
    )
}

fn not_allowed(path: &Path, allowed: &[PathBuf]) -> Error {
    let names: Vec<_> = allowed.iter().map(|folder| folder.display().to_string()).collect();
    let detail = match names.is_empty() {
        true => "no folder of this machine may be used by pipelines".to_owned(),
        false => format!("this folder may not be used by pipelines; allowed are {}", names.join(", ")),
    };
    Error::new(
        ErrorKind::FolderNotAllowed,
        format!("file://{}", path.display()),
        detail,
        "start 'transload serve' and 'transload worker' with --allow-folder DIR (allow-folder below [serve] in \
         transload.toml) for this folder or one above it",
    )
}

/// Whether a blob of this name, in a folder within `root`, is within it too, whatever links lead through. What does not
/// exist leads nowhere.
pub(crate) fn stays(folder: &Path, root: &Path, name: &str) -> bool {
    let mut path = folder.to_owned();
    for segment in name.split('/') {
        path.push(segment);
        match std::fs::symlink_metadata(&path) {
            Err(_) => return true,
            Ok(meta) if meta.is_symlink() => match path.canonicalize() {
                Ok(real) if real.starts_with(root) => {}
                _ => return false,
            },
            Ok(_) => {}
        }
    }
    true
}

fn path_of(uri: &str) -> Result<PathBuf, Error> {
    let invalid = |detail: &str| {
        Error::new(ErrorKind::LocationInvalid, uri, detail, "write it as file:///folder, with three slashes")
    };
    let rest = uri.get(5..).and_then(|rest| rest.strip_prefix("//")).unwrap_or_default();
    // not by a URL's rules: those take '..' out, and it is to be refused
    if !rest.starts_with('/') {
        return Err(invalid("a file URI has three slashes and no host"));
    }
    if rest.contains(['?', '#', '\\']) {
        return Err(invalid("there is a '?', '#' or '\\' in it"));
    }
    let decoded = percent_decode_str(rest).decode_utf8().map_err(|_| invalid("the path is not UTF-8"))?;
    let path = PathBuf::from(&*decoded);
    if decoded.contains('\0') || path.components().any(|part| matches!(part, Component::ParentDir)) {
        return Err(invalid("there is a '..' in it"));
    }
    Ok(path.components().collect())
}

/// The path without links. What does not exist is taken as it is written, behind what does.
fn real(path: &Path) -> Option<PathBuf> {
    for there in path.ancestors() {
        match there.canonicalize() {
            Ok(real) => {
                return path
                    .strip_prefix(there)
                    .ok()
                    .map(|rest| real.join(rest))
                    .map(|p| p.components().collect());
            }
            // a link that leads nowhere is no folder to be made
            Err(_) if std::fs::symlink_metadata(there).is_ok() => return None,
            Err(_) => {}
        }
    }
    None
}

/// What of `path` is behind `folder`, in whatever case that is written.
fn rest_ignoring_case(path: &Path, folder: &Path) -> Option<PathBuf> {
    let mut parts = path.components();
    for wanted in folder.components() {
        let part = parts.next()?;
        if !part.as_os_str().eq_ignore_ascii_case(wanted.as_os_str()) {
            return None;
        }
    }
    Some(parts.as_path().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Place {
        _folder: tempfile::TempDir,
        root: PathBuf,
        outside: PathBuf,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let (root, outside) = (base.join("Allowed"), base.join("outside"));
        std::fs::create_dir_all(root.join("in")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        symlink(&outside, root.join("way-out")).unwrap();
        symlink(root.join("in"), root.join("way-in")).unwrap();
        symlink(base.join("nowhere"), root.join("dangling")).unwrap();
        Place { _folder: folder, root, outside }
    }

    #[test]
    fn folders_within_are_opened_and_nothing_else_is() {
        let at = place();
        let open = |text: &str| allowed(text, std::slice::from_ref(&at.root)).map(|folder| folder.path);
        let uri = |rest: &str| format!("file://{}{rest}", at.root.display());
        assert_eq!(open(&uri("")).unwrap(), at.root);
        assert_eq!(open(&uri("/")).unwrap(), at.root);
        assert_eq!(open(&uri("/in/new/")).unwrap(), at.root.join("in/new"), "it may be made");
        assert_eq!(open(&uri("/way-in")).unwrap(), at.root.join("in"));
        assert_eq!(open(&uri("/i%6e")).unwrap(), at.root.join("in"));
        for rest in
            ["/way-out", "/way-out/new", "/dangling", "/dangling/new", "-else", "/in/%2e%2e/%2E./outside"]
        {
            let error = open(&uri(rest)).unwrap_err();
            let wanted =
                if rest.contains('%') { ErrorKind::LocationInvalid } else { ErrorKind::FolderNotAllowed };
            assert_eq!(error.kind(), wanted, "{rest}: {error:?}");
        }
        let error = open(&format!("file://{}", at.outside.display())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FolderNotAllowed);
        assert!(error.next_step().contains("--allow-folder"), "{error:?}");
        assert!(error.detail().contains("Allowed"), "{error:?}");
        for text in ["file:", "file:x", "file://host/x", "file:///a/../b", "file:///a?sig=x"] {
            assert_eq!(open(text).unwrap_err().kind(), ErrorKind::LocationInvalid, "{text}");
        }
        assert_eq!(allowed(&uri(""), &[]).err().unwrap().kind(), ErrorKind::FolderNotAllowed);
        let stick = at.root.join("stick");
        let error = allowed(&uri("/stick/in"), std::slice::from_ref(&stick)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::FolderNotFound, "{error:?}");
        assert!(error.is_transient());
    }

    #[test]
    fn a_uri_that_was_put_in_lower_case_still_finds_its_folder() {
        let at = place();
        let lower = format!("file://{}/in", at.root.display()).to_ascii_lowercase();
        let folder =
            allowed(&lower, std::slice::from_ref(&at.root)).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(folder.path, at.root.join("in"));
    }

    #[test]
    fn blobs_stay_within_whatever_links_there_are() {
        let at = place();
        std::fs::write(at.outside.join("secret"), "x").unwrap();
        symlink(at.outside.join("secret"), at.root.join("in/leak")).unwrap();
        symlink(at.root.join("in"), at.root.join("in/again")).unwrap();
        let stays = |name: &str| stays(&at.root, &at.root, name);
        for name in ["x", "in/x", "in/new/x", "way-in/x", "in/again/x"] {
            assert!(stays(name), "{name}");
        }
        for name in ["way-out/x", "in/leak", "way-in/leak", "dangling", "dangling/x"] {
            assert!(!stays(name), "{name}");
        }
    }
}
