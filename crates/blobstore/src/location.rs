//! Where a bundle is: what a person writes, parsed. A secret in it cannot be printed.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::error::{Error, ErrorKind};
use crate::names::check_name;
use crate::sas::Sas;

mod container;

pub use container::ContainerUrl;

/// A folder, a bucket or an Azure container, and perhaps the name of a blob in it.
///
/// `Display` and `Debug` show the path or the URL without its query.
#[derive(Clone)]
pub struct Location {
    place: Place,
    name: Option<String>,
}

#[derive(Clone)]
enum Place {
    Folder(PathBuf),
    Container { url: ContainerUrl, sas: Option<Sas> },
    Bucket(Bucket),
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Whose it is.
    pub provider: Provider,
    /// Its name.
    pub name: String,
}

/// Which protocol a bucket's store speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Amazon S3 and what is compatible with it.
    S3,
    /// Google Cloud Storage.
    Gcs,
}

impl Provider {
    /// The scheme of its locations.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
        }
    }
}

impl Location {
    /// Parses a path, a `file://` URL, `s3://bucket/name`, `gs://bucket/name`, or the URL of an Azure container or blob, which may have a SAS token.
    ///
    /// A path that ends with `/` or is a folder is a folder; any other is a file, whose folder is its parent: this looks
    /// at the disk. URLs are host style (`https://account.blob.core.windows.net/container/blob`, any domain) or,
    /// for an address, a host without a dot or the emulator's account, path style
    /// (`http://127.0.0.1:10000/account/container/blob`).
    ///
    /// # Errors
    /// `LocationInvalid` for what cannot be understood or is not supported yet, `SasMalformed` for a query that is
    /// no SAS token. Neither shows a secret.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        match scheme(text).as_deref() {
            Some("http" | "https") => Self::parse_container(text),
            Some("file") => Self::parse_file_url(text),
            Some("s3") => Self::parse_bucket(text, Provider::S3),
            Some("gs") => Self::parse_bucket(text, Provider::Gcs),
            Some(other) => Err(unsupported(text, other)),
            None => Self::parse_path(text),
        }
    }

    fn parse_container(text: &str) -> Result<Self, Error> {
        let (url, name, sas) = container::parse(text)?;
        Ok(Self { place: Place::Container { url, sas }, name })
    }

    /// The name behind the bucket is taken as it stands: it is no URL, and nothing in it is escaped.
    fn parse_bucket(text: &str, provider: Provider) -> Result<Self, Error> {
        let rest = &text[provider.scheme().len() + "://".len()..];
        let (bucket, name) = rest.split_once('/').unwrap_or((rest, ""));
        let sound = (3..=222).contains(&bucket.len())
            && bucket.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
            && bucket.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !sound {
            let scheme = provider.scheme();
            return Err(invalid(
                text,
                format!("there is no bucket in it, or one that cannot be: {bucket:?}"),
            )
            .with_hint(format!("write it as {scheme}://bucket/name; keys are never part of a location")));
        }
        if name.contains("sig=") && name.contains('&') {
            return Err(invalid(text, "there is a SAS token in it, which is for Azure"));
        }
        if !name.is_empty() {
            check_name(name).map_err(|e| invalid(text, e.detail()))?;
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self { place: Place::Bucket(Bucket { provider, name: bucket.to_owned() }), name })
    }

    fn parse_file_url(text: &str) -> Result<Self, Error> {
        let url = Url::parse(text).map_err(|e| invalid(text, e.to_string()))?;
        let path = url
            .to_file_path()
            .map_err(|()| invalid(text, "a file URL has three slashes and no host: file:///folder/file"))?;
        match path.to_str() {
            Some(path) => Self::parse_path(path),
            None => Err(invalid(text, "the path is not UTF-8")),
        }
    }

    fn parse_path(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(invalid(text, "the location is empty"));
        }
        if text == "-" {
            return Err(invalid(text, "standard input and output are not supported yet by this version")
                .with_hint("write to a file or a folder"));
        }
        if text.contains("sig=") && text.contains('&') {
            return Err(Error::new(
                ErrorKind::LocationInvalid,
                "location",
                "this looks like a SAS token, not like a location",
            ));
        }
        if text.contains('\0') {
            return Err(invalid(text, "a path cannot hold a NUL character"));
        }
        let path = Path::new(text);
        let file_name = path.file_name().and_then(|n| n.to_str());
        if text.ends_with('/') || path.is_dir() || file_name.is_none() {
            return Ok(Self { place: Place::Folder(path.to_owned()), name: None });
        }
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Self { place: Place::Folder(folder), name: file_name.map(str::to_owned) })
    }

    /// The folder, if it is on a disk.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(path) => Some(path),
            Place::Container { .. } | Place::Bucket(_) => None,
        }
    }

    /// The bucket, if it is in S3 or Google Cloud Storage.
    pub fn bucket(&self) -> Option<&Bucket> {
        match &self.place {
            Place::Bucket(bucket) => Some(bucket),
            Place::Folder(_) | Place::Container { .. } => None,
        }
    }

    /// The container, if it is in Azure.
    pub fn container(&self) -> Option<&ContainerUrl> {
        match &self.place {
            Place::Folder(_) | Place::Bucket(_) => None,
            Place::Container { url, .. } => Some(url),
        }
    }

    /// The same location, whose container is asked for at this endpoint of its account: `https://host[:port]`, or with the
    /// account behind it. What people are shown stays. Anything but an Azure container stays as it is.
    ///
    /// # Errors
    /// `LocationInvalid` for what is no endpoint.
    pub fn reached_at(mut self, endpoint: &str) -> Result<Self, Error> {
        if let Place::Container { url, .. } = &mut self.place {
            *url = url.reached_at(endpoint)?;
        }
        Ok(self)
    }

    /// The SAS token that came with the URL.
    pub fn sas(&self) -> Option<&Sas> {
        match &self.place {
            Place::Folder(_) | Place::Bucket(_) => None,
            Place::Container { sas, .. } => sas.as_ref(),
        }
    }

    /// Name of the blob within the folder or container; `None` when only the place was given.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The same place with this blob in it.
    ///
    /// # Errors
    /// `LocationInvalid` when no store takes the name.
    pub fn with_name(&self, name: &str) -> Result<Self, Error> {
        check_name(name)?;
        Ok(Self { place: self.place.clone(), name: Some(name.to_owned()) })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, &self.name) {
            (Place::Folder(path), None) => write!(f, "{}", path.display()),
            (Place::Folder(path), Some(name)) => f.write_str(&show_path(path, name)),
            (Place::Bucket(bucket), None) => write!(f, "{}://{}", bucket.provider.scheme(), bucket.name),
            (Place::Bucket(bucket), Some(name)) => {
                write!(f, "{}://{}/{name}", bucket.provider.scheme(), bucket.name)
            }
            (Place::Container { url, .. }, name) => f.write_str(&url.describe(name.as_deref().unwrap_or(""))),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

/// A file's path as people write it: without the `./` of the current folder.
pub(crate) fn show_path(folder: &Path, name: &str) -> String {
    if folder == Path::new(".") { name.to_owned() } else { folder.join(name).display().to_string() }
}

/// `LocationInvalid` with the text as far as it can be shown.
fn invalid(text: &str, reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::LocationInvalid, printable(text), reason)
}

/// A location's text without query, user and whatever looks like a signature.
fn printable(text: &str) -> String {
    let end = ["?", "#", "sig=", "sig%3", "SIG="].iter().filter_map(|m| text.find(m)).min();
    let text = &text[..end.unwrap_or(text.len())];
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let host_end = rest.find('/').unwrap_or(rest.len());
    match rest[..host_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => text.to_owned(),
    }
}

fn unsupported(text: &str, scheme: &str) -> Error {
    invalid(text, format!("'{scheme}' is no kind of location")).with_hint(
        "give a path, s3://bucket/name, gs://bucket/name, or the https URL of an Azure container or blob",
    )
}

/// The part before `://`, in lower case, if it can be a scheme. `C:\x` and `a:b` have none.
fn scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once("://")?;
    let sound = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    sound.then(|| scheme.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
