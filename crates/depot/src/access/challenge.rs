//! What is answered to those who are not known (RFC 9110, 11.6.1; distribution, "Token Authentication Specification").

use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use url::Url;

use super::grant::Grant;
use super::scope::scope_of;
use crate::error::Error;
use crate::server::Arrival;

/// Why somebody is not known.
#[derive(Debug)]
pub(super) enum Problem {
    /// The password is wrong, or there is no sense in what was sent.
    Credential(String),
    /// The token is no good.
    Token(String),
    /// Too many want to be known.
    Busy,
}

/// Whether names can stand in a header.
pub(super) fn check(service: &str, realm: Option<&str>) -> Result<(), Error> {
    let fail = |subject: &str, detail: &str, next: &str| {
        Err(Error::Access { subject: subject.to_owned(), detail: detail.to_owned(), next: next.to_owned() })
    };
    if service.is_empty()
        || service.contains(['"', '\\'])
        || !service.bytes().all(|b| (0x21..0x7f).contains(&b))
    {
        let next = "name it with letters, digits, dots, dashes and colons, such as registry.example:5000";
        return fail("the token service's name", "a header cannot hold it", next);
    }
    let is_url = |realm: &str| {
        Url::parse(realm).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
            && !realm.contains(['"', '\\'])
            && realm.bytes().all(|b| (0x21..0x7f).contains(&b))
    };
    match realm {
        Some(realm) if !is_url(realm) => {
            let next = "name the whole URL, such as https://registry.example/token";
            fail("the token service", "this is no URL of a token service", next)
        }
        _ => Ok(()),
    }
}

/// The token service: another one, or this registry under the name by which the client knows it.
pub(super) fn realm(named: Option<&str>, request: &Parts) -> String {
    named.map_or_else(|| format!("{}/token", authority(request).0), str::to_owned)
}

/// `scheme://host[:port]` and `host[:port]` by which the client knows this registry.
pub fn authority(request: &Parts) -> (String, String) {
    let authority = request.uri.authority().map(ToString::to_string);
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let is_host = |host: &String| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b))
    };
    let host = host.or(authority).filter(is_host).unwrap_or_else(|| "localhost".to_owned());
    let is_tls = request.extensions.get::<Arrival>().is_some_and(|arrival| arrival.is_tls);
    let scheme = if is_tls { "https" } else { "http" };
    (format!("{scheme}://{host}"), host)
}

/// Get a token there, for this.
pub fn bearer(realm: &str, service: &str, wanted: &[Grant], error: Option<&str>) -> Option<HeaderValue> {
    let mut text = format!("Bearer realm=\"{realm}\",service=\"{service}\"");
    let scopes: Vec<String> = wanted.iter().filter_map(scope_of).collect();
    if !scopes.is_empty() {
        text += &format!(",scope=\"{}\"", scopes.join(" "));
    }
    if let Some(error) = error {
        text += &format!(",error=\"{error}\"");
    }
    HeaderValue::try_from(text).ok()
}

/// Send a password.
pub(super) fn basic(service: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("Basic realm=\"{service}\"")).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::access::Action;

    fn request(host: &str, is_tls: bool) -> Parts {
        let addr = ([127, 0, 0, 1], 1).into();
        let request = Request::builder().uri("/v2/").header("host", host);
        request.extension(Arrival { peer: addr, local: addr, is_tls }).body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_challenge_says_where_and_for_what() {
        let wanted = [Grant::to(Action::Push, "a/b"), Grant::to(Action::Pull, "c")];
        let value = bearer("https://r.test/token", "r.test", &wanted, Some("insufficient_scope")).unwrap();
        let expected = "Bearer realm=\"https://r.test/token\",service=\"r.test\",\
                        scope=\"repository:a/b:pull,push repository:c:pull\",error=\"insufficient_scope\"";
        assert_eq!(value, expected);
        let value = bearer("http://x/token", "s", &[Grant::Base], None).unwrap();
        assert_eq!(value, "Bearer realm=\"http://x/token\",service=\"s\"");
    }

    #[test]
    fn the_token_service_has_the_name_that_the_client_uses() {
        assert_eq!(realm(None, &request("127.0.0.1:5000", false)), "http://127.0.0.1:5000/token");
        assert_eq!(realm(None, &request("[::1]:5000", true)), "https://[::1]:5000/token");
        assert_eq!(realm(None, &request("a\"b", true)), "https://localhost/token");
        assert_eq!(realm(Some("https://auth/t"), &request("x", false)), "https://auth/t");
    }

    #[test]
    fn what_no_header_can_hold_is_refused_at_the_start() {
        check("registry.example:5000", Some("https://auth.example/token?x=1")).unwrap();
        for (service, realm) in [
            ("", None),
            ("a b", None),
            ("a\"b", None),
            ("s", Some("auth.example")),
            ("s", Some("ftp://x/")),
            ("s", Some("https://x/\"")),
            ("s", Some("https://x/a b")),
        ] {
            assert!(check(service, realm).is_err(), "{service} {realm:?}");
        }
    }
}
