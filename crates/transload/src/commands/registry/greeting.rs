//! What a registry says when it is ready.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use transload_transfer::Error;

use super::listening::{Listening, machine_name};
use crate::output::{Output, Page};

/// A registry that is ready, for people and for programs.
#[derive(Debug, Serialize)]
pub(super) struct Greeting {
    /// Where it is.
    urls: Vec<String>,
    /// What it serves, in a few words.
    serves: String,
    /// Who may do what, in a few words; one line each.
    access: Vec<String>,
    metrics: Option<String>,
    /// What clients have to trust.
    ca_file: Option<String>,
    #[serde(skip)]
    host: String,
    #[serde(skip)]
    is_writable: bool,
    #[serde(skip)]
    drain: Duration,
}

impl Greeting {
    pub(super) fn new(
        listening: &Listening,
        serves: String,
        access: Vec<String>,
        is_writable: bool,
        drain: Duration,
    ) -> Self {
        let scheme = if listening.tls.is_some() { "https" } else { "http" };
        let hosts: Vec<String> = listening.server.addrs().iter().map(reached_by).collect();
        let authority = listening.tls.as_ref().and_then(|tls| tls.authority());
        Self {
            urls: hosts.iter().map(|host| format!("{scheme}://{host}")).collect(),
            serves,
            access,
            metrics: listening
                .server
                .metrics_addr()
                .map(|addr| format!("http://{}/metrics", reached_by(&addr))),
            ca_file: authority.map(absolute),
            host: hosts.into_iter().next().unwrap_or_default(),
            is_writable,
            drain,
        }
    }

    pub(super) fn show(&self, output: &Output) -> Result<(), Error> {
        output.announce("serving", self, || Page::new().text(self.text()))
    }

    fn text(&self) -> String {
        let Self { host, .. } = self;
        let mut text = format!("registry at {}\n", self.urls.join(" and "));
        let mut line = |label: &str, value: &str| text.push_str(&format!("  {label:<8} {value}\n"));
        line("serves", &self.serves);
        for (nth, access) in self.access.iter().enumerate() {
            line(if nth == 0 { "access" } else { "" }, access);
        }
        if let Some(metrics) = &self.metrics {
            line("metrics", metrics);
        }
        if let Some(ca) = &self.ca_file {
            let folder = Path::new(ca).parent().unwrap_or(Path::new("")).display();
            line("trust", &format!("{ca}, for example by"));
            line("", &format!("docker      sudo install -D -m 644 {ca} /etc/docker/certs.d/{host}/ca.crt"));
            line("", &format!("containerd  ca = \"{ca}\" in /etc/containerd/certs.d/{host}/hosts.toml"));
            line("", &format!("skopeo      --cert-dir {folder}"));
            line("", &format!("transload   --ca-file {ca}"));
        }
        let example = if self.is_writable {
            format!("docker tag NAME {host}/NAME && docker push {host}/NAME")
        } else {
            format!("docker pull {host}/NAME")
        };
        line("try", &example);
        line("stop", &format!("Ctrl-C; what runs then has {} s to end", self.drain.as_secs()));
        text
    }
}

/// What a client on this machine calls the address.
fn reached_by(addr: &SocketAddr) -> String {
    if addr.ip().is_unspecified() { format!("{}:{}", machine_name(), addr.port()) } else { addr.to_string() }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
