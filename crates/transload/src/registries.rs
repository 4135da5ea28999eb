//! From hosts and options on the command line to open registries.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use transload_registry::credentials::{CredentialProvider, DockerConfig};
use transload_registry::{Client, ClientOptions, Limits, Source, Target, Web};
use transload_transfer::{Code, Error, Selection, Sources};

use crate::cli::{RegistryArgs, ResourceArgs, TrustArgs};
use crate::config::Environment;
use crate::output::Output;

/// Certificates and keys are some KiB long.
const PEM_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What a person sets for requests to registries.
pub(crate) fn bounds(resources: &ResourceArgs) -> Limits {
    let usual = Limits::default();
    Limits {
        requests_per_host_max: resources.max_per_host.map(usize::from),
        retry_after_max: resources.max_wait.unwrap_or(usual.retry_after_max),
        ..usual
    }
}

/// Opens registries, all with the same options.
pub(crate) struct Registries {
    options: ClientOptions,
    plain_http: Vec<String>,
}

impl Registries {
    pub(crate) fn new(
        args: &RegistryArgs,
        trust: &TrustArgs,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let auth_files = match &args.auth_file {
            Some(file) => {
                // a file that was named must be there; the usual ones need not
                std::fs::metadata(file).map_err(|error| unreadable("--auth-file", file, &error))?;
                vec![file.clone()]
            }
            None => environment.auth_files.clone(),
        };
        let client_identity_pem = match (&args.client_cert, &args.client_key) {
            (Some(cert), Some(key)) => {
                let mut pem = read_bounded("--client-cert", cert, PEM_BYTES_MAX)?;
                pem.push(b'\n');
                pem.extend(read_bounded("--client-key", key, PEM_BYTES_MAX)?);
                Some(pem)
            }
            (None, None) => None,
            // the parser sees to it where both come from the command line
            _ => {
                let detail = "a certificate and its key go together, and one of them is missing";
                return Err(Error::new(Code::Usage, "--client-cert, --client-key", detail)
                    .with_next("give both in the same place"));
            }
        };
        let options = ClientOptions {
            credentials: Arc::new(DockerConfig::new(auth_files)),
            ca_pem: ca_pem(trust)?,
            client_identity_pem,
            proxy: environment.proxy.clone(),
            user_agent: crate::commands::TOOL.to_owned(),
            ..ClientOptions::default()
        };
        Ok(Self { options, plain_http: args.plain_http.clone() })
    }

    /// The same within what a person sets, telling of waits.
    pub(crate) fn within(mut self, resources: &ResourceArgs, output: &Output) -> Self {
        self.options.limits = bounds(resources);
        self.options.on_wait = Some(output.on_wait());
        self
    }

    fn client(&self, host: &str) -> Result<Client, Error> {
        Ok(Client::new(host, ClientOptions { plain_http: self.is_plain_http(host), ..self.options.clone() })?)
    }

    fn is_plain_http(&self, host: &str) -> bool {
        self.plain_http.iter().any(|asked| asked == "*" || asked.eq_ignore_ascii_case(host))
    }

    /// A client that shows this credential and no other.
    pub(crate) fn client_with(
        &self,
        host: &str,
        credentials: Arc<dyn CredentialProvider>,
    ) -> Result<Client, Error> {
        let plain_http = self.is_plain_http(host);
        Ok(Client::new(host, ClientOptions { plain_http, credentials, ..self.options.clone() })?)
    }

    /// Opens every registry that the selection names.
    pub(crate) fn sources(&self, selection: &Selection) -> Result<Sources, Error> {
        let web = Web::new(self.options.clone());
        let mut sources: Sources = BTreeMap::from([(Web::HOST.to_owned(), Arc::new(web) as Arc<dyn Source>)]);
        for host in selection.wanted.iter().filter_map(|wanted| wanted.pattern.registry()) {
            if !sources.contains_key(host) {
                sources.insert(host.to_owned(), Arc::new(self.client(host)?) as Arc<dyn Source>);
            }
        }
        Ok(sources)
    }

    /// Opens the registry to fill; returns the prefix that was named behind it.
    pub(crate) fn target(&self, to: &str) -> Result<(Arc<dyn Target>, String), Error> {
        let invalid = |detail: &str| {
            Error::new(Code::ReferenceInvalid, format!("--to {to}"), detail)
                .with_next("write it as registry or registry/prefix, without a scheme and without a tag")
        };
        if to.contains("://") {
            return Err(invalid("there is a scheme in it"));
        }
        let (host, prefix) = to.split_once('/').unwrap_or((to, ""));
        let prefix = prefix.trim_end_matches('/');
        if host.is_empty() || !(host.contains(['.', ':']) || host == "localhost") {
            return Err(invalid(
                "it names no registry: a registry has a dot or a port in its name, or is localhost",
            ));
        }
        if !prefix.is_empty() && !transload_oci::is_repository(prefix) {
            return Err(invalid(&format!("'{prefix}' is no prefix of repository names")));
        }
        Ok((Arc::new(self.client(&host.to_ascii_lowercase())?), prefix.to_owned()))
    }
}

/// The certificate authorities that the command line names.
pub(crate) fn ca_pem(trust: &TrustArgs) -> Result<Vec<Vec<u8>>, Error> {
    trust.ca_file.iter().map(|file| read_bounded("--ca-file", file, PEM_BYTES_MAX)).collect()
}

pub(crate) fn read_bounded(option: &str, file: &Path, bytes_max: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(|error| unreadable(option, file, &error))?;
    opened.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| unreadable(option, file, &error))?;
    if bytes.len() as u64 > bytes_max {
        let subject = format!("{option} {}", file.display());
        return Err(Error::new(Code::Usage, subject, format!("it is longer than {bytes_max} bytes")));
    }
    Ok(bytes)
}

pub(crate) fn unreadable(option: &str, file: &Path, error: &std::io::Error) -> Error {
    Error::new(Code::Usage, format!("{option} {}", file.display()), error.to_string())
        .with_next("check the path and its permissions")
}
