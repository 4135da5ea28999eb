//! What a control plane says when it is ready.

use std::io::IsTerminal as _;

use secrecy::ExposeSecret as _;
use serde::Serialize;
use transload_transfer::Error;

use super::Names;
use super::first::Administrator;
use super::plane::Plane;
use crate::commands::registry::Listening;
use crate::output::{Output, Page};
use crate::settings::ServeOptions;

/// A control plane that is ready, for people and for programs.
#[derive(Debug, Serialize)]
pub(super) struct Greeting {
    /// Where clients reach it.
    url: String,
    /// Where it listens.
    listening: Vec<String>,
    metrics: Option<String>,
    /// Where clients of this machine are connected to its names.
    connect: Option<String>,
    /// What clients have to trust.
    ca_file: Option<String>,
    data: String,
    ledger: String,
    tenant: String,
    subscription: String,
    vault_suffix: String,
    storage_suffix: String,
    registry_suffix: String,
    workers: u16,
    /// The administrator, at the first start.
    administrator: Option<Shown>,
}

/// The administrator that was made just now. Programs find the secret in the file.
#[derive(Debug, Serialize)]
struct Shown {
    client_id: String,
    file: String,
    #[serde(skip)]
    secret: secrecy::SecretString,
}

impl Greeting {
    pub(super) fn new(
        listening: &Listening,
        connect: Option<String>,
        names: &Names,
        options: &ServeOptions,
        plane: &Plane,
        administrator: Option<Administrator>,
    ) -> Self {
        let absolute = |path: &std::path::Path| {
            std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
        };
        let authority = listening.tls.as_ref().and_then(|tls| tls.authority());
        Self {
            url: names.base.clone(),
            listening: listening.server.addrs().iter().map(ToString::to_string).collect(),
            metrics: listening.server.metrics_addr().map(|addr| format!("http://{addr}/metrics")),
            connect,
            ca_file: authority.map(absolute),
            data: absolute(&options.kept.data),
            ledger: plane.ledger.place().to_owned(),
            tenant: plane.tenant.to_string(),
            subscription: plane.subscription.to_string(),
            vault_suffix: names.vault_suffix.clone(),
            storage_suffix: names.storage_suffix.clone(),
            registry_suffix: names.registry_suffix.clone(),
            workers: options.work.workers,
            administrator: administrator.map(|made| Shown {
                client_id: made.client_id.to_string(),
                file: absolute(&made.file),
                secret: made.secret,
            }),
        }
    }

    pub(super) fn show(&self, output: &Output) -> Result<(), Error> {
        output.announce("serving", self, || Page::new().text(self.text()))
    }

    fn text(&self) -> String {
        let mut text = format!("control plane at {}\n", self.url);
        let mut line = |label: &str, value: &str| text.push_str(&format!("  {label:<13} {value}\n"));
        line("data", &self.data);
        line("ledger", &self.ledger);
        line("tenant", &self.tenant);
        line("subscription", &self.subscription);
        line("vaults", &format!("NAME{}", self.vault_suffix));
        line("storage", &format!("NAME.blob{}", self.storage_suffix));
        line(
            "registries",
            &format!("NAME{}, the first one made also at the address above", self.registry_suffix),
        );
        match self.workers {
            0 => line("runs", "are performed by `transload worker` elsewhere"),
            workers => line("runs", &format!("{workers} at a time in this process")),
        }
        if let Some(metrics) = &self.metrics {
            line("metrics", metrics);
        }
        if let Some(connect) = &self.connect {
            line("names", &format!("HTTPS_PROXY={connect} leads to all of them from this machine"));
        }
        if let Some(ca) = &self.ca_file {
            line("trust", &format!("{ca} (--ca-file, REQUESTS_CA_BUNDLE, /etc/docker/certs.d/HOST/ca.crt)"));
        }
        let file = format!("{}/administrator.json", self.data);
        if let Some(administrator) = &self.administrator {
            line("administrator", &format!("client id {}", administrator.client_id));
            // what is no terminal is a log that many read
            if std::io::stdout().is_terminal() {
                line("", &format!("secret    {}", administrator.secret.expose_secret()));
                line("", &format!("kept in   {} (mode 0600); it is not shown again", administrator.file));
            } else {
                line("", &format!("secret    is in {} (mode 0600)", administrator.file));
            }
        }
        line("try", &format!("transload context add local --file {file}"));
        line("", "transload group create demo && transload group list");
        line("stop", "Ctrl-C; what runs then is given back and goes on at the next start");
        text
    }
}
