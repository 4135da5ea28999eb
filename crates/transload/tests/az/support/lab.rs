//! Two sides of a gap on one control plane.

use transload_testkit::peers::{Az, AzLogin, Azurite, AzuriteOptions, DockerRegistry};
use transload_testkit::site::{Site, SiteOptions};

/// The container of each storage account.
pub(crate) const CONTAINER: &str = "transfer";
/// The secret with the container's token, in the vault of each side.
pub(crate) const TOKEN: &str = "transfersas";

/// One side: its group, registry, vault and storage account have names of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Where artifacts come from.
    Source,
    /// Where they go to.
    Target,
}

impl Side {
    /// Its resource group.
    pub(crate) fn group(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    /// Its registry.
    pub(crate) fn registry(self) -> &'static str {
        match self {
            Self::Source => "sourceregistry",
            Self::Target => "targetregistry",
        }
    }

    /// Its vault.
    pub(crate) fn vault(self) -> &'static str {
        match self {
            Self::Source => "sourcevault",
            Self::Target => "targetvault",
        }
    }

    /// Its storage account.
    pub(crate) fn account(self) -> &'static str {
        match self {
            Self::Source => "sourcestore",
            Self::Target => "targetstore",
        }
    }

    /// The key of its storage account (Base64).
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Source => {
                "c291cmNlLXN0b3JlLWtleS1vZi10aGUtdGVzdHMtb25seS0wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2Q="
            }
            Self::Target => {
                "dGFyZ2V0LXN0b3JlLWtleS1vZi10aGUtdGVzdHMtb25seS0wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2Q="
            }
        }
    }
}

/// All of it. What it talks to goes with it.
pub(crate) struct Lab {
    pub(crate) site: Site,
    pub(crate) az: Az,
    pub(crate) azurite: Azurite,
    near: DockerRegistry,
    far: DockerRegistry,
}

impl Lab {
    /// A group, registry, vault and storage account on each side, an empty container in each account with a token that
    /// lets everything in the vault, and `az` signed in as the administrator.
    pub(crate) fn new() -> Self {
        let options = SiteOptions { connect: true, ..SiteOptions::default() };
        let site = Site::start(env!("CARGO_BIN_EXE_transload"), options);
        let (near, far) = (DockerRegistry::start(), DockerRegistry::start());
        let azurite = azurite(&site);
        let me = site.get("/api/whoami")["principalId"].as_str().unwrap().to_owned();
        for (side, host) in [(Side::Source, near.host()), (Side::Target, far.host())] {
            site.make_group(side.group());
            site.make_external(side.group(), side.registry(), &host);
            site.make_vault(side.group(), side.vault());
            site.permit(side.group(), side.vault(), &me, &["all"]);
        }
        let admin = site.admin().clone();
        let az = sign_in(&site, &admin.client_id, &admin.secret);
        let lab = Self { site, az, azurite, near, far };
        for side in [Side::Source, Side::Target] {
            lab.store(side, &["container", "create", "-n", CONTAINER]);
            lab.keep_token(side, &lab.sas(side, &["--permissions", "racwdl"]));
        }
        lab
    }

    /// `az` of another principal: client id and secret.
    pub(crate) fn sign_in(&self, client_id: &str, secret: &str) -> Az {
        sign_in(&self.site, client_id, secret)
    }

    /// Address of a side's registry.
    pub(crate) fn host(&self, side: Side) -> String {
        match side {
            Side::Source => self.near.host(),
            Side::Target => self.far.host(),
        }
    }

    /// Where a side's container is.
    pub(crate) fn container(&self, side: Side) -> String {
        format!("{}/{}/{CONTAINER}", self.azurite.endpoint().url(), side.account())
    }

    /// `az storage …` with a side's key, at the account's own address.
    pub(crate) fn store(&self, side: Side, words: &[&str]) -> String {
        let endpoint = format!("{}/{}", self.azurite.endpoint().url(), side.account());
        let whole = ["--account-name", side.account(), "--account-key", side.key()];
        self.az.ok(&[&["storage"], words, &whole[..], &["--blob-endpoint", &endpoint]].concat())
    }

    /// A token of a side's container: what `az storage container generate-sas` makes with these options.
    pub(crate) fn sas(&self, side: Side, options: &[&str]) -> String {
        let mut all = vec!["storage", "container", "generate-sas", "-n", CONTAINER, "-o", "tsv"];
        all.extend(["--account-name", side.account(), "--account-key", side.key()]);
        all.extend(options);
        if !options.contains(&"--expiry") {
            all.extend(["--expiry", "2099-01-01"]);
        }
        self.az.ok(&all).trim().to_owned()
    }

    /// A token of a side's whole account: `az storage account generate-sas` for these types of resources.
    pub(crate) fn account_sas(&self, side: Side, types: &str, permissions: &str) -> String {
        let whole = ["--account-name", side.account(), "--account-key", side.key(), "-o", "tsv"];
        let told = ["--services", "b", "--resource-types", types, "--permissions", permissions];
        let until = ["--expiry", "2099-01-01"];
        let all = [&["storage", "account", "generate-sas"], &whole[..], &told[..], &until[..]].concat();
        self.az.ok(&all).trim().to_owned()
    }

    /// Puts a token into a side's vault, as the article has it: with a question mark in front.
    pub(crate) fn keep_token(&self, side: Side, token: &str) {
        self.site.set_secret(side.vault(), TOKEN, &format!("?{token}"));
    }
}

fn sign_in(site: &Site, client_id: &str, secret: &str) -> Az {
    let login = AzLogin { tenant: &site.admin().tenant, client_id, secret };
    Az::sign_in(&site.url(), &site.connect_url(), &site.ca_file(), login)
}

/// An emulator that has both accounts, with a certificate of the site's authority.
fn azurite(site: &Site) -> Azurite {
    let domain = format!("*.blob.storage.{}", transload_testkit::site::DOMAIN);
    let identity = site.pki().server(&["127.0.0.1", "localhost", &domain]);
    let accounts =
        [Side::Source, Side::Target].map(|side| (side.account().to_owned(), side.key().to_owned()));
    Azurite::start_with(&AzuriteOptions {
        tls: Some((identity, site.pki().ca_pem())),
        accounts: accounts.to_vec(),
    })
}
