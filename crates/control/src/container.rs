//! Container URIs: which are taken, and when two are the same place.

use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

use crate::error::{Code, Error};

/// A container URI that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerUri {
    key: String,
    form: Form,
}

/// Kinds of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Azure Blob Storage, or anything that speaks like it: `http(s)://…`.
    Azure,
    /// `s3://bucket[/prefix]`.
    S3,
    /// `gs://bucket[/prefix]`.
    Gcs,
    /// `file:///folder`.
    Folder,
}

/// What is taken.
const FORMS: &str =
    "https://ACCOUNT.blob.core.windows.net/CONTAINER, s3://BUCKET, gs://BUCKET or file:///FOLDER";
/// The account of emulators, which stands in the path in front of the container, whatever the host is.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";

impl ContainerUri {
    /// Looks at a URI. Folders must be beneath one of `folders`.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] for what is no container's URI or has a token in it; [`Code::ContainerNotAllowed`] for a
    /// folder that the operator did not allow.
    pub(crate) fn parse(uri: &str, folders: &[PathBuf]) -> Result<Self, Error> {
        let url = Url::parse(uri.trim()).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => {
                refuse(uri, &format!("it has no scheme; write {FORMS}"))
            }
            other => refuse(uri, &format!("{other}; write {FORMS}")),
        })?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse(uri, "leave out what follows '?': the token belongs into a vault's secret"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(uri, "leave out user and password: credentials belong into a vault's secret"));
        }
        let form = match url.scheme() {
            "https" | "http" => Form::Azure,
            "s3" => Form::S3,
            "gs" => Form::Gcs,
            "file" => Form::Folder,
            other => {
                let detail = format!("'{other}:' is not known; write {FORMS}");
                return Err(refuse(uri, &detail));
            }
        };
        let key = match form {
            Form::Folder => folder_key(uri, &url, folders)?,
            Form::Azure => {
                let segments = segments(uri, &url)?;
                check_container(uri, &url, &segments)?;
                azure_key(&url, &segments)
            }
            Form::S3 | Form::Gcs => {
                if url.host_str().is_none_or(str::is_empty) {
                    return Err(refuse(uri, "it has no host or bucket"));
                }
                key_of(url.scheme(), &url)
            }
        };
        Ok(Self { key, form })
    }

    /// What the key of a container is that a URI names by its account, when the account is at this endpoint. Whether there can be
    /// such a container was looked at where the URI was: of an endpoint it is not known whether it has the account in its path.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] for an endpoint that cannot be.
    pub(crate) fn key_at(endpoint: &str, path: &str) -> Result<String, Error> {
        let uri = format!("{}/{path}", endpoint.trim_end_matches('/'));
        let url = Url::parse(&uri).map_err(|error| refuse(&uri, &error.to_string()))?;
        Ok(azure_key(&url, &segments(&uri, &url)?))
    }

    /// Equal for two URIs of the same place.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// What kind of place it is.
    pub(crate) fn form(&self) -> Form {
        self.form
    }
}

/// What stands between the slashes of a path, as a store has it.
fn segments(uri: &str, url: &Url) -> Result<Vec<String>, Error> {
    let path = url.path().trim_matches('/');
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let decoded = path.split('/').map(|one| Ok(percent_decode_str(one).decode_utf8()?.into_owned()));
    decoded
        .collect::<Result<_, std::str::Utf8Error>>()
        .map_err(|_| refuse(uri, "what is behind '%' in its path is no UTF-8"))
}

/// The same for a path however much of it is written with '%'.
fn azure_key(url: &Url, segments: &[String]) -> String {
    let mut url = url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(segments);
    }
    // http and https lead to the same container
    key_of("https", &url)
}

/// In lower case, as clients write paths.
fn key_of(scheme: &str, url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path().trim_matches('/');
    format!("{scheme}://{host}{port}/{path}").trim_end_matches('/').to_ascii_lowercase()
}

/// Whether there can be a container of that name: who asks a store for another is told so in every attempt of every run.
fn check_container(uri: &str, url: &Url, segments: &[String]) -> Result<(), Error> {
    let mut segments = segments.iter().map(String::as_str);
    let Some(first) = segments.next() else {
        return Err(refuse(uri, "it names no container: https://account.blob.example/container"));
    };
    // an address and a name without dots hold no account: it stands in the path
    let account_in_path = match url.domain() {
        Some(domain) => !domain.contains('.') || first == EMULATOR_ACCOUNT,
        None => true,
    };
    let name = if account_in_path { segments.next() } else { Some(first) };
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(refuse(uri, "it names no container: http://host:port/account/container"));
    };
    let sound = (3..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    if sound || matches!(name, "$root" | "$web") {
        return Ok(());
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    let detail = format!("'{shown}' cannot be a container: those are 3 to 63 letters, digits and single '-'");
    Err(refuse(uri, &detail))
}

fn folder_key(uri: &str, url: &Url, folders: &[PathBuf]) -> Result<String, Error> {
    let path = url.to_file_path().map_err(|()| refuse(uri, "it names no folder of this machine"))?;
    if path.components().any(|part| matches!(part, Component::ParentDir)) {
        return Err(refuse(uri, "'..' is not taken"));
    }
    let Some(path) = folders.iter().find_map(|folder| Some(folder.join(rest_behind(&path, folder)?))) else {
        let allowed: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        let allowed = if allowed.is_empty() { "none is".to_owned() } else { allowed.join(", ") };
        return Err(Error::new(
            Code::ContainerNotAllowed,
            format!(
                "{} is not beneath a folder that the operator of this server allows ({allowed}); allow it with \
                 `transload serve --allow-folder`, or 'allow-folder' under [serve] in transload.toml",
                path.display()
            ),
        )
        .about("uri"));
    };
    Ok(format!("file://{}", path.display()).trim_end_matches('/').to_owned())
}

/// What of `path` is behind `folder`, in whatever case that is written: Azure's command-line extension puts URIs in lower
/// case.
fn rest_behind(path: &Path, folder: &Path) -> Option<PathBuf> {
    let mut parts = path.components();
    let same = |wanted: Component<'_>| {
        parts.next().is_some_and(|part| part.as_os_str().eq_ignore_ascii_case(wanted.as_os_str()))
    };
    folder.components().all(same).then(|| parts.as_path().to_owned())
}

fn refuse(uri: &str, detail: &str) -> Error {
    // what follows '?' may be a token
    let shown: String = uri.split(['?', '#']).next().unwrap_or_default().chars().take(300).collect();
    let shown = match (shown.find("://"), shown.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}://…{}", &shown[..scheme], &shown[at..]),
        _ => shown,
    };
    Error::new(Code::InvalidRequest, format!("'{shown}' cannot be the URI of a container: {detail}"))
        .about("uri")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(uri: &str) -> Result<String, Error> {
        ContainerUri::parse(uri, &[PathBuf::from("/srv/in")]).map(|uri| uri.key)
    }

    #[test]
    fn the_same_place_has_the_same_key() {
        assert_eq!(key("https://Acct.blob.example/Transfer/"), key("http://acct.blob.example/transfer"));
        assert_ne!(key("https://acct.blob.example/transfer"), key("https://acct.blob.example/transfer/a"));
        assert_eq!(key("file:///srv/in/a/"), key("file:///srv/in/a"));
        assert_eq!(key("file:///SRV/In/a"), key("file:///srv/in/a"));
        assert_ne!(key("file:///srv/in/A"), key("file:///srv/in/a"));
        assert_eq!(key("s3://bucket/"), key("s3://bucket"));
    }

    #[test]
    fn what_cannot_be_is_refused_without_its_secrets() {
        for uri in ["", "x", "ftp://h/c", "https://acct.blob.example", "https://acct.blob.example/", "s3://"]
        {
            assert_eq!(key(uri).unwrap_err().code, Code::InvalidRequest, "{uri}");
        }
        let bogus = key("bogus").unwrap_err().message;
        assert!(bogus.contains("no scheme; write https://ACCOUNT"), "{bogus}");
        for uri in ["https://a.example/c?sv=1&sig=geheim", "https://user:geheim@a.example/c", "geheim"] {
            let error = key(uri).unwrap_err();
            assert!(uri == "geheim" || !error.message.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn containers_have_names_that_stores_take() {
        for uri in [
            "https://acct.blob.example/transfer/a/b",
            "https://acct.blob.example/TRANSFER",
            "https://acct.blob.example/$root",
            "https://acct.blob.example/%24web/site",
            "http://127.0.0.1:10000/devstoreaccount1/transfer",
            "http://azurite:10000/devstoreaccount1/transfer",
            "https://azurite.example/devstoreaccount1/transfer",
        ] {
            assert!(key(uri).is_ok(), "{uri}");
        }
        for uri in [
            "https://acct.blob.example/c2",
            "https://acct.blob.example/-transfer",
            "https://acct.blob.example/trans--fer",
            "https://acct.blob.example/trans_fer",
            "https://acct.blob.example/trans%2Ffer",
            "https://acct.blob.example/%ff",
            "http://127.0.0.1:10000/devstoreaccount1",
            "http://127.0.0.1:10000/devstoreaccount1/c2",
            "https://azurite.example/devstoreaccount1/c2",
        ] {
            let error = key(uri).unwrap_err();
            assert!(error.message.contains("container"), "{uri}: {error}");
        }
    }

    #[test]
    fn a_place_is_the_same_however_it_is_written() {
        for (uri, other) in [
            ("https://acct.blob.example/%24web", "https://acct.blob.example/$web/"),
            ("https://acct.blob.example/transfer/a%20b", "http://ACCT.blob.example/transfer/%61 b"),
        ] {
            assert_eq!(key(uri).unwrap(), key(other).unwrap());
        }
        let kept = "https://acct.blob.example/transfer/a%20b";
        assert_eq!(key(kept).unwrap(), kept, "as it was before");
        assert_ne!(
            key("https://acct.blob.example/transfer/a%2Fb"),
            key("https://acct.blob.example/transfer/a/b")
        );
    }

    #[test]
    fn an_endpoint_may_be_a_host_without_dots_and_without_the_account() {
        let at = |endpoint: &str| ContainerUri::key_at(endpoint, "transfer/in").unwrap();
        assert_eq!(at("http://blobgw:8080"), "https://blobgw:8080/transfer/in");
        assert_eq!(
            at("http://127.0.0.1:10000/acct/"),
            key("http://127.0.0.1:10000/acct/transfer/in").unwrap()
        );
    }

    #[test]
    fn folders_are_those_that_are_allowed() {
        assert!(key("file:///srv/in").is_ok());
        for uri in ["file:///srv", "file:///srv/inner", "file:///etc", "file:///srv/in/../../etc"] {
            assert_eq!(key(uri).unwrap_err().code, Code::ContainerNotAllowed, "{uri}");
        }
    }
}
