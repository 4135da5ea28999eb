//! Which names lead where.

use std::net::{IpAddr, SocketAddr};

use super::super::Names;

/// What stands behind the names.
#[derive(Debug)]
pub(in crate::commands::serve) struct Ways {
    own: Own,
    here: SocketAddr,
}

/// The names that are this server's.
#[derive(Debug)]
struct Own {
    host: String,
    /// With their leading dot, without a port.
    registries: String,
    vaults: String,
}

/// Where a name leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    To(SocketAddr),
    /// Nowhere, and why, in one line.
    Refused(String),
}

impl Ways {
    /// `here` is where this server listens.
    pub(in crate::commands::serve) fn new(names: &Names, mut here: SocketAddr) -> Self {
        if here.ip().is_unspecified() {
            here.set_ip(if here.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        Self { own: Own::of(names), here }
    }

    /// Where a name leads. Behind a name of this server it is always this server, whatever port is named: clients know
    /// the port that is in the suffix, or none.
    pub(super) fn find(&self, host: &str) -> Way {
        if self.own.has(host) { Way::To(self.here) } else { Way::Refused(self.own.allowed()) }
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
        format!("this proxy leads to {}, *{} and *{} alone", self.host, self.vaults, self.registries)
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
            "v1.vault.lab.test.example",
            "169.254.169.254",
            "login.microsoftonline.com",
        ] {
            assert!(!own.has(name), "{name}");
        }
        let allowed = own.allowed();
        assert!(
            allowed.contains("lab.test, *.vault.lab.test and *.azurecr.lab.test") && !allowed.contains('\n')
        );
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
