//! Where a registry is, and whether it speaks HTTPS.

use reqwest::Method;
use url::Url;

use crate::auth::Auth;
use crate::error::{Error, ErrorKind};
use crate::http::{Call, Http, Retry, Want, is_loopback};

const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_API: &str = "registry-1.docker.io";
/// What servers written in Go answer to plain HTTP on a TLS port; nginx says "plain HTTP request".
const WANTS_TLS: [&str; 2] = ["HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port"];

/// A registry's name, checked.
pub(super) struct Endpoint {
    host: String,
    https: Url,
}

impl Endpoint {
    /// `host` or `host:port`.
    pub(super) fn parse(host: &str) -> Result<Self, Error> {
        let bad = || {
            Error::new(ErrorKind::Unreachable, host, "this is not a registry's host name")
                .with_hint("a registry is named host or host:port, without a scheme or a path")
        };
        let plain = !host.is_empty()
            && !host.contains(['/', '@', '?', '#', '\\'])
            && !host.contains(char::is_whitespace);
        if !plain {
            return Err(bad());
        }
        let host = host.to_ascii_lowercase();
        let api = match host.as_str() {
            DOCKER_HUB | "index.docker.io" => DOCKER_HUB_API,
            other => other,
        };
        let https = Url::parse(&format!("https://{api}/")).map_err(|_| bad())?;
        let host = if api == DOCKER_HUB_API { DOCKER_HUB.to_owned() } else { host };
        Ok(Self { host, https })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Scheme and address. Plain HTTP when it was asked for. A loopback host is asked once over HTTP, and
    /// only if it turns out to want TLS spoken to in HTTPS. Everything else is HTTPS.
    pub(super) async fn root(&self, http: &Http, auth: &Auth) -> Result<Url, Error> {
        if !http.plain_http() && !is_loopback(&self.https) {
            return Ok(self.https.clone());
        }
        let plain = self.plain();
        if http.plain_http() {
            return Ok(plain);
        }
        let mut probe = plain.clone();
        probe.set_path("/v2/");
        let call = Call::new(Method::GET, probe, Want::Stream);
        let mut retry = Retry::new(http.limits());
        loop {
            let fault = match http.follow(&call, None).await {
                Ok(reply) => {
                    let said = String::from_utf8_lossy(&reply.body);
                    if reply.status == 400 && WANTS_TLS.iter().any(|text| said.contains(text)) {
                        return Ok(self.https.clone());
                    }
                    auth.learn(&reply.headers);
                    return Ok(plain);
                }
                Err(fault) if fault.was_connected() && fault.kind() == ErrorKind::Unreachable => {
                    return Ok(self.https.clone());
                }
                Err(fault) => fault,
            };
            http.pause(&mut retry, fault, &plain, &self.host).await?;
        }
    }

    fn plain(&self) -> Url {
        let authority = &self.https[url::Position::BeforeHost..url::Position::BeforePath];
        // A host and port that were fit for one scheme are fit for the other.
        Url::parse(&format!("http://{authority}/")).unwrap_or_else(|_| self.https.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_hosts() {
        let plain = |host| Endpoint::parse(host).unwrap().plain().to_string();
        assert_eq!(plain("R.io:5000"), "http://r.io:5000/");
        assert_eq!(plain("[::1]:80"), "http://[::1]/");
        assert_eq!(Endpoint::parse("index.docker.io").unwrap().host(), "docker.io");
        assert_eq!(Endpoint::parse("docker.io").unwrap().https.host_str(), Some("registry-1.docker.io"));
        for bad in ["", "https://r.io", "r.io/a", "u@r.io", "r io", "r.io:port", "[::1"] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }
}
