//! The URL of an Azure container, in either of its two styles.

use std::fmt;

use percent_encoding::{percent_decode_str, utf8_percent_encode};
use url::{Host, Url};

use super::{invalid, printable};
use crate::error::{Error, ErrorKind};
use crate::names::{KEPT_IN_PATH, check_name};
use crate::sas::Sas;

/// Account of the emulators; its name in the path means path style whatever the host is called.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";

/// A container's URL, without a query.
#[derive(Clone, PartialEq, Eq)]
pub struct ContainerUrl {
    /// Ends without `/`; no query, no user.
    text: String,
    /// Where requests go, when that is not `text`. In the same form.
    reached: Option<String>,
    https: bool,
    account: Option<String>,
    container: String,
}

impl ContainerUrl {
    /// Whether requests go by HTTPS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The storage account, as far as the URL tells it.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The container's name.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The URL of a blob (or, with an empty name, of the container), for people.
    pub fn describe(&self, name: &str) -> String {
        if name.is_empty() { self.text.clone() } else { format!("{}/{name}", self.text) }
    }

    /// The same container, which is asked for at this endpoint of its account (`https://host[:port]`, or with the account
    /// behind it). People are shown the URL that they wrote.
    pub(super) fn reached_at(&self, endpoint: &str) -> Result<Self, Error> {
        let url = Url::parse(endpoint).map_err(|e| invalid(endpoint, e.to_string()))?;
        if !["http", "https"].contains(&url.scheme()) || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid(endpoint, "an account's endpoint is an http or https URL without a query"));
        }
        let reached = format!("{}/{}", url.as_str().trim_end_matches('/'), self.container);
        Ok(Self { reached: Some(reached), https: url.scheme() == "https", ..self.clone() })
    }

    /// The URL of a blob (or, with an empty name, of the container) with a query, which may be a secret.
    pub(crate) fn url(&self, name: &str, query: Option<&str>) -> Result<Url, Error> {
        let path = utf8_percent_encode(name, KEPT_IN_PATH);
        let base = self.reached.as_ref().unwrap_or(&self.text);
        let text = if name.is_empty() { base.clone() } else { format!("{base}/{path}") };
        let mut url = Url::parse(&text).map_err(|e| invalid(&text, e.to_string()))?;
        url.set_query(query);
        Ok(url)
    }
}

impl fmt::Debug for ContainerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn parse(text: &str) -> Result<(ContainerUrl, Option<String>, Option<Sas>), Error> {
    let url = Url::parse(text).map_err(|e| invalid(text, e.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(text, "a container's URL has no user and password")
            .with_hint("give a SAS token or use Entra ID"));
    }
    if url.fragment().is_some() {
        return Err(invalid(text, "the URL has a '#', which in a blob's name is written %23"));
    }
    if url.path().contains("sig=") || url.path().contains("sig%3") {
        return Err(invalid(text, "there is a SAS token in the path: it starts with '?', not with '&'"));
    }
    let sas = match url.query() {
        None | Some("") => None,
        Some(query) => Some(parse_sas(text, query)?),
    };
    let segments = decoded_segments(text, &url)?;
    let path_style = is_path_style(&url, &segments);
    let (account, rest) = if path_style {
        match segments.split_first() {
            Some((account, rest)) => (Some(account.clone()), rest),
            None => return Err(no_container(text, "http://host:port/account/container")),
        }
    } else {
        (url.domain().and_then(|d| d.split('.').next()).map(str::to_owned), &segments[..])
    };
    let Some((container, blob)) = rest.split_first() else {
        let form = if path_style {
            "http://host:port/account/container"
        } else {
            "https://account.blob.core.windows.net/container"
        };
        return Err(no_container(text, form));
    };
    check_container(text, container)?;
    let name = (!blob.is_empty()).then(|| blob.join("/"));
    if let Some(name) = &name {
        check_name(name).map_err(|e| invalid(text, e.detail()))?;
    }
    let container_url = ContainerUrl {
        text: container_text(&url, account.as_deref().filter(|_| path_style), container),
        reached: None,
        https: url.scheme() == "https",
        account,
        container: container.clone(),
    };
    Ok((container_url, name, sas))
}

fn parse_sas(text: &str, query: &str) -> Result<Sas, Error> {
    Sas::parse(query).map_err(|e| {
        let mut error = Error::new(
            ErrorKind::SasMalformed,
            printable(text),
            format!("the URL's query is no SAS token: {}", e.detail()),
        );
        if let Some(hint) = e.hint() {
            error = error.with_hint(hint);
        }
        error
    })
}

fn decoded_segments(text: &str, url: &Url) -> Result<Vec<String>, Error> {
    let path = url.path().strip_prefix('/').unwrap_or(url.path());
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let mut segments = path
        .split('/')
        .map(|s| percent_decode_str(s).decode_utf8().map(|s| s.into_owned()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| invalid(text, "the path is not UTF-8"))?;
    // one slash behind the container (or the account) is how people write folders
    if segments.len() <= 3 && segments.last().is_some_and(String::is_empty) {
        segments.pop();
    }
    Ok(segments)
}

/// The account stands in the path where the host cannot hold it: an address, a name without a dot, or any
/// host in front of an emulator.
fn is_path_style(url: &Url, segments: &[String]) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let in_path = segments.first().is_some_and(|s| s == EMULATOR_ACCOUNT);
            !name.contains('.') || (in_path && !name.starts_with(&format!("{EMULATOR_ACCOUNT}.")))
        }
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => true,
    }
}

fn no_container(text: &str, form: &str) -> Error {
    invalid(text, "the URL names no container").with_hint(format!("write {form}"))
}

/// <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata>
fn check_container(text: &str, name: &str) -> Result<(), Error> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let sound = (3..=63).contains(&name.len())
        && name.chars().all(letters)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    if sound || matches!(name, "$root" | "$web") {
        return Ok(());
    }
    Err(invalid(
        text,
        format!("'{name}' cannot be a container: those are 3 to 63 characters of a-z, 0-9 and single '-'"),
    ))
}

fn container_text(url: &Url, account: Option<&str>, container: &str) -> String {
    let host = url.host_str().unwrap_or_default();
    let mut text = format!("{}://{host}", url.scheme());
    if let Some(port) = url.port() {
        text.push_str(&format!(":{port}"));
    }
    for segment in account.into_iter().chain([container]) {
        text.push('/');
        text.push_str(segment);
    }
    text
}
