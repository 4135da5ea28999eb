//! How a token of Entra ID becomes a refresh token of one of Azure's registries
//! (<https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md>).

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::token::TokenKey;
use crate::error::{Error, ErrorKind};
use crate::http::{Call, Http, Want, What, is_loopback};

/// Beside the token service's `/oauth2/token`.
const PATH: &str = "/oauth2/exchange";
/// How long a refresh token is used. Azure's are good for three hours.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// The refresh token of one registry: fetched once, however many tokens are made of it.
#[derive(Default)]
pub(super) struct Exchanged(tokio::sync::Mutex<Option<(SecretString, Instant)>>);

#[derive(Deserialize)]
struct Answer {
    refresh_token: Option<String>,
}

impl Exchanged {
    pub(super) async fn get(
        &self,
        http: &Http,
        key: &TokenKey,
        token: &SecretString,
        subject: &str,
    ) -> Result<SecretString, Error> {
        let mut kept = self.0.lock().await;
        if let Some((refresh, at)) = kept.as_ref()
            && at.elapsed() < KEPT
        {
            return Ok(refresh.clone());
        }
        let refresh = exchange(http, key, token, subject).await?;
        *kept = Some((refresh.clone(), Instant::now()));
        Ok(refresh)
    }
}

/// Refuses a token service that is not the registry: whoever has a token of Entra ID could be us at every registry.
pub(super) fn check(realm: &str, host: &str, subject: &str) -> Result<(), Error> {
    let named = Url::parse(realm).ok();
    let own = Url::parse(&format!("https://{host}/")).ok();
    let same = match (&named, &own) {
        (Some(named), Some(own)) => {
            named.host() == own.host() && (named.scheme() == "https" || is_loopback(named))
        }
        _ => false,
    };
    match same {
        true => Ok(()),
        false => {
            let place = named.as_ref().and_then(Url::host_str).unwrap_or("no URL");
            let detail =
                format!("its token service is {place}: a token of Entra ID is shown to the registry alone");
            Err(Error::new(ErrorKind::Unauthorized, subject, detail)
                .with_hint("use a password for this registry: it is none of Azure's"))
        }
    }
}

async fn exchange(
    http: &Http,
    key: &TokenKey,
    token: &SecretString,
    subject: &str,
) -> Result<SecretString, Error> {
    let fail = |kind, detail: String| Error::new(kind, subject, detail);
    let call = request(key, token, http.limits().token_bytes_max).ok_or_else(|| {
        fail(ErrorKind::Failed, "the registry names a token service that is no URL".to_owned())
    })?;
    let reply = http.send(&call, None, subject).await?;
    if !reply.status.is_success() {
        let refused = reply.refusal(subject, What::LIST, http.limits());
        let kind = match reply.status.as_u16() {
            400 | 401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Denied,
            _ => ErrorKind::Failed,
        };
        let detail = format!("the registry does not take our token of Entra ID: {}", refused.detail());
        return Err(fail(kind, detail));
    }
    let answer: Option<Answer> = serde_json::from_slice(&reply.body).ok();
    let refresh = answer.and_then(|answer| answer.refresh_token).filter(|token| !token.is_empty());
    refresh
        .map(SecretString::from)
        .ok_or_else(|| fail(ErrorKind::Failed, "the registry answers without a refresh token".to_owned()))
}

fn request(key: &TokenKey, token: &SecretString, bytes_max: usize) -> Option<Call> {
    let mut url = Url::parse(&key.realm).ok()?;
    url.set_path(PATH);
    url.set_query(None);
    let service = key.service.as_deref().or(url.host_str()).unwrap_or_default().to_owned();
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "access_token");
    form.append_pair("service", &service);
    form.append_pair("access_token", token.expose_secret());
    let call = Call::new(Method::POST, url, Want::Whole(bytes_max))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(Bytes::from(form.finish()));
    Some(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_entra_goes_to_the_registry_alone() {
        let ok = |realm, host| check(realm, host, "s").is_ok();
        assert!(ok("https://r.azurecr.io/oauth2/token", "r.azurecr.io"));
        assert!(ok("https://r.azurecr.io/oauth2/token", "r.azurecr.io:443"));
        assert!(!ok("https://evil.test/oauth2/token", "r.azurecr.io"));
        assert!(!ok("http://r.azurecr.io/oauth2/token", "r.azurecr.io"));
        assert!(!ok("https://r.azurecr.io@evil.test/oauth2/token", "r.azurecr.io"));
        assert!(!ok("nonsense", "r.azurecr.io"));
    }
}
