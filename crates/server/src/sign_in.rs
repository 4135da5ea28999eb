//! Where tokens come from: discovery, keys, and the token endpoint with client credentials (RFC 6749, § 4.4).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER};
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use serde_json::json;
use transload_api::token::{OpenIdConfiguration, TokenAnswer, TokenError};
use transload_control::{Caller, Code, Error};
use url::form_urlencoded;
use uuid::Uuid;

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map::moment;
use crate::token::{Audience, Audiences, Issued};

/// Words of paths that stand for whatever tenant there is.
const ANY_TENANT: &[&str] = &["common", "organizations", "adfs"];

/// What a client signs in with.
struct Credentials {
    client_id: String,
    secret: SecretString,
}

/// A refusal of the token endpoint: its own form (RFC 6749, § 5.2), with Entra's number.
struct Refusal {
    status: StatusCode,
    error: &'static str,
    number: u32,
    text: String,
    retry_after: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, error: &'static str, number: u32, text: impl Into<String>) -> Self {
        Self { status, error, number, text: text.into(), retry_after: None }
    }

    fn answer(self, call: &Call) -> Answer {
        let answer = Answer::json(
            self.status,
            &TokenError {
                error: self.error.to_owned(),
                error_description: format!("AADSTS{}: {}", self.number, self.text),
                error_codes: vec![self.number],
                timestamp: moment(call.now),
                correlation_id: call.caller.correlation.clone(),
            },
        );
        match self.retry_after {
            Some(seconds) => answer.header(RETRY_AFTER, seconds),
            None => answer,
        }
    }
}

impl Face {
    fn is_tenant(&self, word: &str) -> bool {
        word.eq_ignore_ascii_case(&self.tenant())
            || ANY_TENANT.iter().any(|any| any.eq_ignore_ascii_case(word))
    }

    fn no_tenant(&self, word: &str) -> Fault {
        let shown: String = word.chars().filter(|c| !c.is_control()).take(100).collect();
        Fault::not_found(
            "TenantNotFound",
            format!("The tenant '{shown}' is not here; it is '{}'.", self.tenant()),
        )
    }
}

/// OpenID discovery (contract, § 7). Addresses lead back the way the client came; the issuer is what tokens say.
pub(crate) async fn discovery(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let tenant = call.params.get("tenant");
    if !face.is_tenant(tenant) {
        return Err(face.no_tenant(tenant));
    }
    let at = |path: &str| call.links.to(&format!("/{tenant}/{path}"));
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Ok(Answer::ok(&OpenIdConfiguration {
        issuer: face.tokens.issuer(),
        token_endpoint: at("oauth2/v2.0/token"),
        authorization_endpoint: at("oauth2/v2.0/authorize"),
        jwks_uri: at("discovery/v2.0/keys"),
        token_endpoint_auth_methods_supported: words(&["client_secret_post", "client_secret_basic"]),
        grant_types_supported: words(&["client_credentials"]),
        response_types_supported: words(&["token"]),
        subject_types_supported: words(&["pairwise"]),
        id_token_signing_alg_values_supported: words(&["ES256"]),
        scopes_supported: words(&["openid"]),
    }))
}

/// The public keys (RFC 7517).
pub(crate) async fn keys(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let tenant = call.params.get("tenant");
    if !face.is_tenant(tenant) {
        return Err(face.no_tenant(tenant));
    }
    let keys = face.tokens.published(call.now.unix_timestamp()).await?;
    Ok(Answer::ok(&keys).header(CACHE_CONTROL, "public, max-age=3600"))
}

/// A token for a client's id and secret.
pub(crate) async fn token(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let tenant = call.params.get("tenant");
    if !face.is_tenant(tenant) {
        let text = format!(
            "Tenant '{}' not found.",
            tenant.chars().filter(|c| !c.is_control()).take(100).collect::<String>()
        );
        return Ok(Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", 90002, text).answer(call));
    }
    Ok(match granted(face, call).await? {
        Ok(issued) => answer_token(&issued, None),
        Err(refusal) => refusal.answer(call),
    })
}

async fn granted(face: &Face, call: &Call) -> Result<Result<Issued, Refusal>, Fault> {
    let form: Vec<(String, String)> = form_urlencoded::parse(&call.body).into_owned().collect();
    let field = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let refuse =
        |error, number, text: &str| Ok(Err(Refusal::new(StatusCode::BAD_REQUEST, error, number, text)));
    match field("grant_type") {
        Some("client_credentials") => {}
        None => return refuse("invalid_request", 900_144, "The request body must contain: 'grant_type'."),
        Some(_) => {
            return refuse(
                "unsupported_grant_type",
                70003,
                "Only the grant type client_credentials is supported.",
            );
        }
    }
    let audience = match field("scope").or_else(|| field("resource")).filter(|asked| !asked.trim().is_empty())
    {
        None => Audience::Manager,
        Some(asked) => match face.tokens.audiences().asked(asked, call.links.base()) {
            Some(audience) => audience,
            None => return refuse("invalid_scope", 500_011, no_audience(asked)),
        },
    };
    let posted = field("client_id").zip(field("client_secret"));
    let posted = posted.map(|(id, secret)| Credentials { client_id: id.to_owned(), secret: secret.into() });
    let Some(credentials) = basic(call).or(posted) else {
        return Ok(Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            7_000_216,
            "'client_id' and 'client_secret' are required, in the form or as Basic.",
        )));
    };
    sign_in(face, &call.caller, &credentials, audience, call.now.unix_timestamp()).await
}

/// Why there is no token for that. Clients put advice of their own behind it: to sign in again.
fn no_audience(asked: &str) -> &'static str {
    if Audiences::is_storage(asked) {
        "Storage takes an account's key or a SAS token here, and nobody signs in to it. Leave out --auth-mode login and --as-user: az \
         then asks for the account's key. Or give --account-key, --sas-token or --connection-string. To sign in again changes \
         nothing."
    } else {
        "The scope names no resource of this server. Ask for its base URI with /.default behind it. To sign in again changes nothing."
    }
}

/// Id and secret of a Basic header; each is form-encoded in it (RFC 6749, § 2.3.1).
fn basic(call: &Call) -> Option<Credentials> {
    let text = call.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |text: &str| percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    Some(Credentials { client_id: plain(id)?, secret: plain(secret)?.into() })
}

async fn sign_in(
    face: &Face,
    caller: &Caller,
    credentials: &Credentials,
    audience: Audience,
    now: i64,
) -> Result<Result<Issued, Refusal>, Fault> {
    let refused = || {
        let text = "Invalid client id or secret. A new secret: `transload principal rotate`.";
        Refusal::new(StatusCode::UNAUTHORIZED, "invalid_client", 7_000_215, text)
    };
    let Ok(client_id) = Uuid::parse_str(credentials.client_id.trim()) else { return Ok(Err(refused())) };
    match face.control.sign_in(caller, client_id, &credentials.secret).await {
        Ok(principal) => Ok(Ok(face.tokens.issue(&principal, audience, now).await?)),
        Err(Error { code: Code::AuthenticationFailed, .. }) => Ok(Err(refused())),
        Err(error) if error.code == Code::TooManyRequests => Ok(Err(Refusal {
            retry_after: Some("10"),
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", 50196, error.message)
        })),
        Err(error) => Err(error.into()),
    }
}

fn answer_token(issued: &Issued, resource: Option<&str>) -> Answer {
    Answer::ok(&TokenAnswer {
        token_type: "Bearer".to_owned(),
        expires_in: issued.expires_in,
        ext_expires_in: issued.expires_in,
        expires_on: resource.map(|_| issued.expires_at.to_string()),
        resource: resource.map(str::to_owned),
        access_token: issued.token.clone(),
    })
    .header(CACHE_CONTROL, "no-store")
}

/// A token for `az login --identity` with `IDENTITY_ENDPOINT=https://host/msi/token` and
/// `IDENTITY_HEADER={client id}:{secret}`: the header is the credential.
pub(crate) async fn managed_identity(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let said = call.headers.get("x-identity-header").and_then(|value| value.to_str().ok());
    let Some((client_id, secret)) = said.and_then(|said| said.split_once(':')) else {
        return Err(Fault::new(
            StatusCode::UNAUTHORIZED,
            "AuthenticationFailed",
            "Set IDENTITY_HEADER to '{client id}:{secret}' of a service principal.",
        ));
    };
    let resource = call.query.said("resource").unwrap_or_default();
    let asked = face.tokens.audiences().asked(resource, call.links.base());
    let set = face.control.options();
    let suffixes = [&*set.registry_suffix, &*set.vault_suffix, &*set.storage_suffix];
    // a token for one thing never goes to another: what is known not to be this server gets none
    let is_here = resource.is_empty() || Audiences::may_be_here(resource, &suffixes);
    let Some(audience) = asked.or(is_here.then_some(Audience::Manager)) else {
        let text = no_audience(resource);
        let said =
            json!({"statusCode": 400, "message": text, "error": "invalid_scope", "error_description": text});
        return Ok(Answer::json(StatusCode::BAD_REQUEST, &said));
    };
    let credentials = Credentials { client_id: client_id.to_owned(), secret: secret.into() };
    let now = call.now.unix_timestamp();
    Ok(match sign_in(face, &call.caller, &credentials, audience, now).await? {
        Ok(issued) => answer_token(&issued, Some(resource)),
        Err(refusal) => refusal.answer(call),
    })
}
