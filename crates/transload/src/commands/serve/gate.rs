//! Who may do what with a hosted registry: principals and tokens of this server, and the roles that they have there.
//!
//! Tokens come as Azure's clients get them (contract § 8): a token of the manager is exchanged for one for registries
//! (`/oauth2/exchange`), which is a password (with the null GUID as user) and a refresh token (`/oauth2/token`). Docker's
//! clients sign in with client id and secret.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use secrecy::SecretString;
use serde_json::json;
use transload_control::{Caller, Code, Control, Error, ResourceId, Role};
use transload_depot::access::{
    Action, Caller as Admitted, Gate, Given, Grant, Refused, RefusedKind, authority, bearer,
};
use transload_depot::{Arrival, RequestId};
use transload_server::{Audience, Authenticator, Origin};
use uuid::Uuid;

/// The user under whose name a token is a password.
pub(super) const TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";
/// A request for a token is short.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// What every gate needs.
#[derive(Debug, Clone)]
pub(super) struct Doors {
    control: Control,
    authenticator: Authenticator,
}

impl Doors {
    pub(super) fn new(control: Control, authenticator: Authenticator) -> Self {
        Self { control, authenticator }
    }

    /// The gate of one registry.
    pub(super) fn of(&self, registry: ResourceId) -> Arc<dyn Gate> {
        Arc::new(Door { doors: self.clone(), registry })
    }
}

#[derive(Debug)]
struct Door {
    doors: Doors,
    registry: ResourceId,
}

impl Door {
    async fn known(&self, request: &Parts) -> Result<Option<Caller>, Error> {
        let origin = origin(request);
        match Given::of(&request.headers) {
            Given::Nothing => Ok(None),
            Given::Bearer(token) => self.of_token(&token, &origin).await.map(Some),
            Given::Basic { user, password } => self.of_password(&user, &password, &origin).await.map(Some),
            Given::Nonsense => {
                let text = "the Authorization header is not understood";
                Err(Error::new(Code::AuthenticationFailed, text))
            }
        }
    }

    async fn of_token(&self, token: &SecretString, origin: &Origin) -> Result<Caller, Error> {
        use secrecy::ExposeSecret as _;
        let audiences = [Audience::Registries, Audience::Manager];
        self.doors.authenticator.caller_of_bearer(token.expose_secret(), &audiences, origin).await
    }

    async fn of_password(
        &self,
        user: &str,
        password: &SecretString,
        origin: &Origin,
    ) -> Result<Caller, Error> {
        if user == TOKEN_USER {
            return self.of_token(password, origin).await;
        }
        let refused = || Error::new(Code::AuthenticationFailed, "sign in with a client id and its secret");
        let client = Uuid::parse_str(user).map_err(|_| refused())?;
        let nobody = Caller {
            principal: "unknown".to_owned(),
            name: "unknown".to_owned(),
            grants: Vec::new(),
            correlation: origin.correlation.clone(),
            address: origin.address.clone(),
        };
        let principal = self.doors.control.sign_in(&nobody, client, password).await?;
        Ok(Caller { principal: principal.object_id.to_string(), name: principal.name, ..nobody })
    }

    /// The strongest role of a caller at this registry.
    async fn role(&self, caller: &Caller) -> Result<Option<Role>, Error> {
        let grants = self.doors.control.grants_of(caller).await?;
        Ok(grants.into_iter().filter(|(_, at)| at.contains(&self.registry)).map(|(role, _)| role).max())
    }

    fn challenge(&self, request: &Parts, wanted: &[Grant]) -> Option<HeaderValue> {
        let (base, host) = authority(request);
        bearer(&format!("{base}/oauth2/token"), &host, wanted, None)
    }

    fn refuse(&self, request: &Parts, wanted: &[Grant], error: &Error) -> Refused {
        match error.code {
            Code::TooManyRequests | Code::LedgerUnavailable => {
                Refused::new(RefusedKind::Busy, error.message.clone())
                    .retry_after(std::time::Duration::from_secs(5))
            }
            _ => {
                let refused = Refused::new(RefusedKind::Unauthorized, error.message.clone());
                match self.challenge(request, wanted) {
                    Some(challenge) => refused.challenge(challenge),
                    None => refused,
                }
            }
        }
    }

    /// `/oauth2/exchange`: a token of the manager for one for registries.
    async fn exchange(&self, request: &Parts, form: &[(String, SecretString)]) -> Result<Response, Error> {
        let missing = || Error::new(Code::AuthenticationFailed, "access_token is missing: sign in first");
        let token = member(form, "access_token").ok_or_else(missing)?;
        let caller = self.of_token(token, &origin(request)).await?;
        let token = self.doors.authenticator.registry_token(&caller, token).await?;
        Ok(answer(&json!({ "refresh_token": expose(&token) })))
    }

    /// `/oauth2/token`: an access token for whoever is known. What it may is asked of the roles at every request.
    async fn token(&self, request: &Parts, form: &[(String, SecretString)]) -> Result<Response, Error> {
        let origin = origin(request);
        let caller =
            match (self.known(request).await?, member(form, "refresh_token"), member(form, "username")) {
                (Some(caller), _, _) => caller,
                (None, Some(token), _) => self.of_token(token, &origin).await?,
                (None, None, Some(user)) => {
                    let none = SecretString::default();
                    self.of_password(expose(user), member(form, "password").unwrap_or(&none), &origin).await?
                }
                (None, None, None) => {
                    let text = "show who you are: client id and secret, or a refresh token";
                    return Err(Error::new(Code::AuthenticationFailed, text));
                }
            };
        let shown = member(form, "refresh_token").cloned().unwrap_or_default();
        let token = self.doors.authenticator.registry_token(&caller, &shown).await?;
        let token = expose(&token);
        Ok(answer(&json!({
            "access_token": token, "token": token, "refresh_token": token, "token_type": "Bearer", "expires_in": 3600,
        })))
    }
}

#[async_trait]
impl Gate for Door {
    async fn admit(&self, request: &Parts, wanted: &[Grant]) -> Result<Admitted, Refused> {
        let known = self.known(request).await.map_err(|error| self.refuse(request, wanted, &error))?;
        let Some(caller) = known else {
            let error = Error::new(Code::AuthenticationFailed, "sign in to this registry");
            return Err(self.refuse(request, wanted, &error));
        };
        let role = self.role(&caller).await.map_err(|error| self.refuse(request, wanted, &error))?;
        let may = move |action: Action| match action {
            Action::Pull => role >= Some(Role::Reader),
            Action::Push | Action::Delete => role >= Some(Role::Contributor),
        };
        let admitted = Admitted::new(Some(caller.name.clone()), move |grant| match grant {
            Grant::Base => true,
            Grant::Catalog => may(Action::Pull),
            Grant::Repository { action, .. } => may(*action),
        });
        let admitted = admitted.pulling_everything(may(Action::Pull));
        match wanted.iter().find(|grant| !admitted.may(grant)) {
            None => Ok(admitted),
            Some(grant) => Err(Refused::new(
                RefusedKind::Denied,
                format!(
                    "{} may not: {grant}. Pulling needs the role Reader on registry '{}', pushing and deleting Contributor \
                     (`transload role grant`)",
                    caller.name,
                    self.registry.name()
                ),
            )),
        }
    }

    fn owns(&self, path: &str) -> bool {
        matches!(path, "/oauth2/token" | "/oauth2/exchange" | "/token")
    }

    async fn answer(&self, request: &Parts, body: Body) -> Response {
        let query = request.uri.query().unwrap_or_default().as_bytes().to_vec();
        let form = match request.method {
            Method::GET => query,
            Method::POST => match to_bytes(body, FORM_BYTES_MAX).await {
                Ok(bytes) => bytes.to_vec(),
                Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            },
            _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
        };
        let form: Vec<(String, SecretString)> = url::form_urlencoded::parse(&form)
            .map(|(key, value)| (key.into_owned(), value.into_owned().into()))
            .collect();
        let answered = match request.uri.path() {
            "/oauth2/exchange" => self.exchange(request, &form).await,
            _ => self.token(request, &form).await,
        };
        let mut response = answered.unwrap_or_else(|error| self.refuse(request, &[], &error).into_response());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

fn member<'a>(form: &'a [(String, SecretString)], name: &str) -> Option<&'a SecretString> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value).filter(|value| !expose(value).is_empty())
}

fn expose(secret: &SecretString) -> &str {
    use secrecy::ExposeSecret as _;
    secret.expose_secret()
}

fn answer(body: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn origin(request: &Parts) -> Origin {
    let correlation = request.extensions.get::<RequestId>().map(|id| id.0.to_string());
    Origin {
        correlation: correlation.unwrap_or_else(|| Uuid::new_v4().to_string()),
        address: request.extensions.get::<Arrival>().map(|arrival| arrival.peer.ip().to_string()),
    }
}
