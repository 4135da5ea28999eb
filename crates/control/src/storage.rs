//! Storage accounts by their hosts: `https://ACCOUNT.blob.<suffix>/container` means the account of that name that is
//! registered here, wherever it is.

use url::Url;

use crate::error::{Code, Error};
use crate::ledger::Ledger;
use crate::resource::{Body, StorageAccount, Stored};

/// What stands between an account's name and the suffix.
const SERVICE: &str = ".blob";
/// What Azure's own clouds have as suffix.
const PUBLIC: &[&str] = &[".core.windows.net", ".core.chinacloudapi.cn", ".core.usgovcloudapi.net"];

/// A container's URI whose host names an account beneath this installation's suffix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountUri {
    /// The account, in lower case.
    pub account: String,
    /// `container[/prefix]`, with neither slash at its ends.
    pub path: String,
}

impl AccountUri {
    /// Looks at a URI; `None` for one that names no account beneath the suffix (`.storage.example:8443`).
    pub fn parse(uri: &str, suffix: &str) -> Option<Self> {
        let url = Url::parse(uri.trim()).ok().filter(|url| ["https", "http"].contains(&url.scheme()))?;
        let account = account_of_host(url.host_str()?, url.port(), suffix)?;
        Some(Self { account, path: url.path().trim_matches('/').to_owned() })
    }
}

/// The account that a host (`ACCOUNT.blob.storage.example[:port]`) names. A port has to be the suffix's; without one it is.
pub(crate) fn account_of_host(host: &str, port: Option<u16>, suffix: &str) -> Option<String> {
    let (suffix, own_port) = split_port(suffix);
    if suffix.is_empty() || port.is_some_and(|port| port != own_port.unwrap_or(443)) {
        return None;
    }
    let host = host.to_ascii_lowercase();
    let account = host.strip_suffix(&suffix.to_ascii_lowercase())?.strip_suffix(SERVICE)?;
    (!account.is_empty() && !account.contains('.')).then(|| account.to_owned())
}

/// `host` and `port` of `host[:port]`.
pub(crate) fn split_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

/// Whether a suffix is that of one of Azure's own clouds. Where an operator takes one of them, names beneath it lead where they
/// lead for everybody else, and no registration changes that: whoever may register accounts in some group would otherwise be
/// sent the tokens that others' pipelines have for real accounts.
pub fn is_public(suffix: &str) -> bool {
    PUBLIC.iter().any(|public| suffix.eq_ignore_ascii_case(public))
}

/// The name by which the ledger finds an account.
pub(crate) fn ledger_name(account: &str) -> String {
    format!("storage:{}", account.to_ascii_lowercase())
}

/// The account that a container's URI names beneath this installation's suffix, as it is registered; `None` for a URI that
/// is to be taken as it stands.
///
/// # Errors
/// [`Code::StorageAccountNotRegistered`]; those of the ledger.
pub async fn account_of(
    ledger: &Ledger,
    uri: &str,
    suffix: &str,
) -> Result<Option<(Stored, StorageAccount)>, Error> {
    if is_public(suffix) {
        return Ok(None);
    }
    let Some(named) = AccountUri::parse(uri, suffix) else { return Ok(None) };
    let found = ledger.named(&ledger_name(&named.account)).await?;
    if let Some(stored) = found
        && let Body::StorageAccount(account) = &stored.body
    {
        let account = account.clone();
        return Ok(Some((stored, account)));
    }
    Err(Error::new(
        Code::StorageAccountNotRegistered,
        format!(
            "The storage account '{account}' of '{uri}' is not registered with this server, so that nobody knows where its blobs \
             are. Register it with `transload storage create {account} --endpoint URL`, or write the URI of the container as \
             its store has it.",
            account = named.account,
            uri = uri.split(['?', '#']).next().unwrap_or_default(),
        ),
    )
    .about("uri"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUFFIX: &str = ".storage.Example:8443";

    fn account(uri: &str) -> Option<(String, String)> {
        AccountUri::parse(uri, SUFFIX).map(|found| (found.account, found.path))
    }

    #[test]
    fn accounts_are_named_by_hosts_beneath_the_suffix() {
        let named = |path: &str| Some(("acct".to_owned(), path.to_owned()));
        assert_eq!(account("https://Acct.Blob.Storage.Example:8443/transfer/"), named("transfer"));
        assert_eq!(account("http://acct.blob.storage.example/transfer/a"), named("transfer/a"));
        for other in [
            "https://acct.blob.storage.example:9443/transfer",
            "https://acct.file.storage.example:8443/transfer",
            "https://a.acct.blob.storage.example:8443/transfer",
            "https://blob.storage.example:8443/transfer",
            "https://acct.blob.core.windows.net/transfer",
            "s3://acct.blob.storage.example/transfer",
            "no uri",
        ] {
            assert_eq!(account(other), None, "{other}");
        }
    }

    #[test]
    fn without_a_port_the_suffix_is_that_of_https() {
        let at = |uri: &str| AccountUri::parse(uri, ".core.windows.net").map(|found| found.account);
        assert_eq!(at("https://acct.blob.core.windows.net/c").as_deref(), Some("acct"));
        assert_eq!(at("https://acct.blob.core.windows.net:8443/c"), None);
    }
}
