//! Addresses in answers: they lead back the way the client came.

use http::HeaderMap;
use http::header::HOST;
use http::uri::{Authority, Uri};

/// What addresses in answers begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Links {
    base: String,
    host: String,
}

impl Links {
    /// The base under which a client reached us: the scheme of our own base URI with the host that the request names, else
    /// our own base URI. A machine has many names, and a client trusts the one it used.
    pub(crate) fn of(uri: &Uri, headers: &HeaderMap, own: &str) -> Self {
        let own = own.trim_end_matches('/');
        let scheme = own.split_once("://").map_or("https", |(scheme, _)| scheme);
        let named = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        let named = named.or_else(|| uri.authority().map(ToString::to_string));
        let host = named.filter(|host| is_authority(host)).map(|host| host.to_ascii_lowercase());
        match host {
            Some(host) => Self { base: format!("{scheme}://{host}"), host },
            None => {
                let host = own.split_once("://").map_or(own, |(_, host)| host).to_ascii_lowercase();
                Self { base: own.to_owned(), host }
            }
        }
    }

    /// `https://host[:port]`, no slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// `host[:port]` in lower case.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// An address with this path.
    pub(crate) fn to(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// `host[:port]` and nothing else: no user, nothing that ends a URL's host.
pub(crate) fn is_authority(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    !text.is_empty() && text.len() <= 255 && text.chars().all(plain) && text.parse::<Authority>().is_ok()
}

/// The vault that a host names: what stands before the suffix (`.vault.example[:port]`). The port does not count.
pub(crate) fn vault_of_host<'a>(host: &'a str, suffix: &str) -> Option<&'a str> {
    let suffix = without_port(suffix).to_ascii_lowercase();
    if suffix.is_empty() {
        return None;
    }
    let name = without_port(host).strip_suffix(&suffix)?.trim_end_matches('.');
    (!name.is_empty() && !name.contains('.')).then_some(name)
}

pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(host: Option<&str>) -> Links {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, host.parse().unwrap());
        }
        Links::of(&Uri::from_static("/x"), &headers, "https://127.0.0.1:8443")
    }

    #[test]
    fn addresses_lead_back_the_way_the_client_came() {
        assert_eq!(links(Some("Lab.example:9443")).to("/a"), "https://lab.example:9443/a");
        assert_eq!(links(Some("[::1]:8443")).base(), "https://[::1]:8443");
        assert_eq!(links(None).base(), "https://127.0.0.1:8443");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        for host in ["a/b", "user@host", "a b", "a?b", "a\"b", "<script>"] {
            assert_eq!(links(Some(host)).base(), "https://127.0.0.1:8443", "{host}");
        }
    }

    #[test]
    fn hosts_name_vaults() {
        let suffix = ".vault.Transfer.test:8443";
        assert_eq!(vault_of_host("lab.vault.transfer.test:8443", suffix), Some("lab"));
        assert_eq!(vault_of_host("lab.vault.transfer.test", suffix), Some("lab"));
        assert_eq!(vault_of_host("vault.transfer.test:8443", suffix), None);
        assert_eq!(vault_of_host("a.lab.vault.transfer.test:8443", suffix), None);
        assert_eq!(vault_of_host("127.0.0.1:8443", suffix), None);
    }
}
