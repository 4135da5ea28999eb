//! Where a bucket is: endpoints, regions, styles of URLs.

use url::Url;

use crate::error::{Error, ErrorKind};

/// Where requests go until the store says better, when no region is named.
pub(super) const REGION_FIRST: &str = "us-east-1";

/// Where buckets are.
#[derive(Debug, Clone, Default)]
pub struct S3Options {
    /// URL of a store that is not Amazon's, such as `https://minio.example:9000`.
    pub endpoint: Option<String>,
    /// Region; without it the bucket's own is asked for.
    pub region: Option<String>,
    /// Whether the bucket stands in the host's name. Without a word it does at Amazon and nowhere else.
    pub virtual_host: Option<bool>,
    /// Whether an endpoint may be plain HTTP though it is not on this machine.
    pub plain_http: bool,
}

impl S3Options {
    /// # Errors
    /// `LocationInvalid` for an endpoint that is no URL, or HTTP without having been asked for.
    pub(super) fn check(&self) -> Result<(), Error> {
        let Some(endpoint) = &self.endpoint else { return Ok(()) };
        check_endpoint(endpoint, self.plain_http)
    }

    /// The bucket's URL, without `/` at its end.
    pub(super) fn base(&self, bucket: &str, region: &str) -> String {
        // a name with a dot fits no wildcard certificate
        let virtual_host = self.virtual_host.unwrap_or(self.endpoint.is_none() && !bucket.contains('.'));
        let amazon = || {
            let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://s3.{region}.{domain}")
        };
        let endpoint = self.endpoint.as_deref().map_or_else(amazon, |e| e.trim_end_matches('/').to_owned());
        match endpoint.split_once("://") {
            Some((scheme, host)) if virtual_host => format!("{scheme}://{bucket}.{host}"),
            _ => format!("{endpoint}/{bucket}"),
        }
    }
}

/// Refuses what is no HTTP URL, and plain HTTP over a network unless it was asked for.
pub(crate) fn check_endpoint(endpoint: &str, plain_http: bool) -> Result<(), Error> {
    let invalid = |detail: &str| Error::new(ErrorKind::LocationInvalid, "endpoint", detail);
    let url = Url::parse(endpoint).map_err(|e| {
        invalid(&format!("it is no URL: {e}")).with_hint("write it as https://host or https://host:port")
    })?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(invalid("a store's endpoint has no user, password or query"));
    }
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if local || plain_http => Ok(()),
        "http" => Err(invalid("it is plain HTTP, which anybody on the way can read and change")
            .with_hint("use the https URL, or give it with --endpoint to say that this is meant")),
        _ => Err(invalid("it is no HTTP URL").with_hint("write it as https://host or https://host:port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_stand_in_the_host_at_amazon_and_in_the_path_elsewhere() {
        let amazon = S3Options::default();
        assert_eq!(amazon.base("b", "eu-west-1"), "https://b.s3.eu-west-1.amazonaws.com");
        assert_eq!(amazon.base("b.c", "eu-west-1"), "https://s3.eu-west-1.amazonaws.com/b.c");
        assert_eq!(amazon.base("b", "cn-north-1"), "https://b.s3.cn-north-1.amazonaws.com.cn");
        let other = S3Options { endpoint: Some("https://minio.example:9000/".to_owned()), ..amazon };
        assert_eq!(other.base("b", "us-east-1"), "https://minio.example:9000/b");
        let asked = S3Options { virtual_host: Some(true), ..other };
        assert_eq!(asked.base("b", "us-east-1"), "https://b.minio.example:9000");
    }

    #[test]
    fn plain_http_is_for_this_machine_or_for_whoever_asks() {
        for (endpoint, plain_http, good) in [
            ("https://store.example", false, true),
            ("http://127.0.0.1:5000", false, true),
            ("http://[::1]:5000", false, true),
            ("http://localhost:5000", false, true),
            ("http://store.example", false, false),
            ("http://store.example", true, true),
            ("store.example:9000", true, false),
            ("ftp://store.example", true, false),
            ("https://user:SECRET@store.example", true, false),
        ] {
            let result = check_endpoint(endpoint, plain_http);
            assert_eq!(result.is_ok(), good, "{endpoint}: {result:?}");
            assert!(!format!("{result:?}").contains("SECRET"), "{result:?}");
        }
    }
}
