//! What a registry wants, from its `WWW-Authenticate` headers.

use http_auth::ChallengeParser;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use super::scope::Scope;

/// The way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// User and password with every request.
    Basic,
    /// A token from a token service (distribution, "Token Authentication Specification").
    Bearer {
        /// URL of the token service.
        realm: String,
        /// Name of the registry there.
        service: Option<String>,
    },
}

/// A challenge.
#[derive(Debug)]
pub(super) struct Challenge {
    pub(super) wanted: Wanted,
    pub(super) scope: Scope,
    pub(super) insufficient_scope: bool,
}

/// The challenge to answer: a token where tokens are taken, else Basic, whatever else is offered.
pub(super) fn parse(headers: &HeaderMap) -> Option<Challenge> {
    let mut basic = false;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(text) = value.to_str() else { continue };
        for challenge in ChallengeParser::new(text).map_while(Result::ok) {
            basic |= challenge.scheme.eq_ignore_ascii_case("basic");
            if !challenge.scheme.eq_ignore_ascii_case("bearer") {
                continue;
            }
            let param = |name: &str| {
                let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped())
            };
            let Some(realm) = param("realm") else { continue };
            return Some(Challenge {
                wanted: Wanted::Bearer { realm, service: param("service") },
                scope: Scope::parse(&param("scope").unwrap_or_default()),
                insufficient_scope: param("error").is_some_and(|e| e == "insufficient_scope"),
            });
        }
    }
    basic.then(|| Challenge { wanted: Wanted::Basic, scope: Scope::default(), insufficient_scope: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        parse(&headers)
    }

    #[test]
    fn a_token_is_preferred_wherever_it_stands() {
        let bearer = r#"Bearer realm="https://auth.test/token",service="r.test",scope="repository:a/b:pull,push",error="insufficient_scope""#;
        for values in [
            vec![bearer.to_owned()],
            vec![r#"Basic realm="x""#.to_owned(), bearer.to_owned()],
            vec![format!(r#"Negotiate, Basic realm="x, y", {bearer}"#)],
        ] {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let challenge = of(&values).unwrap();
            let wanted =
                Wanted::Bearer { realm: "https://auth.test/token".into(), service: Some("r.test".into()) };
            assert_eq!(challenge.wanted, wanted);
            assert_eq!(challenge.scope, Scope::push("a/b"));
            assert!(challenge.insufficient_scope);
        }
    }

    #[test]
    fn basic_is_taken_and_nonsense_is_not() {
        assert_eq!(of(&["Basic realm=\"Registry\""]).unwrap().wanted, Wanted::Basic);
        assert!(of(&["Digest realm=\"x\", nonce=\"y\""]).is_none());
        assert!(of(&["Bearer service=\"no realm\""]).is_none());
        assert!(of(&["\"\"\"===,,,"]).is_none());
        assert!(of(&[]).is_none());
    }
}
