//! Secrets that are given to the process: in variables and in files. Pipelines may name only what the operator allowed.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// Secrets out of environment variables. The environment itself is read by the program, which gives what may be used.
#[derive(Default)]
pub struct EnvSecrets {
    values: BTreeMap<String, SecretString>,
}

impl fmt::Debug for EnvSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl EnvSecrets {
    /// These, by the variables' names.
    pub fn new(values: BTreeMap<String, SecretString>) -> Self {
        Self { values }
    }

    /// The value of `env:NAME` or `NAME`.
    ///
    /// # Errors
    /// `Denied` when the variable is not among those that may be used, set or not: nobody learns which are set.
    pub fn read(&self, reference: &str) -> Result<SecretString, Error> {
        let name = reference.strip_prefix("env:").unwrap_or(reference);
        self.values.get(name).cloned().ok_or_else(|| {
            let detail = "the variable is not one that secrets may be read from, or it is not set";
            Error::new(ErrorKind::Denied, format!("env:{name}"), detail)
                .with_hint("let the operator set and allow it, or put the secret in a vault")
        })
    }
}

/// Secrets out of files, as container platforms mount them.
#[derive(Debug, Clone, Default)]
pub struct FileSecrets {
    folders: Vec<PathBuf>,
    limits: Limits,
}

impl FileSecrets {
    /// Files within these folders, at any depth.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders, limits: Limits::default() }
    }

    /// The text of `file:/path` or `/path`, without one line end behind it.
    ///
    /// # Errors
    /// `Denied` when it is not within one of the folders, also by a link or `..`; `NotFound`; `Invalid` when it is longer
    /// than a secret may be, or no text; `Unavailable` when it cannot be read.
    pub fn read(&self, reference: &str) -> Result<SecretString, Error> {
        let path = reference.strip_prefix("file:").unwrap_or(reference);
        let path = Path::new(path.strip_prefix("//").unwrap_or(path));
        let subject = format!("file:{}", path.display());
        let denied = || {
            let detail = "it is not in a folder that secrets may be read from";
            Error::new(ErrorKind::Denied, subject.clone(), detail)
                .with_hint("let the operator allow its folder, or put the secret in a vault")
        };
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(ErrorKind::NotFound, subject.clone(), "there is no such file")
            }
            _ => Error::new(ErrorKind::Unavailable, subject.clone(), format!("it cannot be read: {error}")),
        };
        let folders: Vec<PathBuf> =
            self.folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
        // a path that may not be read is refused in the same words whether it is there or not
        if !path.is_absolute() || !self.may_be_within(path, &folders) {
            return Err(denied());
        }
        let real = path.canonicalize().map_err(failed)?;
        if !folders.iter().any(|folder| real.starts_with(folder)) {
            return Err(denied());
        }
        let bytes_max = self.limits.value_bytes_max;
        let mut text = Zeroizing::new(Vec::new());
        let file = std::fs::File::open(&real).map_err(failed)?;
        file.take(bytes_max as u64 + 1).read_to_end(&mut text).map_err(failed)?;
        if text.len() > bytes_max {
            let detail = format!("it is longer than {bytes_max} bytes, the most that a secret has");
            return Err(Error::new(ErrorKind::Invalid, subject.clone(), detail));
        }
        let text = std::str::from_utf8(&text)
            .map_err(|_| Error::new(ErrorKind::Invalid, subject.clone(), "it is no text"))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        Ok(SecretString::from(text.strip_suffix('\r').unwrap_or(text)))
    }

    /// By its name alone: within a folder as it was allowed or as it is really called, and without `..`.
    fn may_be_within(&self, path: &Path, real: &[PathBuf]) -> bool {
        let upwards = path.components().any(|part| matches!(part, std::path::Component::ParentDir));
        !upwards && self.folders.iter().chain(real).any(|folder| path.starts_with(folder))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn only_variables_that_were_given_can_be_read() {
        let env = EnvSecrets::new(BTreeMap::from([("SAS".to_owned(), SecretString::from("PLANTED"))]));
        assert_eq!(env.read("env:SAS").unwrap().expose_secret(), "PLANTED");
        assert_eq!(env.read("env:PATH").unwrap_err().kind(), ErrorKind::Denied);
        assert!(!format!("{env:?}").contains("PLANTED"));
    }

    #[test]
    fn files_are_read_within_their_folders_and_nothing_leads_out() {
        let place = tempfile::tempdir().unwrap();
        let allowed = place.path().join("allowed");
        std::fs::create_dir(&allowed).unwrap();
        std::fs::write(allowed.join("sas"), "PLANTED\r\n").unwrap();
        std::fs::write(allowed.join("long"), vec![b'x'; 26 * 1024]).unwrap();
        std::fs::write(place.path().join("outside"), "OUTSIDE").unwrap();
        std::os::unix::fs::symlink(allowed.join("sas"), allowed.join("link")).unwrap();
        std::os::unix::fs::symlink(place.path().join("outside"), allowed.join("way-out")).unwrap();
        let files = FileSecrets::new(vec![allowed.clone()]);
        let read = |path: &str| files.read(&format!("file:{}", allowed.join(path).display()));
        assert_eq!(read("sas").unwrap().expose_secret(), "PLANTED");
        assert_eq!(read("link").unwrap().expose_secret(), "PLANTED");
        assert_eq!(read("nothing").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(read("long").unwrap_err().kind(), ErrorKind::Invalid);
        for path in ["way-out", "../outside", "../allowed/sas", "../nothing"] {
            assert_eq!(read(path).unwrap_err().kind(), ErrorKind::Denied, "{path}");
        }
        for path in ["file:sas", "file:/etc/passwd", "file:"] {
            assert_eq!(files.read(path).unwrap_err().kind(), ErrorKind::Denied, "{path}");
        }
        let nothing = FileSecrets::default();
        let path = allowed.join("sas").display().to_string();
        assert_eq!(nothing.read(&path).unwrap_err().kind(), ErrorKind::Denied);
    }
}
