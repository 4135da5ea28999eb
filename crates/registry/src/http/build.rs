//! The HTTP client itself.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Certificate, Identity, NoProxy, Proxy};
use url::{Host, Url};

use crate::error::{Error, ErrorKind};
use crate::options::{ClientOptions, ProxySettings};

const POOL_IDLE: Duration = Duration::from_secs(90);
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);
const NEVER_BY_PROXY: &str = "localhost,127.0.0.0/8,::1";

/// HTTP/1.1 only: parallel connections beat the flow control of one HTTP/2 connection for bulk data. No
/// redirect is followed and no time-out set here: both need to know what the request is.
pub(super) fn client(options: &ClientOptions, subject: &str) -> Result<reqwest::Client, Error> {
    let plain = builder(options, subject)?;
    match plain.build() {
        Ok(client) => Ok(client),
        // A machine without any certificate authority (a bare container) can still speak plain HTTP, and gets
        // told on the first HTTPS request that nothing is trusted.
        Err(_) if options.ca_pem.is_empty() => builder(options, subject)?
            .tls_certs_only([])
            .build()
            .map_err(|_| Error::new(ErrorKind::Tls, subject, "the TLS settings cannot be used")),
        Err(_) => {
            Err(Error::new(ErrorKind::Tls, subject, "the certificate authorities given cannot be used")
                .with_hint("check the file given with --ca-file"))
        }
    }
}

fn builder(options: &ClientOptions, subject: &str) -> Result<reqwest::ClientBuilder, Error> {
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .tcp_nodelay(true)
        .tcp_keepalive(TCP_KEEPALIVE)
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(options.limits.idle_connections_max)
        .connect_timeout(options.limits.connect_timeout)
        .user_agent(&options.user_agent);
    let mut authorities = Vec::new();
    for pem in &options.ca_pem {
        let found = Certificate::from_pem_bundle(pem).unwrap_or_default();
        if found.is_empty() {
            return Err(Error::new(
                ErrorKind::Tls,
                subject,
                "no certificate in a file of certificate authorities",
            )
            .with_hint("--ca-file wants certificates in PEM form"));
        }
        authorities.extend(found);
    }
    if !authorities.is_empty() {
        builder = builder.tls_certs_merge(authorities);
    }
    if let Some(pem) = &options.client_identity_pem {
        let identity = Identity::from_pem(pem).map_err(|_| {
            Error::new(ErrorKind::Tls, subject, "the client certificate cannot be used")
                .with_hint("certificate chain and private key are wanted, both in PEM form")
        })?;
        builder = builder.identity(identity);
    }
    for proxy in proxies(options, subject)? {
        builder = builder.proxy(proxy);
    }
    for (host, address) in &options.resolve {
        builder = builder.resolve(host, *address);
    }
    Ok(builder)
}

fn proxies(options: &ClientOptions, subject: &str) -> Result<Vec<Proxy>, Error> {
    let settings: &ProxySettings = &options.proxy;
    // a proxy would ask for the name itself
    let resolved = options.resolve.iter().map(|(host, _)| host.as_str());
    let direct: Vec<&str> =
        [NEVER_BY_PROXY].into_iter().chain(settings.no_proxy.as_deref()).chain(resolved).collect();
    let direct = direct.join(",");
    let mut proxies = Vec::new();
    for (name, url) in [("http", &settings.http), ("https", &settings.https)] {
        let Some(url) = url.as_deref().filter(|u| !u.is_empty()) else { continue };
        let proxy = if name == "http" { Proxy::http(url) } else { Proxy::https(url) };
        let proxy = proxy.map_err(|_| {
            Error::new(ErrorKind::Unreachable, subject, format!("the {name} proxy's address is no URL"))
        })?;
        proxies.push(proxy.no_proxy(NoProxy::from_string(&direct)));
    }
    Ok(proxies)
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}
