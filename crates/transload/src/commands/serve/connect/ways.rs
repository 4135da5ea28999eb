//! Which names lead where.

use std::net::{IpAddr, SocketAddr};

use transload_control::{Control, Error};
use url::Url;

use super::super::Names;

/// What stands behind the names.
#[derive(Debug)]
pub(in crate::commands::serve) struct Ways {
    own: Own,
    here: SocketAddr,
    control: Control,
}

/// The names that are this server's.
#[derive(Debug)]
struct Own {
    host: String,
    /// With their leading dot, without a port.
    registries: String,
    vaults: String,
    /// `.blob` and the suffix of storage accounts.
    accounts: String,
}

/// Where a name leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    Here(SocketAddr),
    /// To where a storage account is.
    There {
        host: String,
        port: u16,
    },
    /// Nowhere, and why, in one line.
    Refused(String),
}

impl Ways {
    /// `here` is where this server listens.
    pub(in crate::commands::serve) fn new(names: &Names, mut here: SocketAddr, control: Control) -> Self {
        if here.ip().is_unspecified() {
            here.set_ip(if here.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        Self { own: Own::of(names), here, control }
    }

    /// Where a name leads. Behind a name of this server it is always this server, whatever port is named: clients know
    /// the port that is in the suffix, or none. A storage account is where it was registered to be.
    ///
    /// # Errors
    /// Those of the ledger.
    pub(super) async fn find(&self, host: &str) -> Result<Way, Error> {
        if self.own.has(host) {
            return Ok(Way::Here(self.here));
        }
        if !host.strip_suffix(&self.own.accounts).is_some_and(is_label) {
            return Ok(Way::Refused(self.own.allowed()));
        }
        Ok(match self.control.storage_account_at(host).await? {
            Some((_, account)) => of_endpoint(host, &account.endpoint),
            None => Way::Refused(format!(
                "no storage account is registered as {host}: register it with `transload storage create`"
            )),
        })
    }
}

/// Clients of a tunnel speak TLS, and so must what is behind it.
fn of_endpoint(host: &str, endpoint: &str) -> Way {
    let url = Url::parse(endpoint).ok().filter(|url| url.scheme() == "https");
    let Some(url) = url else {
        return Way::Refused(format!(
            "the storage account {host} is registered without TLS: give it a certificate (`transload ca issue`), and register it as https"
        ));
    };
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    match url.port_or_known_default() {
        Some(port) if !name.is_empty() => Way::There { host: name, port },
        _ => Way::Refused(format!("the storage account {host} is registered without a host")),
    }
}

impl Own {
    fn of(names: &Names) -> Self {
        let bare = |text: &str| {
            let host = match text.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
                _ => text,
            };
            host.trim_matches(['[', ']']).to_ascii_lowercase()
        };
        Self {
            host: bare(&names.host),
            registries: bare(&names.registry_suffix),
            vaults: bare(&names.vault_suffix),
            accounts: format!(".blob{}", bare(&names.storage_suffix)),
        }
    }

    fn has(&self, host: &str) -> bool {
        let beneath = |suffix: &str| host.strip_suffix(suffix).is_some_and(is_label);
        self.is_host(host) || beneath(&self.registries) || beneath(&self.vaults)
    }

    /// Its own host; where that is an address of loopback, every name of loopback.
    fn is_host(&self, host: &str) -> bool {
        let is_loopback =
            |name: &str| name == "localhost" || name.parse::<IpAddr>().is_ok_and(|addr| addr.is_loopback());
        host == self.host || (is_loopback(&self.host) && is_loopback(host))
    }

    fn allowed(&self) -> String {
        let Self { host, registries, vaults, accounts } = self;
        format!("this proxy leads to {host}, *{vaults}, *{registries} and registered *{accounts} alone")
    }
}

/// One name without dots.
fn is_label(text: &str) -> bool {
    !text.is_empty() && text.len() <= 63 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(base: &str) -> Own {
        Own::of(&Names {
            base: format!("https://{base}"),
            host: base.to_owned(),
            registry_suffix: ".azurecr.lab.test:8443".to_owned(),
            vault_suffix: ".vault.lab.test:8443".to_owned(),
            storage_suffix: ".storage.lab.test:8443".to_owned(),
        })
    }

    #[test]
    fn names_of_this_server_lead_to_it() {
        let own = own("lab.test:8443");
        for name in ["lab.test", "v1.vault.lab.test", "central.azurecr.lab.test"] {
            assert!(own.has(name), "{name}");
        }
        for name in [
            "localhost",
            "127.0.0.1",
            "vault.lab.test",
            ".vault.lab.test",
            "a.b.vault.lab.test",
            "other.lab.test",
            "acct.blob.storage.lab.test",
            "v1.vault.lab.test.example",
            "169.254.169.254",
            "login.microsoftonline.com",
        ] {
            assert!(!own.has(name), "{name}");
        }
        let allowed = own.allowed();
        for name in [" lab.test,", "*.vault.lab.test", "*.azurecr.lab.test", "*.blob.storage.lab.test"] {
            assert!(allowed.contains(name), "{allowed}");
        }
        assert!(!allowed.contains('\n'), "{allowed}");
    }

    #[test]
    fn an_account_is_reached_where_it_is_and_with_tls_alone() {
        let there = |host: &str, port| Way::There { host: host.to_owned(), port };
        assert_eq!(of_endpoint("a", "https://127.0.0.1:10000/acct"), there("127.0.0.1", 10000));
        assert_eq!(of_endpoint("a", "https://acct.example"), there("acct.example", 443));
        assert_eq!(of_endpoint("a", "https://[::1]:1/x"), there("::1", 1));
        let Way::Refused(why) = of_endpoint("a.blob.x", "http://127.0.0.1:10000/acct") else {
            panic!("led there")
        };
        assert!(why.contains("ca issue") && !why.contains('\n'), "{why}");
    }

    #[test]
    fn on_loopback_every_name_of_loopback_is_its_own() {
        for base in ["127.0.0.1:8443", "[::1]:8443", "localhost:8443"] {
            let own = own(base);
            assert!(["localhost", "127.0.0.1", "::1"].iter().all(|name| own.has(name)), "{base}");
            assert!(!own.has("10.0.0.1"), "{base}");
        }
    }
}
