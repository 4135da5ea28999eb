//! What every request goes through: its ids, its route, its caller, its answer.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, StatusCode};
use time::OffsetDateTime;
use tokio::sync::Notify;
use transload_control::{Caller, Code, Control};
use uuid::Uuid;

use crate::answer::Answer;
use crate::auth::{Authenticator, Origin, bearer};
use crate::call::{Call, Peer, read_body};
use crate::dispatch::{Found, Params, find};
use crate::fault::Fault;
use crate::links::{Links, vault_of_host};
use crate::metrics::Metrics;
use crate::options::ServerOptions;
use crate::query::Query;
use crate::routes::{Face as Kind, Route};
use crate::token::{Audience, Audiences, OuterIssuers, Tokens};
use crate::{unknown, version};

const CORRELATION: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const REQUEST: HeaderName = HeaderName::from_static("x-ms-request-id");
const CLIENT_REQUEST: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const RETURN_CLIENT_REQUEST: HeaderName = HeaderName::from_static("x-ms-return-client-request-id");
const FAILURE_CAUSE: HeaderName = HeaderName::from_static("x-ms-failure-cause");

/// The HTTP face of the control plane.
#[derive(Debug, Clone)]
pub struct Server(Arc<Face>);

/// What requests are answered with.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) control: Control,
    pub(crate) options: ServerOptions,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) authenticator: Authenticator,
    pub(crate) metrics: Metrics,
    /// There may be a deployment to do.
    pub(crate) deployments: Notify,
}

impl Server {
    /// A face over the control plane.
    pub fn new(control: Control, options: ServerOptions) -> Self {
        let set = control.options();
        let audiences = Audiences::new(&options.base_uri, &set.vault_suffix);
        let shelf = Arc::new(control.ledger().clone());
        let tokens =
            Arc::new(Tokens::new(shelf, options.sealer.clone(), audiences, set.tenant, &options.limits));
        let outer =
            OuterIssuers::new(options.outer_issuers.clone(), options.client.clone(), options.limits.clone());
        let authenticator = Authenticator::new(control.clone(), tokens.clone(), outer);
        let (metrics, deployments) = (Metrics::new(), Notify::new());
        Self(Arc::new(Face { control, options, tokens, authenticator, metrics, deployments }))
    }

    /// Answers requests. Whoever listens puts a [`Peer`] into each one's extensions.
    pub fn router(&self) -> Router {
        Router::new().fallback(serve).with_state(self.0.clone())
    }

    pub(crate) fn face(&self) -> &Arc<Face> {
        &self.0
    }

    /// Says who asks: for whatever else is served beside this (registries).
    pub fn authenticator(&self) -> Authenticator {
        self.0.authenticator.clone()
    }
}

async fn serve(State(face): State<Arc<Face>>, request: Request) -> Response {
    let started = Instant::now();
    let correlation = correlation_of(request.headers());
    let client = client_request_of(request.headers());
    let method = request.method().clone();
    let (template, outcome) = face.answer(request, &correlation).await;
    let mut response = match outcome {
        Ok(answer) => answer.finish(),
        Err(fault) => refuse(&fault, &correlation).finish(),
    };
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    mark(response.headers_mut(), &correlation, client.as_ref());
    face.metrics.count(&method, template, response.status(), started.elapsed());
    response
}

fn refuse(fault: &Fault, correlation: &str) -> Answer {
    if fault.status.is_server_error() {
        tracing::error!(correlation, code = %fault.code, message = fault.message, "a request failed");
    }
    Answer::json(fault.status, &fault.answer())
        .headers(fault.headers.clone())
        .header(FAILURE_CAUSE, if fault.status.is_server_error() { "service" } else { "gateway" })
}

fn mark(headers: &mut HeaderMap, correlation: &str, client: Option<&HeaderValue>) {
    if let Ok(value) = HeaderValue::from_str(correlation) {
        headers.insert(CORRELATION, value);
    }
    if let Ok(value) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert(REQUEST, value);
    }
    if let Some(client) = client {
        headers.insert(CLIENT_REQUEST, client.clone());
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
}

/// What the client says that this belongs to, if it is a word that may stand in a log; else a new id.
fn correlation_of(headers: &HeaderMap) -> String {
    let said = headers.get(CORRELATION).and_then(|value| value.to_str().ok());
    let fits = |text: &&str| {
        (1..=128).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    said.filter(fits).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

fn client_request_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let wanted = headers
        .get(RETURN_CLIENT_REQUEST)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    headers.get(CLIENT_REQUEST).filter(|value| wanted && value.len() <= 128).cloned()
}

impl Face {
    /// The answer, and the template of the route for the figures.
    async fn answer(&self, request: Request, correlation: &str) -> (&'static str, Result<Answer, Fault>) {
        let (parts, body) = request.into_parts();
        let links = Links::of(&parts.uri, &parts.headers, &self.options.base_uri);
        let path = self.path(parts.uri.path(), links.host());
        let origin = Origin {
            correlation: correlation.to_owned(),
            address: parts.extensions.get::<Peer>().map(|peer| peer.0.to_string()),
        };
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let (route, params) = match find(&parts.method, &path) {
            Found::Route(route, params) => (route, params),
            Found::OtherMethods(methods) => {
                let fault = unknown::in_vault(&path);
                return ("", Err(fault.unwrap_or_else(|| unknown::method(&parts.method, &methods))));
            }
            Found::Nothing => {
                // who may not ask learns nothing of what there is
                let kind = if unknown::is_in_vault(&path) { Kind::Vaults } else { Kind::Manager };
                let asked = self.caller(kind, &parts.headers, &query, &links, &origin).await;
                return ("", Err(asked.err().unwrap_or_else(|| unknown::path(&path))));
            }
        };
        let path = parts.uri.path().to_owned();
        let call =
            Ready { route, params, method: parts.method, path, query, headers: parts.headers, links, origin };
        (route.template, self.handle(call, body).await)
    }

    async fn handle(&self, ready: Ready, body: Body) -> Result<Answer, Fault> {
        let Ready { route, params, method, path, query, headers, links, origin } = ready;
        let caller = self.caller(route.face, &headers, &query, &links, &origin).await?;
        version::check(route.face, query.get("api-version"))?;
        self.subscription_exists(params.find("subscription"))?;
        let body = read_body(body, self.options.limits.body_bytes_max).await?;
        let now = OffsetDateTime::now_utc();
        let call = Call { route, method, params, path, query, headers, body, links, caller, now };
        self.dispatch(&call).await
    }

    /// There is one subscription, and whoever asks for another is told that, whatever its roles.
    pub(crate) fn subscription_exists(&self, asked: Option<&str>) -> Result<(), Fault> {
        let own = self.control.options().subscription.to_string();
        match asked.filter(|asked| !asked.eq_ignore_ascii_case(&own)) {
            None => Ok(()),
            Some(asked) => {
                let shown: String = asked.chars().filter(|c| !c.is_control()).take(100).collect();
                let text = format!(
                    "The subscription '{shown}' could not be found; the one of this server is '{own}'."
                );
                Err(Fault::not_found("SubscriptionNotFound", text))
            }
        }
    }

    /// The path; of a vault's host what it is beneath ours.
    fn path(&self, path: &str, host: &str) -> String {
        match vault_of_host(host, &self.control.options().vault_suffix) {
            Some(vault) => format!("/vaults/{vault}{path}"),
            None => path.to_owned(),
        }
    }

    async fn caller(
        &self,
        kind: Kind,
        headers: &HeaderMap,
        query: &Query,
        links: &Links,
        origin: &Origin,
    ) -> Result<Caller, Fault> {
        let audiences: &[Audience] = match kind {
            Kind::Open => return Ok(nobody(origin)),
            Kind::Events if self.has_event_key(headers, query) => return Ok(nobody(origin)),
            Kind::Vaults => &[Audience::Vaults, Audience::Manager],
            Kind::Events | Kind::Manager | Kind::Registries | Kind::Pipelines | Kind::Own => {
                &[Audience::Manager]
            }
        };
        let Some(token) = bearer(headers) else { return Err(self.challenge(kind, links, None)) };
        let asked = self.authenticator.caller_of_bearer(token, audiences, origin).await;
        asked.map_err(|error| match error.code {
            Code::AuthenticationFailed => self.challenge(kind, links, Some(error.message)),
            _ => error.into(),
        })
    }

    /// 401, with the words that make clients get a token (contract, §§ 1 and 8).
    fn challenge(&self, kind: Kind, links: &Links, why: Option<String>) -> Fault {
        let set = self.control.options();
        // nobody signs in at the host of a vault
        let at_vault = vault_of_host(links.host(), &set.vault_suffix).is_some();
        let base = if at_vault { self.options.base_uri.trim_end_matches('/') } else { links.base() };
        let tenant = set.tenant;
        // clients of vaults know only this form, whatever they asked for
        if kind == Kind::Vaults || at_vault {
            let text =
                why.unwrap_or_else(|| "AKV10000: Request is missing a Bearer or PoP token.".to_owned());
            let resource = self.vault_resource(links.host());
            return Fault::new(StatusCode::UNAUTHORIZED, "Unauthorized", text).header(
                WWW_AUTHENTICATE,
                &format!("Bearer authorization=\"{base}/{tenant}\", resource=\"{resource}\""),
            );
        }
        let text = why.unwrap_or_else(|| {
            "Authentication failed. The 'Authorization' header is missing: sign in and send a bearer token.".to_owned()
        });
        Fault::new(StatusCode::UNAUTHORIZED, "AuthenticationFailed", text).header(
            WWW_AUTHENTICATE,
            &format!(
                "Bearer authorization_uri=\"{base}/{tenant}\", error=\"invalid_token\", error_description=\"The access token is \
                 missing, has expired, or is not valid.\""
            ),
        )
    }

    /// What a token for a vault is asked for with. Clients compare it with the host that they asked, port and all.
    fn vault_resource(&self, host: &str) -> String {
        let suffix = &self.control.options().vault_suffix;
        match vault_of_host(host, suffix) {
            Some(vault) => format!("https://{}", &host[vault.len() + 1..]),
            None => self.tokens.audiences().name(Audience::Vaults).to_owned(),
        }
    }
}

/// A request whose route is known.
struct Ready {
    route: &'static Route,
    params: Params,
    method: Method,
    path: String,
    query: Query,
    headers: HeaderMap,
    links: Links,
    origin: Origin,
}

/// Who asks where nobody has to say.
fn nobody(origin: &Origin) -> Caller {
    Caller {
        principal: String::new(),
        name: "anonymous".to_owned(),
        grants: Vec::new(),
        correlation: origin.correlation.clone(),
        address: origin.address.clone(),
    }
}
